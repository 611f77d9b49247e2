/** What main asks of whoever knows the mesh for this process, and what it gives them. */

import type { Discovery } from '../api/discovery.ts';
import type { Address, ProxySettings } from '../api/settings.ts';
import type { LoadedConfig } from '../control/model/loaded-config.ts';
import { systemClock as clock } from '../core/base/clock.ts';
import { systemRandom } from '../core/base/random.ts';
import type { TimerWheel } from '../core/base/timers.ts';
import type { ControlPlane } from '../core/discover/control-plane.ts';
import type { RemoteDiscovery } from '../core/discover/remote-discovery.ts';
import type { Logger } from '../core/telemetry/log.ts';
import type { TlsContexts } from '../core/tls/contexts.ts';

/** What discovery by a control plane can say of itself; a configuration file has no such thing. */
export type RemoteView = Pick<RemoteDiscovery, 'watches' | 'notReady' | 'counters'>;

export interface ProxyDiscovery extends Discovery {
  /** Takes over what has changed in the configuration file. */
  replace(config: LoadedConfig): void;
  readonly remote: RemoteView | null;
  readonly control: ControlAccess | null;
}

/** How main speaks with the control plane that certifies it. */
export interface ControlAccess {
  readonly plane: ControlPlane;
  /** Who answers there; empty: the control plane of the proxy's own trust domain. */
  readonly serverName: string;
  /** Hangs up on all control planes that are shown a certificate, for there is another one now. */
  readonly renew: () => void;
  readonly counters: RemoteView['counters'];
  /** Whether that address is spoken to in TLS. */
  readonly isSecured: (address: Address) => boolean;
  /** The certificate there that has one of these digests; a string is why there is none. */
  readonly findPinned: (
    address: Address,
    serverName: string,
    pins: ReadonlySet<string>,
  ) => Promise<Buffer | string>;
}

interface DiscoveryEnv {
  readonly timers: TimerWheel;
  readonly log: Logger;
  /** Who this process is, for a control plane that is not on this machine. */
  readonly tls: TlsContexts;
}

export type OpenDiscovery = (
  config: LoadedConfig,
  settings: ProxySettings,
  env: DiscoveryEnv,
) => ProxyDiscovery;

export function sourceEnv({ timers, log }: Omit<DiscoveryEnv, 'tls'>) {
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
