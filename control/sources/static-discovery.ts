/**
 * The discovery of a proxy that has no control plane: the index over the sources of its own
 * configuration file.
 */

import type { Discovery } from '../../api/discovery.ts';
import type { ProxySettings } from '../../api/settings.ts';
import type { Clock } from '../../core/base/clock.ts';
import type { Random } from '../../core/base/random.ts';
import type { TimerWheel } from '../../core/base/timers.ts';
import { ServiceIndex } from '../index/service-index.ts';
import type { LoadedConfig } from '../model/loaded-config.ts';
import type { SourceLog } from '../model/source.ts';
import { createSourceOpener, type ResolverOptions } from './open-source.ts';
import { systemResolverPaths } from './resolver-files.ts';

interface StaticDiscoveryEnv {
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly random: Random;
  readonly log: SourceLog;
  /** The system's own when not given. */
  readonly resolver?: ResolverOptions;
}

interface StaticDiscovery extends Discovery {
  /** Takes over a new configuration; what did not change in it is not touched. */
  replace(config: LoadedConfig): void;
}

export function openStaticDiscovery(
  config: LoadedConfig,
  env: StaticDiscoveryEnv,
): StaticDiscovery {
  const resolver = env.resolver ?? systemResolver(config.settings);
  const opener = createSourceOpener({ ...env, resolver });
  const index = new ServiceIndex(config, { ...env, openSource: opener.open });
  return {
    watch: (key, onChange) => index.watch(key, onChange),
    status: (key) => index.status(key),
    replace: (next) => index.replace(next),
    close() {
      index.close();
      opener.close();
    },
  };
}

/** Asks whom the system itself asks. */
export function systemResolver(
  settings: Pick<ProxySettings, 'dnsMinTtlMs' | 'dnsMaxTtlMs'>,
): ResolverOptions {
  const ttl = { minMs: settings.dnsMinTtlMs, maxMs: settings.dnsMaxTtlMs };
  return { paths: systemResolverPaths, port: 53, ttl };
}
