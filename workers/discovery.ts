/**
 * Who knows the mesh for this process: its own configuration file, or a control plane. What the
 * second needs is loaded only where there is one, because a sidecar carries what it loads.
 */

import type { Discovery } from '../api/discovery.ts';
import type { ProxySettings } from '../api/settings.ts';
import { formatAddress } from '../control/model/address.ts';
import type { LoadedConfig } from '../control/model/loaded-config.ts';
import { followAddresses } from '../control/sources/follow-addresses.ts';
import { createSourceOpener } from '../control/sources/open-source.ts';
import { openStaticDiscovery, systemResolver } from '../control/sources/static-discovery.ts';
import { systemClock as clock } from '../core/base/clock.ts';
import { Deadlines } from '../core/base/deadlines.ts';
import { systemRandom } from '../core/base/random.ts';
import type { TimerWheel } from '../core/base/timers.ts';
import { version } from '../core/base/version.ts';
import type { RemoteDiscovery } from '../core/discover/remote-discovery.ts';
import type { GrpcClient } from '../core/grpc/client.ts';
import { Io } from '../core/io/io.ts';
import type { Logger } from '../core/telemetry/log.ts';

/** What discovery by a control plane can say of itself; a configuration file has no such thing. */
export type RemoteView = Pick<RemoteDiscovery, 'watches' | 'notReady' | 'counters'>;

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

/** Resolves with what opens it when the ports are known. */
export async function loadDiscovery(settings: ProxySettings): Promise<OpenDiscovery> {
  if (settings.control === '') return openStatic;
  const [{ RemoteDiscovery }, { GrpcClient }] = await Promise.all([
    import('../core/discover/remote-discovery.ts'),
    import('../core/grpc/client.ts'),
  ]);
  return (config, own, env) => openRemote({ RemoteDiscovery, GrpcClient }, config, own, env);
}

/** Services apply live, settings do not. */
function withSettings(config: LoadedConfig, settings: ProxySettings): LoadedConfig {
  return { ...config, settings };
}

function openStatic(
  config: LoadedConfig,
  settings: ProxySettings,
  env: DiscoveryEnv,
): ProxyDiscovery {
  const discovery = openStaticDiscovery(withSettings(config, settings), sourceEnv(env));
  return {
    watch: (key, onChange) => discovery.watch(key, onChange),
    status: (key) => discovery.status(key),
    replace: (next) => discovery.replace(withSettings(next, settings)),
    remote: null,
    close: () => discovery.close(),
  };
}

function openRemote(
  loaded: {
    readonly RemoteDiscovery: typeof RemoteDiscovery;
    readonly GrpcClient: typeof GrpcClient;
  },
  config: LoadedConfig,
  settings: ProxySettings,
  env: DiscoveryEnv,
): ProxyDiscovery {
  const sources = sourceEnv(env);
  const opener = createSourceOpener({ ...sources, resolver: systemResolver });
  // Where the application dialled: what DNS says, of any name.
  const dialled = {
    ...config,
    services: [],
    settings: { ...settings, passthrough: 'allow' as const },
  };
  const unmeshed = openStaticDiscovery(dialled, sources);
  const io = new Io(clock, new Float64Array(2));
  const { timers } = env;
  const meter = { readCell: 0, writeCell: 1 };
  const clientEnv = { io, timers, deadlines: new Deadlines(timers, io), meter };
  const discovery = new loaded.RemoteDiscovery(
    {
      ...sources,
      io,
      openClient: (address) => new loaded.GrpcClient(clientEnv, address),
      followControl: (onAddresses, onError) =>
        followAddresses(settings.control, opener.open, { onAddresses, onError }),
      unmeshed,
    },
    {
      control: settings.control,
      workload: settings.workload,
      admin: settings.admin === null ? '' : formatAddress(settings.admin),
      version,
      inboundTo: settings.inboundTo,
      passthrough: settings.passthrough,
      stateDir: settings.stateDir === 'off' ? null : settings.stateDir,
      stream: {
        initialMs: settings.controlStreamInitialMs,
        idleMs: settings.controlStreamIdleMs,
        lifetimeMs: settings.controlStreamLifetimeMs,
      },
    },
  );
  return {
    watch: (key, onChange) => discovery.watch(key, onChange),
    status: (key) => discovery.status(key),
    // The file has settings alone, which wait for a restart.
    replace: () => undefined,
    remote: discovery,
    close() {
      discovery.close();
      unmeshed.close();
      opener.close();
    },
  };
}

function sourceEnv({ timers, log }: DiscoveryEnv) {
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
