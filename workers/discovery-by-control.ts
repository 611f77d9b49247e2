/** Discovery by watches of a control plane, and where the application dialled without one. */

import type { Address } from '../api/settings.ts';
import { formatAddress, isLoopback } from '../control/model/address.ts';
import { followAddresses } from '../control/sources/follow-addresses.ts';
import { createSourceOpener } from '../control/sources/open-source.ts';
import { openStaticDiscovery, systemResolver } from '../control/sources/static-discovery.ts';
import { systemClock as clock } from '../core/base/clock.ts';
import { Deadlines } from '../core/base/deadlines.ts';
import { version } from '../core/base/version.ts';
import { RemoteDiscovery } from '../core/discover/remote-discovery.ts';
import { GrpcClient } from '../core/grpc/client.ts';
import { controlNameOf } from '../core/identity/names.ts';
import { Io } from '../core/io/io.ts';
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
  const own = { contexts: tls, serverName: () => controlNameOf(tls.name) };
  const anonymous = {
    get client() {
      return tls.anonymous;
    },
  };
  // Without an identity of its own a proxy has nothing to verify anybody by.
  const isSecured = ({ host }: Address): boolean => settings.identity !== '' && !isLoopback(host);
  const discovery = new RemoteDiscovery(
    {
      ...sources,
      io,
      openClient: (address, isAnonymous) => {
        const security = isAnonymous ? { ...own, contexts: anonymous } : own;
        return new GrpcClient(clientEnv, address, isSecured(address) ? { security } : {});
      },
      isOpenTo: (address) => tls.certified || !isSecured(address),
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
    control: {
      channel: discovery.channel,
      counters: discovery.counters,
      isSecured,
      async findPinned(address, serverName, pins) {
        // Only who has to find a trust anchor carries what it takes.
        const { findPinned } = await import('../core/tls/peer-chain.ts');
        return findPinned(clientEnv, address, serverName, pins);
      },
    },
    close() {
      discovery.close();
      unmeshed.close();
      opener.close();
    },
  };
};
