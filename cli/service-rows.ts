/**
 * From two scrapes of an admin port to what people ask of a service: how many requests, how many
 * of them well, how fast. Pure; fetching and drawing are elsewhere.
 */

import { noTlsReasonOf } from './edge-rows.ts';
import type { Sample } from './exposition.ts';
import { type GrpcCounts, grpcStatusName, withoutStatus } from './grpc-status.ts';

export interface ServiceRow {
  /** Where it was seen: the name of a proxy. */
  readonly proxy: string;
  readonly direction: string;
  readonly service: string;
  /**
   * `grpc`: at least one response was gRPC. `tcp`: no HTTP was seen; then rate and success are
   * those of connections.
   */
  readonly protocol: 'http' | 'grpc' | 'tcp';
  readonly perSecond: number;
  /** 0 to 1; null when nothing ended in the interval. */
  readonly success: number | null;
  /** gRPC calls that ended in the interval; null for what is not gRPC. */
  readonly grpc: GrpcCounts | null;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  readonly connections: number;
  /** Why connections are not encrypted; empty when all are, null where there was none. */
  readonly noTlsReason: string | null;
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
  /** Responses by the name of their gRPC status. */
  readonly statuses: Map<string, number>;
  /** Requests that ended without a response. */
  broken: number;
  /** Cumulative counts by upper bound. */
  readonly buckets: Map<number, number>;
  opened: number;
  closed: number;
  closedBadly: number;
  open: number;
  /** Of connections that are open or were opened. */
  readonly noTlsReasons: Set<string>;
  read: number;
  written: number;
}

function emptyTotals(direction: string, service: string): Totals {
  const requests = { requests: 0, successes: 0, failures: 0, broken: 0 };
  const connections = { opened: 0, closed: 0, closedBadly: 0, open: 0, read: 0, written: 0 };
  const maps = { statuses: new Map<string, number>(), buckets: new Map<number, number>() };
  const noTlsReasons = new Set<string>();
  return { direction, service, ...requests, ...connections, ...maps, noTlsReasons };
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
    const { grpc_status: status = '', error = '' } = labels;
    if (error !== '') totals.broken += increase;
    else if (status !== '') addTo(totals.statuses, grpcStatusName(status), increase);
  },
  response_latency_ms_bucket: ({ buckets }, { labels }, increase) => {
    const bound = labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels.le);
    addTo(buckets, bound, increase);
  },
  tcp_open_total: (totals, { labels }, increase) => {
    totals.opened += increase;
    if (increase > 0) totals.noTlsReasons.add(noTlsReasonOf(labels));
  },
  tcp_close_total: (totals, { labels }, increase) => {
    totals.closed += increase;
    if ((labels.errno ?? '') !== '') totals.closedBadly += increase;
  },
  tcp_open_connections: (totals, { labels, value }) => {
    totals.open += value;
    if (value > 0) totals.noTlsReasons.add(noTlsReasonOf(labels));
  },
  tcp_read_bytes_total: (totals, _, increase) => {
    totals.read += increase;
  },
  tcp_write_bytes_total: (totals, _, increase) => {
    totals.written += increase;
  },
};

function addTo<Key>(map: Map<Key, number>, key: Key, increase: number): void {
  map.set(key, (map.get(key) ?? 0) + increase);
}

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
  const isHttp = totals.buckets.size > 0 || totals.requests > 0;
  const isGrpc = totals.statuses.size > 0;
  const ended = isHttp ? totals.successes + totals.failures : totals.closed;
  const well = isHttp ? totals.successes : totals.closed - totals.closedBadly;
  const buckets = [...totals.buckets].toSorted(([a], [b]) => a - b);
  return {
    proxy: pair.proxy,
    direction: totals.direction,
    service: totals.service,
    protocol: isGrpc ? 'grpc' : isHttp ? 'http' : 'tcp',
    perSecond: (isHttp ? totals.requests : totals.opened) / pair.seconds,
    success: ended === 0 ? null : well / ended,
    grpc: isGrpc ? countCalls(totals) : null,
    p50Ms: quantile(buckets, 0.5),
    p95Ms: quantile(buckets, 0.95),
    p99Ms: quantile(buckets, 0.99),
    connections: totals.open,
    noTlsReason: worstOf(totals.noTlsReasons),
    readPerSecond: totals.read / pair.seconds,
    writePerSecond: totals.written / pair.seconds,
  };
}

/** One that is not encrypted is what matters. */
function worstOf(reasons: ReadonlySet<string>): string | null {
  const [reason = null] = [...reasons].toSorted().toReversed();
  return reason;
}

/** Of a service that mixes gRPC and plain HTTP, what ended without a response may be either. */
function countCalls({ statuses, broken }: Totals): GrpcCounts {
  const counts = [...statuses, [withoutStatus, broken] as const].filter(([, count]) => count > 0);
  return Object.fromEntries(counts.toSorted(([, a], [, b]) => b - a));
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
