/** Where the content of DATA, HEADERS and CONTINUATION lies, between pad length and padding. */

import { Flag, type FrameHead } from './head.ts';

/** One object for all frames of a connection, in turn: offsets of the content. */
export class Payload {
  start = 0;
  end = 0;

  /**
   * Takes away the pad length, the `prefixBytes` behind it and the padding (RFC 9113 6.1, 6.2).
   * Returns 0; `tooShort` when the frame has not even what comes first, `tooPadded` when the
   * padding is longer than what is left.
   */
  load(
    head: FrameHead,
    bytes: Buffer,
    at: number,
    prefixBytes: number,
    tooShort: number,
    tooPadded: number,
  ): number {
    const isPadded = (head.flags & Flag.PADDED) !== 0;
    this.start = at + prefixBytes + (isPadded ? 1 : 0);
    this.end = at + head.length;
    if (this.end < this.start) return tooShort;
    if (isPadded) this.end -= bytes[at];
    return this.end < this.start ? tooPadded : 0;
  }
}
