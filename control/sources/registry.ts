/**
 * The processes that have joined, as a catalog and a source of endpoints. An instance is there as
 * long as its stream, and for a lease after the stream was lost; it is an endpoint while it says
 * that it serves.
 *
 *   join ──> connected ──disconnected──> leased ──lease ends──> gone
 *              ^  the same instance again  │
 *              └──────────<────────────────┘
 *
 * A start takes the instances of the run before from disk, as leased. Until their leases have
 * ended the registry is settling: a name that it does not know may still come back, and nobody is
 * told of a service before it has an endpoint. Where the run before has left nothing on disk,
 * nobody is told of any: its endpoints are still coming back, one after the other.
 */

import type { ResolvedEndpoint } from '../../api/discovery.ts';
import type { Clock } from '../../core/base/clock.ts';
import {
  changesMs,
  registryInstancesMax,
  registryLeaseMs,
  registryServiceKeepMs,
  serviceEndpointsMax,
} from '../../core/base/limits.ts';
import type { TimerWheel } from '../../core/base/timers.ts';
import { type Catalog, type CatalogStatus, noRefusals } from '../model/catalog.ts';
import type { ServiceConfig, ServicePort } from '../model/loaded-config.ts';
import { Pace } from '../model/pace.ts';
import { addressOf, type Registration, refuseRegistration } from '../model/registration.ts';
import type { Source, SourceListener, SourceLog } from '../model/source.ts';
import { joinedEndpoint, joinedIdentity } from './joined-endpoint.ts';
import { Leases } from './leases.ts';
import { RegistryFile, type StoredInstance } from './registry-file.ts';

interface RegistryEnv {
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly log: SourceLog;
  /** Of the names that proxies of the mesh prove. */
  readonly trustDomain: string;
  /** Where it is kept between runs; null for nowhere. */
  readonly path: string | null;
  /** Nobody can have joined before, so that no file says so too. */
  readonly isFirst?: boolean;
}

type JoinResult =
  /** A sentence about what is not as the process wants it; empty as a rule. */
  | { readonly warning: string }
  /** Why it has not joined, as a sentence. */
  | { readonly refused: string };

/** One that has joined, for those who look. */
interface InstanceView {
  readonly registration: Registration;
  /** What its proxy proves; may be empty. */
  readonly identity: string;
  readonly serving: boolean;
  readonly connected: boolean;
}

interface Instance {
  readonly key: string;
  readonly service: JoinedService;
  registration: Registration;
  serving: boolean;
  /** The stream that holds it; null while its lease runs. */
  connection: number | null;
}

interface JoinedService {
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
  readonly protocol: ServiceConfig['protocol'];
  /** Whether anybody is told of it. */
  isShown: boolean;
  readonly instances: Map<string, Instance>;
  /** The newest instance at each address. */
  readonly addresses: Map<string, Instance>;
}

interface Follower {
  readonly listener: SourceListener;
  readonly pace: Pace;
}

export class Registry implements Catalog {
  readonly kind = 'registry';
  readonly location: string;
  readonly #env: RegistryEnv;
  readonly #file: RegistryFile | null;
  readonly #services = new Map<string, JoinedService>();
  readonly #instances = new Map<string, Instance>();
  readonly #connections = new Map<number, Instance>();
  readonly #leases: Leases;
  /** Services without instances. */
  readonly #kept: Leases;
  readonly #followers = new Map<string, Set<Follower>>();
  readonly #listeners = new Set<() => void>();
  #configs: readonly ServiceConfig[] | null = null;
  readonly #isLost: boolean;
  #isSettling = true;

  constructor(env: RegistryEnv) {
    this.#env = env;
    this.location = env.path ?? '';
    this.#leases = new Leases(env, registryLeaseMs, (key) => this.#expire(key));
    this.#kept = new Leases(env, registryServiceKeepMs, (key) => this.#forget(key));
    this.#file = env.path === null ? null : new RegistryFile(env.path, env, () => this.#collect());
    const stored = this.#file?.load() ?? null;
    this.#isLost = this.#file !== null && env.isFirst !== true && stored === null;
    for (const one of stored ?? []) this.#restore(one);
    this.#leases.start(settlingKey);
    // The next start has to find one, even if nobody joins.
    this.#file?.saveSoon();
  }

