/** Proxies, versions and what all of it runs on: what is well and what is not. Pure. */

import type { Sample } from '../exposition.ts';
import type { ProxyTarget, ProxyWatch } from '../proxy-targets.ts';
import { formatAge } from '../table.ts';
import type { CheckFacts, ControlFacts, OwnFacts, ProxyFacts } from './facts.ts';
import { type Category, type Check, judge } from './report.ts';

export function judgeProxies({ controls, proxies }: CheckFacts): Category {
  const checks = proxies.length === 0 ? [] : judgeAll(proxies);
  return { name: 'proxies', checks: [...checks, ...judgeInstances(controls)] };
}

function judgeAll(proxies: readonly ProxyFacts[]): Check[] {
  const silent = proxies.filter(({ silence }) => silence !== '');
  const answering = proxies.filter(({ silence }) => silence === '');
  const unready = answering.filter((proxy) => proxy.unready !== '');
  const shown = answering.flatMap(({ name, targets, watches }) => {
    return targets === null ? [] : [{ name, targets, watches }];
  });
  const checks = [
    judge(
      'proxies-answer',
      `proxies answer on their admin ports (${proxies.length})`,
      silent.map(({ name, silence }) => `${name}: ${silence}`),
    ),
  ];
  if (answering.length > 0) {
    const details = unready.map((proxy) => `${proxy.name}: ${proxy.unready}`);
    checks.push(judge('proxies-are-ready', `proxies are ready (${answering.length})`, details));
    checks.push(judgeConfigs(answering));
  }
  if (shown.length > 0) checks.push(...judgeTargets(shown));
  return checks;
}

/** Without a file of its own a proxy has nothing to refuse. */
function judgeConfigs(proxies: readonly ProxyFacts[]): Check {
  const problems = proxies.flatMap(({ name, problems: own }) =>
    own.map((problem) => `${name}: ${problem}`),
  );
  const description = 'proxies refuse nothing of their configuration files';
  return judge('proxies-apply-their-configuration', description, problems);
}

type Shown = Pick<ProxyFacts, 'name' | 'watches'> & { readonly targets: readonly ProxyTarget[] };

function judgeTargets(shown: readonly Shown[]): Check[] {
  const stale = shown.flatMap(({ name, targets, watches }) => [
    ...targets.flatMap((target) => tellStale(name, target)),
    ...tellFailing(name, watches),
  ]);
  const refused = shown.flatMap(({ name, targets }) =>
    targets
      .filter(({ refusal }) => refusal !== '')
      .map((target) => `${name}: ${nameOf(target)}: ${target.refusal}`),
  );
  return [
    judge('watches-are-live', `watches of proxies are live (${shown.length})`, [], stale),
    judge('no-target-is-refused', 'no target of theirs is refused', refused),
  ];
}

/** What it learned before serves on, so that this is no failure. */
function tellStale(name: string, target: ProxyTarget): string[] {
  const { source, ageMs, error } = target;
  const isStale = source === 'disk' || (error !== '' && !watched.has(source));
  if (!isStale) return [];
  const state = source === 'disk' ? 'from disk' : `from ${source}`;
  const reason = error === '' ? '' : `: ${error}`;
  return [`${name}: ${nameOf(target)} is ${state}, ${formatAge(ageMs)} old${reason}`];
}

/** One line for each reason, however many streams have it. */
function tellFailing(name: string, watches: readonly ProxyWatch[]): string[] {
  const reasons = Map.groupBy(watches.filter(isFailing), ({ error }) => error);
  return [...reasons].map(([error, streams]) => {
    const [{ key, api }] = streams;
    const ageMs = Math.max(...streams.map((one) => one.ageMs ?? 0));
    const others = streams.length > 1 ? ` and ${streams.length - 1} more` : '';
    return `${name}: ${key} (${api})${others}, for ${formatAge(ageMs)}: ${error}`;
  });
}

/** That there is no such service is an answer as well. */
function isFailing({ phase, error }: ProxyWatch): boolean {
  return phase !== 'live' && phase !== 'ended' && error !== '' && !answers.test(error);
}

function nameOf({ authority, target }: ProxyTarget): string {
  return authority === '' ? target : authority;
}

