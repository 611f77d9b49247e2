/** Which proxies control planes know of, and where they can be asked. */

import {
  canonicalIp,
  formatAddress,
  isDnsName,
  isWildcard,
  splitPort,
} from '../control/model/address.ts';
import { isLoopback } from '../core/io/ip-text.ts';
import { isLocalAddress } from '../workers/local-addresses.ts';
import type { ConfirmedTrust, ControlStatus } from './view-messages.ts';

export interface KnownProxy {
  /** `web-1.demo`, as it names itself or as it joined; its address where it does neither. */
  readonly name: string;
  /** `host:port`; empty where it did not say: Linkerd's do not. */
  readonly admin: string;
  /** Empty where it did not say. */
  readonly version: string;
  /** The service that it is an endpoint of, else what it is called itself. */
  readonly service: string;
  /** Empty where it did not say. */
  readonly namespace: string;
  /** What it proves to those who call its service; empty where that is not known. */
  readonly identity: string;
  /** What it has confirmed to a control plane of its trust anchors and leaf; null for nothing. */
  readonly confirmed: ConfirmedTrust | null;
  /** `host:port` where it takes mutual TLS; empty where it takes none, or did not say. */
  readonly inbound: string;
}

/** Each once, whoever told of it, by name. */
export function listProxies(statuses: readonly ControlStatus[]): KnownProxy[] {
  const known = new Map<string, KnownProxy>();
  for (const { proxies, instances } of statuses) {
    const joined = new Map<string, KnownProxy>();
    for (const instance of instances) {
      // Who has lost its stream has ended, as a rule, and cannot be asked.
      if (!instance.connected) continue;
      const proxy = readInstance(instance);
      joined.set(`${instance.instance}.${instance.namespace}`, proxy);
      if (proxy.admin !== '') joined.set(proxy.admin, proxy);
      const key = proxy.admin || proxy.inbound;
      if (key !== '') known.set(key, proxy);
    }
    for (const { workload, peer, version, ...proxy } of proxies) {
      const admin = reachable(proxy.admin, peer);
      const [name, namespace] = readWorkload(workload);
      const said = [name, namespace].filter((part) => part !== '').join('.');
      const before = joined.get(said) ?? joined.get(admin) ?? null;
      const own = before ?? { ...nobody, service: name || said || peer, namespace };
      const key = admin || before?.inbound || `peer ${peer}`;
      // By several connections, of which it says so on one.
      const confirmed = proxy.confirmed ?? known.get(key)?.confirmed ?? null;
      known.set(key, { ...own, name: said || before?.name || peer, admin, version, confirmed });
    }
  }
  return [...known.values()].toSorted(
    (a, b) => compare(a.name, b.name) || compare(a.admin, b.admin),
  );
}

/** One that nobody has told of, by the address of its admin port. */
export function unknownProxy(admin: string): KnownProxy {
  return { ...nobody, name: admin, admin, version: '', service: admin };
}

function readInstance(told: ControlStatus['instances'][number]): KnownProxy {
  const { instance, namespace, service, identity, inboundPort, address } = told;
  const name = `${service || instance}.${namespace}`;
  const host = splitPort(address)?.name ?? '';
  const inbound =
    inboundPort === 0 || host === '' ? '' : formatAddress({ host, port: inboundPort });
  const admin = reachable(told.admin, address === '' ? told.admin : address);
  const about = { version: '', service: service || instance, namespace, confirmed: null };
  return { ...about, name, admin, identity, inbound };
}

/**
 * A proxy that listens everywhere does not know by which address others reach it; one that listens
 * on the loopback of another host is not reached at all. Empty for what is no address: it becomes
 * part of a URL.
 */
function reachable(admin: string, peer: string): string {
  const own = splitPort(admin);
  if (own === null || own.port === null || own.port === 0) return '';
  const name = isWildcard(own.name) ? (splitPort(peer)?.name ?? '') : own.name;
  const host = canonicalIp(name);
  const from = splitPort(peer)?.name ?? '';
  if (host !== null && isLoopback(host) && from !== '' && !isLocalAddress(from)) return '';
  if (host !== null) return formatAddress({ host, port: own.port });
  return isDnsName(name) ? `${name}:${own.port}` : '';
}

/** `{"ns":"demo","pod":"web-1"}` and the older `ns:demo`; each empty where it is not said. */
function readWorkload(text: string): [name: string, namespace: string] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return [text, ''];
  }
  const { ns, pod } = typeof value === 'object' && value !== null ? (value as Fields) : {};
  return [typeof pod === 'string' ? pod : '', typeof ns === 'string' ? ns : ''];
}

type Fields = Readonly<Record<string, unknown>>;

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

const nobody = { service: '', namespace: '', identity: '', inbound: '', confirmed: null };
