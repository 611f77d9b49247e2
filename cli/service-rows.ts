/**
 * From two scrapes of an admin port to what people ask of a service: how many requests, how many
 * of them well, how fast. Pure; fetching and drawing are elsewhere.
 */

import type { Sample } from './exposition.ts';

export interface ServiceRow {
  /** Where it was seen: the name of a proxy. */
  readonly proxy: string;
  readonly direction: string;
  readonly service: string;
  /** `tcp`: no HTTP was seen; then rate and success are those of connections. */
  readonly protocol: 'http' | 'tcp';
  readonly perSecond: number;
  /** 0 to 1; null when nothing ended in the interval. */
  readonly success: number | null;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  readonly connections: number;
  readonly readPerSecond: number;
  readonly writePerSecond: number;
}

/** An error that the proxy itself made, which no service's figures contain. */
export interface ErrorRow {
  readonly proxy: string;
  readonly direction: string;
  readonly code: string;
  readonly count: number;
}

export interface ScrapePair {
  readonly proxy: string;
  /** Empty for everything since the proxy's start. */
  readonly before: readonly Sample[];
  readonly after: readonly Sample[];
  readonly seconds: number;
}

/** Services in the order of proxy, direction and name. */
export function summarizeServices(pair: ScrapePair): ServiceRow[] {
  const totals = new Map<string, Totals>();
  for (const { sample, increase } of increases(pair)) {
    const add = adders[sample.family];
    if (add === undefined || sample.labels.peer === 'src') continue;
    const service = serviceOf(sample.labels);
    const direction = sample.labels.direction ?? '';
    const key = `${direction}\n${service}`;
    let known = totals.get(key);
    if (known === undefined) {
      known = emptyTotals(direction, service);
      totals.set(key, known);
    }
    add(known, sample, increase);
  }
  return [...totals.values()]
    .map((one) => toRow(pair, one))
    .toSorted(
      (a, b) => -a.direction.localeCompare(b.direction) || a.service.localeCompare(b.service),
    );
}

/** What the proxy answered itself in the interval, the most frequent first. */
export function summarizeErrors(pair: ScrapePair): ErrorRow[] {
  const rows: ErrorRow[] = [];
  for (const { sample, increase } of increases(pair)) {
    if (sample.family !== 'heddle_errors_total' || increase === 0) continue;
    const { direction = '', code = '' } = sample.labels;
    rows.push({ proxy: pair.proxy, direction, code, count: increase });
  }
  return rows.toSorted((a, b) => b.count - a.count);
}

interface Totals {
  readonly direction: string;
  readonly service: string;
  requests: number;
  successes: number;
  failures: number;
  /** Cumulative counts by upper bound. */
  readonly buckets: Map<number, number>;
  opened: number;
  closed: number;
  closedBadly: number;
  open: number;
  read: number;
  written: number;
}

function emptyTotals(direction: string, service: string): Totals {
  const numbers = { requests: 0, successes: 0, failures: 0, opened: 0, closed: 0, closedBadly: 0 };
  return { direction, service, ...numbers, buckets: new Map(), open: 0, read: 0, written: 0 };
}

type Add = (totals: Totals, sample: Sample, increase: number) => void;

/** Connections of clients are left out before: only toward endpoints is the service known. */
const adders: Readonly<Record<string, Add>> = {
  request_total: (totals, _, increase) => {
    totals.requests += increase;
  },
  response_total: (totals, { labels }, increase) => {
    if (labels.classification === 'success') totals.successes += increase;
    else totals.failures += increase;
  },
  response_latency_ms_bucket: ({ buckets }, { labels }, increase) => {
    const bound = labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels.le);
    buckets.set(bound, (buckets.get(bound) ?? 0) + increase);
  },
  tcp_open_total: (totals, _, increase) => {
    totals.opened += increase;
  },
  tcp_close_total: (totals, { labels }, increase) => {
    totals.closed += increase;
    if ((labels.errno ?? '') !== '') totals.closedBadly += increase;
  },
  tcp_open_connections: (totals, { value }) => {
    totals.open += value;
  },
  tcp_read_bytes_total: (totals, _, increase) => {
    totals.read += increase;
  },
  tcp_write_bytes_total: (totals, _, increase) => {
    totals.written += increase;
  },
};

/** By series, because series come and go; one that fell has begun again. */
function* increases(pair: ScrapePair): Generator<{ sample: Sample; increase: number }> {
  const before = new Map(pair.before.map(({ series, value }) => [series, value]));
  for (const sample of pair.after) {
    const earlier = before.get(sample.series) ?? 0;
    yield { sample, increase: sample.value >= earlier ? sample.value - earlier : sample.value };
  }
}

function serviceOf(labels: Readonly<Record<string, string>>): string {
  const { dst_service: service = '', dst_namespace: namespace = '' } = labels;
  if (service === '') return labels.authority || labels.target_addr || '-';
  return namespace === '' || namespace === 'default' ? service : `${service}.${namespace}`;
}

function toRow(pair: ScrapePair, totals: Totals): ServiceRow {
  const protocol = totals.buckets.size > 0 || totals.requests > 0 ? 'http' : 'tcp';
  const ended = protocol === 'http' ? totals.successes + totals.failures : totals.closed;
  const well = protocol === 'http' ? totals.successes : totals.closed - totals.closedBadly;
  const buckets = [...totals.buckets].toSorted(([a], [b]) => a - b);
  return {
    proxy: pair.proxy,
    direction: totals.direction,
    service: totals.service,
    protocol,
    perSecond: (protocol === 'http' ? totals.requests : totals.opened) / pair.seconds,
    success: ended === 0 ? null : well / ended,
    p50Ms: quantile(buckets, 0.5),
    p95Ms: quantile(buckets, 0.95),
    p99Ms: quantile(buckets, 0.99),
    connections: totals.open,
    readPerSecond: totals.read / pair.seconds,
    writePerSecond: totals.written / pair.seconds,
  };
}

/** Linear within a bucket, and its lower bound in the last one, as Prometheus does it. */
function quantile(buckets: readonly (readonly [number, number])[], share: number): number | null {
  const all = buckets.at(-1)?.[1] ?? 0;
  if (all === 0) return null;
  const rank = share * all;
  let lower = 0;
  let below = 0;
  for (const [bound, count] of buckets) {
    if (count >= rank) {
      if (bound === Number.POSITIVE_INFINITY) return lower;
      return count === below ? bound : lower + ((bound - lower) * (rank - below)) / (count - below);
    }
    lower = bound;
    below = count;
  }
  return lower;
}
