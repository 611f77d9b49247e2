/** Which proxies control planes know of, and where their admin ports are. Pure. */

import { isWildcard, splitPort } from '../control/model/address.ts';
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
    for (const { instance, namespace, service, admin } of instances) {
      if (admin === '') continue;
      known.set(admin, { name: `${service || instance}.${namespace}`, admin, version: '' });
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

/** A proxy that listens everywhere does not know by which address others reach it. */
function reachable(admin: string, peer: string): string {
  const [own, from] = [splitPort(admin), splitPort(peer)];
  if (own === null || own.port === null || from === null || !isWildcard(own.name)) return admin;
  return `${from.name.includes(':') ? `[${from.name}]` : from.name}:${own.port}`;
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
