/**
 * The endpoints of a configuration's services, read from their sources here and now, so that what
 * a control plane made of them can be held to it.
 */

import type { ResolvedEndpoint } from '../api/discovery.ts';
import { endpointSetVersion } from '../api/endpoint-set.ts';
import type { LoadedConfig, ServiceConfig } from '../control/model/loaded-config.ts';
import type { Source } from '../control/model/source.ts';
import { loadConfig } from '../control/sources/load-config.ts';
import { createSourceOpener } from '../control/sources/open-source.ts';
import { systemResolver } from '../control/sources/static-discovery.ts';
import { systemClock } from '../core/base/clock.ts';
import { systemRandom } from '../core/base/random.ts';
import { systemWaitAtMost, TimerWheel } from '../core/base/timers.ts';
import { askMany } from './ask-many.ts';
import type { Holding } from './compare-endpoints.ts';

/**
 * One holding for each service whose authority is `wanted`. What cannot be read is left out and
 * told as a sentence.
 */
export async function readSources(
  path: string,
  wanted: (authority: string) => boolean,
): Promise<{ holdings: Holding[]; failures: string[] }> {
  const result = await loadConfig(path);
  if ('problems' in result) {
    return { holdings: [], failures: [`${path} has problems; heddle validate ${path} tells them`] };
  }
  const { config } = result;
  const services = config.services.filter((one) => wanted(authorityOf(one, config)));
  const opener = createSourceOpener({ ...env, timers: new TimerWheel(systemClock) });
  try {
    const reads = await askMany(services, (one) => readOnce(opener.open.bind(opener), one));
    return collect(config, services, reads);
  } finally {
    opener.close();
  }
}

type Read = readonly ResolvedEndpoint[] | string;

function collect(
  config: LoadedConfig,
  services: readonly ServiceConfig[],
  reads: readonly Read[],
): { holdings: Holding[]; failures: string[] } {
  const holdings: Holding[] = [];
  const failures: string[] = [];
  for (const [index, service] of services.entries()) {
    const read = reads[index];
    const name = `${service.name}.${service.namespace}:${service.port}`;
    if (typeof read === 'string') {
      failures.push(`${name} of ${config.path}: ${read}`);
      continue;
    }
    holdings.push({
      authority: authorityOf(service, config),
      service: name,
      place: 'source',
      name: describeSource(service.source),
      version: endpointSetVersion(read),
      ageMs: 0,
      endpoints: read,
      note: '',
    });
  }
  return { holdings, failures };
}

/** The first answer of a source, or why there was none. */
async function readOnce(
  open: ReturnType<typeof createSourceOpener>['open'],
  service: ServiceConfig,
): Promise<Read> {
  const { promise, resolve } = Promise.withResolvers<Read>();
  const source: Source = open(service.source, { onEndpoints: resolve, onError: resolve });
  const inTime = await systemWaitAtMost(promise, readTimeoutMs);
  source.close();
  return inTime ? promise : `no answer within ${readTimeoutMs} ms`;
}

function authorityOf({ name, namespace, port }: ServiceConfig, config: LoadedConfig): string {
  return `${name}.${namespace}.svc.${config.clusterDomain}:${port}`;
}

function describeSource(source: ServiceConfig['source']): string {
  switch (source.kind) {
    case 'inline':
      return 'inline';
    case 'file':
      return `file ${source.path}`;
    default:
      return `${source.kind} ${source.name}`;
  }
}

const env = {
  clock: systemClock,
  random: systemRandom(),
  log: { info: () => undefined, warn: () => undefined },
  resolver: systemResolver,
};
const readTimeoutMs = 3_000;
