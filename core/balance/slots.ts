/**
 * What all workers know of each endpoint, in shared memory: requests in flight, peak EWMA of the
 * response time, and the gate that connect failures shut. One instance in each thread; which
 * endpoint has which slot is decided elsewhere (`slot-allocator.ts`), as is the choice among
 * endpoints (`balancer.ts`). No method allocates, none waits, and a thread that is ended in the
 * middle of one leaves nothing locked: at worst one sample, or one count of failures, is missing.
 *
 * Reads, and writes of the own column, are plain: aligned words do not tear, a choice may act on
 * a value of a moment ago, and V8 calls `Atomics` out of line (18 ns against 2). Whatever several
 * threads write is changed by compare-and-swap, which finds out if the value read was too old.
 *
 * A gate, in the slot's words `shutUntil` and `permit`:
 *
 *     open --connectFailed--> shut --time--> limited --takePermit--> shut for all others
 *      ^                       ^                                       |   |  |
 *      |                       +------------ connectFailed ------------+   |  |
 *      +------------------------------------ connectSucceeded -------------+  |
 *                           limited <------- releasePermit, or its end -------+
 */

import {
  type SharedMemory,
  slotField,
  slotWords,
  stampUnitMs,
  statusWords,
} from '../../api/shared-memory.ts';
import { assert } from '../base/assert.ts';
import { type Backoff, backoffMs } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import { levelAfter, levelHeight, levelOf, levelValue } from '../base/ewma.ts';
import {
  connectTimeoutMs,
  ewmaDecayMs,
  ewmaDefaultRttMs,
  permitMs,
  shutMaxMs,
  shutMinMs,
  workersMax,
} from '../base/limits.ts';
import type { Random } from '../base/random.ts';

/** `limited`: the next request is the probation, if it gets the permit. */
type GateState = 'open' | 'limited' | 'shut';

export class Slots {
  readonly slotCount: number;
  readonly #memory: SharedMemory;
  readonly #slots: Int32Array;
  readonly #columns: Int32Array;
  readonly #worker: number;
  readonly #column: number;
  readonly #clock: Clock;
  readonly #random: Random;

  /** `worker` is the thread's own index; -1 is for main, which reads and resets only. */
  constructor(memory: SharedMemory, worker: number, clock: Clock, random: Random) {
    const columns = memory.columns.length / memory.slotCount;
    assert(worker >= -1 && worker < columns && columns <= workersMax, 'the worker has a column');
    this.slotCount = memory.slotCount;
    this.#memory = memory;
    this.#slots = memory.slots;
    this.#columns = memory.columns;
    this.#worker = worker;
    this.#column = worker * memory.slotCount;
    this.#clock = clock;
    this.#random = random;
  }

