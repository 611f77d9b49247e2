/** The real worker, whose first incarnation of index 0 throws when its log level is changed. */

import { createProxy } from '../../core/proxy/proxy.ts';
import { serveWorker, type WorkerTask } from '../../workers/serve.ts';

export function runMortal(task: WorkerTask): Promise<never> {
  const { index, incarnation } = task.start;
  if (index !== 0 || incarnation !== 0) return serveWorker(task, createProxy);
  return serveWorker(task, (env) => {
    const proxy = createProxy(env);
    return {
      adopt: (listener, socket) => proxy.adopt(listener, socket),
      close: () => proxy.close(),
      receive(message) {
        if (message.kind === 'log-filters') throw new Error('asked to throw');
        proxy.receive(message);
      },
    };
  });
}
