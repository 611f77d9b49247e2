/** Asks everybody for the endpoints of services: sources, control planes, proxies. */

import { existsSync } from 'node:fs';
import { isLoopback } from '../control/model/address.ts';
import { systemClock } from '../core/base/clock.ts';
import { askMany } from './ask-many.ts';
import type { Holding } from './compare-endpoints.ts';
import { shortName } from './endpoints-table.ts';
import { type KnownProxy, listProxies } from './known-proxies.ts';
import { type ProxyTarget, readProxyTargets } from './proxy-targets.ts';
import { readSources } from './source-holdings.ts';
import type { ViewClient } from './view-client.ts';
import type { ControlStatus, ServiceView } from './view-messages.ts';

interface Gathered {
  /** Sources first, then control planes, then proxies. */
  readonly holdings: readonly Holding[];
  /** Who could not be asked, and why. */
  readonly failures: readonly string[];
  /** At least one control plane has answered. */
  readonly asked: boolean;
}

export async function gatherHoldings(
  clients: readonly ViewClient[],
  name: string,
  namespace: string,
): Promise<Gathered> {
  const asked = await askMany(clients, (client) => askControl(client, name, namespace));
  const controls = asked.filter((one) => typeof one !== 'string');
  const failures: string[] = asked.filter((one) => typeof one === 'string');
  if (controls.length === 0) return { holdings: [], failures, asked: false };
  const services = uniqueServices(controls);
  const sources = await readHere(controls, services);
  const proxies = await askMany(
    listProxies(controls.map(({ status }) => status)).filter(({ admin }) => admin !== ''),
    (proxy) => askProxy(proxy, services, name === ''),
  );
  const holdings = [
    ...sources.holdings,
    ...controls.flatMap((control) => controlHoldings(control, services)),
    ...proxies.flatMap((one) => (typeof one === 'string' ? [] : one)),
  ];
  failures.push(...sources.failures, ...proxies.filter((one) => typeof one === 'string'));
  return { holdings: withAbsent(holdings, controls), failures, asked: true };
}

interface Control {
  readonly client: ViewClient;
  readonly status: ControlStatus;
  readonly services: readonly ServiceView[];
}

async function askControl(
  client: ViewClient,
  name: string,
  namespace: string,
): Promise<Control | string> {
  const [status, services] = await Promise.all([
    client.status(),
    client.endpoints(name, namespace),
  ]);
  if ('reason' in status) return status.reason;
  if ('reason' in services) return services.reason;
  return { client, status: status.value, services: services.value };
}

type Services = ReadonlyMap<string, ServiceView>;

function uniqueServices(controls: readonly Control[]): Services {
  const all = controls.flatMap(({ services }) => services);
  return new Map(all.toReversed().map((service) => [service.authority, service]));
}

/**
 * The configuration of a control plane on this host is read here. Of everything else its source is
 * known by what the control plane says.
 */
async function readHere(
  controls: readonly Control[],
  services: Services,
): Promise<{ holdings: Holding[]; failures: string[] }> {
  const local = controls.find(({ client }) => isLoopback(client.host));
  const path = local?.status.sources.find(({ kind }) => kind === 'config')?.location ?? '';
  const read = existsSync(path)
    ? await readSources(path, (authority) => services.has(authority))
    : { holdings: [], failures: [] };
  const known = new Set(read.holdings.map(({ authority }) => authority));
  const told = [...services.values()].filter(({ authority }) => !known.has(authority));
  return { holdings: [...read.holdings, ...told.map(sourceAsTold)], failures: read.failures };
}

function sourceAsTold(service: ServiceView): Holding {
  const { source, location } = service;
  const name = location === '' ? source : `${source} ${location}`;
  return { ...controlHolding(service, 'source', name), note: 'as the control plane read it' };
}

function controlHoldings({ client, services }: Control, all: Services): Holding[] {
  const own = new Map(services.map((service) => [service.authority, service]));
  return [...all.values()].map((service) => {
    const known = own.get(service.authority);
    return known === undefined
      ? absent(service.authority, shortName(service), 'control', client.address)
      : controlHolding(known, 'control', client.address);
  });
}

function controlHolding(service: ServiceView, place: Holding['place'], name: string): Holding {
  const { authority, version, confirmedMs, endpoints, error } = service;
  const ageMs = confirmedMs === null ? null : Math.max(0, systemClock.wallMs() - confirmedMs);
  return {
    authority,
    service: shortName(service),
    place,
    name,
    version,
    ageMs,
    endpoints,
    note: error,
  };
}

async function askProxy(
  { name, admin }: KnownProxy,
  services: Services,
  all: boolean,
): Promise<Holding[] | string> {
  let targets: readonly ProxyTarget[];
  try {
    targets = await readProxyTargets(admin);
  } catch (error) {
    return `${name}: ${(error as Error).message}`;
  }
  // A service may be several targets: by its name, by a bind port, by a server name.
  const byAuthority = new Map<string, ProxyTarget>();
  for (const target of targets) {
    const isInbound = target.target.startsWith('inbound:');
    const isService = !isInbound && !withoutService.has(target.source) && target.authority !== '';
    const isAsked = all || services.has(target.authority);
    if (isService && isAsked) byAuthority.set(target.authority, target);
  }
  return [...byAuthority.values()].map((target) => {
    const service = services.get(target.authority);
    const shown = service === undefined ? target.authority : shortName(service);
    return proxyHolding(target, shown, `${name} ${admin}`);
  });
}

function proxyHolding(target: ProxyTarget, service: string, name: string): Holding {
  const { authority, state, version, ageMs, error, source } = target;
  const endpoints = state === 'absent' ? null : target.endpoints;
  const parts = [source === 'disk' ? 'from disk' : '', error];
  const note = parts.filter((part) => part !== '').join(': ');
  return { authority, service, place: 'proxy', name, version, ageMs, endpoints, note };
}

/** What a proxy has and no control plane knows is held to that there is no such service. */
function withAbsent(holdings: readonly Holding[], controls: readonly Control[]): Holding[] {
  const [{ client }] = controls;
  const known = new Set<string>();
  return holdings.flatMap((one) => {
    const isNew = !known.has(one.authority);
    known.add(one.authority);
    if (!isNew || one.place !== 'proxy') return [one];
    return [absent(one.authority, one.service, 'control', client.address), one];
  });
}

function absent(
  authority: string,
  service: string,
  place: Holding['place'],
  name: string,
): Holding {
  return { authority, service, place, name, version: '', ageMs: null, endpoints: null, note: '' };
}

/** Targets of a proxy that are none of the mesh's services. */
const withoutService: ReadonlySet<string> = new Set(['passthrough', 'static', 'unmeshed', 'none']);
