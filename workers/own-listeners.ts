/**
 * `--accept reuseport`: a worker's own listeners. The kernel spreads connections over the workers,
 * which saves the transfer of each; admission is judged here, by the counts of all workers.
 */

import type { Socket } from 'node:net';
import type { ListenerName, WorkerToMain } from '../api/messages.ts';
import type { ProxySettings } from '../api/settings.ts';
import { type SharedMemory, statusField, statusWords } from '../api/shared-memory.ts';
import type { TimerWheel } from '../core/base/timers.ts';
import { bindPort } from './listen.ts';
import { ListenerSet } from './listener-set.ts';
import { listTraffic } from './ports.ts';

interface OwnListenersOptions {
  /** Whose row in shared memory tells how many listeners there are. */
  readonly index: number;
  readonly settings: ProxySettings;
  readonly memory: SharedMemory;
  readonly timers: TimerWheel;
  readonly adopt: (listener: ListenerName, socket: Socket) => void;
  readonly post: (message: WorkerToMain) => void;
}

export async function openOwnListeners(options: OwnListenersOptions): Promise<ListenerSet> {
  const { index, settings, memory, timers, adopt, post } = options;
  const listeners = new ListenerSet({
    maxConnections: settings.maxConnections,
    timers,
    countConnections: () => countConnections(memory),
    whyPaused: () => null,
    onSocket: adopt,
    onError(error) {
      const fields = { error: error.message };
      const message = 'accepting has failed';
      post({ kind: 'log', level: 'error', target: 'heddle::accept', message, fields });
    },
    onPause: (reason) => post({ kind: 'accept-paused', reason }),
    onResume: () => post({ kind: 'accept-resumed' }),
    onCount(direction, change) {
      const field = direction === 'inbound' ? 'listenersInbound' : 'listenersOutbound';
      Atomics.add(memory.status, index * statusWords + statusField[field], change);
    },
  });
  for (const { name, ...options } of listTraffic(settings)) {
    await listeners.open(name, bindPort({ ...options, reusePort: true, isOurs: true }));
  }
  return listeners;
}

function countConnections(memory: SharedMemory): number {
  let connections = 0;
  for (let row = 0; row < memory.status.length; row += statusWords) {
    connections += Atomics.load(memory.status, row + statusField.connectionsInbound);
    connections += Atomics.load(memory.status, row + statusField.connectionsOutbound);
  }
  return connections;
}
