/**
 * Keep-alive and user timeout of a connection, as the settings ask for them; of the latter Node
 * knows nothing.
 */

import type { Socket as NetSocket } from 'node:net';
import { loadSocketCalls } from './socket-calls.ts';
import { descriptorOf } from './stream-handle.ts';

/** Sets the options of a connection that is established and untouched. */
export type Tune = (socket: NetSocket) => void;

/** Null where there is nothing to set. `onMissing` hears once why user timeouts have no effect. */
export function createTune(
  keepAliveMs: number,
  userTimeoutMs: number,
  onMissing: (reason: string) => void,
): Tune | null {
  if (keepAliveMs === 0 && userTimeoutMs === 0) return null;
  let missing = userTimeoutMs === 0;
  return (socket) => {
    // The system counts in seconds.
    if (keepAliveMs > 0) socket.setKeepAlive(true, Math.ceil(keepAliveMs / 1000) * 1000);
    if (missing) return;
    const descriptor = descriptorOf(socket);
    if (descriptor < 0) return;
    const calls = loadSocketCalls(descriptor);
    if (typeof calls !== 'string') {
      calls.write(descriptor, levelTcp, userTimeout, userTimeoutMs);
      return;
    }
    missing = true;
    onMissing(calls);
  };
}

/** IPPROTO_TCP and TCP_USER_TIMEOUT. */
const levelTcp = 6;
const userTimeout = 18;
