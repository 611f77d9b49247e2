/** The goals of the proxy and whether the results meet them. */

import type { Comparison, Figures, Measured } from './bench.ts';
import { compareCpu, formatSpread } from './report.ts';
import type { Result } from './results.ts';
import { type Summary, summarize, summarizeRatios } from './statistics.ts';

interface Judged {
  readonly goal: string;
  /** Median and spread, or why there is none. */
  readonly figure: string;
  readonly met: 'yes' | 'no' | 'not measured';
}

export function judgeGoals(results: readonly Result[]): Judged[] {
  return [
    atMost('HTTP/1.1 CPU per request: at most 1.35 x nginx', 1.35, oursOver(results, 'nginx')),
    atMost('HTTP/1.1 CPU per request: at most 0.8 x Envoy', 0.8, oursOver(results, 'envoy')),
    atMost(
      'HTTP/2 CPU per request: at most 1.1 x HAProxy',
      1.1,
      oursOver(results, 'haproxy', 'h2'),
    ),
    atMost('HTTP/2 CPU per request: at most 0.95 x Envoy', 0.95, oursOver(results, 'envoy', 'h2')),
    atMost('RssAnon, HTTP/2, 16 x 32 streams, one worker: at most 55 MB', 55, streaming(results)),
    atMost(
      'HTTP/2 CPU per request, 0 workers: at most 1.2 x one',
      1.2,
      grown(results, 'h2-workers', 1),
    ),
    atMost(
      'HTTP/2 CPU per request, 2 workers: at most 1.2 x one',
      1.2,
      grown(results, 'h2-workers', 2),
    ),
    atMost(
      '100 slow streams, p50 of others: within the spread without',
      1,
      beside(results, 'slow-streams', 'p50Micros'),
    ),
    atMost(
      '100 slow streams, p99 of others: within the spread without',
      1,
      beside(results, 'slow-streams', 'p99Micros'),
    ),
    atMost(
      'one stream of 1 GiB: RssAnon rises by less than 20 MB',
      20,
      figure(results, 'long-stream', /^ours .* rise$/),
    ),
    ...judgeControlPlane(results),
    ...judgeMesh(results),
    atLeast('opaque TCP: at least 1.0 x HAProxy, bytes per CPU-second', 1, opaqueOver(results)),
    atMost(
      'start: ready within 200 ms, one worker',
      200,
      figure(results, 'start', /^workers 1, all cores$/),
    ),
    atMost(
      "start of the image's sidecar: ready within 200 ms with state at hand",
      200,
      figure(results, 'image-start', /^state at hand$/),
    ),
    atMost('RssAnon idle, one worker: at most 30 MB', 30, memory(results, 1, 'idle')),
    atMost('RssAnon, 1000 connections at 10k rps, one worker: at most 50 MB', 50, loaded(results)),
    atMost('RssAnon idle, --workers 0: at most 20 MB', 20, memory(results, 0, 'idle')),
    ...judgeGrowth(results),
  ];
}

function judgeGrowth(results: readonly Result[]): Judged[] {
  return [
    atMost('64 to 5000 connections: growth at most 1.1 x that of nginx', 1.1, growth(results)),
    atMost(
      '1 to 1000 services, one asked: at most 1.1 x',
      1.1,
      grown(results, 'services', 1, 'ours'),
    ),
    atMost(
      '1 to 1000 services, all asked: at most 1.1 x',
      1.1,
      grown(results, 'services', 2, 'ours'),
    ),
    atMost(
      '1 to 1000 services, all asked: growth at most 1.1 x that of nginx',
      1.1,
      outgrown(results, 'services', 2),
    ),
    atMost('1 to 1000 endpoints: at most 1.1 x', 1.1, grown(results, 'endpoints', 1, 'ours')),
    atMost(
      '1 to 1000 endpoints: growth at most 1.1 x that of nginx',
      1.1,
      outgrown(results, 'endpoints', 1),
    ),
  ];
}