  /** Whole milliseconds since `epochMs`: one reading serves many calls. */
  nowMs(): number {
    return this.timeOf(this.#clock.monotonicMs());
  }

  /** The same for a reading of the clock that the caller has already. */
  timeOf(monotonicMs: number): number {
    return Math.floor(monotonicMs - this.#memory.epochMs);
  }

  /** A request is on its way. Call it right after the choice: the next choice counts it. */
  start(slot: number): void {
    this.#columns[this.#column + slot] += 1;
  }

  /** The request has ended, in whatever way. */
  end(slot: number): void {
    const before = this.#columns[this.#column + slot];
    assert(before > 0, 'a request ends once, on the slot where it started');
    this.#columns[this.#column + slot] = before - 1;
  }

  /** The requests in flight of all workers. */
  inFlight(slot: number): number {
    const columns = this.#columns;
    const step = this.slotCount;
    let sum = 0;
    for (let at = slot; at < columns.length; at += step) sum += columns[at];
    return sum;
  }

  /**
   * A response, or the end of the wait for one, took `rttMs`. The time since the last sample is
   * claimed first, so that two samples never stand for the same time; then the level is changed.
   */
  observe(slot: number, rttMs: number, nowMs: number = this.nowMs()): void {
    const spanMs = this.#claimSpan(slot, nowMs);
    const at = slot * slotWords + slotField.ewmaLevel;
    const dither = this.#random.float();
    let level = this.#slots[at];
    for (;;) {
      const next = levelAfter(level, nowMs, spanMs, rttMs, dither);
      if (next === level) return;
      const found = Atomics.compareExchange(this.#slots, at, level, next);
      if (found === level) return;
      level = found;
    }
  }

  /** The estimate of the response time, milliseconds. */
  rttMs(slot: number, nowMs: number): number {
    return levelValue(this.#slots[slot * slotWords + slotField.ewmaLevel], nowMs);
  }

  /** Peak EWMA's measure: what one more request has to expect, milliseconds. */
  load(slot: number, nowMs: number): number {
    return this.rttMs(slot, nowMs) * (this.inFlight(slot) + 1);
  }

  /** Orders slots as `load` does, being its logarithm; costs a third. */
  rank(slot: number, nowMs: number): number {
    const level = this.#slots[slot * slotWords + slotField.ewmaLevel];
    const inFlight = this.inFlight(slot);
    const share = inFlight < logsMax ? inFlightLogs[inFlight] : logOfInFlight(inFlight);
    return levelHeight(level, nowMs) + share;
  }

  gate(slot: number): GateState {
    const nowMs = this.nowMs();
    if (!this.isReady(slot, nowMs)) return 'shut';
    return this.#shutUntil(slot) === 0 ? 'open' : 'limited';
  }

  /** Open, or its shut time is over and the permit is free. */
  isReady(slot: number, nowMs: number): boolean {
    const shutUntil = this.#shutUntil(slot);
    if (shutUntil === 0) return true;
    const now = toStamp(nowMs);
    if (((shutUntil - now) | 0) > 0) return false;
    const permit = this.#slots[slot * slotWords + slotField.permit];
    return !isHeld(permit, now);
  }

  /**
   * Whether a request may go to this endpoint: always while its gate is open; as the probation if
   * this call got the permit. Who gets it ends with `connectSucceeded`, `connectFailed` or
   * `releasePermit`.
   */
  admit(slot: number, nowMs: number): boolean {
    const shutUntil = this.#shutUntil(slot);
    if (shutUntil === 0) return true;
    const now = toStamp(nowMs);
    if (((shutUntil - now) | 0) > 0) return false;
    const at = slot * slotWords + slotField.permit;
    const permit = this.#slots[at];
    if (isHeld(permit, now)) return false;
    const own = ((now + permitUnits) << workerBits) | (this.#worker + 1);
    return Atomics.compareExchange(this.#slots, at, permit, own) === permit;
  }

  /** The probation came to nothing (its request was cancelled): somebody else may try. */
  releasePermit(slot: number): void {
    freePermit(this.#slots, slot, this.#worker);
  }

  /** Shuts the gate; of connections that fail together, before it opens again, one counts. */
  connectFailed(slot: number, backoff: Backoff = shutBackoff): void {
    const base = slot * slotWords;
    const now = toStamp(this.nowMs());
    let shutUntil = Atomics.load(this.#slots, base + slotField.shutUntil);
    while (shutUntil === 0 || ((shutUntil - now) | 0) <= 0) {
      const failures = this.#slots[base + slotField.failures] + 1;
      const wait = Math.ceil(backoffMs(backoff, failures, this.#random) / stampUnitMs);
      const until = (now + wait) | 0 || 1;
      const found = Atomics.compareExchange(
        this.#slots,
        base + slotField.shutUntil,
        shutUntil,
        until,
      );
      if (found === shutUntil) {
        Atomics.store(this.#slots, base + slotField.failures, failures);
        break;
      }
      shutUntil = found;
    }
    this.releasePermit(slot);
  }

  /** The endpoint is reachable: opens the gate. Also after a probation on a pooled connection. */
  connectSucceeded(slot: number): void {
    const base = slot * slotWords;
    if (this.#shutUntil(slot) === 0) return;
    Atomics.store(this.#slots, base + slotField.failures, 0);
    Atomics.store(this.#slots, base + slotField.permit, 0);
    Atomics.store(this.#slots, base + slotField.shutUntil, 0);
  }

  /** Consecutive connect failures. */
  failures(slot: number): number {
    return this.#slots[slot * slotWords + slotField.failures];
  }

  /** Main makes the slot ready for an endpoint that nothing is known of. */
  reset(slot: number): void {
    assert(this.inFlight(slot) === 0, 'a slot is used again with nothing in flight there');
    const base = slot * slotWords;
    const nowMs = this.nowMs();
    Atomics.store(this.#slots, base + slotField.ewmaLevel, levelOf(ewmaDefaultRttMs, nowMs));
    Atomics.store(this.#slots, base + slotField.ewmaSampledMs, nowMs | 0);
    Atomics.store(this.#slots, base + slotField.failures, 0);
    Atomics.store(this.#slots, base + slotField.permit, 0);
    Atomics.store(this.#slots, base + slotField.shutUntil, 0);
  }

  /** The time since the last sample, for the one caller that gets it; 0 for all others. */
  #claimSpan(slot: number, nowMs: number): number {
    const at = slot * slotWords + slotField.ewmaSampledMs;
    const sampledMs = this.#slots[at];
    const spanMs = (nowMs - sampledMs) >>> 0;
    if (spanMs === 0 || spanMs > spanMaxMs) return 0;
    return Atomics.compareExchange(this.#slots, at, sampledMs, nowMs | 0) === sampledMs
      ? spanMs
      : 0;
  }

  #shutUntil(slot: number): number {
    return this.#slots[slot * slotWords + slotField.shutUntil];
  }
}

/**
 * Main calls it when a worker has ended, and only then: what it had in flight is gone, its status
 * row starts anew, and its permits are free. Its metric cells stay: counters only grow.
 */
export function zeroWorker(memory: SharedMemory, worker: number): void {
  memory.status.fill(0, worker * statusWords, (worker + 1) * statusWords);
  const column = worker * memory.slotCount;
  for (let slot = 0; slot < memory.slotCount; slot++) {
    // Written only where needed: pages that nobody touched stay without memory.
    if (memory.columns[column + slot] !== 0) Atomics.store(memory.columns, column + slot, 0);
    freePermit(memory.slots, slot, worker);
  }
}

function freePermit(slots: Int32Array, slot: number, worker: number): void {
  const at = slot * slotWords + slotField.permit;
  const permit = Atomics.load(slots, at);
  if ((permit & workerMask) === worker + 1) Atomics.compareExchange(slots, at, permit, 0);
}

/** The end of a permit has 24 bits and wraps after 74 h: it is ahead by its full length at most. */
function isHeld(permit: number, now: number): boolean {
  if ((permit & workerMask) === 0) return false;
  const left = ((permit >>> workerBits) - now) & endMask;
  return left > 0 && left <= permitUnits;
}

function toStamp(nowMs: number): number {
  return Math.floor(nowMs / stampUnitMs) | 0;
}

function logOfInFlight(inFlight: number): number {
  return ewmaDecayMs * Math.log(inFlight + 1);
}

const logsMax = 1_024;
const inFlightLogs = Float64Array.from({ length: logsMax }, (_, inFlight) =>
  logOfInFlight(inFlight),
);
const shutBackoff: Backoff = { minMs: shutMinMs, maxMs: shutMaxMs };
const workerBits = 8;
const workerMask = 0xff;
const endMask = 0xff_ffff;
const permitUnits = Math.ceil(permitMs / stampUnitMs);
/** A span above it is a sample from before the last one: another thread was faster. */
const spanMaxMs = 2 ** 31;

assert(workersMax < workerMask, 'a permit has room for each worker');
assert(permitMs > connectTimeoutMs, 'a probation outlives the wait for its connection');
