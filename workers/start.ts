/**
 * A running proxy: ports, workers, discovery, snapshots, metrics, admin and the drain, wired in
 * one place. It knows no signals and no exit codes, so that tests and the demo can run it too.
 */

import type { DrainStage } from '../api/messages.ts';
import type { ProxySettings } from '../api/settings.ts';
import { createSharedMemory, type SharedMemory } from '../api/shared-memory.ts';
import type { LoadedConfig } from '../control/model/loaded-config.ts';
import { SlotAllocator } from '../core/balance/slot-allocator.ts';
import { Slots } from '../core/balance/slots.ts';
import { assert } from '../core/base/assert.ts';
import { systemClock as clock } from '../core/base/clock.ts';
import { cellsMax, slotsMax } from '../core/base/limits.ts';
import { systemRandom } from '../core/base/random.ts';
import { systemInterval, systemWaitAtMost, TimerWheel } from '../core/base/timers.ts';
import { MetricsMerger } from '../core/telemetry/merge.ts';
import { ProcessMetrics } from '../core/telemetry/process.ts';
import { TlsContexts } from '../core/tls/contexts.ts';
import { AcceptPauses, mainThread } from './accept-pauses.ts';
import type { AdminServer } from './admin-server.ts';
import type { ConfigState } from './admin-view.ts';
import { countWorkers } from './config.ts';
import { followConfig } from './config-reload.ts';
import { loadDiscovery } from './discovery.ts';
import { DrainRunner } from './drain-runner.ts';
import type { ProxyIdentity } from './identity/proxy-identity.ts';
import { startIdentity } from './identity.ts';
import { startInline } from './inline.ts';
import { type Listener, listenOn } from './listen.ts';
import { ListenerSet } from './listener-set.ts';
import { LogOutput, type WriteBytes, writeStderr } from './log-output.ts';
import { logDestinations, logInterfaces, logReady, logRelease } from './log-start.ts';
import { MainMetrics } from './metrics.ts';
import { startPool, type WorkerEntry, type WorkerPool } from './pool.ts';
import { bindPorts, listensInWorkers, type ProxyPorts } from './ports.ts';
import { createProxyAdmin } from './proxy-admin.ts';
import type { OpenDiscovery, ProxyDiscovery } from './proxy-discovery.ts';
import { explainUnready, type ReadinessFacts, whyPaused } from './readiness.ts';
import { waitForWorkers } from './ready-wait.ts';
import { Publisher } from './snapshot.ts';
import { Supervisor, type SupervisorLimits, supervisorLimits } from './supervisor.ts';
import type { Workforce } from './workforce.ts';
import { createWorkforceEvents } from './workforce-events.ts';

/** What tests replace. */
export interface StartOptions {
  readonly entry?: WorkerEntry;
  readonly limits?: SupervisorLimits;
  readonly writeLog?: WriteBytes;
  /** Threads that were started ahead; given back if their number is not the wanted one. */
  readonly pool?: WorkerPool | null;
}

type ProxyEnd = 'orderly' | 'stuck';

export interface RunningProxy {
  /** With the addresses that the ports really have. */
  readonly settings: ProxySettings;
  readonly log: LogOutput['log'];
  /** Begins the drain; a second call forces. */
  drain(): void;
  /** Resolves when everything has ended, but for a thread that is `stuck`. */
  readonly ended: Promise<ProxyEnd>;
  /** Ends without a drain: clients are reset. */
  stop(): Promise<ProxyEnd>;
}

/**
 * Resolves when traffic is accepted; rejects with a `ListenError` when a port is taken. `settings`
 * are the file's with what the command line changed.
 */
export async function startProxy(
  config: LoadedConfig,
  settings: ProxySettings = config.settings,
  options: StartOptions = {},
): Promise<RunningProxy> {
  const workers = countWorkers(settings.workers);
  if (options.pool != null && options.pool.threads !== workers) void options.pool.pool.destroy();
  const openDiscovery = await loadDiscovery(settings);
  const ports = bindPorts({ ...settings, workers });
  const proxy = new ProxyProcess(config, ports, workers, openDiscovery, options);
  try {
    await proxy.start(options);
  } catch (error) {
    await proxy.stop();
    throw error;
  }
  return proxy;
}

class ProxyProcess implements RunningProxy {
  readonly settings: ProxySettings;
  readonly ended: Promise<ProxyEnd>;
  readonly #resolveEnded: (end: ProxyEnd) => void;
  readonly #ports: ProxyPorts;
  readonly #workers: number;
  readonly #memory: SharedMemory;
  readonly #timers = new TimerWheel(clock);
  readonly #merger: MetricsMerger;
  readonly #metrics: MainMetrics;
  readonly #process: ProcessMetrics;
  readonly #output: LogOutput;
  readonly #config: ConfigState;
  readonly #slots: Slots;
  readonly #discovery: ProxyDiscovery;
  readonly #publisher: Publisher;
  readonly #pauses: AcceptPauses;
  readonly #listeners: ListenerSet;
  /** Main's own listeners that let clients in. */
  readonly #listening = { inbound: 0, outbound: 0 };
  readonly #drain: DrainRunner;
  /** For the admin port and the control plane. */
  readonly #tls = new TlsContexts();
  readonly #admin: AdminServer;
  readonly #cleanups: (() => void)[] = [];
  #adminListener: Listener | null = null;
  #workforce: Workforce | null = null;
  #identity: ProxyIdentity | null = null;
  #onReady: () => void = () => {};
  #isReady = false;
  #hasSaidReady = false;
  #stopped = false;

