/** What main asks of whoever knows the mesh for this process, and what it gives them. */

import type { Discovery } from '../api/discovery.ts';
import type { ProxySettings } from '../api/settings.ts';
import type { LoadedConfig } from '../control/model/loaded-config.ts';
import { systemClock as clock } from '../core/base/clock.ts';
import { systemRandom } from '../core/base/random.ts';
import type { TimerWheel } from '../core/base/timers.ts';
import type { RemoteDiscovery } from '../core/discover/remote-discovery.ts';
import type { Logger } from '../core/telemetry/log.ts';

/** What discovery by a control plane can say of itself; a configuration file has no such thing. */
export type RemoteView = Pick<RemoteDiscovery, 'watches' | 'notReady' | 'counters' | 'channel'>;

export interface ProxyDiscovery extends Discovery {
  /** Takes over what has changed in the configuration file. */
  replace(config: LoadedConfig): void;
  readonly remote: RemoteView | null;
}

interface DiscoveryEnv {
  readonly timers: TimerWheel;
  readonly log: Logger;
}

export type OpenDiscovery = (
  config: LoadedConfig,
  settings: ProxySettings,
  env: DiscoveryEnv,
) => ProxyDiscovery;

export function sourceEnv({ timers, log }: DiscoveryEnv) {
  return {
    clock,
    timers,
    random: systemRandom(),
    log: {
      info: (message: string, fields?: Readonly<Record<string, string | number>>) =>
        log.info(target, message, fields),
      warn: (message: string, fields?: Readonly<Record<string, string | number>>) =>
        log.warn(target, message, fields),
    },
  };
}

const target = 'heddle::discovery';
