/**
 * Which slot of shared memory is whose: main's side. A slot that an endpoint had is free again
 * when every worker that was sent it has said that it is done with it, or has ended, and nothing
 * is in flight there; until then a request that is still running counts where it started.
 *
 * Main calls, for each worker: `workerStarted`, then `sent` with every snapshot that goes there,
 * `released` for its acknowledgements, and `workerEnded` (after `zeroWorker`).
 */

import { assert } from '../base/assert.ts';
import { slotsRestingMin, workersMax } from '../base/limits.ts';
import type { Slots } from './slots.ts';

export class SlotAllocator {
  readonly #slots: Slots;
  readonly #states: Uint8Array;
  /** Bit `worker` of a slot: that worker may have requests there. */
  readonly #holders: Uint32Array;
  /** Retired ones that cannot be used again yet. */
  readonly #retired = new Set<number>();
  /** Free ones that have been used; a ring, so that the longest rested comes first. */
  readonly #resting: Int32Array;
  #restingHead = 0;
  #restingCount = 0;
  /** Slots from here on have never been used, and their memory has never been touched. */
  #fresh = 0;
  /** Incarnation of each live worker, -1 where there is none. */
  readonly #incarnations = new Int32Array(workersMax).fill(-1);

  constructor(slots: Slots) {
    this.#slots = slots;
    this.#states = new Uint8Array(slots.slotCount);
    this.#holders = new Uint32Array(slots.slotCount);
    this.#resting = new Int32Array(slots.slotCount);
  }

  /** Slots that `allocate` can give now. */
  get freeCount(): number {
    return this.#slots.slotCount - this.#fresh + this.#restingCount;
  }

  /** Slots whose endpoint is gone and whose workers are not done. */
  get retiredCount(): number {
    return this.#retired.size;
  }

  /** A slot for a new endpoint, of which nothing is known; null when all are taken. */
  allocate(): number | null {
    const slot = this.#take();
    if (slot === null) return null;
    assert(this.#states[slot] === free && this.#holders[slot] === 0, 'a free slot has no holder');
    this.#states[slot] = used;
    this.#slots.reset(slot);
    return slot;
  }

  /** The endpoint is gone from every snapshot that is sent from now on. */
  retire(slot: number): void {
    assert(this.#states[slot] === used, 'what is retired is in use');
    this.#states[slot] = retired;
    this.#retired.add(slot);
    this.#freeIfDone(slot);
  }

  workerStarted(worker: number, incarnation: number): void {
    assert(this.#incarnations[worker] === -1, 'a worker starts after the one before it has ended');
    this.#incarnations[worker] = incarnation;
  }

  /** A snapshot with these slots is on its way to the worker. */
  sent(worker: number, slots: Iterable<number>): void {
    assert(this.#incarnations[worker] !== -1, 'snapshots go to live workers');
    for (const slot of slots) {
      assert(this.#states[slot] === used, 'a snapshot names slots that are in use');
      this.#holders[slot] |= 1 << worker;
    }
  }

  /**
   * The worker is done with these slots. A message of an earlier incarnation, which may still be
   * under way when the next has started, says nothing of this one.
   */
  released(worker: number, incarnation: number, slots: Iterable<number>): void {
    if (this.#incarnations[worker] !== incarnation) return;
    for (const slot of slots) this.#release(slot, worker);
  }

  /** Counts as the release of all that the worker had. */
  workerEnded(worker: number): void {
    this.#incarnations[worker] = -1;
    for (let slot = 0; slot < this.#fresh; slot++) this.#release(slot, worker);
  }

  #release(slot: number, worker: number): void {
    this.#holders[slot] &= ~(1 << worker);
    this.#freeIfDone(slot);
  }

  #take(): number | null {
    const slotCount = this.#slots.slotCount;
    if (this.#fresh < slotCount && this.#restingCount < slotsRestingMin) return this.#fresh++;
    if (this.#restingCount === 0) for (const slot of this.#retired) this.#freeIfDone(slot);
    if (this.#restingCount === 0) return null;
    const slot = this.#resting[this.#restingHead];
    this.#restingHead = (this.#restingHead + 1) % slotCount;
    this.#restingCount -= 1;
    return slot;
  }

  #freeIfDone(slot: number): void {
    if (this.#states[slot] !== retired || this.#holders[slot] !== 0) return;
    if (this.#slots.inFlight(slot) !== 0) return;
    this.#retired.delete(slot);
    this.#states[slot] = free;
    const tail = (this.#restingHead + this.#restingCount) % this.#slots.slotCount;
    this.#resting[tail] = slot;
    this.#restingCount += 1;
  }
}

const free = 0;
const used = 1;
const retired = 2;

assert(workersMax <= 32, 'the holders of a slot are the bits of a word');
