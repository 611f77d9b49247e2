/**
 * What one of the peers' processes carries: a plan as a whole, or one half of what a pair carries.
 * Its peer writes a configuration from it, and knows nothing of pairs.
 */

import { endsInHttp2, type Plan } from './peer.ts';

export type HopProtocol = 'http' | 'http2' | 'opaque';

export interface Hop {
  readonly port: number;
  /** `http` is HTTP/1.1. */
  readonly clients: HopProtocol;
  readonly servers: HopProtocol;
  readonly endpoints: readonly string[];
  /** Mutual TLS 1.3 with clients, or `null`. */
  readonly clientTls: HopTls | null;
  /** And with endpoints. */
  readonly serverTls: HopTls | null;
}

/** Who a process is in TLS, and whom it lets be the other. All are files of PEM. */
export interface HopTls {
  readonly chain: string;
  readonly key: string;
  /** Chain and key, as HAProxy wants them. */
  readonly chainAndKey: string;
  readonly roots: string;
  /** The DNS name that the other one proves. */
  readonly peerName: string;
}

/** The plan of a single proxy, which speaks in cleartext. */
export function planHop(plan: Plan, port: number): Hop {
  const { endpoints } = plan.services[0];
  const clients = clientsOf(plan);
  const servers = clients === 'http' && endsInHttp2(plan) ? 'http2' : clients;
  return { port, clients, servers, endpoints, clientTls: null, serverTls: null };
}

/** The two halves of a pair: HTTP/2 between them for either version, or bytes for bytes. */
export function planPair(
  plan: Plan,
  ports: { readonly outbound: number; readonly inbound: number },
  tls: { readonly outbound: HopTls; readonly inbound: HopTls },
): { outbound: Hop; inbound: Hop } {
  const { endpoints } = plan.services[0];
  const outside = clientsOf(plan);
  const between = outside === 'opaque' ? 'opaque' : 'http2';
  return {
    outbound: {
      port: ports.outbound,
      clients: outside,
      servers: between,
      endpoints: [`127.0.0.1:${ports.inbound}`],
      clientTls: null,
      serverTls: tls.outbound,
    },
    inbound: {
      port: ports.inbound,
      clients: between,
      servers: outside,
      endpoints,
      clientTls: tls.inbound,
      serverTls: null,
    },
  };
}

function clientsOf({ protocol }: Plan): HopProtocol {
  return protocol === 'http1-to-http2' ? 'http' : protocol;
}
