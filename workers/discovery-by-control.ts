/** Discovery by watches of a control plane, and where the application dialled without one. */

import type { ProxySettings } from '../api/settings.ts';
import { formatAddress } from '../control/model/address.ts';
import { followAddresses } from '../control/sources/follow-addresses.ts';
import { createSourceOpener } from '../control/sources/open-source.ts';
import { openStaticDiscovery, systemResolver } from '../control/sources/static-discovery.ts';
import { systemClock as clock } from '../core/base/clock.ts';
import { Deadlines } from '../core/base/deadlines.ts';
import { version } from '../core/base/version.ts';
import { RemoteDiscovery } from '../core/discover/remote-discovery.ts';
import { Io } from '../core/io/io.ts';
import { createControlClients } from './control-clients.ts';
import { type OpenDiscovery, sourceEnv } from './proxy-discovery.ts';

export const openByControl: OpenDiscovery = (config, settings, env) => {
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
  const { timers, tls } = env;
  const meter = { readCell: 0, writeCell: 1 };
  const clientEnv = { io, timers, deadlines: new Deadlines(timers, io), meter };
  const clients = createControlClients(clientEnv, tls, settings.identity !== '');
  const discovery = new RemoteDiscovery(
    {
      ...sources,
      io,
      openClient: clients.openClient,
      isOpenTo: clients.isOpenTo,
      isSecured: clients.isSecured,
      followControl: (onAddresses, onError) =>
        followAddresses(settings.control, opener.open, { onAddresses, onError }),
      unmeshed,
    },
    remoteOptions(settings),
  );
  return {
    watch: (key, onChange) => discovery.watch(key, onChange),
    status: (key) => discovery.status(key),
    // The file has settings alone, which wait for a restart.
    replace: () => undefined,
    remote: discovery,
    control: { ...clients, channel: discovery.channel, counters: discovery.counters },
    close() {
      discovery.close();
      unmeshed.close();
      opener.close();
    },
  };
};

function remoteOptions(settings: ProxySettings) {
  return {
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
  };
}
