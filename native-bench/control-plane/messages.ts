/** What the bench and the process of watchers say to each other over their channel. */

export type ToWatchers =
  /** Opens `proxies` connections with a watch for each of `paths`. */
  | {
      readonly kind: 'open';
      readonly port: number;
      readonly proxies: number;
      readonly paths: readonly string[];
    }
  /** Tells when all watchers of `path` have seen an endpoint with this port. */
  | { readonly kind: 'expect'; readonly path: string; readonly endpointPort: number }
  /** Cuts all connections at once and watches everything anew. */
  | { readonly kind: 'storm' }
  /** Endpoints join services, one for each entry, on connections of their own. */
  | { readonly kind: 'join'; readonly port: number; readonly joins: readonly Join[] };

interface Join {
  readonly service: string;
  readonly token: string;
  readonly endpointPort: number;
}

export type FromWatchers =
  /** Every watch has its first set, or has it again. */
  | { readonly kind: 'complete'; readonly tookMs: number; readonly endedEarly: number }
  | { readonly kind: 'armed' }
  /** Milliseconds since 1970, with fractions. */
  | { readonly kind: 'seen'; readonly watchers: number; readonly atMs: number }
  | { readonly kind: 'joined' }
  | { readonly kind: 'failed'; readonly reason: string };

/** The clock that both sides share. */
export function sharedNowMs(): number {
  return performance.timeOrigin + performance.now();
}
