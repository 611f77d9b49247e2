/**
 * Who watches: one entry for each connection that has streams, with what its proxy says of itself
 * in any of them. As many as there are connections; what is longer than such texts are is not kept.
 */

import { proxyTextCharsMax } from '../../core/base/limits.ts';

interface WatchingProxy {
  /** As it names itself; proves nothing. */
  workload: string;
  /** Where it connected from. */
  readonly peer: string;
  admin: string;
  version: string;
  streams: number;
  /** What it has confirmed of the certificates of the mesh; empty where it has not. */
  identity: string;
  bundle: string;
  issuer: string;
}

/** What one stream says; empty where it says nothing. */
type Told = Partial<Pick<WatchingProxy, 'workload' | 'admin' | 'version'>>;

export class ProxyTable {
  readonly #byPeer = new Map<string, WatchingProxy>();

  /** Notes a stream of `peer` until the returned function is called. */
  opened(peer: string, told: Told): () => void {
    let proxy = this.#byPeer.get(peer);
    if (proxy === undefined) {
      proxy = { ...silent, peer };
      this.#byPeer.set(peer, proxy);
    }
    const own = proxy;
    own.streams += 1;
    own.workload = shown(told.workload) || own.workload;
    own.admin = shown(told.admin) || own.admin;
    own.version = shown(told.version) || own.version;
    return () => {
      own.streams -= 1;
      if (own.streams === 0) this.#byPeer.delete(peer);
    };
  }

  /** Its words of the certificates; for one that is in the table by a stream that is open. */
  confirmed(
    peer: string,
    { identity, bundle, issuer }: Pick<WatchingProxy, 'identity' | 'bundle' | 'issuer'>,
  ): void {
    const proxy = this.#byPeer.get(peer);
    if (proxy === undefined) return;
    proxy.identity = identity;
    proxy.bundle = bundle;
    proxy.issuer = issuer;
  }

  list(): readonly Readonly<WatchingProxy>[] {
    return [...this.#byPeer.values()];
  }
}

function shown(text = ''): string {
  return text.length <= proxyTextCharsMax ? text : '';
}

const silent = {
  workload: '',
  admin: '',
  version: '',
  streams: 0,
  identity: '',
  bundle: '',
  issuer: '',
};
