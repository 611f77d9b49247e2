/**
 * Read buffers for connections that move a lot: each has one of its own, whose bytes the kernel
 * may write out without a copy. Bounded in number; a buffer that is given back while a write
 * still refers to it comes back into use when that write has ended.
 */

import { assert } from '../base/assert.ts';
import { bulkBuffersMax, bulkReadBytes } from '../base/limits.ts';

export interface BulkBuffer {
  readonly bytes: Buffer;
  /** The kernel may still read from it: a write that refers to it is under way. */
  pinned: boolean;
  /** Its reader is done with it; only the write still holds it. */
  released: boolean;
}

export class BulkBuffers {
  readonly #free: BulkBuffer[] = [];
  #count = 0;

  /** Null when there are too many already. */
  take(): BulkBuffer | null {
    const free = this.#free.pop();
    if (free !== undefined) {
      free.released = false;
      return free;
    }
    if (this.#count === bulkBuffersMax) return null;
    this.#count += 1;
    return { bytes: Buffer.allocUnsafeSlow(bulkReadBytes), pinned: false, released: false };
  }

  /** Nobody reads into it any more. */
  give(bulk: BulkBuffer): void {
    assert(!bulk.released, 'a buffer is given back once');
    bulk.released = true;
    if (!bulk.pinned) this.#keep(bulk);
  }

  /** The write that referred to it has ended. */
  unpin(bulk: BulkBuffer): void {
    bulk.pinned = false;
    if (bulk.released) this.#keep(bulk);
  }

  #keep(bulk: BulkBuffer): void {
    if (this.#free.length < freeMax) this.#free.push(bulk);
    else this.#count -= 1;
  }
}

const freeMax = 4;
