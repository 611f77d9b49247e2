/** `--workers 0`: the worker's code in the main thread; nothing is handed over. */

import type { Socket } from 'node:net';
import type { IdentitySnapshot } from '../api/identity.ts';
import type { ListenerName } from '../api/messages.ts';
import type { ProxySettings } from '../api/settings.ts';
import { type SharedMemory, statusField } from '../api/shared-memory.ts';
import type { Clock } from '../core/base/clock.ts';
import { workerHeartbeatMs } from '../core/base/limits.ts';
import { systemRandom } from '../core/base/random.ts';
import type { TimerWheel } from '../core/base/timers.ts';
import { isLocalAddress } from './local-addresses.ts';
import { type CreateProxy, startHeartbeat } from './serve.ts';
import type { ControlMessage, Workforce, WorkforceEvents } from './workforce.ts';

interface InlineOptions {
  readonly settings: ProxySettings;
  readonly memory: SharedMemory;
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly events: WorkforceEvents;
  readonly readIdentity: () => IdentitySnapshot | null;
  readonly createProxy: CreateProxy;
}

export function startInline(options: InlineOptions): Workforce {
  const { settings, memory, clock, timers, events } = options;
  events.onStarting(0, 0);
  const proxy = options.createProxy({
    index: 0,
    settings,
    memory,
    clock,
    timers,
    random: systemRandom(),
    isLocalAddress,
    // Later, as from a thread: what is posted in the middle of a request is not answered there.
    post: (message) => {
      if (message.kind !== 'ready') queueMicrotask(() => events.onReport(0, message));
    },
  });
  const identity = options.readIdentity();
  if (identity !== null) proxy.receive({ kind: 'identity', identity });
  const stopHeartbeat = startHeartbeat(memory, 0, workerHeartbeatMs);
  queueMicrotask(() => events.onReady(0));
  return {
    count: 1,
    readyCount: 1,
    countConnections: () =>
      memory.status[statusField.connectionsInbound] +
      memory.status[statusField.connectionsOutbound],
    give(listener: ListenerName, socket: Socket) {
      proxy.adopt(listener, socket);
      return true;
    },
    send: (_worker: number, message: ControlMessage) => proxy.receive(message),
    broadcast: (message: ControlMessage) => proxy.receive(message),
    stop() {
      stopHeartbeat();
      proxy.close();
      return Promise.resolve(true);
    },
  };
}
