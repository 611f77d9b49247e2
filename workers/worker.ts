/** Entry of a worker's thread: the proxy of `core/proxy` in the loop of `serve.ts`. */

import { flushCompileCache } from 'node:module';
import { createProxy } from '../core/proxy/proxy.ts';
import { serveWorker, type WorkerTask } from './serve.ts';

/** Piscina's task; it ends with the thread. */
export function runWorker(task: WorkerTask): Promise<never> {
  const serving = serveWorker(task, createProxy);
  // As in main: the thread may not come to its end by itself.
  flushCompileCache();
  return serving;
}
