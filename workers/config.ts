/**
 * From a configuration file, the environment and the command line to the settings of this process:
 * the only reader of the environment. A flag outweighs a variable, a variable outweighs the file.
 */

import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { ProxySettings } from '../api/settings.ts';
import { formatAddress, isLoopback } from '../control/model/address.ts';
import { inboundDefault } from '../control/model/default-settings.ts';
import { readPod } from '../control/model/workload.ts';
import { workersMax } from '../core/base/limits.ts';
import { nodeErrorCode } from '../core/base/node-error.ts';
import { isDnsIdentity } from '../core/identity/names.ts';
import { parseLogFilter } from '../core/telemetry/log-filter.ts';
import type { LinkerdEnvironment } from './linkerd-environment.ts';
import { countAutoWorkers, countCpus } from './size.ts';

export type Overrides = Partial<ProxySettings>;

type ResolvedSettings =
  | { readonly settings: ProxySettings }
  | { readonly problems: readonly string[] };

/** `problems` are sentences; each names the flag, the variable or the key that it is about. */
export function resolveSettings(
  fromFile: ProxySettings,
  overrides: Overrides,
  environment: NodeJS.ProcessEnv = process.env,
): ResolvedSettings {
  const problems: string[] = [];
  const fromEnvironment = readEnvironment(environment, problems);
  const settings = withStateDir(
    { ...fromFile, ...inboundDefaultFor(fromFile, overrides), ...fromEnvironment, ...overrides },
    environment,
  );
  problems.push(...problemsOf(settings));
  return problems.length > 0 ? { problems } : { settings };
}

/** What the environment of a sidecar says, in Linkerd's words; others do not load what reads it. */
export async function readSidecar(
  environment: NodeJS.ProcessEnv = process.env,
): Promise<LinkerdEnvironment> {
  const { readLinkerdEnvironment } = await import('./linkerd-environment.ts');
  return readLinkerdEnvironment({
    variables: environment,
    cpus: () => countCpus(cpuFacts()),
    problemOf: problemOfFile,
    isWritable,
  });
}

/** Settings that a running proxy does not take over from a file that has changed. */
export function restartSettings(before: ProxySettings, after: ProxySettings): string[] {
  const names = Object.keys(after) as (keyof ProxySettings)[];
  return names.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
}

export function countWorkers(workers: ProxySettings['workers']): number {
  if (workers !== 'auto') return workers;
  return countAutoWorkers(cpuFacts());
}

function cpuFacts(): Parameters<typeof countCpus>[0] {
  const cgroup = readOptional('/proc/self/cgroup') ?? '';
  return { cgroup, read: readOptional, cores: availableParallelism() };
}

function problemOfFile(path: string): string {
  try {
    const stat = statSync(path);
    if (!stat.isFile()) return 'is no file';
    if (stat.size === 0) return 'is empty';
    accessSync(path, constants.R_OK);
    return '';
  } catch (error) {
    const code = nodeErrorCode(error);
    return code === 'ENOENT' ? 'is not there' : `cannot be read: ${code}`;
  }
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** All of the environment, for whoever may look at it. */
export function readVariables(): NodeJS.ProcessEnv {
  return process.env;
}

function readOptional(path: string): string | null {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return null;
  }
}

function readEnvironment(environment: NodeJS.ProcessEnv, problems: string[]): Overrides {
  const overrides: { -readonly [Key in keyof Overrides]: Overrides[Key] } = {};
  const { HEDDLE_WORKERS: workers, HEDDLE_LOG_LEVEL: level } = environment;
  if (workers !== undefined) {
    const count = workers === 'auto' ? workers : Number(workers);
    if (count === 'auto' || (/^\d{1,2}$/.test(workers) && count <= workersMax)) {
      overrides.workers = count;
    } else {
      problems.push(
        `HEDDLE_WORKERS: expected auto or a whole number from 0 to ${workersMax}, got "${workers}"`,
      );
    }
  }
  if (level !== undefined) {
    const [problem] = parseLogFilter(level).problems;
    if (problem === undefined) overrides.logLevel = level;
    else problems.push(`HEDDLE_LOG_LEVEL: ${problem}`);
  }
  return overrides;
}

/** A file that says where inbound traffic goes has its own default, which may be off. */
function inboundDefaultFor(fromFile: ProxySettings, overrides: Overrides): Overrides {
  const { inboundTo = null } = overrides;
  const isNew = inboundTo !== null && fromFile.inboundTo === null && fromFile.inbound === null;
  return isNew ? { inbound: inboundDefault } : {};
}

function withStateDir(settings: ProxySettings, environment: NodeJS.ProcessEnv): ProxySettings {
  if (settings.control === '' || settings.stateDir !== '') return settings;
  return { ...settings, stateDir: findStateDir(settings, environment) };
}

/** Relative ones are to be ignored, says the XDG Base Directory Specification. */
function findStateDir({ workload }: ProxySettings, environment: NodeJS.ProcessEnv): string {
  const { XDG_STATE_HOME: state = '', HOME: home = '' } = environment;
  const name = readPod(workload) ?? 'proxy';
  if (state.startsWith('/')) return `${state}/heddle/${name}`;
  return home.startsWith('/') ? `${home}/.local/state/heddle/${name}` : 'off';
}

/** The rules of the file again, because flags may break them too. */
function problemsOf(settings: ProxySettings): string[] {
  const { outbound, inbound, inboundTo, allowRemote, announceMs, graceMs } = settings;
  const { outboundSecond, originalDestination } = settings;
  const { identity, control, identityRefreshMinMs: minMs, identityRefreshMaxMs: maxMs } = settings;
  const problems: string[] = [];
  if (inbound !== null && inboundTo === null && originalDestination === 'off') {
    problems.push(
      'inbound: where its traffic goes is missing; add proxy.inboundTo or --inbound-to',
    );
  }
  for (const listener of [outbound, outboundSecond]) {
    if (listener === null || isLoopback(listener.host) || allowRemote) continue;
    problems.push(
      `outbound: ${formatAddress(listener)} lets other machines send through this proxy; ` +
        'listen on 127.0.0.1, or say proxy.allowRemote: true if that is meant',
    );
  }
  if (announceMs > graceMs) {
    problems.push(
      `announce: ${announceMs} ms is part of the grace time of ${graceMs} ms but exceeds it`,
    );
  }
  if (identity !== '' && control === '') {
    problems.push('identity: only a control plane can certify it; add proxy.control or --control');
  }
  if (identity !== '' && !(identity.includes('.') && isDnsIdentity(identity))) {
    problems.push(
      `identity: ${identity} is neither a service account with its namespace, such as web.demo, ` +
        'nor a whole name, in lower case',
    );
  }
  if (minMs > maxMs) {
    problems.push(`identityRefreshMinMs: ${minMs} is more than identityRefreshMaxMs, ${maxMs}`);
  }
  return problems;
}
