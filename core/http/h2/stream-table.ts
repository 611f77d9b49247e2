/**
 * The streams of a connection by their ids. A table of our own, because ids only rise: in a Map
 * each stream that ends leaves a gap, and the Map is built anew whenever gaps have filled it.
 */

import { assert } from '../../base/assert.ts';
import type { Stream } from './stream.ts';

export class StreamTable {
  size = 0;
  /** A power of two of slots, at most half of them taken: a search soon ends at an empty one. */
  #slots: (Stream | null)[] = emptySlots(slotsMin);
  /** Bits of a hash that a slot does not need. */
  #shift = 32 - Math.log2(slotsMin);

  find(id: number): Stream | null {
    return this.#slots[this.#slotOf(id)];
  }

  add(stream: Stream): void {
    if (this.size * 2 === this.#slots.length) this.#grow();
    const slot = this.#slotOf(stream.id);
    assert(this.#slots[slot] === null, 'an id is used once');
    this.#slots[slot] = stream;
    this.size += 1;
  }

  /** False when it is not here. */
  remove(stream: Stream): boolean {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let gap = this.#slotOf(stream.id);
    if (slots[gap] !== stream) return false;
    this.size -= 1;
    // What was pushed past the gap moves into it: a search ends at the first empty slot.
    for (let slot = (gap + 1) & mask; ; slot = (slot + 1) & mask) {
      const next = slots[slot];
      if (next === null) break;
      const pushedBy = (slot - this.#homeOf(next.id)) & mask;
      if (pushedBy < ((slot - gap) & mask)) continue;
      slots[gap] = next;
      gap = slot;
    }
    slots[gap] = null;
    return true;
  }

  /** Those that are here now, for a loop in which some of them may go. */
  list(): Stream[] {
    return this.#slots.filter((stream) => stream !== null);
  }

  /** Where the stream is, or would have its place. */
  #slotOf(id: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = this.#homeOf(id); ; slot = (slot + 1) & mask) {
      const stream = slots[slot];
      if (stream === null || stream.id === id) return slot;
    }
  }

  /** Spreads ids that follow each other, or a search would have to pass all of them. */
  #homeOf(id: number): number {
    return Math.imul(id, factor) >>> this.#shift;
  }

  #grow(): void {
    const streams = this.list();
    this.#slots = emptySlots(this.#slots.length * 2);
    this.#shift -= 1;
    for (const stream of streams) this.#slots[this.#slotOf(stream.id)] = stream;
  }
}

function emptySlots(count: number): (Stream | null)[] {
  return Array.from({ length: count }, () => null);
}

const slotsMin = 8;
/** Odd, near the golden ratio of 2^32. */
const factor = 0x9e3779b1;
