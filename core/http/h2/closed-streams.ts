/**
 * Which streams have ended lately. A frame for one that we reset is late and to be dropped, for any
 * other it is the peer's mistake. Bounded: what was forgotten is told apart by the sides.
 */

import { assert } from '../../base/assert.ts';
import { h2EndedStreamsMax, h2ResetStreamsMax } from '../../base/limits.ts';

export const Closed = { UNKNOWN: 0, ENDED: 1, RESET_BY_US: 2 } as const;

export class ClosedStreams {
  readonly #ended = new Ring(h2EndedStreamsMax);
  /** Apart, so that those which end as they should do not push them out. */
  readonly #reset = new Ring(h2ResetStreamsMax);

  add(id: number, resetByUs: boolean): void {
    if (resetByUs) this.#reset.add(id);
    else this.#ended.add(id);
  }

  find(id: number): number {
    if (this.#reset.has(id)) return Closed.RESET_BY_US;
    return this.#ended.has(id) ? Closed.ENDED : Closed.UNKNOWN;
  }

  /** Forgets a stream; false when it was not remembered. */
  remove(id: number): boolean {
    return this.#reset.remove(id) || this.#ended.remove(id);
  }
}

/** The last so many numbers. */
class Ring {
  readonly #size: number;
  /** Made with the first: many connections have none. */
  #ids: Int32Array | null = null;
  #next = 0;

  constructor(size: number) {
    this.#size = size;
  }

  add(id: number): void {
    this.#ids ??= new Int32Array(this.#size);
    this.#ids[this.#next] = id;
    this.#next = (this.#next + 1) & (this.#size - 1);
  }

  has(id: number): boolean {
    return this.#ids?.includes(id) ?? false;
  }

  remove(id: number): boolean {
    const at = this.#ids?.indexOf(id) ?? -1;
    if (this.#ids !== null && at !== -1) this.#ids[at] = 0;
    return at !== -1;
  }
}

for (const size of [h2EndedStreamsMax, h2ResetStreamsMax]) {
  assert((size & (size - 1)) === 0, 'a ring has a power of two');
}
