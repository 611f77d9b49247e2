/**
 * The discovery of a proxy that has no control plane: the index over the sources of its own
 * configuration file.
 */

import type { Clock } from '../../core/base/clock.ts';
import type { TimerWheel } from '../../core/base/timers.ts';
import { ServiceIndex } from '../index/service-index.ts';
import type { Discovery, LoadedConfig } from '../model/discovery.ts';
import type { SourceLog } from '../model/source.ts';
import { createSourceOpener } from './open-source.ts';

export interface StaticDiscoveryEnv {
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly log: SourceLog;
}

export interface StaticDiscovery extends Discovery {
  /** Takes over a new configuration; what did not change in it is not touched. */
  replace(config: LoadedConfig): void;
}

export function openStaticDiscovery(
  config: LoadedConfig,
  env: StaticDiscoveryEnv,
): StaticDiscovery {
  return new ServiceIndex(config, { ...env, openSource: createSourceOpener() });
}
