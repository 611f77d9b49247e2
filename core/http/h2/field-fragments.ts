/**
 * The field block of HEADERS and its CONTINUATION frames, joined (RFC 9113 4.3). Bounded in bytes
 * and in frames, because a block without end is one of the cheapest attacks (CVE-2024-27316).
 */

import { h2ContinuationsMax } from '../../base/limits.ts';

export class FieldFragments {
  /** The stream whose block has begun and not ended; 0 for none. */
  streamId = 0;
  /** HEADERS had END_STREAM. */
  ends = false;
  bytes: Buffer = nothing;
  length = 0;
  #frames = 0;
  readonly #bytesMax: number;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  begin(streamId: number, ends: boolean): void {
    this.streamId = streamId;
    this.ends = ends;
    this.length = 0;
    this.#frames = 0;
  }

  /** False when the block exceeds its bounds. */
  append(bytes: Buffer, start: number, end: number): boolean {
    const length = this.length + end - start;
    this.#frames += 1;
    if (length > this.#bytesMax || this.#frames > h2ContinuationsMax) return false;
    if (length > this.bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.min(this.#bytesMax, length * 2));
      this.bytes.copy(grown, 0, 0, this.length);
      this.bytes = grown;
    }
    bytes.copy(this.bytes, this.length, start, end);
    this.length = length;
    return true;
  }

  /** The block has been decoded; most connections never have another in parts. */
  end(): void {
    this.streamId = 0;
    this.bytes = nothing;
  }
}

const nothing = Buffer.alloc(0);
