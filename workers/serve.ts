/**
 * The loop of a worker, in its thread: adopts what main hands over, passes on what main says, and
 * gives a sign of life. What is done with a connection is `core/proxy`'s matter.
 */

import { performance } from 'node:perf_hooks';
import type { MessagePort } from 'node:worker_threads';
import type { MainToWorker, WorkerStart, WorkerToMain } from '../api/messages.ts';
import { type SharedMemory, stampOf, statusField, statusWords } from '../api/shared-memory.ts';
import { systemClock } from '../core/base/clock.ts';
import { systemRandom } from '../core/base/random.ts';
import { systemInterval, TimerWheel } from '../core/base/timers.ts';
import type { ProxyEnv, Proxy as ProxyWorker } from '../core/proxy/proxy.ts';
import { watchHeap } from './heap-watch.ts';
import type { ListenerSet } from './listener-set.ts';
import { isLocalAddress } from './local-addresses.ts';
import { openOwnListeners } from './own-listeners.ts';
import { listensInWorkers } from './ports.ts';

/** What main gives to a worker's thread. */
export interface WorkerTask {
  readonly start: WorkerStart;
  readonly port: MessagePort;
  readonly heartbeatMs: number;
}

export type CreateProxy = (env: ProxyEnv) => ProxyWorker;

/** Never settles: a worker lives until its thread ends. */
export async function serveWorker(task: WorkerTask, createProxy: CreateProxy): Promise<never> {
  const { start, port } = task;
  const post = (message: WorkerToMain): void => port.postMessage(message);
  const timers = new TimerWheel(systemClock);
  const proxy = createProxy({
    index: start.index,
    settings: start.settings,
    memory: start.memory,
    clock: systemClock,
    timers,
    random: systemRandom(),
    isLocalAddress,
    post,
  });
  const { identity } = start;
  if (identity !== null) proxy.receive({ kind: 'identity', identity });
  // Whoever waits gets a reset, because a plain close would pass for the end of a body that has no
  // length. Node then ends the thread and gives the error to main, which counts what was lost.
  process.on('uncaughtExceptionMonitor', () => {
    const { status } = start.memory;
    const row = start.index * statusWords;
    Atomics.store(status, row + statusField.ending, 1);
    const fields = [statusField.connectionsInbound, statusField.connectionsOutbound];
    const lost = fields.map((field) => Atomics.load(status, row + field));
    proxy.close();
    for (const [index, field] of fields.entries()) Atomics.store(status, row + field, lost[index]);
  });
  let own: ListenerSet | null = null;
  port.on('message', (message: MainToWorker) => {
    if (message.kind === 'socket') proxy.adopt(message.listener, message.socket);
    else {
      if (message.kind === 'drain') own?.drain(message.stage);
      proxy.receive(message);
    }
  });
  startHeartbeat(start.memory, start.index, task.heartbeatMs, watchHeap(endFull));
  if (listensInWorkers(start.settings)) {
    own = await openOwnListeners({
      index: start.index,
      settings: start.settings,
      memory: start.memory,
      timers,
      adopt: (listener, socket) => proxy.adopt(listener, socket),
      post,
    });
  }
  post({ kind: 'ready' });
  return new Promise<never>(() => {});
}

/** As any exception that nobody catches, so that connections are reset and others go on. */
function endFull(usedMib: number, limitMib: number): never {
  const text =
    `${usedMib} of ${limitMib} MiB of memory are in use after a collection; ` +
    'more workers (--workers) share the connections, fewer are let in by maxConnections';
  throw Object.assign(new Error(text), { code: heapFullCode });
}

/** Stamps the worker's status row every so often; the returned function ends it. */
export function startHeartbeat(
  memory: SharedMemory,
  index: number,
  periodMs: number,
  lookAtHeap: () => void = () => undefined,
): () => void {
  const row = index * statusWords;
  let before = performance.eventLoopUtilization();
  let dueMs = systemClock.monotonicMs();
  const beat = (): void => {
    const now = performance.eventLoopUtilization();
    const load = performance.eventLoopUtilization(now, before).utilization;
    before = now;
    const nowMs = systemClock.monotonicMs();
    memory.status[row + statusField.loopDelayMs] = Math.max(0, nowMs - dueMs);
    dueMs = nowMs + periodMs;
    memory.status[row + statusField.loadPermille] = Math.round(load * 1000);
    Atomics.store(memory.status, row + statusField.heartbeat, stampOf(memory, nowMs));
    lookAtHeap();
  };
  beat();
  return systemInterval(beat, periodMs);
}

/** Of the error, for main. */
export const heapFullCode = 'HEDDLE_HEAP_FULL';
