/**
 * Which endpoint an address is: for proxies that know no more of a connection than where it goes.
 * The map is made when somebody asks, and anew while somebody watches.
 */

import type { ResolvedEndpoint } from '../../api/discovery.ts';
import { addressIndexMs } from '../../core/base/limits.ts';
import type { TimerWheel } from '../../core/base/timers.ts';
import { Pace } from '../model/pace.ts';

type OnEndpoint = (endpoint: ResolvedEndpoint | null) => void;

interface Watcher {
  readonly key: string;
  readonly onEndpoint: OnEndpoint;
  told: ResolvedEndpoint | null;
}

export class Addresses {
  readonly #list: () => Iterable<readonly ResolvedEndpoint[]>;
  readonly #watchers = new Set<Watcher>();
  readonly #pace: Pace;
  /** Null when something has changed since it was made. */
  #byKey: Map<string, ResolvedEndpoint> | null = null;

  /** `list` are the endpoints of all services as they are now. */
  constructor(timers: TimerWheel, list: () => Iterable<readonly ResolvedEndpoint[]>) {
    this.#list = list;
    this.#pace = new Pace(timers, addressIndexMs, () => this.#tell());
  }

  /** Tells what is known before it returns, then each change, until the returned function runs. */
  watch(host: string, port: number, onEndpoint: OnEndpoint): () => void {
    const key = keyOf(host, port);
    const told = this.#find(key);
    const watcher = { key, onEndpoint, told };
    this.#watchers.add(watcher);
    onEndpoint(told);
    return () => this.#watchers.delete(watcher);
  }

  /** Endpoints of some service are others now. */
  changed(): void {
    this.#byKey = null;
    if (this.#watchers.size > 0) this.#pace.request();
  }

  close(): void {
    this.#watchers.clear();
    this.#pace.close();
  }

  #find(key: string): ResolvedEndpoint | null {
    this.#byKey ??= this.#collect();
    return this.#byKey.get(key) ?? null;
  }

  /** Of an address that several services have, the one with an identity counts. */
  #collect(): Map<string, ResolvedEndpoint> {
    const byKey = new Map<string, ResolvedEndpoint>();
    for (const endpoints of this.#list()) {
      for (const endpoint of endpoints) {
        const key = keyOf(endpoint.host, endpoint.port);
        if (endpoint.traits !== undefined || !byKey.has(key)) byKey.set(key, endpoint);
      }
    }
    return byKey;
  }

  #tell(): void {
    for (const watcher of Array.from(this.#watchers)) {
      const endpoint = this.#find(watcher.key);
      if (endpoint === watcher.told || !this.#watchers.has(watcher)) continue;
      watcher.told = endpoint;
      watcher.onEndpoint(endpoint);
    }
  }
}

function keyOf(host: string, port: number): string {
  return `${host} ${port}`;
}
