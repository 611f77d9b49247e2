/**
 * A mesh in simulated time: sources that change, control planes that learn of it late, stop and
 * start, and proxies that watch them over a bad network, all of it the product's own code but for
 * sockets. What proxies have is held against what the sources ever held.
 */

import type { ResolvedEndpoint, ResolvedTarget } from '../../api/discovery.ts';
import { MeshIndex } from '../../control/index/mesh-index.ts';
import { type Catalog, noRefusals } from '../../control/model/catalog.ts';
import type { ServiceConfig } from '../../control/model/loaded-config.ts';
import type { OpenSource } from '../../control/model/source.ts';
import { DestinationService } from '../../control/serve/destination.ts';
import { ControlMetrics } from '../../control/serve/metrics.ts';
import { OutboundService } from '../../control/serve/outbound.ts';
import { Streams } from '../../control/serve/streams.ts';
import { type Random, seededRandom } from '../../core/base/random.ts';
import { TimerWheel } from '../../core/base/timers.ts';
import { ControlPlane } from '../../core/discover/control-plane.ts';
import { RemoteDiscovery } from '../../core/discover/remote-discovery.ts';
import { defaultSettings } from '../support/discovery-rig.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { type Faults, type NetworkEnv, noFaults, SimServer, simClient } from './sim-network.ts';

export interface DiscoveryScenario {
  readonly seed: number;
  readonly controls: number;
  readonly proxies: number;
  readonly services: number;
  /** Trouble lasts so long, then there is quiet. */
  readonly troubleMs: number;
  readonly faults: Faults;
}

interface DiscoveryOutcome {
  /** What must never be, with its time. */
  readonly violations: readonly string[];
  /** Proxies that differ from the source after the quiet, with both sides. */
  readonly differences: readonly string[];
  /** How often proxies were told something, and how often sources changed. */
  readonly told: number;
  readonly changes: number;
  /** A line for each thing that was told, to compare runs. */
  readonly trace: readonly string[];
}

export function simulateDiscovery(scenario: DiscoveryScenario): DiscoveryOutcome {
  return new World(scenario).run();
}

/** What the sources hold, and ever held, of one service. */
interface Truth {
  readonly name: string;
  readonly mayBeEmpty: boolean;
  now: readonly number[];
  readonly ever: Set<number>;
  wasEmpty: boolean;
}

class World {
  readonly #scenario: DiscoveryScenario;
  readonly #clock = new FakeClock();
  readonly #timers = new TimerWheel(this.#clock, this.#clock.wakeSource);
  readonly #random: Random;
  readonly #network: NetworkEnv;
  readonly #truths: Truth[];
  readonly #controls: Control[];
  readonly #planes: ControlPlane[] = [];
  readonly #proxies: Watcher[];
  readonly #violations: string[] = [];
  readonly #trace: string[] = [];
  #changes = 0;