function judgeControlPlane(results: readonly Result[]): Judged[] {
  return [
    atMost(
      'control plane, 10 000 watches: all first sets within 5 s',
      5_000,
      figure(results, 'control-plane', /^all first sets$/),
    ),
    atMost(
      'control plane: a change at the last of 1000 watchers within 150 ms',
      150,
      figure(results, 'control-plane', /^a change at the last/),
    ),
    atMost('control plane: RSS at most 300 MB', 300, figure(results, 'control-plane', /^RSS$/)),
    atMost(
      'control plane: all back within 10 s after a cut of all',
      10_000,
      figure(results, 'control-plane', /^all back/),
    ),
    atMost(
      'control plane: no watch ended twice',
      0,
      figure(results, 'control-plane', /^watches that ended/),
    ),
    ...controlFiles.map(([what, name]) =>
      atMost(
        `control plane: ${what} is at the last of 1000 watchers within 1 s`,
        1_000,
        figure(results, 'control-plane', name),
      ),
    ),
    atMost(
      'heddle up: ready within 1 s, first start, one core',
      1_000,
      figure(results, 'control-plane', /^exec to ready, first start$/),
    ),
    atMost(
      'a change of 1000 endpoints is in effect within 10 ms of its arrival',
      10,
      figure(results, 'control-plane', /^1000 endpoints/),
    ),
    atMost(
      'RssAnon idle, connected to a control plane: at most 30 MB',
      30,
      figure(results, 'control-plane', /^RssAnon of a connected proxy, idle$/),
    ),
    atMost(
      '10 000 services that a proxy does not use cost it at most 1 MB',
      1,
      figure(results, 'control-plane', /^10 000 services/),
    ),
  ];
}

function judgeMesh(results: readonly Result[]): Judged[] {
  const http = comparisons(results, 'mesh-http1');
  const [bulk] = comparisons(results, 'mesh-bulk');
  const single = http.find(({ title }) => title.endsWith(' 1 connection'));
  const many = http.find(({ title }) => title.endsWith(' 64 connections'));
  return [
    atMost(
      'mesh, HTTP/1.1, 64 connections: CPU of the pair at most 0.7 x that of Envoys',
      0.7,
      ratio(find(many, 'ours'), find(many, 'envoy')),
    ),
    atMost(
      'mesh, HTTP/1.1, 1 connection: p50 at most that of a pair of Envoys',
      1,
      latencyOver(single, 'envoy', 'p50Micros'),
    ),
    atMost(
      'mesh, HTTP/1.1, 1 connection: p99 at most that of a pair of Envoys',
      1,
      latencyOver(single, 'envoy', 'p99Micros'),
    ),
    atLeast(
      'mesh, opaque TCP in mTLS: at least 0.8 x HAProxy, bytes per CPU-second',
      0.8,
      ratio(find(bulk, 'haproxy'), find(bulk, 'ours')),
    ),
    ...["client's", "server's"].map((side) =>
      atMost(
        `1000 mTLS connections add at most 70 MB of private memory to the ${side} proxy`,
        70,
        figure(results, 'mesh-memory', new RegExp(`^ours .*${side} proxy`)),
      ),
    ),
    atLeast(
      'control plane: at least 500 leaves a second',
      500,
      figure(results, 'mesh-issuing', /^leaves/),
    ),
    atMost(
      'a rotation, p99: within the spread without',
      1,
      beside(results, 'mesh-rotation', 'p99Micros'),
    ),
  ];
}

function atMost(goal: string, limit: number, found: Summary | null): Judged {
  return judge(goal, found, (median) => median <= limit);
}

function atLeast(goal: string, limit: number, found: Summary | null): Judged {
  return judge(goal, found, (median) => median >= limit);
}

function judge(goal: string, found: Summary | null, holds: (median: number) => boolean): Judged {
  if (found === null) return { goal, figure: '-', met: 'not measured' };
  const digits = found.median < 10 ? 2 : 1;
  const met = holds(found.median) ? 'yes' : 'no';
  return { goal, figure: formatSpread(found, digits), met };
}

function oursOver(results: readonly Result[], peer: string, scenario = 'http1'): Summary | null {
  const table = comparisons(results, scenario)[0];
  return ratio(find(table, 'ours'), find(table, peer));
}

