/**
 * Flow control of RFC 9113 5.2 and 6.9, both directions, for a stream or for a connection: how many
 * bytes may still be sent, and when credit for received bytes is given back. No I/O.
 */

import { assert } from '../../base/assert.ts';

/** What the peer lets us send. Negative after it has lowered its initial window (6.9.2). */
export class SendWindow {
  available = 0;

  reset(size: number): void {
    this.available = size;
  }

  take(bytes: number): void {
    assert(bytes <= this.available, 'no more is sent than the peer allows');
    this.available -= bytes;
  }

  /** A WINDOW_UPDATE, or a changed initial window; false when that exceeds 2^31 - 1. */
  grow(bytes: number): boolean {
    this.available += bytes;
    return this.available <= windowMax;
  }
}

/** What we let the peer send. Credit is announced in portions of half a window. */
export class RecvWindow {
  #size = 0;
  #available = 0;
  #unreturned = 0;

  reset(size: number): void {
    this.#size = size;
    this.#available = size;
    this.#unreturned = 0;
  }

  /** A frame with so many bytes, padding included; false when the peer may not send it. */
  receive(bytes: number): boolean {
    this.#available -= bytes;
    this.#unreturned += bytes;
    return this.#available >= 0;
  }

  /** The increment to announce now that everything received has been forwarded, or 0. */
  giveBack(): number {
    if (this.#unreturned * 2 < this.#size) return 0;
    const increment = this.#unreturned;
    this.#unreturned = 0;
    this.#available += increment;
    return increment;
  }
}

/** Of every window (RFC 9113 6.9.1). */
export const windowMax = 2 ** 31 - 1;
/** Of every connection and stream until it is changed (RFC 9113 6.9.2). */
export const initialWindowBytes = 65_535;
