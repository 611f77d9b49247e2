/** The proxy as a process: configuration, signals and exit codes around `start.ts`. */

import { readFileSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import type { ProxyListening } from '../api/messages.ts';
import type { ProxySettings } from '../api/settings.ts';
import type { LoadedConfig } from '../control/model/loaded-config.ts';
import { formatProblem, type LoadConfigResult } from '../control/sources/load-config.ts';
import { workersMax } from '../core/base/limits.ts';
import { countWorkers, type Overrides, readSidecar, resolveSettings } from './config.ts';
import type { LinkerdEnvironment } from './linkerd-environment.ts';
import { ListenError } from './listen.ts';
import { startPool, type WorkerPool } from './pool.ts';
import { type RunningProxy, type StartOptions, startProxy } from './start.ts';

export interface ProxyOptions {
  /** The configuration, which is being read: the caller asks for it before it loads this file. */
  readonly configPath: string | null;
  readonly loading: Promise<LoadConfigResult>;
  /** What the command line says. */
  readonly overrides: Overrides;
  /** The environment says the rest, as that of a Linkerd proxy. */
  readonly isSidecar?: boolean;
  readonly start?: Pick<StartOptions, 'entry' | 'limits'>;
}

/** Resolves with the exit code when the proxy has ended. */
export async function runProxy(options: ProxyOptions): Promise<number> {
  const sidecar = options.isSidecar === true ? await readSidecar() : noSidecar;
  for (const note of sidecar.notes) process.stderr.write(`heddle: ${note}\n`);
  if (sidecar.problems.length > 0) return complain(sidecar.problems, exitConfig);
  const guessed = sidecar.settings.workers ?? guessWorkers(options.configPath);
  // Threads load their code while the file is read properly.
  const pool = startPool(countWorkers(options.overrides.workers ?? guessed), options.start?.entry);
  const problems = await runLoaded(options, sidecar, pool);
  if (typeof problems === 'number') return problems;
  await pool?.pool.destroy();
  return complain(problems, exitConfig);
}

/** A look at the file for the one setting that is needed early; a wrong guess only costs time. */
function guessWorkers(path: string | null): ProxySettings['workers'] {
  if (path === null) return 'auto';
  try {
    const found = /\bworkers"?\s*:\s*(\d{1,2})\b/.exec(readFileSync(path, 'latin1'));
    return found === null ? 'auto' : Math.min(workersMax, Number(found[1]));
  } catch {
    return 'auto';
  }
}

/** The exit code, or what is wrong with the configuration. */
async function runLoaded(
  options: ProxyOptions,
  sidecar: LinkerdEnvironment,
  pool: WorkerPool | null,
): Promise<number | readonly string[]> {
  const loaded = await options.loading;
  if ('problems' in loaded) return loaded.problems.map(formatProblem);
  const given = { ...loaded.config.settings, ...sidecar.settings };
  const resolved = resolveSettings(given, options.overrides);
  if ('problems' in resolved) return resolved.problems;
  const { warnings } = sidecar;
  return runConfigured(loaded.config, resolved.settings, { ...options.start, pool, warnings });
}

async function runConfigured(
  config: LoadedConfig,
  settings: ProxySettings,
  { warnings, ...options }: StartOptions & { readonly warnings: readonly string[] },
): Promise<number> {
  const hasParent = process.connected;
  let proxy: RunningProxy | null = null;
  let signalled = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    proxy?.log.info('heddle', `received ${signal}, starting shutdown`);
    if (!signalled) proxy?.log.info('heddle', shutdownText);
    signalled = true;
    proxy?.drain();
  };
  // To the end of the process: one more signal would otherwise change its exit code.
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  try {
    proxy = await startProxy(config, settings, options);
    for (const warning of warnings) proxy.log.warn('heddle', warning);
    // A signal that came while it started.
    if (signalled) {
      proxy.log.info('heddle', shutdownText);
      proxy.drain();
    }
    const release = hasParent ? tellParent(proxy) : () => undefined;
    // It may be killed: what was compiled until here is kept for the next start.
    flushCompileCache();
    const end = await proxy.ended;
    release();
    // Node would wait for the thread, also in `process.exit`.
    if (end === 'stuck') process.kill(process.pid, 'SIGKILL');
    return 0;
  } catch (error) {
    const isPlain =
      error instanceof ListenError || (error as Error | null)?.name === 'IdentityError';
    const text = isPlain ? (error as Error).message : describe(error);
    return complain([text], exitRuntime);
  }
}

/**
 * Whoever started us with a channel learns our addresses, and that we accept; when it has gone,
 * nobody needs us any more. The returned function lets go of the channel.
 */
function tellParent(proxy: RunningProxy): () => void {
  // It has gone while we started.
  if (!process.connected) {
    proxy.drain();
    return () => undefined;
  }
  const { outbound, inbound, admin } = proxy.settings;
  process.send?.({ kind: 'listening', outbound, inbound, admin } satisfies ProxyListening);
  const onGone = (): void => proxy.drain();
  process.once('disconnect', onGone);
  return () => {
    process.off('disconnect', onGone);
    if (process.connected) process.disconnect?.();
  };
}

/** Nothing has started yet: there is no log, and whoever typed the command reads this. */
function complain(problems: readonly string[], exitCode: number): number {
  for (const problem of problems) process.stderr.write(`heddle: ${problem}\n`);
  return exitCode;
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

const shutdownText = 'Received shutdown signal';
const noSidecar: LinkerdEnvironment = { settings: {}, problems: [], warnings: [], notes: [] };
const exitRuntime = 1;
const exitConfig = 64;
