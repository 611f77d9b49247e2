/** Discovery by watches of control planes, and where the application dialled without one. */

import type { ProxySettings } from '../api/settings.ts';
import { formatAddress } from '../control/model/address.ts';
import { readNamespace } from '../control/model/workload.ts';
import { createSourceOpener } from '../control/sources/open-source.ts';
import { openStaticDiscovery, systemResolver } from '../control/sources/static-discovery.ts';
import { systemClock as clock } from '../core/base/clock.ts';
import { Deadlines } from '../core/base/deadlines.ts';
import { version } from '../core/base/version.ts';
import {
  RemoteDiscovery,
  type RemoteDiscoverySettings,
} from '../core/discover/remote-discovery.ts';
import { Io } from '../core/io/io.ts';
import { openControlPlanes } from './discovery-planes.ts';
import { type OpenDiscovery, sourceEnv } from './proxy-discovery.ts';

export const openByControl: OpenDiscovery = (config, settings, env) => {
  const sources = sourceEnv(env);
  const opener = createSourceOpener({ ...sources, resolver: systemResolver(settings) });
  // Where the application dialled: what DNS says, of any name.
  const dialled = {
    ...config,
    services: [],
    settings: { ...settings, passthrough: 'allow' as const },
  };
  const unmeshed = openStaticDiscovery(dialled, sources);
  const io = new Io(clock, new Float64Array(2));
  const { timers, tls } = env;
  const meter = { readCell: 0, writeCell: 1 };
  const client = { io, timers, deadlines: new Deadlines(timers, io), meter };
  const control = openControlPlanes(settings, {
    ...sources,
    log: env.log,
    io,
    client,
    tls,
    open: opener.open,
  });
  const { planes } = control;
  const discovery = new RemoteDiscovery({ ...sources, planes, unmeshed }, remoteOptions(settings));
  return {
    watch: (key, onChange) => discovery.watch(key, onChange),
    status: (key) => discovery.status(key),
    // The file has settings alone, which wait for a restart.
    replace: () => undefined,
    remote: discovery,
    control: { ...control.access, counters: discovery.counters },
    close() {
      discovery.close();
      control.close();
      unmeshed.close();
      opener.close();
    },
  };
};

function remoteOptions(settings: ProxySettings): RemoteDiscoverySettings {
  const { workload, destinationContext, admin, stateDir } = settings;
  return {
    ...settings,
    context: destinationContext === '' ? workload : destinationContext,
    admin: admin === null ? '' : formatAddress(admin),
    adminPort: admin?.port ?? 0,
    version,
    redirected: settings.originalDestination !== 'off',
    stateDir: stateDir === 'off' ? null : stateDir,
    stateOwner: ownerOf(settings),
    stream: {
      initialMs: settings.controlStreamInitialMs,
      idleMs: settings.controlStreamIdleMs,
      lifetimeMs: settings.controlStreamLifetimeMs,
    },
  };
}

/**
 * What a control plane says depends on namespace and identity. An instance of `heddle run` has a
 * name of its own at each start, and finds the states of the one before in its folder.
 */
function ownerOf({ workload, identity }: ProxySettings): string {
  const namespace = readNamespace(workload);
  return namespace === null ? workload : `${namespace} ${identity}`;
}
