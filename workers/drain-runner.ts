/** Drives the drain: reads the counts of all workers, and says what each stage found. */

import type { DrainStage } from '../api/messages.ts';
import type { ProxySettings } from '../api/settings.ts';
import {
  type SharedMemory,
  stampOf,
  stampUnitMs,
  statusField,
  statusWords,
} from '../api/shared-memory.ts';
import type { Clock } from '../core/base/clock.ts';
import { formatSeconds } from '../core/base/seconds.ts';
import { systemInterval } from '../core/base/timers.ts';
import type { DirectionName } from '../core/proxy/core.ts';
import type { Logger } from '../core/telemetry/log.ts';
import { Drain, type DrainCounts, type DrainStep } from './drain.ts';

interface DrainRunnerOptions {
  readonly settings: ProxySettings;
  readonly memory: SharedMemory;
  readonly clock: Clock;
  readonly log: Logger;
  /** Open connections with those on their way to a worker. */
  readonly countConnections: () => number;
  /** Main's own listeners. */
  readonly listeners: Readonly<Record<DirectionName, number>>;
  /** Closes the listeners of the stage and tells the workers. */
  readonly onStage: (stage: DrainStage) => void;
  readonly onDone: () => void;
}

export class DrainRunner {
  readonly #options: DrainRunnerOptions;
  readonly #drain: Drain;
  #stage: DrainStage | null = null;
  #beganMs = 0;
  #stopTicking: (() => void) | null = null;

  constructor(options: DrainRunnerOptions) {
    const { announceMs, graceMs, drain, inbound, outbound, binds } = options.settings;
    this.#options = options;
    const hasInbound = inbound !== null;
    const hasOutbound = outbound !== null || binds.length > 0;
    const isStrict = drain === 'strict';
    const sides = { isStrict, hasInbound, hasOutbound };
    this.#drain = new Drain({ announceMs, graceMs, ...sides }, (step) => this.#onStep(step));
  }

  /** What a worker that starts now has to be told. */
  get stage(): DrainStage | null {
    return this.#stage;
  }

  get hasBegun(): boolean {
    return this.#drain.step !== 'running';
  }

  /** A second call forces. */
  begin(): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (!this.hasBegun) this.#beganMs = nowMs;
    this.#drain.begin(nowMs);
    this.#stopTicking ??= systemInterval(() => this.#advance(), tickPeriodMs, true);
    this.#advance();
  }

  close(): void {
    this.#stopTicking?.();
  }

  #advance(): void {
    this.#drain.advance(this.#options.clock.monotonicMs(), this.#readCounts());
  }

  #onStep(step: DrainStep): void {
    const { log, onStage, onDone, clock, settings } = this.#options;
    const { connectionsInbound: inbound, connectionsOutbound: outbound } = this.#readCounts();
    const fields = { inbound, outbound };
    if (step !== 'quiet' && step !== 'done') {
      this.#stage = step;
      onStage(step);
    }
    if (step === 'force' && clock.monotonicMs() - this.#beganMs >= settings.graceMs) {
      const limit = formatSeconds(settings.graceMs);
      log.warn('heddle', `Graceful shutdown did not complete in ${limit}, terminating now`);
    }
    if (step === 'force' && inbound + outbound > 0) log.warn(target, messages[step], fields);
    else log.info(target, messages[step], fields);
    if (step === 'done') {
      this.close();
      onDone();
    }
  }

  #readCounts(): DrainCounts {
    const { memory, clock, countConnections, listeners } = this.#options;
    const now = stampOf(memory, clock.monotonicMs());
    let listenersInbound = listeners.inbound;
    let listenersOutbound = listeners.outbound;
    let connectionsInbound = 0;
    let connectionsOutbound = 0;
    let exchangesOutbound = 0;
    let outboundQuietMs = Number.POSITIVE_INFINITY;
    for (let row = 0; row < memory.status.length; row += statusWords) {
      const read = (field: number): number => Atomics.load(memory.status, row + field);
      listenersInbound += read(statusField.listenersInbound);
      listenersOutbound += read(statusField.listenersOutbound);
      connectionsInbound += read(statusField.connectionsInbound);
      connectionsOutbound += read(statusField.connectionsOutbound);
      exchangesOutbound += read(statusField.exchangesOutbound);
      // The stamp of a worker that never had a connection says only when the process started.
      if (read(statusField.adoptedTotal) === 0) continue;
      const quietMs = ((now - read(statusField.outboundActivity)) | 0) * stampUnitMs;
      outboundQuietMs = Math.min(outboundQuietMs, quietMs);
    }
    // Those on their way may be inbound.
    const inTransit = countConnections() - connectionsInbound - connectionsOutbound;
    connectionsInbound += Math.max(0, inTransit);
    return {
      listenersInbound,
      listenersOutbound,
      connectionsInbound,
      connectionsOutbound,
      exchangesOutbound,
      outboundQuietMs,
    };
  }
}

/** In the largest unit that Linkerd would choose: 120s, 1.5s, 300ms. */
const target = 'heddle::drain';
const messages: Readonly<Record<DrainStep, string>> = {
  announce: 'draining: not ready any more, inbound answers ask clients to go',
  inbound: 'draining: inbound accepts no more and finishes what runs',
  quiet: 'draining: inbound is done, outbound stays until it is quiet',
  outbound: 'draining: outbound accepts no more',
  force: 'draining: what is left is reset',
  done: 'drained',
};
const tickPeriodMs = 50;
