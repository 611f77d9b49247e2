/**
 * Loads `heddle.yaml`, and YAML lists of endpoints, in a process that ends after each load. A
 * configuration that was loaded before is taken from a cache where one is wanted.
 */

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ResolvedEndpoint } from '../../api/discovery.ts';
import type {
  ConfigProblem,
  ConfigRest,
  LoadedConfig,
  ServiceConfig,
} from '../model/loaded-config.ts';
import { ConfigCache } from './config-cache.ts';
import type { LoadRequest } from './load-process.ts';

export type LoadConfigResult =
  | { readonly config: LoadedConfig }
  /** `rest` where entries can be refused alone: for a change of what runs, not for a start. */
  | { readonly problems: readonly ConfigProblem[]; readonly rest?: ConfigRest };

type LoadEndpointsResult =
  | { readonly endpoints: readonly ResolvedEndpoint[] }
  | { readonly problems: readonly ConfigProblem[] };

/**
 * Reads the file and reports all of its problems at once, sorted by line. Never rejects. What is
 * valid is kept in `cacheFolder` for the next start, unless we run from sources, which may change.
 */
export async function loadConfig(
  path: string,
  cacheFolder: string | null = null,
): Promise<LoadConfigResult> {
  const request = { kind: 'config', path: resolve(path) } as const;
  if (cacheFolder === null || isSource) return runLoadProcess<LoadConfigResult>(request);
  const cache = new ConfigCache(cacheFolder, fileBeside('load-process.cjs'));
  const kept = cache.find(request.path);
  if (kept !== null) return { config: kept };
  const result = await runLoadProcess<LoadConfigResult>(request);
  if ('config' in result) cache.keep(result.config);
  return result;
}

/**
 * The same for a proxy: what only a control plane can do may be in its file only if it has one, by
 * `control` or by the file.
 */
export async function loadProxyConfig(
  path: string,
  control: string,
  cacheFolder: string | null = null,
): Promise<LoadConfigResult> {
  const result = await loadConfig(path, cacheFolder);
  const rest = 'config' in result ? { config: result.config, refused: [] } : result.rest;
  if (rest === undefined || rest.config.proxyProblems.length === 0) return result;
  if (control !== '' || rest.config.settings.control !== '') return result;
  const own = 'problems' in result ? result.problems : [];
  return refuseFor(rest, [...own, ...rest.config.proxyProblems]);
}

/** Of what a proxy cannot do, only services that others join can be refused alone. */
function refuseFor(rest: ConfigRest, problems: readonly ConfigProblem[]): LoadConfigResult {
  if (problems.some(({ entry }) => entry === '')) return { problems };
  const { services } = rest.config;
  const joined = services.filter(isJoined).map(({ name }) => name);
  const config = { ...rest.config, services: services.filter((one) => !isJoined(one)) };
  return { problems, rest: { config, refused: [...rest.refused, ...joined] } };
}

function isJoined({ source }: ServiceConfig): boolean {
  return source.kind === 'registry';
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
async function runLoadProcess<T>(
  request: LoadRequest,
): Promise<T | { problems: readonly ConfigProblem[] }> {
  // Who finds the configuration in the cache does without.
  const { spawn } = await import('node:child_process');
  return new Promise((settle) => {
    const child = spawn(process.execPath, [heapFlag, ...loadProcessArgs()], {
      stdio: ['pipe', 'pipe', 'inherit'],
      timeout: loadTimeoutMs,
      killSignal: 'SIGKILL',
    });
    const fail = (reason: string): void => {
      const remedy = 'make it smaller and less deeply nested';
      const { path } = request;
      settle({ problems: [{ path, line: 1, column: 1, key: '', entry: '', reason, remedy }] });
    };
    const parts: Buffer[] = [];
    child.stdout.on('data', (part: Buffer) => {
      parts.push(part);
      // The end of the line: the reader takes some time to end after it.
      if (part.at(-1) === 0x0a) settle(JSON.parse(Buffer.concat(parts).toString()) as T);
    });
    child.once('error', (error) => fail(`cannot be loaded: ${String(error)}`));
    child.once('close', (code, signal) => {
      fail(`cannot be loaded: its reader ended with ${signal ?? `code ${code}`}`);
    });
    // It may end before it has read everything; `close` says why.
    child.stdin.on('error', () => {});
    child.stdin.end(JSON.stringify(request));
  });
}

/** As source, or as bundled by `tools/build.ts`, which also made a snapshot for its own Node. */
function loadProcessArgs(): string[] {
  if (isSource) return [fileBeside('load-process.ts')];
  const snapshot = fileBeside(`load-process-${process.version}.blob`);
  if (existsSync(snapshot)) return ['--snapshot-blob', snapshot];
  return [fileBeside('load-process.cjs')];
}

function fileBeside(name: string): string {
  return fileURLToPath(new URL(`./${name}`, import.meta.url));
}

const isSource = import.meta.url.endsWith('.ts');

const heapFlag = '--max-old-space-size=256';
const loadTimeoutMs = 30_000;
