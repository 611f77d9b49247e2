/**
 * The pool of threads that workers run in. It can be started before the configuration is known:
 * threads load their code meanwhile, and are given back if another number is wanted.
 */

import { Piscina } from 'piscina';
import { workerHeapMib, workerYoungHeapMib } from '../core/base/limits.ts';

/** The module and the exported function that a worker's thread runs. */
export interface WorkerEntry {
  readonly filename: string;
  readonly name: string;
}

export interface WorkerPool {
  readonly threads: number;
  readonly pool: Piscina;
}

const workerEntry: WorkerEntry = {
  filename: (import.meta.url.endsWith('.ts')
    ? new URL('./worker.ts', import.meta.url)
    : new URL('./thread.js', import.meta.url)
  ).href,
  name: 'runWorker',
};

/** Null for no threads. */
export function startPool(
  threads: number,
  entry: WorkerEntry = workerEntry,
  heapMib: number = workerHeapMib,
): WorkerPool | null {
  if (threads === 0) return null;
  const pool = new Piscina({
    filename: entry.filename,
    name: entry.name,
    minThreads: threads,
    maxThreads: threads,
    concurrentTasksPerWorker: 1,
    idleTimeout: Number.POSITIVE_INFINITY,
    // Its default parks a thread between two messages, and with it the thread's sockets.
    atomics: 'disabled',
    recordTiming: false,
    resourceLimits: {
      maxOldGenerationSizeMb: heapMib,
      maxYoungGenerationSizeMb: workerYoungHeapMib,
    },
  });
  pool.on('error', () => {
    // A thread ended between two runs; the next run gets another one.
  });
  return { threads, pool };
}