function judgeInstances(controls: readonly ControlFacts[]): Check[] {
  const instances = controls.flatMap(({ status }) => {
    return 'value' in status ? status.value.instances : [];
  });
  if (instances.length === 0) return [];
  const troubles = instances
    .filter(({ serving, connected }) => !serving || !connected)
    .map(({ service, namespace, address, connected }) => {
      const trouble = connected ? 'takes no traffic' : 'has lost its stream, and leaves soon';
      return `${service}.${namespace} at ${address} ${trouble}`;
    });
  const description = `joined instances serve (${instances.length})`;
  return [judge('instances-serve', description, [], troubles)];
}

export function judgeVersions({ controls, proxies, own }: CheckFacts): Category {
  const others = controls.flatMap(({ address, status }) => {
    if ('reason' in status || status.value.version === own.version) return [];
    return [`${address} is at ${status.value.version || 'an unknown version'}`];
  });
  const answered = controls.some(({ status }) => 'value' in status);
  const known = proxies.map((proxy) => ({
    ...proxy,
    version: proxy.version || readVersion(proxy),
  }));
  const ours = known.filter(({ version }) => version !== '');
  const checks: Check[] = [];
  if (answered) {
    const description = `control planes are at version ${own.version}, as this command is`;
    checks.push(judge('control-planes-have-this-version', description, [], others));
  }
  if (ours.length > 0) {
    const strangers = ours.filter(({ version }) => version !== own.version);
    const description = `proxies are at version ${own.version}, as this command is`;
    const details = strangers.map(({ name, version }) => `${name} is at ${version}`);
    checks.push(judge('proxies-have-this-version', description, [], details));
  }
  return { name: 'versions', checks };
}

/** Linkerd's proxies have versions of their own. */
function readVersion({ samples }: ProxyFacts): string {
  const info = samples.find(({ family }) => family === 'proxy_build_info');
  return info?.labels.vendor === 'heddle' ? (info.labels.version ?? '') : '';
}

export function judgeRuntime({ proxies, own }: CheckFacts): Category {
  const checks = [judgeNode(own), judgeDescriptors(own, proxies)];
  const answering = proxies.filter(({ samples }) => samples.length > 0);
  if (answering.length > 0) checks.push(judgeWorkers(answering));
  return { name: 'runtime', checks };
}

function judgeNode({ node }: OwnFacts): Check {
  const [major, minor] = node.split('.').map(Number);
  const isRecent = major > nodeMajorMin || (major === nodeMajorMin && minor >= nodeMinorMin);
  const wanted = `${nodeMajorMin}.${nodeMinorMin}`;
  const failures = isRecent ? [] : [`Heddle needs ${wanted} or later`];
  return judge('node-is-recent', `Node ${node} is recent enough`, failures);
}

function judgeDescriptors({ descriptorLimit }: OwnFacts, proxies: readonly ProxyFacts[]): Check {
  const low = descriptorLimit < descriptorsUsual;
  const own = low ? [`a process that is started here may open ${descriptorLimit} files only`] : [];
  const full = proxies.flatMap(({ name, samples }) => {
    const [open, max] = [sum(samples, 'process_open_fds'), sum(samples, 'process_max_fds')];
    return max > 0 && open > max * shareFull ? [`${name} has ${open} of ${max} open`] : [];
  });
  return judge('descriptors-suffice', 'file descriptors suffice', [], [...own, ...full]);
}

function judgeWorkers(proxies: readonly ProxyFacts[]): Check {
  const failures = proxies.flatMap(({ name, samples, workers }) => {
    const stuck = sum(samples, 'heddle_workers_stuck_total');
    if (stuck > 0) return [`${name} has ${stuck} that cannot be ended, and drains`];
    // Of Linkerd's proxies nothing is known, and without workers main does their work.
    const counts = samples.some(({ family }) => family === 'heddle_workers');
    if (!counts || workers === 0) return [];
    const ready = sum(samples, 'heddle_workers');
    const wanted = workers ?? 1;
    return ready < wanted ? [`${name} has ${ready} of ${workers ?? 'at least 1'}`] : [];
  });
  return judge('workers-are-alive', 'workers are alive', failures);
}

function sum(samples: readonly Sample[], family: string): number {
  return samples.reduce((total, one) => total + (one.family === family ? one.value : 0), 0);
}

/** Of these the watches tell what fails. */
const watched: ReadonlySet<string> = new Set(['control', 'unmeshed', 'none']);
const answers = /^(?:NOT_FOUND|UNIMPLEMENTED|INVALID_ARGUMENT|FAILED_PRECONDITION)\b/;
/** As `cli/heddle` asks for. */
const nodeMajorMin = 26;
const nodeMinorMin = 8;
/** Two for each connection of a client. */
const descriptorsUsual = 4_096;
const shareFull = 0.8;
