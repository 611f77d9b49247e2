/** The proxy as a process: configuration, signals and exit codes around `start.ts`. */

import type { ProxySettings } from '../api/settings.ts';
import type { LoadedConfig } from '../control/model/discovery.ts';
import { formatProblem, type LoadConfigResult } from '../control/sources/load-config.ts';
import { type Overrides, resolveSettings } from './config.ts';
import { ListenError } from './listen.ts';
import { type RunningProxy, startProxy } from './start.ts';

export interface ProxyOptions {
  /** The configuration, which is being read: the caller asks for it before it loads this file. */
  readonly loading: Promise<LoadConfigResult>;
  /** What the command line says. */
  readonly overrides: Overrides;
}

/** Resolves with the exit code when the proxy has ended. */
export async function runProxy(options: ProxyOptions): Promise<number> {
  const loaded = await options.loading;
  if ('problems' in loaded) return complain(loaded.problems.map(formatProblem), exitConfig);
  const resolved = resolveSettings(loaded.config.settings, options.overrides);
  if ('problems' in resolved) return complain(resolved.problems, exitConfig);
  return runConfigured(loaded.config, resolved.settings);
}

async function runConfigured(config: LoadedConfig, settings: ProxySettings): Promise<number> {
  let proxy: RunningProxy | null = null;
  let signalled = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    signalled = true;
    proxy?.log.info('heddle', `received ${signal}, starting shutdown`);
    proxy?.drain();
  };
  // To the end of the process: one more signal would otherwise change its exit code.
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  try {
    proxy = await startProxy(config, settings);
    // A signal that came while it started.
    if (signalled) proxy.drain();
    await proxy.ended;
    return 0;
  } catch (error) {
    const text = error instanceof ListenError ? error.message : describe(error);
    return complain([text], exitRuntime);
  }
}

/** Nothing has started yet: there is no log, and whoever typed the command reads this. */
function complain(problems: readonly string[], exitCode: number): number {
  for (const problem of problems) process.stderr.write(`heddle: ${problem}\n`);
  return exitCode;
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

const exitRuntime = 1;
const exitConfig = 64;
