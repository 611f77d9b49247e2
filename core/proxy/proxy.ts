/**
 * The data plane of one thread, put together: given sockets and snapshots, it does the rest. It
 * listens nowhere, reads no environment and knows nothing of threads.
 */

import type { Socket as NetSocket } from 'node:net';
import type { IdentitySnapshot } from '../../api/identity.ts';
import type { DrainStage, ListenerName, MainToWorker, WorkerToMain } from '../../api/messages.ts';
import type { ProxySettings } from '../../api/settings.ts';
import { type SharedMemory, stampOf, statusField, statusWords } from '../../api/shared-memory.ts';
import { Slots } from '../balance/slots.ts';
import type { Clock } from '../base/clock.ts';
import { Deadlines } from '../base/deadlines.ts';
import type { Random } from '../base/random.ts';
import type { TimerWheel } from '../base/timers.ts';
import { systemInterval } from '../base/timers.ts';
import { ServerFirstMemory } from '../detect/server-first.ts';
import { Exchanges } from '../http/exchange.ts';
import { Io } from '../io/io.ts';
import { canonicalIp } from '../io/ip-text.ts';
import { AccessLog } from '../telemetry/access-log.ts';
import { Logger } from '../telemetry/log.ts';
import { isLogOff } from '../telemetry/log-filter.ts';
import { Registry } from '../telemetry/registry.ts';
import { TlsContexts } from '../tls/contexts.ts';
import { Arrivals } from './arrivals.ts';
import { type Core, coreOf, h2Of } from './core.ts';
import { DirectionStack } from './direction-stack.ts';
import { Gateway } from './gateway.ts';
import { type IsLocalAddress, isOwnListener } from './own-listeners.ts';
import type { Target } from './target.ts';
import { Targets } from './targets.ts';

export interface ProxyEnv {
  readonly index: number;
  readonly settings: ProxySettings;
  readonly memory: SharedMemory;
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly random: Random;
  readonly isLocalAddress: IsLocalAddress;
  readonly post: (message: WorkerToMain) => void;
}

export interface Proxy {
  /** Takes over a paused, untouched socket that a listener accepted. */
  adopt(listener: ListenerName, socket: NetSocket): void;
  receive(message: Exclude<MainToWorker, { kind: 'socket' }>): void;
  /** Resets every connection, stops all timers of its own and says what it has not said yet. */
  close(): void;
}

export function createProxy(env: ProxyEnv): Proxy {
  return new ThreadProxy(env);
}

class ThreadProxy implements Proxy {
  readonly #core: Core;
  readonly #outbound: DirectionStack;
  readonly #inbound: DirectionStack;
  readonly #targets: Targets;
  readonly #arrivals: Arrivals;
  readonly #adoptedAt: number;
  readonly #activityAt: number;
  readonly #stopHousekeeping: () => void;
  #progressBefore: number;