  constructor(scenario: DiscoveryScenario) {
    this.#scenario = scenario;
    this.#random = seededRandom(scenario.seed);
    this.#network = {
      clock: this.#clock,
      random: this.#random,
      wake: this.#clock.wakeSource,
      faults: scenario.faults,
    };
    this.#truths = Array.from({ length: scenario.services }, (_, index) => {
      const now = [index * 100 + 1, index * 100 + 2, index * 100 + 3];
      // The first one may lose all of its endpoints, the others never do.
      return {
        name: `svc-${index}`,
        mayBeEmpty: index === 0,
        now,
        ever: new Set(now),
        wasEmpty: false,
      };
    });
    const env = { clock: this.#clock, timers: this.#timers };
    this.#controls = Array.from(
      { length: scenario.controls },
      () => new Control(env, this.#network, this.#truths),
    );
    this.#proxies = Array.from({ length: scenario.proxies }, (_, index) =>
      this.#createProxy(index),
    );
  }

  run(): DiscoveryOutcome {
    const { troubleMs } = this.#scenario;
    for (let passedMs = 0; passedMs < troubleMs; passedMs += stepMs) {
      this.#disturb();
      this.#clock.advance(stepMs);
    }
    this.#network.faults = noFaults;
    for (const control of this.#controls) control.start();
    this.#clock.advance(quietMs);
    const differences = this.#proxies.flatMap((proxy) => proxy.differences(this.#truths));
    for (const proxy of this.#proxies) proxy.close();
    for (const plane of this.#planes) plane.close();
    for (const control of this.#controls) control.stop();
    return {
      violations: this.#violations,
      differences,
      told: this.#trace.length,
      changes: this.#changes,
      trace: this.#trace,
    };
  }

  #createProxy(index: number): Watcher {
    const log = { info: () => undefined, warn: () => undefined };
    const plane = new ControlPlane(
      {
        io: { enter: () => undefined, leave: () => undefined },
        openClient: ({ port }) => simClient(this.#network, () => this.#controls[port - 1].server),
        isOpenTo: () => true,
        isSecured: () => false,
        clock: this.#clock,
        random: this.#random,
        log,
        followControl: (onAddresses) => {
          onAddresses(this.#controls.map((_, at) => ({ host: '10.0.0.1', port: at + 1 })));
          return () => undefined;
        },
      },
      'control:1',
    );
    this.#planes.push(plane);
    const discovery = new RemoteDiscovery(
      {
        planes: { destination: plane, policy: plane },
        clock: this.#clock,
        timers: this.#timers,
        random: this.#random,
        log,
        unmeshed: {
          watch: () => () => undefined,
          status: () => ({ kind: 'none', location: '', confirmedWallMs: null, error: null }),
          close: () => undefined,
        },
      },
      {
        ...defaultSettings,
        workload: `{"ns":"default","pod":"proxy-${index}"}`,
        context: `{"ns":"default","pod":"proxy-${index}"}`,
        admin: '',
        version: '0',
        inboundTo: null,
        passthrough: 'refuse',
        stateDir: null,
        stream: { initialMs: 3_000, idleMs: 15_000, lifetimeMs: 60_000 },
      },
    );
    return new Watcher(discovery, this.#truths, (truth, target) => {
      this.#check(index, truth, target);
    });
  }

  #check(proxy: number, truth: Truth, target: ResolvedTarget): void {
    const ports = target.endpoints.map(({ port }) => port);
    const at = `${this.#clock.monotonicMs()} ms, proxy ${proxy}, ${truth.name}`;
    this.#trace.push(`${at}: ${target.state} ${ports.join()}`);
    if (target.state === 'absent') this.#violations.push(`${at} is said to be absent`);
    const foreign = ports.filter((port) => !truth.ever.has(port));
    if (foreign.length > 0) this.#violations.push(`${at} has ${foreign.join()}, which never was`);
    if (new Set(ports).size < ports.length) this.#violations.push(`${at} has one twice`);
    if (ports.length === 0 && !truth.wasEmpty) this.#violations.push(`${at} is empty by error`);
  }

  /** One thing happens in most steps. */
  #disturb(): void {
    const dice = this.#random.float();
    if (dice < 0.3) this.#change(this.#pick(this.#truths));
    else if (dice < 0.32) this.#pick(this.#controls).stop();
    else if (dice < 0.36) this.#pick(this.#controls).start();
    else if (dice < 0.4) this.#pick(this.#proxies).toggle(this.#pick(this.#truths));
  }

  #change(truth: Truth): void {
    const fresh = Math.floor(this.#random.float() * 60_000) + 1;
    const dice = this.#random.float();
    let next = truth.now;
    if (dice < 0.4) next = [...truth.now, fresh];
    else if (dice < 0.7) next = truth.now.filter((_, index) => index > 0);
    else if (dice < 0.9) next = [fresh];
    else next = [];
    if (next.length === 0 && !truth.mayBeEmpty) next = [fresh];
    truth.now = [...new Set(next)].slice(0, 50);
    for (const port of truth.now) truth.ever.add(port);
    truth.wasEmpty ||= truth.now.length === 0;
    this.#changes += 1;
    for (const control of this.#controls) {
      this.#clock.wakeSource(() => control.learn(), this.#random.float() * learnMaxMs);
    }
  }

  #pick<T>(all: readonly T[]): T {
    return all[this.#random.uint32() % all.length];
  }
}

interface ControlEnv {
  readonly clock: FakeClock;
  readonly timers: TimerWheel;
}

/** An instance of the control plane: the index and its services on a simulated server. */
class Control {
  server: SimServer | null = null;
  readonly #env: ControlEnv;
  readonly #network: NetworkEnv;
  readonly #truths: readonly Truth[];
  #index: MeshIndex | null = null;
  #learn: () => void = () => undefined;

  constructor(env: ControlEnv, network: NetworkEnv, truths: readonly Truth[]) {
    this.#env = env;
    this.#network = network;
    this.#truths = truths;
    this.start();
  }

  /** Harmless when it runs. */
  start(): void {
    if (this.server !== null) return;
    const { clock, timers } = this.#env;
    const log = { info: () => undefined, warn: () => undefined };
    const catalog = new TruthCatalog(this.#truths);
    this.#learn = () => catalog.change();
    this.#index = new MeshIndex({
      clock,
      timers,
      log,
      openSource: openInline,
      clusterDomain: 'cluster.local',
      catalogs: [catalog],
    });
    this.server = new SimServer(this.#network);
    const metrics = new ControlMetrics(clock);
    const soon = (run: () => void): void => void this.#network.wake(run, 0);
    const streams = new Streams({ server: this.server, timers, metrics, soon });
    new DestinationService(this.#index, streams);
    new OutboundService(this.#index, streams);
  }

  stop(): void {
    this.server?.stop();
    this.server = null;
    this.#index?.close();
    this.#index = null;
    this.#learn = () => undefined;
  }

  learn(): void {
    this.#learn();
  }
}

/** The sources as an instance saw them last. */
class TruthCatalog implements Catalog {
  readonly kind = 'config';
  readonly location = 'truth';
  readonly #truths: readonly Truth[];
  readonly #listeners = new Set<() => void>();
  #services: readonly ServiceConfig[] = [];

  constructor(truths: readonly Truth[]) {
    this.#truths = truths;
    this.#look();
  }

  change(): void {
    this.#look();
    for (const listener of this.#listeners) listener();
  }

  services(): readonly ServiceConfig[] {
    return this.#services;
  }

  refusals() {
    return noRefusals;
  }

  problems() {
    return [];
  }

  status() {
    return { objects: this.#services.length, confirmedWallMs: 0, error: null };
  }

  isSettling(): boolean {
    return false;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#listeners.clear();
  }

  #look(): void {
    this.#services = this.#truths.map(({ name, now }): ServiceConfig => {
      const endpoints = now.map(
        (port): ResolvedEndpoint => ({ host: '10.0.0.9', port, weight: 1, zone: '' }),
      );
      const source = { kind: 'inline', endpoints } as const;
      return { name, namespace: 'default', port: 80, protocol: 'auto', source };
    });
  }
}

/** A proxy's discovery with what it was told last of each service that it watches. */
class Watcher {
  readonly #discovery: RemoteDiscovery;
  readonly #onTold: (truth: Truth, target: ResolvedTarget) => void;
  readonly #known = new Map<Truth, ResolvedTarget>();
  readonly #watched = new Map<Truth, () => void>();

  constructor(
    discovery: RemoteDiscovery,
    truths: readonly Truth[],
    onTold: (truth: Truth, target: ResolvedTarget) => void,
  ) {
    this.#discovery = discovery;
    this.#onTold = onTold;
    for (const truth of truths) this.#watch(truth);
  }

  /** Nobody asks for it any more, or somebody does again. */
  toggle(truth: Truth): void {
    const unwatch = this.#watched.get(truth);
    if (unwatch === undefined) {
      this.#watch(truth);
      return;
    }
    unwatch();
    this.#watched.delete(truth);
    this.#known.delete(truth);
  }

  differences(truths: readonly Truth[]): string[] {
    return truths.flatMap((truth) => {
      if (!this.#watched.has(truth)) return [];
      const has = this.#known.get(truth)?.endpoints.map(({ port }) => port);
      const own = has?.toSorted((a, b) => a - b).join();
      const source = truth.now.toSorted((a, b) => a - b).join();
      return own === source ? [] : [`${truth.name}: ${own ?? 'nothing'} instead of ${source}`];
    });
  }

  close(): void {
    for (const unwatch of this.#watched.values()) unwatch();
    this.#discovery.close();
  }

  #watch(truth: Truth): void {
    const unwatch = this.#discovery.watch(`host:${truth.name}`, (target) => {
      this.#known.set(truth, target);
      this.#onTold(truth, target);
    });
    this.#watched.set(truth, unwatch);
  }
}

/** A service that has changed has another source. */
const openInline: OpenSource = (config, listener) => {
  if (config.kind === 'inline') listener.onEndpoints(config.endpoints);
  return { close: () => undefined };
};

const stepMs = 100;
/** Longer than the longest wait of anybody, and than a stream may be silent. */
const quietMs = 180_000;
const learnMaxMs = 2_000;
