/**
 * The worker threads: starts them in a piscina pool, hands connections to them, watches that they
 * live, and starts another when one has ended. What their reports mean is main's matter.
 */

import type { Socket } from 'node:net';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { Piscina } from 'piscina';
import type { IdentitySnapshot } from '../api/identity.ts';
import type { ListenerName, WorkerToMain } from '../api/messages.ts';
import type { ProxySettings } from '../api/settings.ts';
import {
  type SharedMemory,
  stampOf,
  stampUnitMs,
  statusField,
  statusWords,
} from '../api/shared-memory.ts';
import { zeroWorker } from '../core/balance/slots.ts';
import type { Clock } from '../core/base/clock.ts';
import * as limits from '../core/base/limits.ts';
import { systemInterval, systemWaitAtMost, Timer, type TimerWheel } from '../core/base/timers.ts';
import { handOff } from './handoff.ts';
import { pickWorker, type WorkerLoad } from './pick.ts';
import type { WorkerPool } from './pool.ts';
import { nextRestart } from './restart.ts';
import { heapFullCode, type WorkerTask } from './serve.ts';
import type { ControlMessage, WorkerEndReason, Workforce, WorkforceEvents } from './workforce.ts';

export interface SupervisorLimits {
  readonly heartbeatMs: number;
  readonly silenceMs: number;
  readonly endMs: number;
  readonly heapMib: number;
}

interface SupervisorOptions {
  readonly pool: WorkerPool;
  readonly settings: ProxySettings;
  readonly memory: SharedMemory;
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly events: WorkforceEvents;
  readonly readIdentity: () => IdentitySnapshot | null;
  readonly limits: SupervisorLimits;
}

export const supervisorLimits: SupervisorLimits = {
  heartbeatMs: limits.workerHeartbeatMs,
  silenceMs: limits.workerSilenceMs,
  endMs: limits.workerEndMs,
  heapMib: limits.workerHeapMib,
};

type RunOptions = NonNullable<Parameters<Piscina['run']>[1]>;

/** One place for a worker; threads come and go in it. */
interface Seat extends WorkerLoad {
  readonly index: number;
  readonly restart: Timer;
  incarnation: number;
  port: MessagePort | null;
  abort: AbortController;
  /** Sockets that were posted; the row's `adoptedTotal` follows. */
  handed: number;
  failures: number;
  startedMs: number;
  /** Why the thread has ended; its memory is ours again once its port is closed too. */
  end: { reason: WorkerEndReason; detail: string } | null;
  portClosed: boolean;
  /** Settles when the thread is gone. */
  gone: PromiseWithResolvers<void>;
  /** When the thread was told to end; Infinity before. */
  toldMs: number;
  /** It does not end: nobody else may have its memory. */
  stuck: boolean;
}

export class Supervisor implements Workforce {
  readonly #options: SupervisorOptions;
  readonly #seats: Seat[];
  readonly #pool: Piscina;
  readonly #stopWatching: () => void;
  #lastWatchMs: number;
  #stopping = false;

