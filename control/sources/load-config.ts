/** Loads `heddle.yaml`, and YAML lists of endpoints, in a process that ends after each load. */

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ConfigProblem, LoadedConfig, ResolvedEndpoint } from '../model/discovery.ts';
import type { LoadRequest } from './load-process.ts';

export type LoadConfigResult =
  | { readonly config: LoadedConfig }
  | { readonly problems: readonly ConfigProblem[] };

type LoadEndpointsResult =
  | { readonly endpoints: readonly ResolvedEndpoint[] }
  | { readonly problems: readonly ConfigProblem[] };

/** Reads the file and reports all of its problems at once, sorted by line. Never rejects. */
export function loadConfig(path: string): Promise<LoadConfigResult> {
  return runLoadProcess<LoadConfigResult>({ kind: 'config', path: resolve(path) });
}

/** Parses the text of an endpoints file that is a YAML list. Never rejects. */
export function loadEndpoints(path: string, text: string): Promise<LoadEndpointsResult> {
  return runLoadProcess<LoadEndpointsResult>({ kind: 'endpoints', path, text });
}

/** `heddle.yaml:12:5: services.web.port: expected …, got …; remedy` */
export function formatProblem(problem: ConfigProblem): string {
  const { path, line, column, key, reason, remedy } = problem;
  const where = key === '' ? '' : `${key}: `;
  return `${path}:${line}:${column}: ${where}${reason}; ${remedy}`;
}

/** Size and aliases of the input are bounded, and so are the time and memory of its parsing. */
function runLoadProcess<T>(
  request: LoadRequest,
): Promise<T | { problems: readonly ConfigProblem[] }> {
  return new Promise((settle) => {
    const child = spawn(process.execPath, [heapFlag, ...loadProcessArgs()], {
      stdio: ['pipe', 'pipe', 'inherit'],
      timeout: loadTimeoutMs,
      killSignal: 'SIGKILL',
    });
    const fail = (reason: string): void => {
      const remedy = 'make it smaller and less deeply nested';
      const { path } = request;
      settle({ problems: [{ path, line: 1, column: 1, key: '', reason, remedy }] });
    };
    const parts: Buffer[] = [];
    child.stdout.on('data', (part: Buffer) => parts.push(part));
    child.once('error', (error) => fail(`cannot be loaded: ${String(error)}`));
    child.once('close', (code, signal) => {
      if (code === 0) settle(JSON.parse(Buffer.concat(parts).toString()) as T);
      else fail(`cannot be loaded: its reader ended with ${signal ?? `code ${code}`}`);
    });
    // It may end before it has read everything; `close` says why.
    child.stdin.on('error', () => {});
    child.stdin.end(JSON.stringify(request));
  });
}

/** As source, or as bundled by `tools/build.ts`, which also made a snapshot for its own Node. */
function loadProcessArgs(): string[] {
  if (import.meta.url.endsWith('.ts')) {
    return [fileURLToPath(new URL('./load-process.ts', import.meta.url))];
  }
  const name = `./load-process-${process.version}.blob`;
  const snapshot = fileURLToPath(new URL(name, import.meta.url));
  if (existsSync(snapshot)) return ['--snapshot-blob', snapshot];
  return [fileURLToPath(new URL('./load-process.cjs', import.meta.url))];
}

const heapFlag = '--max-old-space-size=256';
const loadTimeoutMs = 30_000;
