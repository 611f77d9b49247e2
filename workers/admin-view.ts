/** What the admin port shows of a running proxy, gathered when somebody asks. */

import { endpointSetVersion } from '../api/endpoint-set.ts';
import type { ProxySettings } from '../api/settings.ts';
import type { LoadedConfig } from '../control/model/loaded-config.ts';
import type { Slots } from '../core/balance/slots.ts';
import type { Clock } from '../core/base/clock.ts';
import { renderExposition } from '../core/telemetry/exposition.ts';
import type { MetricsMerger } from '../core/telemetry/merge.ts';
import type { ProcessMetrics } from '../core/telemetry/process.ts';
import type { MainMetrics } from './metrics.ts';
import type { RemoteView } from './proxy-discovery.ts';
import type { Publisher } from './snapshot.ts';

/** How the configuration stands, next to what runs. */
export interface ConfigState {
  loaded: LoadedConfig;
  /** Of the newest version of the file, when it was refused. */
  problems: readonly string[];
  /** Settings that differ in the file and wait for a restart. */
  restart: readonly string[];
}

export function showConfig(settings: ProxySettings, state: ConfigState): object {
  const { loaded, problems, restart } = state;
  return {
    path: loaded.path,
    trustDomain: loaded.trustDomain,
    clusterDomain: loaded.clusterDomain,
    proxy: settings,
    services: loaded.services,
    problems,
    restart,
  };
}

export function showEndpoints(publisher: Publisher, slots: Slots, clock: Clock): object {
  const targets: object[] = [];
  const nowMs = slots.nowMs();
  const wallMs = clock.wallMs();
  for (const { key, target, endpoints, status } of publisher.targets()) {
    const { kind, location, confirmedWallMs, error } = status;
    targets.push({
      target: key,
      state: target?.state ?? 'unknown',
      authority: target?.authority ?? null,
      protocol: target?.protocol ?? null,
      source: kind,
      location,
      version: target === null ? null : endpointSetVersion(target.endpoints),
      refusal: target?.refusal ?? '',
      ageMs: confirmedWallMs === null ? null : Math.max(0, wallMs - confirmedWallMs),
      error,
      endpoints: endpoints.map(({ host, port, weight, zone, slot }) => ({
        address: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
        weight,
        zone,
        gate: slots.gate(slot),
        inFlight: slots.inFlight(slot),
        rttMs: round(slots.rttMs(slot, nowMs)),
        load: round(slots.load(slot, nowMs)),
        failures: slots.failures(slot),
      })),
    });
  }
  return { targets };
}

/** Watches of a control plane; a configuration file has none. */
export function showWatches(remote: RemoteView | null): object {
  if (remote === null) return { notReady: '', watches: [] };
  return { notReady: remote.notReady, watches: [...remote.watches()] };
}

export interface MetricsSources {
  readonly remote: RemoteView | null;
  readonly merger: MetricsMerger;
  readonly main: MainMetrics;
  readonly process: ProcessMetrics;
  readonly publisher: Publisher;
  readonly slots: Slots;
  readonly clock: Clock;
  readonly readyWorkers: () => number;
}

export async function collectMetrics(sources: MetricsSources): Promise<Iterable<string>> {
  const { merger, main, publisher, clock } = sources;
  await sources.process.sample();
  main.sample(sources.readyWorkers());
  if (sources.remote !== null) countDiscovery(main, sources.remote.counters);
  const wallMs = clock.wallMs();
  for (const { target, status, endpoints } of publisher.targets()) {
    // Names that a client made up get no series.
    if (target === null || !configured.has(status.kind) || status.confirmedWallMs === null)
      continue;
    const labels = { service: target.authority, source: status.kind };
    const ageMs = Math.max(0, wallMs - status.confirmedWallMs);
    main.set('heddle_discovery_age_seconds', labels, ageMs / 1000);
    main.set('heddle_discovery_failing', labels, status.error === null ? 0 : 1);
    countEndpoints(sources, target.authority, endpoints);
  }
  return renderExposition(merger.collect());
}

function countDiscovery(main: MainMetrics, counters: RemoteView['counters']): void {
  main.total('heddle_discovery_streams_total', {}, counters.streamsOpened);
  for (const [reason, failed] of counters.streamsFailed) {
    main.total('heddle_discovery_stream_failures_total', { reason }, failed);
  }
  main.total('heddle_discovery_fallbacks_total', {}, counters.fallbacks);
  main.total('heddle_discovery_states_total', { result: 'loaded' }, counters.statesLoaded);
  main.total('heddle_discovery_states_total', { result: 'refused' }, counters.statesRefused);
  main.total('heddle_discovery_sets_halved_total', {}, counters.setsHalved);
}

function countEndpoints(
  { main, slots }: MetricsSources,
  authority: string,
  endpoints: readonly { readonly slot: number }[],
): void {
  const shut = endpoints.filter(({ slot }) => slots.gate(slot) === 'shut').length;
  main.set('heddle_balancer_endpoints', { authority, state: 'ready' }, endpoints.length - shut);
  main.set('heddle_balancer_endpoints', { authority, state: 'shut' }, shut);
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

const configured: ReadonlySet<string> = new Set([
  'inline',
  'file',
  'dns',
  'srv',
  'control',
  'disk',
]);
