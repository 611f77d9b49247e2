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
import { H2Thread } from '../http/h2/thread.ts';
import { Io } from '../io/io.ts';
import { isLocalAddress, isLoopback } from '../io/local-addresses.ts';
import { AccessLog } from '../telemetry/access-log.ts';
import { Logger } from '../telemetry/log.ts';
import { Registry } from '../telemetry/registry.ts';
import { TlsContexts } from '../tls/contexts.ts';
import type { Core } from './core.ts';
import { DirectionStack } from './direction-stack.ts';
import type { Target } from './target.ts';
import { Targets } from './targets.ts';

export interface ProxyEnv {
  readonly index: number;
  readonly settings: ProxySettings;
  readonly memory: SharedMemory;
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly random: Random;
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
  readonly #adoptedAt: number;
  readonly #activityAt: number;
  readonly #stopHousekeeping: () => void;
  #progressBefore: number;

  constructor(env: ProxyEnv) {
    const core = createCore(env, () => this.#targets.closeIdle());
    this.#core = core;
    const serverFirst = new ServerFirstMemory(env.clock);
    this.#outbound = new DirectionStack(core, 'outbound', () => this.#targets, serverFirst);
    this.#inbound = new DirectionStack(core, 'inbound', () => this.#targets, serverFirst);
    this.#targets = new Targets(
      core,
      { inbound: this.#inbound.pools, outbound: this.#outbound.pools },
      (target, arrivedMs) => this.#stackOf(target).discovered(target, arrivedMs),
      (target) => this.#stackOf(target).changed(target),
    );
    this.#adoptedAt = env.index * statusWords + statusField.adoptedTotal;
    this.#activityAt = env.index * statusWords + statusField.outboundActivity;
    this.#progressBefore = this.#outbound.direction.progress;
    this.#stopHousekeeping = systemInterval(() => this.#housekeep(), housekeepMs);
  }

  adopt(listener: ListenerName, socket: NetSocket): void {
    const { io, memory, settings } = this.#core;
    const targets = this.#targets;
    io.enter();
    Atomics.add(memory.status, this.#adoptedAt, 1);
    if (listener === 'inbound') this.#inbound.adopt(socket, targets.find('inbound', ''));
    else if (listener === 'outbound') this.#outbound.adopt(socket, null);
    else this.#outbound.adopt(socket, targets.find('bind', bindAuthority(settings, listener)));
    io.leave();
  }

  receive(message: Exclude<MainToWorker, { kind: 'socket' }>): void {
    const { io, log } = this.#core;
    io.enter();
    if (message.kind === 'snapshot') this.#targets.receive(message.bytes);
    else if (message.kind === 'log-level') log.setLevel(message.level);
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
  const { settings, memory, clock, timers, random, post } = env;
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
    h2: new H2Thread({
      headBytesMax: settings.http2MaxHeaderListSize,
      headFieldsMax: settings.headFieldsMax,
      initialStreamWindowBytes: settings.http2InitialStreamWindowSize,
      initialConnectionWindowBytes: settings.http2InitialConnectionWindowSize,
      maxConcurrentStreams: settings.http2MaxConcurrentStreams,
      maxFrameBytes: settings.http2MaxFrameSize,
    }),
    tls: new TlsContexts(),
    log,
    accessLog:
      settings.accessLog === 'off'
        ? null
        : new AccessLog(settings.accessLog, (lines) => post({ kind: 'access', lines })),
    isOwnListener: (host, port) => isOwnListener(settings, host, port),
    freeDescriptors,
    post,
  };
}

function isOwnListener(settings: ProxySettings, host: string, port: number): boolean {
  const listeners = [
    settings.outbound,
    settings.inbound,
    settings.admin,
    ...settings.binds.map((bind) => bind.address),
  ];
  const reached = plainHost(host);
  return listeners.some((listener) => {
    if (listener === null || listener.port !== port) return false;
    const bound = plainHost(listener.host);
    // Dialling the wildcard reaches the loopback.
    if (bound === reached || (isWildcard(reached) && isLoopback(bound))) return true;
    return isWildcard(bound) && isLocalAddress(reached);
  });
}

/** IPv4 as IPv6 writes it is the same address. */
function plainHost(host: string): string {
  return host.toLowerCase().startsWith('::ffff:') ? host.slice('::ffff:'.length) : host;
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

function bindAuthority(settings: ProxySettings, listener: `bind:${number}`): string {
  return settings.binds[Number(listener.slice('bind:'.length))].authority;
}

const housekeepMs = 250;