  /** By the first message of a stream. The same instance on another stream takes its place. */
  join(registration: Registration, connection: number): JoinResult {
    const refused = refuseRegistration(registration);
    if (refused !== null) return { refused };
    this.disconnected(connection);
    const joined = this.#add(registration, true);
    if ('refused' in joined) return joined;
    const { instance } = joined;
    if (instance.connection !== null) this.#connections.delete(instance.connection);
    instance.connection = connection;
    this.#connections.set(connection, instance);
    this.#leases.end(instance.key);
    this.#file?.saveSoon();
    return { warning: warningOf(instance) };
  }

  /** Whether the process takes traffic, as its stream says. */
  setServing(connection: number, serving: boolean): void {
    const instance = this.#connections.get(connection);
    if (instance === undefined || instance.serving === serving) return;
    instance.serving = serving;
    this.#file?.saveSoon();
    this.#showServing(instance);
    this.#changed(instance.service);
  }

  /** The stream has ended, in whatever way: the lease begins. */
  disconnected(connection: number): void {
    const instance = this.#connections.get(connection);
    if (instance === undefined) return;
    this.#connections.delete(connection);
    instance.connection = null;
    this.#leases.start(instance.key);
  }

  instances(): InstanceView[] {
    return Array.from(this.#instances.values(), ({ registration, serving, connection }) => ({
      registration,
      identity: joinedIdentity(registration, this.#env.trustDomain),
      serving,
      connected: connection !== null,
    }));
  }

  /** Opens the endpoints of a service, known or not; for `OpenSource`. */
  openEndpoints({ namespace, name }: ServicePort, listener: SourceListener): Source {
    const key = serviceKey(namespace, name);
    const tell = (): void => {
      const isShown = this.#services.get(key)?.isShown ?? !this.#isSettling;
      if (isShown) listener.onEndpoints(this.#endpointsOf(key));
    };
    const follower = { listener, pace: new Pace(this.#env.timers, changesMs, tell) };
    const followers = this.#followers.get(key) ?? new Set();
    this.#followers.set(key, followers.add(follower));
    tell();
    return {
      close: () => {
        follower.pace.close();
        followers.delete(follower);
        if (followers.size === 0 && this.#followers.get(key) === followers) {
          this.#followers.delete(key);
        }
      },
    };
  }

  services(): readonly ServiceConfig[] {
    this.#configs ??= Array.from(
      Array.from(this.#services.values()).filter(({ isShown }) => isShown),
      ({ namespace, name, port, protocol }): ServiceConfig => {
        const source = { kind: 'registry', namespace, name, port } as const;
        return { name, namespace, port, protocol, source };
      },
    );
    return this.#configs;
  }

  refusals() {
    return noRefusals;
  }

  problems() {
    return [];
  }

  status(): CatalogStatus {
    const objects = this.#instances.size;
    const error = this.#file?.error ?? null;
    return { objects, confirmedWallMs: this.#env.clock.wallMs(), error };
  }

  isSettling(): boolean {
    return this.#isSettling;
  }

  settlingMs(): number {
    return this.#leases.leftMs(settlingKey);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#leases.close();
    this.#kept.close();
    for (const followers of this.#followers.values()) {
      for (const { pace } of followers) pace.close();
    }
    this.#followers.clear();
    this.#listeners.clear();
    this.#file?.close();
  }

  #restore({ registration, serving }: StoredInstance): void {
    const joined = this.#add(registration, false);
    if ('refused' in joined) return;
    joined.instance.serving = serving;
    this.#showServing(joined.instance);
    this.#leases.start(joined.instance.key);
  }

  #add(
    registration: Registration,
    replaces: boolean,
  ): { readonly instance: Instance } | { readonly refused: string } {
    const service = this.#serviceOf(registration);
    const key = `${service.key} ${registration.instance}`;
    const address = addressOf(registration);
    const known = service.instances.get(key);
    // Whoever had the address and has no stream any more has made room for this one.
    const before = service.addresses.get(address);
    if (replaces && before !== known && before?.connection === null) this.#remove(before);
    if (known !== undefined) {
      if (addressOf(known.registration) !== address) {
        this.#leaveAddress(known);
        known.serving = false;
      }
      known.registration = registration;
      service.addresses.set(address, known);
      this.#changed(service);
      return { instance: known };
    }
    const refused = this.#refuse(service);
    if (refused !== null) {
      if (service.instances.size === 0) this.#kept.start(service.key);
      return { refused };
    }
    const instance = { key, service, registration, serving: false, connection: null };
    service.instances.set(key, instance);
    service.addresses.set(address, instance);
    this.#instances.set(key, instance);
    this.#kept.end(service.key);
    return { instance };
  }

  #refuse(service: JoinedService): string | null {
    if (this.#instances.size >= registryInstancesMax) {
      return `${registryInstancesMax} processes have joined already; join another control plane`;
    }
    if (service.instances.size < serviceEndpointsMax) return null;
    return `${service.name} has ${serviceEndpointsMax} processes already; end some of them first`;
  }

  /** Of a service without instances another port and protocol may be said. */
  #serviceOf({ namespace, service: name, servicePort, protocol }: Registration): JoinedService {
    const key = serviceKey(namespace, name);
    const known = this.#services.get(key);
    const isSame = known?.port === servicePort && known.protocol === protocol;
    if (known !== undefined && (isSame || known.instances.size > 0)) return known;
    if (this.#services.size >= registryInstancesMax) this.#kept.expireFirst();
    const service = {
      key,
      namespace,
      name,
      port: servicePort,
      protocol,
      isShown: !this.#isSettling,
      instances: new Map<string, Instance>(),
      addresses: new Map<string, Instance>(),
    };
    this.#services.set(key, service);
    if (service.isShown) this.#servicesChanged();
    return service;
  }

  #showServing({ service, serving }: Instance): void {
    if (service.isShown || !serving || this.#isLost) return;
    service.isShown = true;
    this.#servicesChanged();
  }

  #settle(): void {
    this.#isSettling = false;
    for (const service of this.#services.values()) service.isShown = true;
    this.#servicesChanged();
    for (const followers of Array.from(this.#followers.values())) {
      for (const { pace } of followers) pace.request();
    }
  }

  #expire(key: string): void {
    if (key === settlingKey) {
      this.#settle();
      return;
    }
    const instance = this.#instances.get(key);
    if (instance !== undefined) this.#remove(instance);
  }

  #remove(instance: Instance): void {
    const { key, service } = instance;
    this.#leases.end(key);
    this.#instances.delete(key);
    service.instances.delete(key);
    this.#leaveAddress(instance);
    if (service.instances.size === 0) this.#kept.start(service.key);
    this.#file?.saveSoon();
    this.#changed(service);
  }

  #leaveAddress(instance: Instance): void {
    const { addresses } = instance.service;
    const address = addressOf(instance.registration);
    if (addresses.get(address) === instance) addresses.delete(address);
  }

  #forget(key: string): void {
    if (this.#services.get(key)?.instances.size !== 0) return;
    this.#services.delete(key);
    this.#servicesChanged();
  }

  #servicesChanged(): void {
    this.#configs = null;
    for (const listener of Array.from(this.#listeners)) listener();
  }

  #changed(service: JoinedService): void {
    for (const { pace } of this.#followers.get(service.key) ?? []) pace.request();
  }

  #endpointsOf(key: string): ResolvedEndpoint[] {
    const endpoints: ResolvedEndpoint[] = [];
    const { trustDomain } = this.#env;
    const { protocol = 'auto', instances } = this.#services.get(key) ?? {};
    for (const { serving, registration } of instances?.values() ?? []) {
      if (serving) endpoints.push(joinedEndpoint(registration, protocol, trustDomain));
    }
    return endpoints;
  }

  #collect(): StoredInstance[] {
    return Array.from(this.#instances.values(), ({ registration, serving }) => ({
      registration,
      serving,
    }));
  }
}

/** Whoever says nothing of the protocol contradicts nobody. */
function warningOf({ service, registration }: Instance): string {
  const { namespace, name, port, protocol } = service;
  const { servicePort, protocol: wanted } = registration;
  if (servicePort === port && (wanted === protocol || wanted === 'auto')) return '';
  return (
    `${name}.${namespace} was joined first with port ${port} and protocol ${protocol}, ` +
    `which stay; port ${servicePort} and protocol ${wanted} are ignored`
  );
}

function serviceKey(namespace: string, name: string): string {
  return `${name}.${namespace}`;
}

/** No key of an instance. */
const settlingKey = '';
