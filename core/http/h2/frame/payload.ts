/** Where the content of DATA, HEADERS and CONTINUATION lies, between pad length and padding. */

import { Flag, type FrameHead } from './head.ts';

/** One object for all frames of a connection, in turn: offsets of the content. */
export class Payload {
  start = 0;
  end = 0;

  /**
   * Takes away the pad length and the padding, if the frame has them (RFC 9113 6.1). Returns 0;
   * `tooShort` when there is no pad length, `tooPadded` when the padding is longer than the rest.
   */
  load(head: FrameHead, bytes: Buffer, at: number, tooShort: number, tooPadded: number): number {
    this.start = at;
    this.end = at + head.length;
    if ((head.flags & Flag.PADDED) === 0) return 0;
    if (head.length === 0) return tooShort;
    this.start += 1;
    this.end -= bytes[at];
    return this.end < this.start ? tooPadded : 0;
  }
}
