/**
 * Moves an accepted connection to a worker thread. The socket has to be paused and untouched:
 * a transfer carries the descriptor and nothing that was read, set or listened to.
 */

import type { Socket } from 'node:net';
import type { MessagePort } from 'node:worker_threads';
import type { ListenerName, MainToWorker } from '../api/messages.ts';

/**
 * True when the worker's thread has the socket. False when the socket is still here: posting to a
 * thread that has ended neither throws nor takes it, and a socket that fails while it is posted
 * throws; its caller gives it to another worker or closes it.
 */
export function handOff(port: MessagePort, listener: ListenerName, socket: Socket): boolean {
  const message: MainToWorker = { kind: 'socket', listener, socket };
  try {
    port.postMessage(message, [socket]);
  } catch {
    return false;
  }
  return socket.destroyed;
}