  constructor(
    config: LoadedConfig,
    ports: ProxyPorts,
    workers: number,
    openDiscovery: OpenDiscovery,
    options: StartOptions,
  ) {
    const { settings } = ports;
    this.settings = settings;
    this.#ports = ports;
    this.#workers = workers;
    this.#config = { loaded: config, problems: [], restart: [] };
    ({ promise: this.ended, resolve: this.#resolveEnded } = Promise.withResolvers<ProxyEnd>());
    const size = { workers, slots: slotsMax, cells: cellsMax };
    const memory = createSharedMemory(size, clock.monotonicMs());
    this.#memory = memory;
    this.#merger = new MetricsMerger(memory.cells, clock, settings.metricsRetainMs);
    this.#metrics = new MainMetrics(this.#merger, memory, workers);
    this.#process = new ProcessMetrics(this.#merger.registry, clock);
    this.#output = new LogOutput({
      settings,
      clock,
      writeBytes: options.writeLog ?? writeStderr,
      dropped: (stream, lines) => {
        this.#metrics.count('heddle_log_lines_dropped_total', { stream }, lines);
      },
      onFilters: (filters) => this.#workforce?.broadcast({ kind: 'log-filters', filters }),
    });
    this.#slots = new Slots(memory, -1, clock, systemRandom());
    const discoveryEnv = { timers: this.#timers, log: this.log, tls: this.#tls };
    this.#discovery = openDiscovery(config, settings, discoveryEnv);
    this.#publisher = new Publisher({
      discovery: this.#discovery,
      slots: new SlotAllocator(this.#slots),
      send: (worker, bytes) => this.#workforce?.send(worker, { kind: 'snapshot', bytes }),
      onSlotsExhausted: (authority) => {
        this.log.error('heddle::discovery', 'no slot is left for an endpoint', { authority });
      },
    });
    this.#pauses = new AcceptPauses({
      metrics: this.#metrics,
      log: this.log,
      countConnections: () => this.#workforce?.countConnections() ?? 0,
    });
    this.#listeners = this.#createListeners();
    this.#drain = new DrainRunner({
      settings,
      memory,
      clock,
      log: this.log,
      countConnections: () => this.#workforce?.countConnections() ?? 0,
      listeners: this.#listening,
      onStage: (stage) => this.#onDrainStage(stage),
      onDone: () => void this.stop(),
    });
    this.#admin = this.#createAdmin();
  }

  get log(): LogOutput['log'] {
    return this.#output.log;
  }

  async start(options: StartOptions): Promise<void> {
    const { settings } = this;
    const { ready, onReady } = waitForWorkers(this.#timers);
    this.#onReady = onReady;
    logRelease(this.log, this.#workers);
    await this.#listenForAdmin();
    logInterfaces(this.log, settings);
    this.#identity = await startIdentity(settings, {
      clock,
      timers: this.#timers,
      log: this.log,
      metrics: this.#metrics,
      tls: this.#tls,
      control: this.#discovery.control,
      send: (worker, identity) => this.#workforce?.send(worker, { kind: 'identity', identity }),
      onNamed: () => logDestinations(this.log, settings, this.#config.loaded.path),
      onCertified: () => this.#onCertified(),
    });
    this.#workforce = await this.#startWorkforce(options);
    this.#cleanups.push(systemInterval(() => this.#output.flush(), flushPeriodMs));
    if (this.#config.loaded.path !== '') this.#cleanups.push(this.#followConfig());
    await ready;
    if (!listensInWorkers(settings)) {
      for (const [name, port] of this.#ports.traffic) await this.#listeners.open(name, port);
    }
    this.#isReady = true;
    this.#sayReady();
  }

  drain(): void {
    this.#isReady = false;
    this.#drain.begin();
  }

  async stop(): Promise<ProxyEnd> {
    if (this.#stopped) return this.ended;
    this.#stopped = true;
    this.#isReady = false;
    this.#drain.close();
    this.#listeners.close();
    this.#adminListener?.close();
    // Those that main only reserved are still its own.
    if (listensInWorkers(this.settings)) {
      for (const { socket } of this.#ports.traffic.values()) socket.close();
    }
    for (const cleanup of this.#cleanups) cleanup();
    this.#publisher.close();
    await this.#identity?.close();
    this.#discovery.close();
    const ended = (await this.#workforce?.stop()) ?? true;
    this.#admin.close();
    this.#timers.close();
    this.#output.flush(true);
    // A reader that is stuck does not keep the process.
    await systemWaitAtMost(this.#output.idle(), lastLinesMs);
    const end = ended ? 'orderly' : 'stuck';
    this.#resolveEnded(end);
    return end;
  }

  async #startWorkforce(options: StartOptions): Promise<Workforce> {
    const { settings } = this;
    const shared = {
      settings,
      memory: this.#memory,
      clock,
      timers: this.#timers,
      readIdentity: () => this.#identity?.snapshot ?? null,
      events: createWorkforceEvents({
        publisher: this.#publisher,
        merger: this.#merger,
        metrics: this.#metrics,
        pauses: this.#pauses,
        output: this.#output,
        firstThread: this.#workers === 0 ? 1 : 2,
        onReady: (worker) => this.#onWorkerReady(worker),
        onEnded: () => this.#checkAdmission(),
        readIdentity: () => this.#identity?.workers ?? null,
        onStuck: () => {
          if (this.#isReady) this.drain();
        },
      }),
    };
    if (this.#workers === 0) {
      const { createProxy } = await import('../core/proxy/proxy.ts');
      return startInline({ ...shared, createProxy });
    }
    const limits = options.limits ?? supervisorLimits;
    const pool =
      options.pool?.threads === this.#workers
        ? options.pool
        : startPool(this.#workers, options.entry, limits.heapMib);
    assert(pool !== null, 'there are workers');
    return new Supervisor({ ...shared, pool, limits });
  }

  #followConfig(): () => void {
    return followConfig({
      state: this.#config,
      control: this.settings.control,
      timers: this.#timers,
      clock,
      log: this.log,
      metrics: this.#metrics,
      apply: (next) => this.#discovery.replace(next),
    });
  }

  #onWorkerReady(worker: number): void {
    const workforce = this.#workforce;
    const { stage } = this.#drain;
    const { filters } = this.#output;
    if (filters.join() !== this.settings.logLevel) {
      workforce?.send(worker, { kind: 'log-filters', filters });
    }
    if (stage !== null) workforce?.send(worker, { kind: 'drain', stage });
    if (workforce?.readyCount === workforce?.count) this.#onReady();
    this.#checkAdmission();
  }

  #onCertified(): void {
    this.#checkAdmission();
    if (this.#isReady) this.#sayReady();
  }

  #sayReady(): void {
    if (this.#hasSaidReady || whyPaused(this.#readiness()) === 'identity') return;
    this.#hasSaidReady = true;
    logReady(this.log, this.settings, this.#workers);
  }

  /** A worker has come or gone. */
  #checkAdmission(): void {
    if (this.#isReady) this.#listeners.check();
  }

  /** It answers whatever happens to the others. */
  async #listenForAdmin(): Promise<void> {
    if (this.#ports.admin === null) return;
    this.#adminListener = await listenOn(this.#ports.admin, {
      timers: this.#timers,
      onSocket: (socket) => this.#admin.accept(socket),
      onError: (error) => this.#onAcceptError(error),
    });
  }

  #createListeners(): ListenerSet {
    return new ListenerSet({
      maxConnections: this.settings.maxConnections,
      timers: this.#timers,
      countConnections: () => this.#workforce?.countConnections() ?? 0,
      whyPaused: () => whyPaused(this.#readiness()),
      onSocket: (name, socket) => this.#workforce?.give(name, socket),
      onError: (error) => this.#onAcceptError(error),
      onPause: (reason) => this.#pauses.paused(mainThread, reason),
      onResume: () => this.#pauses.resumed(mainThread),
      onCount: (direction, change) => {
        this.#listening[direction] += change;
      },
    });
  }

  #onAcceptError(error: Error): void {
    this.log.error('heddle::accept', 'accepting has failed', { error: error.message });
  }

  #onDrainStage(stage: DrainStage): void {
    this.#listeners.drain(stage);
    this.#workforce?.broadcast({ kind: 'drain', stage });
  }

  #createAdmin(): AdminServer {
    return createProxyAdmin({
      settings: this.settings,
      clock,
      timers: this.#timers,
      tls: this.#tls,
      output: this.#output,
      config: this.#config,
      merger: this.#merger,
      main: this.#metrics,
      process: this.#process,
      publisher: this.#publisher,
      discovery: this.#discovery,
      slots: this.#slots,
      readyWorkers: () => this.#workforce?.readyCount ?? 0,
      explainUnready: () => explainUnready(this.#readiness()),
      showIdentity: () => this.#identity?.show() ?? { state: 'off' },
      shutDown: () => this.#shutDown(),
    });
  }

  /** A second request changes nothing: what forces is a signal. */
  #shutDown(): boolean {
    if (this.#stopped || this.#drain.hasBegun) return false;
    this.log.info('heddle', 'Received shutdown via admin interface');
    this.drain();
    return true;
  }

  #readiness(): ReadinessFacts {
    return {
      hasStarted: this.#isReady,
      isDraining: this.#drain.hasBegun,
      readyWorkers: this.#workforce?.readyCount ?? 0,
      isRedirectedTo: this.settings.originalDestination !== 'off',
      identityNotReady: this.#identity?.notReady ?? '',
      discoveryNotReady: this.#discovery.remote?.notReady ?? '',
    };
  }
}

const flushPeriodMs = 1_000;
const lastLinesMs = 500;
