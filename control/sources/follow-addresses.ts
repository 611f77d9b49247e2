/**
 * Follows the addresses of control planes that a setting names: addresses stay as they are, names
 * are asked for SRV records, as Linkerd's proxies do, and for A and AAAA where there are none.
 */

import type { Address } from '../../api/settings.ts';
import { canonicalIp, splitPort } from '../model/address.ts';
import type { OpenSource, Source, SourceListener } from '../model/source.ts';

interface AddressListener {
  /** All that are known now, at least one. */
  onAddresses(addresses: readonly Address[]): void;
  /** One name cannot be resolved; what was told before stays good. */
  onError(reason: string): void;
}

/** What has been learned of one of the names. */
interface Place {
  /** Null before the first answer; SRV records take the place of the others. */
  srv: readonly Address[] | null;
  direct: readonly Address[] | null;
}

/** `text` is a comma-separated list of `host:port`. The returned function ends it. */
export function followAddresses(
  text: string,
  open: OpenSource,
  listener: AddressListener,
): () => void {
  const sources: Source[] = [];
  let closed = false;
  const places = text.split(',').map((one): Place => {
    const { name, port } = splitPort(one) ?? { name: one, port: null };
    const host = canonicalIp(name) ?? (isLocalhost(name) ? '127.0.0.1' : null);
    return { srv: null, direct: host === null ? null : [{ host, port: port ?? 0 }] };
  });

  function tell(): void {
    if (closed) return;
    const all = places.flatMap(({ srv, direct }) => {
      return srv !== null && srv.length > 0 ? srv : (direct ?? []);
    });
    if (all.length > 0) listener.onAddresses(all);
  }

  function follow(place: Place, name: string, port: number): void {
    const into = (key: keyof Place): SourceListener => ({
      onEndpoints(endpoints) {
        place[key] = endpoints.map((endpoint) => ({ host: endpoint.host, port: endpoint.port }));
        tell();
      },
      onError(reason) {
        // That there are no SRV records is no failure.
        if (key === 'direct' && !closed) listener.onError(reason);
      },
    });
    sources.push(open({ kind: 'srv', name }, into('srv')));
    sources.push(open({ kind: 'dns', name, port }, into('direct')));
  }

  for (const [index, one] of text.split(',').entries()) {
    const split = splitPort(one);
    if (split === null || places[index].direct !== null) continue;
    follow(places[index], split.name, split.port ?? 0);
  }
  tell();
  return () => {
    closed = true;
    for (const source of sources) source.close();
  };
}

/** Never asked of a server (RFC 6761, 6.3); one address, for it is one instance. */
function isLocalhost(name: string): boolean {
  return /^localhost\.?$/i.test(name);
}
