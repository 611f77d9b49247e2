/**
 * What a control plane knows of the mesh: which services there are, by all catalogs together, which
 * endpoints each has, and what policy refuses. Its watchers get immutable states, each change once,
 * at once or with the next ones of 20 ms, and never an empty set because of an error.
 *
 * A service belongs to the first catalog that has it: what the configuration file says counts
 * before manifests, and manifests before what processes say that join.
 */

import type { ResolvedEndpoint } from '../../api/discovery.ts';
import { endpointSetVersion } from '../../api/endpoint-set.ts';
import { changesMs } from '../../core/base/limits.ts';
import { canonicalIp, formatAddress, splitPort } from '../model/address.ts';
import type { Catalog, CatalogKind, CatalogStatus, ObjectProblem } from '../model/catalog.ts';
import { Pace } from '../model/pace.ts';
import { Addresses } from './addresses.ts';
import { type MergedMesh, type MeshService, mergeCatalogs } from './merge-catalogs.ts';
import { formatAuthority, httpPort, qualifyName } from './service-names.ts';
import { locationOf, SourceCache, type SourceCacheEnv, type SourceHold } from './source-cache.ts';

interface MeshIndexOptions extends SourceCacheEnv {
  readonly clusterDomain: string;
  /** The first one that has a service says what it is. Whoever made them closes them. */
  readonly catalogs: readonly Catalog[];
}

export type FoundService =
  | { readonly kind: 'service'; readonly service: MeshService }
  /** `refusal`: why its traffic may not leave the mesh, as a sentence; empty when it may. */
  | { readonly kind: 'unknown'; readonly refusal: string }
  /** Not known, and too early to say that there is no such service. */
  | { readonly kind: 'settling' };

interface ReadyService {
  readonly kind: 'ready';
  /** The same object while it has not changed. */
  readonly service: MeshService;
  readonly endpoints: readonly ResolvedEndpoint[];
  /** `endpointSetVersion` of them. */
  readonly version: string;
}

/** Immutable; of a service that has changed a watcher gets another one. */
export type ServiceState = ReadyService | Exclude<FoundService, { readonly kind: 'service' }>;

/** A service for those who look. */
export interface ServiceView {
  readonly service: MeshService;
  /** The file, the name that is looked up, or empty. */
  readonly location: string;
  /** Null before its source has answered. */
  readonly endpoints: readonly ResolvedEndpoint[] | null;
  readonly version: string;
  readonly confirmedWallMs: number | null;
  readonly error: string | null;
}

interface CatalogView extends CatalogStatus {
  readonly kind: CatalogKind;
  readonly location: string;
}

interface Watcher {
  readonly namespace: string;
  /** Whether what it asks for has the form of a service's name. */
  readonly isOurs: boolean;
  readonly onState: (state: ServiceState) => void;
  told: ServiceState | null;
}

/** A service that is known, by its name or an address of it, or one that somebody asks for. */
interface Entry {
  readonly authority: string;
  service: MeshService | null;
  hold: SourceHold | null;
  /** What is known last; null before anything is. */
  ready: ReadyService | null;
  readonly watchers: Set<Watcher>;
  readonly pace: Pace;
}

interface InboundWatcher {
  readonly namespace: string;
  readonly port: number;
  readonly onRefusal: (refusal: string) => void;
  told: string;
}

export class MeshIndex {
  /** Which endpoint an address is. */
  readonly addresses: Addresses;
  readonly #options: MeshIndexOptions;
  readonly #sources: SourceCache;
  readonly #entries = new Map<string, Entry>();
  readonly #inboundWatchers = new Set<InboundWatcher>();
  readonly #merging: Pace;
  readonly #stops: readonly (() => void)[];
  #mesh: MergedMesh;
  #isStale = true;
  #isSettling = true;

  constructor(options: MeshIndexOptions) {
    this.#options = options;
    this.#sources = new SourceCache(options);
    this.addresses = new Addresses(options.timers, () => this.#endpointSets());
    this.#mesh = mergeCatalogs([], options.clusterDomain);
    this.#merging = new Pace(options.timers, changesMs, () => this.#refresh());
    this.#stops = options.catalogs.map((catalog) =>
      catalog.onChange(() => {
        this.#isStale = true;
        this.#merging.request();
      }),
    );
    this.#refresh();
  }

