/**
 * `--accept reuseport`: a worker's own listeners. The kernel spreads connections over the workers,
 * which saves the transfer of each; admission is judged here, by the counts of all workers.
 */

import type { Socket } from 'node:net';
import type { DrainStage, ListenerName } from '../api/messages.ts';
import type { ProxySettings } from '../api/settings.ts';
import { type SharedMemory, statusField, statusWords } from '../api/shared-memory.ts';
import type { TimerWheel } from '../core/base/timers.ts';
import { Admission } from './accept.ts';
import { DescriptorBudget, readDescriptorFacts } from './descriptors.ts';
import { bindPort, type Listener, listenOn } from './listen.ts';
import { listTraffic } from './ports.ts';

interface OwnListenersOptions {
  readonly settings: ProxySettings;
  readonly memory: SharedMemory;
  readonly timers: TimerWheel;
  readonly adopt: (listener: ListenerName, socket: Socket) => void;
  readonly warn: (message: string, reason: string) => void;
}

export interface OwnListeners {
  drain(stage: DrainStage): void;
}

export async function openOwnListeners(options: OwnListenersOptions): Promise<OwnListeners> {
  const { settings, memory, timers, adopt, warn } = options;
  const admission = new Admission({
    maxConnections: settings.maxConnections,
    descriptors: new DescriptorBudget(readDescriptorFacts()),
    timers,
    countConnections: () => countConnections(memory),
    hasWorker: () => true,
    onPause: (reason) => warn('accepting is paused', reason),
    onResume: (reason) => warn('accepting again', reason),
  });
  const listeners = new Map<ListenerName, Listener>();
  for (const { name, address, setting } of listTraffic(settings)) {
    const port = bindPort({ address, setting, reusePort: true, isOurs: true });
    const listener = await listenOn(port, {
      onSocket: (socket) => {
        adopt(name, socket);
        admission.admitted();
      },
      onError: (error) => warn('accepting has failed', error.message),
    });
    listeners.set(name, listener);
    admission.add(listener);
  }
  return {
    drain(stage) {
      for (const [name, listener] of listeners) {
        if (!endsAt(stage, name)) continue;
        admission.remove(listener);
        listener.close();
      }
    },
  };
}

/** Whether a listener is closed when the drain has come to this stage. */
export function endsAt(stage: DrainStage, name: ListenerName): boolean {
  if (stage === 'announce') return false;
  return stage !== 'inbound' || name === 'inbound';
}

function countConnections(memory: SharedMemory): number {
  let connections = 0;
  for (let row = 0; row < memory.status.length; row += statusWords) {
    connections += Atomics.load(memory.status, row + statusField.connectionsInbound);
    connections += Atomics.load(memory.status, row + statusField.connectionsOutbound);
  }
  return connections;
}
