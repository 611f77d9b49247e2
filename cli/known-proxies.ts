/** Which proxies control planes know of, and where their admin ports are. Pure. */

import {
  canonicalIp,
  formatAddress,
  isDnsName,
  isWildcard,
  splitPort,
} from '../control/model/address.ts';
import type { ControlStatus } from './view-messages.ts';

export interface KnownProxy {
  /** `web-1.demo`, as it names itself or as it joined; its address where it does neither. */
  readonly name: string;
  /** `host:port`; empty where it did not say: Linkerd's do not. */
  readonly admin: string;
  /** Empty where it did not say. */
  readonly version: string;
}

/** Each once, whoever told of it, by name. */
export function listProxies(statuses: readonly ControlStatus[]): KnownProxy[] {
  const known = new Map<string, KnownProxy>();
  for (const { proxies, instances } of statuses) {
    for (const { instance, namespace, service, admin, connected } of instances) {
      // Who has lost its stream has ended, as a rule, and cannot be asked.
      if (!connected) continue;
      const reached = reachable(admin, admin);
      if (reached === '') continue;
      const name = `${service || instance}.${namespace}`;
      known.set(reached, { name, admin: reached, version: '' });
    }
    for (const { workload, peer, version, ...proxy } of proxies) {
      const admin = reachable(proxy.admin, peer);
      const said = readWorkload(workload);
      const name = said === '' ? (known.get(admin)?.name ?? peer) : said;
      known.set(admin === '' ? `peer ${peer}` : admin, { name, admin, version });
    }
  }
  return [...known.values()].toSorted(
    (a, b) => compare(a.name, b.name) || compare(a.admin, b.admin),
  );
}

/**
 * A proxy that listens everywhere does not know by which address others reach it. Empty for what is
 * no address: it becomes part of a URL.
 */
function reachable(admin: string, peer: string): string {
  const own = splitPort(admin);
  if (own === null || own.port === null || own.port === 0) return '';
  const name = isWildcard(own.name) ? (splitPort(peer)?.name ?? '') : own.name;
  const host = canonicalIp(name);
  if (host !== null) return formatAddress({ host, port: own.port });
  return isDnsName(name) ? `${name}:${own.port}` : '';
}

/** `{"ns":"demo","pod":"web-1"}` and the older `ns:demo`. */
function readWorkload(text: string): string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return text;
  }
  const { ns, pod } = typeof value === 'object' && value !== null ? (value as Fields) : {};
  return [pod, ns].filter((part) => typeof part === 'string' && part !== '').join('.');
}

type Fields = Readonly<Record<string, unknown>>;

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
