/** Loads `heddle.yaml`, and YAML lists of endpoints, in a thread that ends after each load. */

import { resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { ConfigProblem, LoadedConfig, ResolvedEndpoint } from '../model/discovery.ts';
import type { LoadRequest } from './load-thread.ts';

type LoadConfigResult =
  | { readonly config: LoadedConfig }
  | { readonly problems: readonly ConfigProblem[] };

type LoadEndpointsResult =
  | { readonly endpoints: readonly ResolvedEndpoint[] }
  | { readonly problems: readonly ConfigProblem[] };

/** Reads the file and reports all of its problems at once, sorted by line. Never rejects. */
export function loadConfig(path: string): Promise<LoadConfigResult> {
  return runLoadThread<LoadConfigResult>({ kind: 'config', path: resolve(path) });
}

/** Parses the text of an endpoints file that is a YAML list. Never rejects. */
export function loadEndpoints(path: string, text: string): Promise<LoadEndpointsResult> {
  return runLoadThread<LoadEndpointsResult>({ kind: 'endpoints', path, text });
}

/** `heddle.yaml:12:5: services.web.port: expected …, got …; remedy` */
export function formatProblem(problem: ConfigProblem): string {
  const { path, line, column, key, reason, remedy } = problem;
  const where = key === '' ? '' : `${key}: `;
  return `${path}:${line}:${column}: ${where}${reason}; ${remedy}`;
}

/** Size and aliases of the input are bounded, and so is the time that its parsing takes. */
function runLoadThread<T>(
  request: LoadRequest,
): Promise<T | { problems: readonly ConfigProblem[] }> {
  return new Promise((settle) => {
    const worker = new Worker(new URL('./load-thread.ts', import.meta.url), {
      workerData: request,
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: 256, stackSizeMb: 1 },
    });
    const fail = (reason: string): void => {
      const remedy = 'make it smaller and less deeply nested';
      const { path } = request;
      settle({ problems: [{ path, line: 1, column: 1, key: '', reason, remedy }] });
    };
    worker.once('message', (result: T) => settle(result));
    worker.once('error', (error) => fail(`cannot be loaded: ${String(error)}`));
    worker.once('exit', () => fail('cannot be loaded: its thread ended early'));
  });
}
