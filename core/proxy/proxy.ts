/**
 * The data plane of one thread, put together: given sockets and snapshots, it does the rest. It
 * listens nowhere, reads no environment and knows nothing of threads.
 */

import type { Socket as NetSocket } from 'node:net';
import type { ListenerName, MainToWorker, WorkerToMain } from '../../api/messages.ts';
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
import { LocalAddresses } from '../io/local-addresses.ts';
import { AccessLog } from '../telemetry/access-log.ts';
import { Logger } from '../telemetry/log.ts';
import { Registry } from '../telemetry/registry.ts';
import type { Core } from './core.ts';
import { DirectionStack } from './direction-stack.ts';
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
  /** Resets every connection and stops all timers of its own. */
  close(): void;
}

export function createProxy(env: ProxyEnv): Proxy {
  const core = createCore(env);
  const { io, memory } = core;
  const serverFirst = new ServerFirstMemory(env.clock);
  const outbound = new DirectionStack(core, 'outbound', () => targets, serverFirst);
  const inbound = new DirectionStack(core, 'inbound', () => targets, serverFirst);
  const targets: Targets = new Targets(
    core,
    { inbound: inbound.pool, outbound: outbound.pool },
    (target) => (target.direction === 'inbound' ? inbound : outbound).discovered(target),
    (target) => (target.direction === 'inbound' ? inbound : outbound).changed(target),
  );
  const adoptedAt = env.index * statusWords + statusField.adoptedTotal;
  const activityAt = env.index * statusWords + statusField.outboundActivity;

  let progressBefore = outbound.direction.progress;

  const housekeep = (): void => {
    io.enter();
    // Not open connections: applications keep theirs for later, and a drain would wait for them.
    const { progress } = outbound.direction;
    if (progress !== progressBefore) {
      progressBefore = progress;
      Atomics.store(memory.status, activityAt, stampOf(memory, io.nowMs));
    }
    inbound.direction.closeIdle();
    outbound.direction.closeIdle();
    targets.sweep();
    core.log.flush();
    core.accessLog?.flush();
    core.registry.flush();
    io.leave();
  };
  const stopHousekeeping = systemInterval(housekeep, housekeepMs);
  core.registry.flush();

  return {
    adopt(listener, socket) {
      io.enter();
      Atomics.add(memory.status, adoptedAt, 1);
      if (listener === 'inbound') inbound.adopt(socket, targets.find('inbound', ''));
      else if (listener === 'outbound') outbound.adopt(socket, null);
      else outbound.adopt(socket, targets.find('bind', bindAuthority(env.settings, listener)));
      io.leave();
    },
    receive(message) {
      io.enter();
      if (message.kind === 'snapshot') targets.receive(message.bytes);
      else if (message.kind === 'log-level') core.log.setLevel(message.level);
      else drain(message.stage);
      core.registry.flush();
      io.leave();
    },
    close() {
      stopHousekeeping();
      inbound.direction.force();
      outbound.direction.force();
      io.close();
      core.accessLog?.flush();
      core.log.flush(true);
      core.registry.flush();
    },
  };

  function drain(stage: Extract<MainToWorker, { kind: 'drain' }>['stage']): void {
    if (stage === 'announce') {
      inbound.direction.announce();
    } else if (stage === 'inbound') {
      inbound.direction.stop();
    } else if (stage === 'outbound') {
      outbound.direction.stop();
    } else {
      inbound.direction.force();
      outbound.direction.force();
    }
  }
}

function createCore(env: ProxyEnv): Core {
  const { settings, memory, clock, timers, random, post } = env;
  const cells = memory.cells[env.index];
  const io = new Io(clock, cells);
  const registry = new Registry(
    cells,
    (definitions) => post({ kind: 'cells', definitions }),
    (freed) => post({ kind: 'cells-freed', cells: freed }),
  );
  const log = new Logger((record) => post({ kind: 'log', ...record }), clock, settings.logLevel);
  const local = new LocalAddresses();
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
    exchanges: new Exchanges(settings.headFieldsMax),
    log,
    accessLog:
      settings.accessLog === 'off'
        ? null
        : new AccessLog(settings.accessLog, (lines) => post({ kind: 'access', lines })),
    isOwnListener: (host, port) => isOwnListener(settings, local, host, port),
    post,
  };
}

function isOwnListener(
  settings: ProxySettings,
  local: LocalAddresses,
  host: string,
  port: number,
): boolean {
  const listeners = [
    settings.outbound,
    settings.inbound,
    settings.admin,
    ...settings.binds.map((bind) => bind.address),
  ];
  return listeners.some((listener) => {
    if (listener === null || listener.port !== port) return false;
    if (listener.host === host) return true;
    const everywhere = listener.host === '0.0.0.0' || listener.host === '::';
    return everywhere && local.has(host);
  });
}

function bindAuthority(settings: ProxySettings, listener: `bind:${number}`): string {
  return settings.binds[Number(listener.slice('bind:'.length))].authority;
}

const housekeepMs = 250;