function opaqueOver(results: readonly Result[]): Summary | null {
  const table = comparisons(results, 'opaque')[0];
  return ratio(find(table, 'haproxy'), find(table, 'ours'));
}

/** Our growth divided by that of nginx, by the medians: tables of different rounds do not pair. */
function growth(results: readonly Result[]): Summary | null {
  const tables = comparisons(results, 'growth');
  const grow = (name: string): number | null => {
    const [from, to] = [tables[0], tables.at(-1)].map((table) =>
      summarize(find(table, name)?.samples.map(({ cpuMicros }) => cpuMicros) ?? []),
    );
    return from === null || to === null ? null : to.median / from.median;
  };
  const [ours, nginx] = [grow('ours'), grow('nginx')];
  return ours === null || nginx === null ? null : summarize([ours / nginx]);
}

/** A variant by the first one; `peer` where there is a table for each. */
function grown(
  results: readonly Result[],
  scenario: string,
  variant: number,
  peer = '',
): Summary | null {
  const table = comparisons(results, scenario).find(({ title }) => title.endsWith(peer));
  return ratio(table?.measured[variant], table?.measured[0]);
}

/** The same divided by that of nginx, by the medians: what the sockets cost is in both. */
function outgrown(results: readonly Result[], scenario: string, variant: number): Summary | null {
  const ours = grown(results, scenario, variant, 'ours');
  const nginx = grown(results, scenario, variant, 'nginx');
  return ours === null || nginx === null ? null : summarize([ours.median / nginx.median]);
}

function streaming(results: readonly Result[]): Summary | null {
  const measured = find(comparisons(results, 'h2')[0], 'ours');
  return summarize(measured?.samples.map(({ anonBytes }) => anonBytes / mb) ?? []);
}

type Latency = 'p50Micros' | 'p99Micros';

/** The median with a disturbance by the greatest round without. */
function beside(results: readonly Result[], scenario: string, key: Latency): Summary | null {
  const table = comparisons(results, scenario).find(({ title }) => title.includes(' ours '));
  const [without, disturbed] = (table?.measured ?? []).map(({ samples }) =>
    summarize(samples.map((sample) => sample[key])),
  );
  if (without === null || disturbed === null || disturbed === undefined) return null;
  const { max } = without;
  return { median: disturbed.median / max, min: disturbed.min / max, max: disturbed.max / max };
}

function latencyOver(table: Comparison | undefined, peer: string, key: Latency): Summary | null {
  const [ours, theirs] = [find(table, 'ours'), find(table, peer)].map((one) =>
    (one?.samples ?? []).map((sample) => sample[key]),
  );
  return summarizeRatios(ours, theirs);
}

function loaded(results: readonly Result[]): Summary | null {
  return figure(results, 'memory', /^workers 1, 1000 .*RssAnon$/);
}

function memory(results: readonly Result[], workers: number, state: string): Summary | null {
  return figure(results, 'memory', new RegExp(`^workers ${workers}, ${state}, RssAnon$`));
}

function figure(results: readonly Result[], scenario: string, name: RegExp): Summary | null {
  const outcome = results
    .find((result) => result.scenario === scenario)
    ?.outcomes.find((one): one is Figures => one.kind === 'figures');
  return summarize(outcome?.figures.find((one) => name.test(one.name))?.values ?? []);
}

function comparisons(results: readonly Result[], scenario: string): Comparison[] {
  const result = results.find((one) => one.scenario === scenario);
  return (result?.outcomes ?? []).filter((one) => one.kind === 'comparison');
}

function find(table: Comparison | undefined, name: string): Measured | undefined {
  return table?.measured.find(({ subject }) => subject.startsWith(name));
}

function ratio(over: Measured | undefined, under: Measured | undefined): Summary | null {
  return over === undefined || under === undefined ? null : compareCpu(over, under);
}

const mb = 1_000_000;

/** What changes, and the figure that tells how long it takes. */
const controlFiles = [
  ['a change of heddle.yaml', /^heddle\.yaml changes: /],
  ['one without a newline at its end', /^heddle\.yaml changes, no newline/],
  ['a changed manifest', /^a manifest changes: /],
] as const;