  /** Starts the threads; `events.onReady` tells when each takes connections. */
  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#pool = options.pool.pool;
    this.#seats = Array.from({ length: options.pool.threads }, (_, index) =>
      this.#createSeat(index),
    );
    this.#lastWatchMs = options.clock.monotonicMs();
    this.#stopWatching = systemInterval(() => this.#watch(), options.limits.heartbeatMs);
    for (const seat of this.#seats) this.#start(seat);
  }

  get count(): number {
    return this.#seats.length;
  }

  get readyCount(): number {
    return this.#seats.filter((seat) => seat.ready && !this.#isEnding(seat)).length;
  }

  countConnections(): number {
    let connections = 0;
    for (const seat of this.#seats) connections += this.#countConnectionsOf(seat);
    return connections;
  }

  give(listener: ListenerName, socket: Socket): boolean {
    let refused = 0;
    for (const seat of this.#seats) {
      seat.connections = this.#countConnectionsOf(seat);
      seat.loadPermille = this.#read(seat.index, statusField.loadPermille);
      if (this.#isEnding(seat)) refused |= 1 << seat.index;
    }
    for (;;) {
      const index = pickWorker(this.#seats, refused);
      if (index === -1) break;
      const seat = this.#seats[index];
      if (seat.port !== null && handOff(seat.port, listener, socket)) {
        seat.handed = (seat.handed + 1) | 0;
        return true;
      }
      refused |= 1 << index;
      this.#options.events.onRefused();
    }
    socket.destroy();
    return false;
  }

  send(worker: number, message: ControlMessage): void {
    this.#seats[worker].port?.postMessage(message);
  }

  broadcast(message: ControlMessage): void {
    for (const seat of this.#seats) if (seat.ready) seat.port?.postMessage(message);
  }

  async stop(): Promise<boolean> {
    this.#stopping = true;
    this.#stopWatching();
    for (const seat of this.#seats) {
      this.#options.timers.cancel(seat.restart);
      seat.ready = false;
    }
    // The pool itself forgets a thread that it has told to end.
    const gone = this.#seats.map((seat) => seat.gone.promise);
    const ended = await systemWaitAtMost(
      Promise.all([this.#pool.destroy(), ...gone]),
      stopTimeoutMs,
    );
    for (const seat of this.#seats) seat.port?.close();
    return ended;
  }

  #createSeat(index: number): Seat {
    return {
      index,
      restart: new Timer({ onTimer: () => this.#start(this.#seats[index]) }),
      ready: false,
      connections: 0,
      loadPermille: 0,
      incarnation: -1,
      port: null,
      abort: new AbortController(),
      handed: 0,
      failures: 0,
      startedMs: 0,
      end: null,
      portClosed: false,
      gone: Promise.withResolvers(),
      toldMs: Number.POSITIVE_INFINITY,
      stuck: false,
    };
  }

  #start(seat: Seat): void {
    const { settings, memory, clock } = this.#options;
    const { port1, port2 } = new MessageChannel();
    seat.incarnation += 1;
    seat.port = port1;
    seat.abort = new AbortController();
    seat.handed = 0;
    seat.end = null;
    seat.portClosed = false;
    seat.gone = Promise.withResolvers();
    seat.toldMs = Number.POSITIVE_INFINITY;
    seat.startedMs = clock.monotonicMs();
    this.#write(seat.index, statusField.heartbeat, stampOf(memory, seat.startedMs));
    port1.on('message', (message: WorkerToMain) => this.#onMessage(seat, message));
    port1.on('close', () => this.#onPortClose(seat, port1));
    this.#options.events.onStarting(seat.index, seat.incarnation);
    const task: WorkerTask = {
      start: {
        index: seat.index,
        incarnation: seat.incarnation,
        settings,
        memory,
        identity: this.#options.readIdentity(),
      },
      port: port2,
      heartbeatMs: this.#options.limits.heartbeatMs,
    };
    // Piscina's own types pick the wrong overload of postMessage; it wants an array.
    const options = { transferList: [port2], signal: seat.abort.signal } as unknown as RunOptions;
    this.#pool.run(task, options).then(
      () => this.#onThreadEnd(seat, 'exit', 'the task returned'),
      (error: unknown) => this.#onThreadEnd(seat, ...classify(error)),
    );
  }

  #onMessage(seat: Seat, message: WorkerToMain): void {
    if (this.#stopping || seat.stuck) return;
    if (message.kind !== 'ready') {
      this.#options.events.onReport(seat.index, message);
      return;
    }
    seat.ready = true;
    this.#options.events.onReady(seat.index);
  }

  #onThreadEnd(seat: Seat, reason: WorkerEndReason, detail: string): void {
    if (this.#stopping) return;
    seat.ready = false;
    seat.end = { reason, detail };
    if (seat.portClosed) this.#replace(seat);
  }

  /** The other side of the port closes when the thread is gone, after its last message. */
  #onPortClose(seat: Seat, port: MessagePort): void {
    if (seat.port !== port) return;
    seat.gone.resolve();
    if (this.#stopping || seat.stuck) return;
    seat.ready = false;
    seat.portClosed = true;
    if (seat.end !== null) this.#replace(seat);
  }

  #replace(seat: Seat): void {
    const { clock, events, memory, timers } = this.#options;
    const { reason, detail } = seat.end ?? { reason: 'exit', detail: '' };
    const { failures, delayMs } = nextRestart(seat.failures, clock.monotonicMs() - seat.startedMs);
    seat.failures = failures;
    seat.port = null;
    const lostConnections = this.#countConnectionsOf(seat);
    seat.handed = 0;
    zeroWorker(memory, seat.index);
    events.onEnded(seat.index, { reason, detail, lostConnections, restartDelayMs: delayMs });
    timers.arm(seat.restart, delayMs);
  }

  /**
   * A loop in native code. Another thread in its place would write the same memory, and this one
   * keeps its sockets and its core: only the end of the process frees them.
   */
  #giveUp(seat: Seat): void {
    const lostConnections = this.#countConnectionsOf(seat);
    seat.stuck = true;
    seat.handed = 0;
    zeroWorker(this.#options.memory, seat.index);
    this.#options.events.onStuck(seat.index, lostConnections);
  }

  /** Ends workers that have been silent for too long. */
  #watch(): void {
    const { clock, memory } = this.#options;
    const { silenceMs, endMs } = this.#options.limits;
    const now = clock.monotonicMs();
    const pausedMs = now - this.#lastWatchMs;
    this.#lastWatchMs = now;
    // We ourselves were stopped (a suspended machine, a debugger): so were they.
    if (pausedMs > silenceMs / 2) return;
    for (const seat of this.#seats) {
      if (!seat.portClosed && !seat.stuck && now - seat.toldMs > endMs) this.#giveUp(seat);
      if (seat.end !== null || seat.port === null || seat.abort.signal.aborted) continue;
      const stamp = this.#read(seat.index, statusField.heartbeat);
      const silentMs = ((stampOf(memory, now) - stamp) | 0) * stampUnitMs;
      const limitMs = seat.ready ? silenceMs : Math.max(silenceMs, limits.workerStartMs);
      if (silentMs <= limitMs) continue;
      seat.toldMs = now;
      seat.abort.abort();
    }
  }

  #isEnding(seat: Seat): boolean {
    return this.#read(seat.index, statusField.ending) !== 0;
  }

  #countConnectionsOf(seat: Seat): number {
    const { index, handed } = seat;
    const inTransit = (handed - this.#read(index, statusField.adoptedTotal)) | 0;
    return (
      this.#read(index, statusField.connectionsInbound) +
      this.#read(index, statusField.connectionsOutbound) +
      Math.max(0, inTransit)
    );
  }

  #read(index: number, field: number): number {
    return Atomics.load(this.#options.memory.status, index * statusWords + field);
  }

  #write(index: number, field: number, value: number): void {
    Atomics.store(this.#options.memory.status, index * statusWords + field, value);
  }
}

function classify(error: unknown): [WorkerEndReason, string] {
  if (!(error instanceof Error)) return ['exception', String(error)];
  if (error.name === 'AbortError') return ['silent', 'no sign of life'];
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ERR_WORKER_OUT_OF_MEMORY' || code === heapFullCode) return ['heap', error.message];
  const exited = error.message.startsWith('worker exited with code');
  return [exited ? 'exit' : 'exception', error.message];
}

const stopTimeoutMs = 2_000;
