/**
 * What the mesh knows, as a watch for each target key. It joins the names of a configuration with
 * the endpoints of its sources, and carries its watchers over from one configuration to the next:
 * a service that did not change keeps its source, and its watchers hear nothing.
 */

import {
  absentTarget,
  type Discovery,
  type ResolvedTarget,
  type SourceStatus,
} from '../../api/discovery.ts';
import { assert } from '../../core/base/assert.ts';
import type { LoadedConfig } from '../model/loaded-config.ts';
import { createServiceNames, type NamedTarget, type ServiceNames } from './service-names.ts';
import { locationOf, SourceCache, type SourceCacheEnv, type SourceHold } from './source-cache.ts';

interface ServiceIndexOptions extends SourceCacheEnv {
  /** Where short names are looked up. */
  readonly ownNamespace?: string;
}

type OnChange = (target: ResolvedTarget) => void;

/** All watchers of one key. */
interface Watch {
  readonly key: string;
  readonly watchers: Set<{ readonly onChange: OnChange }>;
  named: NamedTarget | null;
  hold: SourceHold | null;
  /** What the watchers were told last. */
  target: ResolvedTarget | null;
}

export class ServiceIndex implements Discovery {
  readonly #ownNamespace: string;
  readonly #sources: SourceCache;
  readonly #watches = new Map<string, Watch>();
  readonly #clock: SourceCacheEnv['clock'];
  #names: ServiceNames;
  #loadedWallMs: number;
  #closed = false;

  constructor(config: LoadedConfig, options: ServiceIndexOptions) {
    this.#ownNamespace = options.ownNamespace ?? 'default';
    this.#clock = options.clock;
    this.#sources = new SourceCache(options);
    this.#names = createServiceNames(config, this.#ownNamespace);
    this.#loadedWallMs = options.clock.wallMs();
  }

  /** Sources that are open, those included that wait for somebody to come back. */
  get openSources(): number {
    return this.#sources.size;
  }

  /** What is known already is told before this returns. */
  watch(key: string, onChange: OnChange): () => void {
    assert(!this.#closed, 'a closed index is not watched');
    let watch = this.#watches.get(key);
    if (watch === undefined) {
      watch = { key, watchers: new Set(), named: null, hold: null, target: null };
      this.#watches.set(key, watch);
      this.#resolve(watch, this.#names.find(key));
    }
    const watcher = { onChange };
    const own = watch;
    own.watchers.add(watcher);
    if (own.target !== null) onChange(own.target);
    return () => this.#unwatch(own, watcher);
  }

  status(key: string): SourceStatus {
    const watch = this.#watches.get(key);
    const named = watch === undefined ? this.#names.find(key) : watch.named;
    if (named === null) return { kind: 'none', location: '', confirmedWallMs: null, error: null };
    const kind = named.origin === 'service' ? named.source.kind : named.origin;
    const location = locationOf(named.source);
    // Endpoints in the configuration itself are as fresh as the configuration.
    if (named.source.kind === 'inline') {
      return { kind, location, confirmedWallMs: this.#loadedWallMs, error: null };
    }
    const { confirmedWallMs = null, error = null } = watch?.hold?.state ?? {};
    return { kind, location, confirmedWallMs, error };
  }

  /** Takes over a new configuration; only watchers of what changed are told. */
  replace(config: LoadedConfig): void {
    assert(!this.#closed, 'a closed index takes no configuration');
    this.#names = createServiceNames(config, this.#ownNamespace);
    this.#loadedWallMs = this.#clock.wallMs();
    for (const watch of this.#watches.values()) {
      const named = this.#names.find(watch.key);
      if (JSON.stringify(named) === JSON.stringify(watch.named)) continue;
      this.#resolve(watch, named);
      this.#tell(watch);
    }
  }

  close(): void {
    this.#closed = true;
    this.#watches.clear();
    this.#sources.close();
  }

  /** The new source is held before the old one is let go: they may be the same. */
  #resolve(watch: Watch, named: NamedTarget | null): void {
    const before = watch.hold;
    watch.named = named;
    watch.hold = null;
    if (named !== null) {
      watch.hold = this.#sources.hold(named.source, () => {
        this.#update(watch);
        this.#tell(watch);
      });
    }
    before?.release();
    this.#update(watch);
  }

  #update(watch: Watch): void {
    const { named, hold } = watch;
    if (named === null) {
      watch.target = absentTarget;
      return;
    }
    // Until a new source has answered, the endpoints of the old one are the last good ones.
    const endpoints = hold?.state.endpoints ?? lastGood(watch);
    if (endpoints === null) {
      watch.target = null;
      return;
    }
    const { authority, namespace, service, protocol } = named;
    watch.target = { state: 'ready', authority, namespace, service, protocol, endpoints };
  }

  #tell(watch: Watch): void {
    const { target } = watch;
    if (target === null) return;
    for (const watcher of Array.from(watch.watchers)) {
      if (watch.target === target && watch.watchers.has(watcher)) watcher.onChange(target);
    }
  }

  #unwatch(watch: Watch, watcher: { readonly onChange: OnChange }): void {
    if (!watch.watchers.delete(watcher) || watch.watchers.size > 0) return;
    // An index that was closed, or closed and watched anew, has let go already.
    if (this.#watches.get(watch.key) !== watch) return;
    this.#watches.delete(watch.key);
    watch.hold?.release();
  }
}

function lastGood(watch: Watch) {
  return watch.target?.state === 'ready' ? watch.target.endpoints : null;
}
