/** All ports of a proxy: taken before anything else starts, so that a conflict is told at once. */

import type { ListenerName } from '../api/messages.ts';
import type { Address, ProxySettings } from '../api/settings.ts';
import { type BoundPort, bindPort } from './listen.ts';

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
  const take = (address: Address, setting: string, reusePort: boolean): BoundPort => {
    const port = bindPort({ address, setting, reusePort });
    taken.push(port);
    return port;
  };
  try {
    const traffic = new Map<ListenerName, BoundPort>();
    for (const { name, address, setting } of listTraffic(settings)) {
      traffic.set(name, take(address, setting, listensInWorkers(settings)));
    }
    const admin = settings.admin === null ? null : take(settings.admin, 'proxy.admin', false);
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

interface TrafficPort {
  readonly name: ListenerName;
  readonly address: Address;
  readonly setting: string;
}

export function listTraffic(settings: ProxySettings): TrafficPort[] {
  const ports: TrafficPort[] = [];
  const { outbound, inbound, binds } = settings;
  if (outbound !== null)
    ports.push({ name: 'outbound', address: outbound, setting: 'proxy.outbound' });
  if (inbound !== null) ports.push({ name: 'inbound', address: inbound, setting: 'proxy.inbound' });
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
    inbound: traffic.get('inbound')?.address ?? null,
    admin: admin?.address ?? null,
    binds: settings.binds.map((bind, index) => ({
      ...bind,
      address: traffic.get(`bind:${index}`)?.address ?? bind.address,
    })),
  };
}
