/** Configuration, control planes and their sources: what is well and what is not. Pure. */

import { formatAge } from '../table.ts';
import type { ControlStatus, SourceView } from '../view-messages.ts';
import type { ConfigFacts, ControlFacts } from './facts.ts';
import { type Category, type Check, judge } from './report.ts';

export function judgeConfig(config: ConfigFacts | null): Category {
  const checks =
    config === null
      ? []
      : [judge('configuration-is-valid', `${config.path} is valid`, config.problems)];
  return { name: 'configuration', checks };
}

export function judgeControls(controls: readonly ControlFacts[]): Category {
  return { name: 'control plane', checks: controls.flatMap(judgeControl) };
}

/** What it says of itself tells nothing where it does not answer. */
function judgeControl(control: ControlFacts): Check[] {
  const { address, status } = control;
  const silence = 'reason' in status ? [status.reason] : [];
  const answers = judge('control-plane-answers', `${address} answers`, silence);
  if ('reason' in status) return [answers];
  const { settlingMs, sources } = status.value;
  const unread = sources
    .filter(({ confirmedMs, kind }) => confirmedMs === null && kind !== 'registry')
    .map((source) => `${describe(source)} has not been read yet`);
  const seconds = Math.ceil(settlingMs / 1000);
  const settling =
    settlingMs === 0
      ? []
      : [`for another ${seconds} s it answers Unavailable for names that it does not know`];
  return [
    answers,
    judge('control-plane-is-ready', `${address} has read its sources`, unread),
    judge('control-plane-has-settled', `${address} has settled after its start`, [], settling),
    judgeClock(control, status.value),
  ];
}

/** Its clock was read between our question and its answer. */
function judgeClock({ address, askedMs, answeredMs }: ControlFacts, status: ControlStatus): Check {
  const stamps = [status.startedMs, ...status.sources.map(({ confirmedMs }) => confirmedMs ?? 0)];
  const latest = status.nowMs ?? Math.max(...stamps);
  const aheadMs = latest - answeredMs;
  // Where it does not say its time, only stamps from the future tell something.
  const behindMs = status.nowMs === null ? 0 : askedMs - status.nowMs;
  const offMs = Math.max(aheadMs, behindMs, 0);
  const way = aheadMs > behindMs ? 'ahead of' : 'behind';
  const text = [`its clock is ${(offMs / 1000).toFixed(1)} s ${way} this machine's`];
  return judge(
    'clocks-agree',
    `the clock of ${address} agrees with this machine's`,
    offMs > skewMsMax ? text : [],
    offMs > skewMsUsual && offMs <= skewMsMax ? text : [],
  );
}

/** Of several control planes each line names its own. */
export function judgeSources(controls: readonly ControlFacts[], nowMs: number): Category {
  const checks = controls.flatMap((control) => {
    return judgeEach(control, controls.length > 1 ? `${control.address}: ` : '', nowMs);
  });
  return { name: 'sources', checks };
}

function judgeEach({ status, services }: ControlFacts, of: string, nowMs: number): Check[] {
  if ('reason' in status) return [];
  const { sources, problems } = status.value;
  const refused = problems.map(({ object, field, reason }) => {
    return [object, field, reason].filter((part) => part !== '').join(': ');
  });
  return [
    ...sources.map((source) => judgeSource(source, of, nowMs)),
    judge('no-object-is-refused', `${of}no object is refused`, refused),
    ...judgeServices(services, of, nowMs),
  ];
}

function judgeServices(services: ControlFacts['services'], of: string, nowMs: number): Check[] {
  if ('reason' in services) {
    return [judge('endpoints-are-confirmed', `${of}services can be listed`, [], [services.reason])];
  }
  const never = services.value.filter(({ confirmedMs }) => confirmedMs === null);
  const known = services.value.filter(({ confirmedMs }) => confirmedMs !== null);
  const failing = known.filter(({ error }) => error !== '');
  const empty = known.filter(({ endpoints }) => endpoints.length === 0);
  return [
    judge(
      'endpoints-are-confirmed',
      `${of}endpoints of services are confirmed (${services.value.length})`,
      never.map(({ authority, error }) => `${authority}: ${error || 'never yet'}`),
      failing.map(({ authority, error, confirmedMs }) => {
        return `${authority}: ${error}; those of ${formatAge(ageOf(confirmedMs, nowMs))} ago serve`;
      }),
    ),
    judge(
      'services-have-endpoints',
      `${of}services have endpoints`,
      [],
      empty.map(({ authority }) => `${authority} has none`),
    ),
  ];
}

function judgeSource(source: SourceView, of: string, nowMs: number): Check {
  const { confirmedMs, error, objects } = source;
  const age = confirmedMs === null ? '' : `, confirmed ${formatAge(ageOf(confirmedMs, nowMs))} ago`;
  const count = `${objects} object${objects === 1 ? '' : 's'}`;
  const failures = error === '' ? [] : [error];
  // A registry in which nobody has registered yet has nothing to confirm.
  if (confirmedMs === null && error === '' && source.kind !== 'registry')
    failures.push('never read');
  return judge('sources-are-confirmed', `${of}${describe(source)}: ${count}${age}`, failures);
}

function describe({ kind, location }: SourceView): string {
  return location === '' ? kind : `${kind} ${location}`;
}

function ageOf(confirmedMs: number | null, nowMs: number): number | null {
  return confirmedMs === null ? null : nowMs - confirmedMs;
}

/** Tokens and certificates have a tolerance of 20 s; before, ages look odd and no more. */
const skewMsMax = 20_000;
const skewMsUsual = 1_000;
