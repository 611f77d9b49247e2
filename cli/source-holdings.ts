/**
 * What a configuration and its folder of manifests come down to, read here and now, so that what a
 * control plane made of them can be held to it.
 */

import { MeshIndex, type ServiceView } from '../control/index/mesh-index.ts';
import type { Catalog } from '../control/model/catalog.ts';
import type { LoadedConfig } from '../control/model/loaded-config.ts';
import { ConfigCatalog } from '../control/sources/config-catalog.ts';
import { loadConfig } from '../control/sources/load-config.ts';
import { Manifests } from '../control/sources/manifests.ts';
import { createSourceOpener } from '../control/sources/open-source.ts';
import { systemResolver } from '../control/sources/static-discovery.ts';
import { systemClock } from '../core/base/clock.ts';
import { systemRandom } from '../core/base/random.ts';
import { systemPause, TimerWheel } from '../core/base/timers.ts';
import type { Holding } from './compare-endpoints.ts';

interface SourceHoldings {
  readonly holdings: Holding[];
  /** What could not be read, and why. */
  readonly failures: string[];
}

/** One holding for each service whose authority is `wanted`. */
export async function readSources(
  path: string,
  wanted: (authority: string) => boolean,
): Promise<SourceHoldings> {
  const result = await loadConfig(path);
  const { problems = [], rest = null } = 'problems' in result ? result : {};
  const hint = `heddle validate ${path} tells them`;
  const config = 'config' in result ? result.config : rest?.config;
  if (config === undefined) return { holdings: [], failures: [`${path} has problems; ${hint}`] };
  const views = await readMesh(config, wanted);
  const refused = problems.length === 0 ? [] : [`${path} has entries with problems; ${hint}`];
  const failures = views.flatMap(({ service, endpoints, error }) => {
    const name = `${service.name}.${service.namespace}:${service.port}`;
    return endpoints === null ? [`${name} of ${path}: ${error ?? lateReason}`] : [];
  });
  return { holdings: views.flatMap(holdingOf), failures: [...refused, ...failures] };
}

/** As a control plane reads it, without those who have joined. */
async function readMesh(
  config: LoadedConfig,
  wanted: (authority: string) => boolean,
): Promise<ServiceView[]> {
  const env = { clock: systemClock, timers: new TimerWheel(systemClock), random, log };
  const manifests = config.manifests === null ? null : new Manifests(config.manifests, env);
  const catalogs: Catalog[] = [new ConfigCatalog(config, env)];
  if (manifests !== null) catalogs.push(manifests);
  const opener = createSourceOpener({
    ...env,
    resolver: systemResolver(config.settings),
    catalogs: manifests === null ? {} : { manifests: manifests.openEndpoints.bind(manifests) },
  });
  const { clusterDomain } = config;
  const index = new MeshIndex({ ...env, openSource: opener.open, catalogs, clusterDomain });
  const read = (): ServiceView[] => index.list().filter(({ service }) => wanted(service.authority));
  const isRead = (): boolean =>
    catalogs.every((catalog) => hasLooked(catalog)) &&
    read().every(({ endpoints, error }) => endpoints !== null || error !== null);
  try {
    for (let waitedMs = 0; !isRead() && waitedMs < readTimeoutMs; waitedMs += lookMs) {
      await systemPause(lookMs);
    }
    return read();
  } finally {
    index.close();
    opener.close();
    for (const catalog of catalogs) catalog.close();
  }
}

function hasLooked(catalog: Catalog): boolean {
  const { confirmedWallMs, error } = catalog.status();
  return confirmedWallMs !== null || error !== null;
}

function holdingOf({ service, location, endpoints, version }: ServiceView): Holding[] {
  if (endpoints === null) return [];
  const { authority, name, namespace, port, source } = service;
  const place = {
    place: 'source',
    name: [source.kind, location].filter(Boolean).join(' '),
  } as const;
  const shown = `${name}.${namespace}:${port}`;
  return [{ ...place, authority, service: shown, version, ageMs: 0, endpoints, note: '' }];
}

const random = systemRandom();
const log = { info: () => undefined, warn: () => undefined };
const lookMs = 20;
const readTimeoutMs = 3_000;
const lateReason = `no answer within ${readTimeoutMs} ms`;
