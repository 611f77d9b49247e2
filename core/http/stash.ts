/**
 * Bytes that arrived before they could be used: a part of a head, or requests that wait for their
 * turn. Appending to what is there costs no second copy of it, so that a drip of single bytes
 * stays linear.
 */

import { assert } from '../base/assert.ts';
import { stashBytesMax } from '../base/limits.ts';

const nothing = Buffer.alloc(0);

export class Stash {
  /** The stash of all that have kept nothing yet; `append` to it makes one. */
  static readonly none = new Stash();

  bytes: Buffer = nothing;
  start = 0;
  end = 0;

  get empty(): boolean {
    return this.start === this.end;
  }

  /** Returns the stash that has the bytes: this one, unless it is `none`. */
  append(source: Buffer, start: number, end: number): Stash {
    if (this === Stash.none) return new Stash().append(source, start, end);
    const size = end - start;
    const used = this.end - this.start;
    assert(
      used + size <= stashBytesMax,
      'a connection keeps a partial head and one read at the most',
    );
    if (this.bytes.length - this.end < size) {
      const room = used + size;
      const target =
        this.bytes.length >= room ? this.bytes : Buffer.allocUnsafeSlow(Math.max(1024, room * 2));
      this.bytes.copy(target, 0, this.start, this.end);
      this.bytes = target;
      this.start = 0;
      this.end = used;
    }
    source.copy(this.bytes, this.end, start, end);
    this.end += size;
    return this;
  }

  /** Everything before `at` has been used. */
  consume(at: number): void {
    this.start = at;
    if (this.start === this.end) this.clear();
  }

  clear(): void {
    this.bytes = nothing;
    this.start = 0;
    this.end = 0;
  }

  /** A copy of what is left, which is then gone from here. */
  take(): Buffer {
    const rest = Buffer.from(this.bytes.subarray(this.start, this.end));
    this.clear();
    return rest;
  }
}
