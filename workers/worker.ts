/** Entry of a worker's thread: the proxy of `core/proxy` in the loop of `serve.ts`. */

import { createProxy } from '../core/proxy/proxy.ts';
import { serveWorker, type WorkerTask } from './serve.ts';

/** Piscina's task; it ends with the thread. */
export function runWorker(task: WorkerTask): Promise<never> {
  return serveWorker(task, createProxy);
}