  /** `name[:port]`; a short name is one of the caller's own namespace. */
  find(name: string, callerNamespace: string): FoundService {
    this.#refresh();
    const spelled = this.#spell(name, callerNamespace);
    const service = this.#entries.get(spelled.authority)?.service ?? null;
    return service === null
      ? this.#absence(spelled.isOurs, callerNamespace)
      : { kind: 'service', service };
  }

  /** Tells what is known before it returns, then each change, until the returned function runs. */
  watchService(
    name: string,
    callerNamespace: string,
    onState: (state: ServiceState) => void,
  ): () => void {
    this.#refresh();
    const { authority, isOurs } = this.#spell(name, callerNamespace);
    const entry = this.#entryOf(authority);
    const watcher: Watcher = { namespace: callerNamespace, isOurs, onState, told: null };
    entry.watchers.add(watcher);
    this.#tell(entry, watcher);
    return () => {
      entry.watchers.delete(watcher);
      this.#dropUnused(entry);
    };
  }

  /** Why a port of workloads of a namespace lets nobody in, as a sentence; empty when it does. */
  inboundRefusal(namespace: string, port: number): string {
    this.#refresh();
    const refusal = this.#mesh.inbound.find(
      (one) => one.namespace === namespace && (one.port === null || one.port === port),
    );
    return refusal?.reason ?? '';
  }

  /** Tells each change of `inboundRefusal` until the returned function is called. */
  watchInbound(namespace: string, port: number, onRefusal: (refusal: string) => void): () => void {
    const told = this.inboundRefusal(namespace, port);
    const watcher = { namespace, port, onRefusal, told };
    this.#inboundWatchers.add(watcher);
    return () => this.#inboundWatchers.delete(watcher);
  }

  list(): ServiceView[] {
    this.#refresh();
    const views: ServiceView[] = [];
    for (const entry of this.#entries.values()) {
      const { service, authority } = entry;
      // Under its addresses it is there once more.
      if (service?.authority === authority) views.push(this.#viewOf(entry, service));
    }
    return views;
  }

  catalogs(): CatalogView[] {
    return this.#options.catalogs.map((catalog) => {
      const { kind, location } = catalog;
      return { kind, location, ...catalog.status() };
    });
  }

  problems(): ObjectProblem[] {
    this.#refresh();
    const own = this.#options.catalogs.flatMap((catalog) => catalog.problems());
    return [...own, ...this.#mesh.problems];
  }

  close(): void {
    for (const stop of this.#stops) stop();
    this.#merging.close();
    for (const { pace } of this.#entries.values()) pace.close();
    this.#entries.clear();
    this.#inboundWatchers.clear();
    this.addresses.close();
    this.#sources.close();
  }

  *#endpointSets(): Iterable<readonly ResolvedEndpoint[]> {
    for (const { ready } of this.#entries.values()) if (ready !== null) yield ready.endpoints;
  }

  #viewOf({ hold, ready }: Entry, service: MeshService): ServiceView {
    // What a catalog holds itself is as fresh as the catalog.
    const { kind } = service.source;
    const catalog = this.#options.catalogs.find((one) => one.kind === kind)?.status();
    return {
      service,
      location: locationOf(service.source),
      endpoints: ready?.endpoints ?? null,
      version: ready?.version ?? '',
      confirmedWallMs: catalog?.confirmedWallMs ?? hold?.state.confirmedWallMs ?? null,
      error: catalog?.error ?? hold?.state.error ?? null,
    };
  }

  #spell(
    name: string,
    ownNamespace: string,
  ): { readonly authority: string; readonly isOurs: boolean } {
    const { clusterDomain } = this.#options;
    const text = name.toLowerCase();
    const split = splitPort(text);
    if (split === null) return { authority: text, isOurs: false };
    const port = split.port ?? httpPort;
    const host = canonicalIp(split.name);
    if (host !== null) return { authority: formatAddress({ host, port }), isOurs: false };
    const qualified = qualifyName(split.name, ownNamespace, clusterDomain);
    if (qualified === null) return { authority: `${split.name}:${port}`, isOurs: false };
    return { authority: formatAuthority({ ...qualified, port }, clusterDomain), isOurs: true };
  }

  #absence(isOurs: boolean, callerNamespace: string): Exclude<ServiceState, ReadyService> {
    if (isOurs && this.#isSettling) return settling;
    const refusal = this.#mesh.egress.find(
      ({ namespace }) => namespace === null || namespace === callerNamespace,
    );
    return { kind: 'unknown', refusal: refusal?.reason ?? '' };
  }

  /** Joins the catalogs anew if one of them has changed. */
  #refresh(): void {
    if (!this.#isStale) return;
    this.#isStale = false;
    const { catalogs, clusterDomain } = this.#options;
    this.#isSettling = catalogs.some((catalog) => catalog.isSettling());
    this.#mesh = mergeCatalogs(catalogs, clusterDomain);
    const { services, byAddress } = this.#mesh;
    for (const [name, service] of [...services, ...byAddress]) {
      this.#define(this.#entryOf(name), service);
    }
    for (const entry of Array.from(this.#entries.values())) {
      if (services.has(entry.authority) || byAddress.has(entry.authority)) continue;
      this.#define(entry, null);
      this.#dropUnused(entry);
    }
    for (const watcher of Array.from(this.#inboundWatchers)) this.#tellInbound(watcher);
  }

  /** The new source is held before the old one is let go: they may be the same. */
  #define(entry: Entry, service: MeshService | null): void {
    const before = entry.service;
    if (before === null && service === null) {
      // Whether it is too early to say so may have changed, and what may leave the mesh.
      if (entry.watchers.size > 0) entry.pace.request();
      return;
    }
    if (JSON.stringify(before) === JSON.stringify(service)) return;
    const { hold } = entry;
    entry.service = service;
    entry.hold =
      service === null ? null : this.#sources.hold(service.source, () => entry.pace.request());
    hold?.release();
    entry.pace.request();
  }

  #entryOf(authority: string): Entry {
    const known = this.#entries.get(authority);
    if (known !== undefined) return known;
    const entry: Entry = {
      authority,
      service: null,
      hold: null,
      ready: null,
      watchers: new Set(),
      pace: new Pace(this.#options.timers, changesMs, () => this.#publish(entry)),
    };
    this.#entries.set(authority, entry);
    return entry;
  }

  #dropUnused(entry: Entry): void {
    if (entry.service !== null || entry.watchers.size > 0) return;
    entry.pace.close();
    if (this.#entries.get(entry.authority) === entry) this.#entries.delete(entry.authority);
  }

  #publish(entry: Entry): void {
    entry.ready = readyOf(entry);
    this.addresses.changed();
    for (const watcher of Array.from(entry.watchers)) {
      if (entry.watchers.has(watcher)) this.#tell(entry, watcher);
    }
  }

  #tell(entry: Entry, watcher: Watcher): void {
    const state =
      entry.service === null ? this.#absence(watcher.isOurs, watcher.namespace) : entry.ready;
    if (state === null || isSameState(state, watcher.told)) return;
    watcher.told = state;
    watcher.onState(state);
  }

  #tellInbound(watcher: InboundWatcher): void {
    const refusal = this.inboundRefusal(watcher.namespace, watcher.port);
    if (refusal === watcher.told || !this.#inboundWatchers.has(watcher)) return;
    watcher.told = refusal;
    watcher.onRefusal(refusal);
  }
}

/** What is known now. Until a new source has answered, the endpoints of the old one stay good. */
function readyOf({ service, hold, ready }: Entry): ReadyService | null {
  const endpoints = hold?.state.endpoints ?? ready?.endpoints ?? null;
  if (service === null || endpoints === null) return null;
  if (ready?.service === service && ready.endpoints === endpoints) return ready;
  const version = endpointSetVersion(endpoints);
  // The same set in another order is no change.
  if (ready?.service === service && ready.version === version) return ready;
  return { kind: 'ready', service, endpoints, version };
}

function isSameState(a: ServiceState, b: ServiceState | null): boolean {
  if (a === b) return true;
  if (b === null || a.kind === 'ready' || b.kind === 'ready') return false;
  return (
    a.kind === b.kind && (a.kind !== 'unknown' || b.kind !== 'unknown' || a.refusal === b.refusal)
  );
}

const settling = { kind: 'settling' } as const;
