/** All ports of a proxy: taken before anything else starts, so that a conflict is told at once. */

import type { ListenerName } from '../api/messages.ts';
import type { Address, ProxySettings } from '../api/settings.ts';
import { type BindOptions, type BoundPort, bindPort } from './listen.ts';
import { prepareRedirected } from './redirects.ts';

export interface ProxyPorts {
  /** Those that carry traffic. */
  readonly traffic: ReadonlyMap<ListenerName, BoundPort>;
  readonly admin: BoundPort | null;
  /** With the ports that the system chose where 0 was asked for. */
  readonly settings: ProxySettings;
}

/** Throws a `ListenError` and takes none when one cannot be had. */
export function bindPorts(settings: ProxySettings): ProxyPorts {
  const taken: BoundPort[] = [];
  const take = (options: BindOptions): BoundPort => {
    const port = bindPort(options);
    taken.push(port);
    return port;
  };
  try {
    const traffic = new Map<ListenerName, BoundPort>();
    for (const { name, ...options } of listTraffic(settings)) {
      traffic.set(name, take({ ...options, reusePort: listensInWorkers(settings) }));
    }
    const { admin: address } = settings;
    const setting = 'proxy.admin';
    const admin = address === null ? null : take({ address, setting, reusePort: false });
    return { traffic, admin, settings: withActualPorts(settings, traffic, admin) };
  } catch (error) {
    for (const port of taken) port.socket.close();
    throw error;
  }
}

/** With `--workers 0` there is nobody to share a port with. */
export function listensInWorkers(settings: ProxySettings): boolean {
  return settings.accept === 'reuseport' && settings.workers !== 0;
}

interface TrafficPort extends Omit<BindOptions, 'reusePort' | 'isOurs'> {
  readonly name: ListenerName;
}

export function listTraffic(settings: ProxySettings): TrafficPort[] {
  const ports: TrafficPort[] = [];
  const { outbound, outboundSecond, inbound, binds, inboundOnly, outboundOnly } = settings;
  const { originalDestination: means } = settings;
  const add = (name: ListenerName, address: Address | null, setting: string): void => {
    if (address === null) return;
    const isInbound = name === 'inbound';
    const only = isInbound ? inboundOnly : outboundOnly;
    const backlog = only.listenBacklog ?? settings.listenBacklog;
    const prepare = (descriptor: number) => prepareRedirected(descriptor, means, isInbound);
    ports.push({ name, address, setting, backlog, prepare });
  };
  add('outbound', outbound, 'proxy.outbound');
  add('outbound-second', outboundSecond, 'proxy.outboundSecond');
  add('inbound', inbound, 'proxy.inbound');
  for (const [index, { address, authority }] of binds.entries()) {
    ports.push({ name: `bind:${index}`, address, setting: `bind of ${authority}` });
  }
  return ports;
}

function withActualPorts(
  settings: ProxySettings,
  traffic: ReadonlyMap<ListenerName, BoundPort>,
  admin: BoundPort | null,
): ProxySettings {
  return {
    ...settings,
    outbound: traffic.get('outbound')?.address ?? null,
    outboundSecond: traffic.get('outbound-second')?.address ?? null,
    inbound: traffic.get('inbound')?.address ?? null,
    admin: admin?.address ?? null,
    binds: settings.binds.map((bind, index) => ({
      ...bind,
      address: traffic.get(`bind:${index}`)?.address ?? bind.address,
    })),
  };
}
