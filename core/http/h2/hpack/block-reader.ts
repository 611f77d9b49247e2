/** The bytes of a field block, in order: the integers and strings of RFC 7541 5. */

import { Violation } from '../violation.ts';
import { decodeHuffman } from './huffman.ts';
import { copyWords, viewOf, wordSlackBytes } from './words.ts';

export class BlockReader {
  at = 0;
  end = 0;
  #bytes: Buffer = nothing;
  #view: DataView = emptyView;

  begin(bytes: Buffer, start: number, end: number): void {
    this.at = start;
    this.end = end;
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
  }

  /** Lets go of the buffer. */
  release(): void {
    this.#bytes = nothing;
    this.#view = emptyView;
  }

  /** The next byte, which stays the next one. */
  peek(): number {
    return this.#bytes[this.at];
  }

  /** As of `decodeHuffman`, from the length on. */
  readString(out: Buffer, view: DataView, at: number, limit: number): number {
    const isHuffman = this.#bytes[this.at] >= huffmanMark;
    const length = this.readInteger(0x7f);
    if (length < 0) return length;
    const start = this.at;
    const end = start + length;
    if (end > this.end) return Violation.HPACK_TRUNCATED;
    this.at = end;
    if (isHuffman) return decodeHuffman(this.#view, start, end, out, at, limit);
    const to = at + length;
    if (to > limit) return to;
    if (length <= wordsBytesMax && end + wordSlackBytes <= this.#bytes.length) {
      copyWords(this.#view, start, view, at, length);
    } else this.#bytes.copy(out, at, start, end);
    return to;
  }

  /** An integer whose first bits are those of `prefixMax` (RFC 7541 5.1), or a Violation. */
  readInteger(prefixMax: number): number {
    if (this.at === this.end) return Violation.HPACK_TRUNCATED;
    let value = this.#bytes[this.at++] & prefixMax;
    if (value < prefixMax) return value;
    for (let shift = 0; shift <= integerShiftMax; shift += 7) {
      if (this.at === this.end) return Violation.HPACK_TRUNCATED;
      const byte = this.#bytes[this.at++];
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return Violation.HPACK_INTEGER;
  }
}

const nothing = Buffer.alloc(0);
const emptyView = viewOf(nothing);

const huffmanMark = 0x80;
/** Four bytes behind the prefix: up to 2^28, which no string or index reaches. */
const integerShiftMax = 21;
/** A call into the runtime costs as much as about this many bytes copied by words. */
const wordsBytesMax = 256;