  constructor(env: ProxyEnv) {
    const core = createCore(env, () => this.#targets.closeIdle());
    this.#core = core;
    const serverFirst = new ServerFirstMemory(env.clock);
    this.#outbound = new DirectionStack(
      coreOf(core, 'outbound'),
      'outbound',
      () => this.#targets,
      serverFirst,
    );
    this.#inbound = new DirectionStack(
      coreOf(core, 'inbound'),
      'inbound',
      () => this.#targets,
      serverFirst,
    );
    this.#targets = new Targets(
      core,
      { inbound: this.#inbound, outbound: this.#outbound },
      (target, arrivedMs) => this.#stackOf(target).discovered(target, arrivedMs),
      (target) => this.#stackOf(target).changed(target),
    );
    if (core.settings.gatewaySuffixes.length > 0) {
      this.#inbound.gateway = new Gateway(this.#outbound, this.#targets);
    }
    this.#arrivals = new Arrivals(core, this.#inbound, this.#outbound, this.#targets);
    this.#adoptedAt = env.index * statusWords + statusField.adoptedTotal;
    this.#activityAt = env.index * statusWords + statusField.outboundActivity;
    this.#progressBefore = this.#outbound.direction.progress;
    this.#stopHousekeeping = systemInterval(() => this.#housekeep(), housekeepMs);
  }

  adopt(listener: ListenerName, socket: NetSocket): void {
    const { io, memory } = this.#core;
    io.enter();
    Atomics.add(memory.status, this.#adoptedAt, 1);
    this.#arrivals.adopt(listener, socket);
    io.leave();
  }

  receive(message: Exclude<MainToWorker, { kind: 'socket' }>): void {
    const { io, log } = this.#core;
    io.enter();
    if (message.kind === 'snapshot') this.#targets.receive(message.bytes);
    else if (message.kind === 'log-filters') log.setFilters(message.filters);
    else if (message.kind === 'identity') this.#identify(message.identity);
    else this.#drain(message.stage);
    io.leave();
  }

  close(): void {
    const { io, log, accessLog, registry } = this.#core;
    this.#stopHousekeeping();
    this.#drain('force');
    io.close();
    accessLog?.flush();
    log.flush(true);
    registry.flush();
  }

  /** Whoever connects from now on does so with it; what is connected stays. */
  #identify(identity: IdentitySnapshot): void {
    this.#core.tls.replace(identity, this.#core.io.nowMs);
    this.#core.post({ kind: 'identified', generation: identity.generation });
  }

  #stackOf(target: Target): DirectionStack {
    return target.direction === 'inbound' ? this.#inbound : this.#outbound;
  }

  #drain(stage: DrainStage): void {
    const { direction: inbound } = this.#inbound;
    const { direction: outbound } = this.#outbound;
    if (stage === 'announce') {
      inbound.announce();
    } else if (stage === 'inbound') {
      inbound.stop();
    } else if (stage === 'outbound') {
      outbound.stop();
    } else {
      inbound.force();
      outbound.force();
    }
  }

  #housekeep(): void {
    const { io, memory, exchanges, log, accessLog } = this.#core;
    io.enter();
    // Not open connections: applications keep theirs for later, and a drain would wait for them.
    const { progress } = this.#outbound.direction;
    if (progress !== this.#progressBefore) {
      this.#progressBefore = progress;
      Atomics.store(memory.status, this.#activityAt, stampOf(memory, io.nowMs));
    }
    this.#inbound.direction.closeIdle();
    this.#outbound.direction.closeIdle();
    this.#inbound.sweep(housekeepMs);
    this.#outbound.sweep(housekeepMs);
    this.#targets.sweep();
    exchanges.trim();
    log.flush();
    accessLog?.flush();
    io.leave();
  }
}

function createCore(env: ProxyEnv, freeDescriptors: () => boolean): Core {
  const { memory, clock, timers, random, post } = env;
  const settings = { ...env.settings, inboundIps: env.settings.inboundIps.map(canonicalIp) };
  const cells = memory.cells[env.index];
  const io = new Io(clock, cells);
  const registry = new Registry(cells, {
    announce: (definitions) => post({ kind: 'cells', definitions }),
    freed: (freed) => post({ kind: 'cells-freed', cells: freed }),
    soon: (flush) => io.soon(flush),
  });
  const log = new Logger((record) => post({ kind: 'log', ...record }), clock, settings.logLevel);
  return {
    worker: env.index,
    settings,
    memory,
    clock,
    timers,
    deadlines: new Deadlines(timers, io),
    random,
    io,
    slots: new Slots(memory, env.index, clock, random),
    registry,
    cells,
    exchanges: new Exchanges(),
    h2: h2Of(settings),
    tuneAccepted: null,
    tuneConnected: null,
    connectBackoff: { minMs: settings.connectBackoffMinMs, maxMs: settings.connectBackoffMaxMs },
    tls: new TlsContexts(),
    log,
    accessLog:
      settings.accessLog === 'off' || isLogOff(settings.logLevel)
        ? null
        : new AccessLog(settings.accessLog, (lines) => post({ kind: 'access', lines })),
    isOwnListener: (host, port) => isOwnListener(settings, env.isLocalAddress, host, port),
    freeDescriptors,
    post,
  };
}

const housekeepMs = 250;
