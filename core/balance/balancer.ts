/**
 * Power of two choices over the shared load of endpoints: draws two ready ones and takes the less
 * loaded, the first if they are equal. All workers see the same loads, so N of them choose as one
 * would. What the load is, and when a gate shuts, is decided in `slots.ts`.
 *
 * Equal weights: two different endpoints, each pair equally likely, as Linkerd does. Unequal
 * weights: both are drawn in proportion to their weights, independently, and may be the same one;
 * two different ones would make weights without effect where there are two endpoints.
 */

import { assert } from '../base/assert.ts';
import { slotsMax } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import type { Slots } from './slots.ts';

export interface Weighted {
  readonly slot: number;
  /** Above 0. */
  readonly weight: number;
}

export class Balancer<E extends Weighted> {
  readonly #slots: Slots;
  readonly #random: Random;
  #endpoints: readonly E[] = [];
  /** Alias table (Walker); empty when all weights are equal. */
  #alias: AliasTable = noAlias;

  constructor(slots: Slots, random: Random) {
    this.#slots = slots;
    this.#random = random;
  }

  /** From now on these are chosen from. What is known of an endpoint stays with its slot. */
  update(endpoints: readonly E[]): void {
    this.#endpoints = endpoints;
    this.#alias = buildAlias(endpoints);
  }

  /**
   * An endpoint that is ready and not `exclude`, or null if there is none. The caller calls
   * `slots.start` before the next choice. If the endpoint is on probation its permit has been
   * taken: see `Slots.admit` for how that has to end. `nowMs` is `slots.nowMs()` if it is known.
   */
  pick(exclude: E | null = null, nowMs: number = this.#slots.nowMs()): E | null {
    const endpoints = this.#endpoints;
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const first = this.#drawReady(-1, exclude, nowMs);
      if (first === -1) return null;
      const second = this.#drawReady(first, exclude, nowMs);
      const chosen = second === -1 ? first : this.#lessLoaded(first, second, nowMs);
      if (this.#slots.admit(endpoints[chosen].slot, nowMs)) return endpoints[chosen];
    }
    return this.#admitAny(exclude, nowMs);
  }

  /** How many endpoints would be chosen from now; looks at each. */
  readyCount(): number {
    const nowMs = this.#slots.nowMs();
    let count = 0;
    for (const endpoint of this.#endpoints) {
      if (this.#slots.isReady(endpoint.slot, nowMs)) count += 1;
    }
    return count;
  }

  /** Some ready endpoint other than `taken`: by chance, and by search when chance finds none. */
  #drawReady(taken: number, exclude: E | null, nowMs: number): number {
    const endpoints = this.#endpoints;
    const count = endpoints.length;
    const distinct = taken !== -1 && this.#alias === noAlias;
    if (distinct ? count < 2 : count === 0) return -1;
    for (let draw = 0; draw < drawsMax; draw++) {
      const at = distinct ? this.#drawOther(taken) : this.#draw();
      const endpoint = endpoints[at];
      if (endpoint !== exclude && this.#slots.isReady(endpoint.slot, nowMs)) return at;
    }
    return this.#searchReady(distinct ? taken : -1, exclude, nowMs);
  }

  /**
   * Visits all, in an order by chance, so that what is left shares the requests: from a random
   * place by a random stride, because going to the next one would favour those after a gap.
   */
  #searchReady(taken: number, exclude: E | null, nowMs: number): number {
    const endpoints = this.#endpoints;
    const stride = strides[this.#uniform(strides.length)];
    let at = this.#uniform(endpoints.length);
    for (let step = 0; step < endpoints.length; step++) {
      const endpoint = endpoints[at];
      const candidate = at !== taken && endpoint !== exclude;
      if (candidate && this.#slots.isReady(endpoint.slot, nowMs)) return at;
      at = (at + stride) % endpoints.length;
    }
    return -1;
  }

  /** Others were faster with the permits again and again: takes whatever admits. */
  #admitAny(exclude: E | null, nowMs: number): E | null {
    for (const endpoint of this.#endpoints) {
      if (endpoint !== exclude && this.#slots.admit(endpoint.slot, nowMs)) return endpoint;
    }
    return null;
  }

  #lessLoaded(first: number, second: number, nowMs: number): number {
    const endpoints = this.#endpoints;
    const rank = this.#slots.rank(endpoints[first].slot, nowMs);
    return this.#slots.rank(endpoints[second].slot, nowMs) < rank ? second : first;
  }

  #draw(): number {
    const count = this.#endpoints.length;
    if (this.#alias === noAlias) return this.#uniform(count);
    const at = this.#uniform(count);
    return this.#random.float() < this.#alias.keep[at] ? at : this.#alias.other[at];
  }

  #drawOther(taken: number): number {
    const at = this.#uniform(this.#endpoints.length - 1);
    return at >= taken ? at + 1 : at;
  }

  #uniform(count: number): number {
    return Math.floor(this.#random.float() * count);
  }
}

interface AliasTable {
  /** Chance that a draw of this place stays there. */
  readonly keep: Float64Array;
  /** Where it goes otherwise. */
  readonly other: Int32Array;
}

/** Walker's method as by Vose: any weights, drawn in O(1), built in O(n). */
function buildAlias(endpoints: readonly Weighted[]): AliasTable {
  const count = endpoints.length;
  let total = 0;
  let equal = true;
  for (const { weight } of endpoints) {
    assert(weight > 0 && weight < Number.POSITIVE_INFINITY, 'a weight is above 0 and finite');
    total += weight;
    if (weight !== endpoints[0].weight) equal = false;
  }
  if (equal) return noAlias;

  const keep = Float64Array.from(endpoints, ({ weight }) => (weight / total) * count);
  const other = Int32Array.from(endpoints.keys());
  const small: number[] = [];
  const large: number[] = [];
  for (let at = 0; at < count; at++) (keep[at] < 1 ? small : large).push(at);
  while (small.length > 0 && large.length > 0) {
    const low = small.pop() as number;
    const high = large[large.length - 1];
    other[low] = high;
    keep[high] -= 1 - keep[low];
    if (keep[high] < 1) small.push(large.pop() as number);
  }
  // What rounding left over is as good as 1.
  for (const at of small) keep[at] = 1;
  for (const at of large) keep[at] = 1;
  return { keep, other };
}

const noAlias: AliasTable = { keep: new Float64Array(0), other: new Int32Array(0) };
/** With half of the endpoints shut, 6 % of the draws end in a search. */
const drawsMax = 4;
const attemptsMax = 3;
/** Primes above every possible count of endpoints: each visits all places. */
const strides = [65_537, 104_729, 1_299_709, 15_485_863, 32_452_843, 49_979_687, 67_867_967];

assert(slotsMax < 65_537, 'a stride is above every count of endpoints');
