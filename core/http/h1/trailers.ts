/**
 * The trailer section of a chunked body (RFC 9112 7.1.2): collected until complete, validated like
 * a head's fields, and rid of what has no business behind a body (RFC 9110 6.5.1, CVE-2023-46589).
 */

import { assert } from '../../base/assert.ts';
import { CR, LF } from '../byte-class.ts';
import { isForbiddenTrailer } from '../forbidden-trailers.ts';
import { Head } from '../head.ts';
import { decodeFields } from './decode-fields.ts';
import type { HeadLimits } from './decode-head.ts';
import { HeadError } from './head-error.ts';

export class TrailerSection {
  #bytes: Buffer = Buffer.alloc(0);
  #length = 0;
  #lineStart = 0;
  #lineCount = 0;
  #head: Head | null = null;
  readonly #limits: HeadLimits;

  constructor(limits: HeadLimits) {
    this.#limits = limits;
  }

  reset(): void {
    this.#length = 0;
    this.#lineStart = 0;
    this.#lineCount = 0;
  }

  /** The fields, those dropped that may not be forwarded; valid once `push` was positive. */
  get fields(): Head {
    assert(this.#head !== null, 'the section is complete');
    return this.#head;
  }

  /** Returns the offset behind the section, 0 while it is incomplete, or a HeadError. */
  push(bytes: Buffer, start: number, end: number): number {
    const limits = this.#limits;
    let at = start;
    while (at < end) {
      const newLine = bytes.indexOf(LF, at);
      const found = newLine >= 0 && newLine < end;
      const stop = found ? newLine + 1 : end;
      if (this.#length + (stop - at) > limits.headBytesMax) return HeadError.TRAILERS_TOO_LARGE;
      this.#append(bytes, at, stop);
      at = stop;
      if (!found) return 0;
      const lineLength = this.#length - this.#lineStart;
      if (lineLength < 2 || this.#bytes[this.#length - 2] !== CR) return HeadError.BARE_LF;
      if (lineLength === 2) {
        const error = this.#decode();
        return error < 0 ? error : at;
      }
      if (++this.#lineCount > limits.headFieldsMax) return HeadError.TRAILERS_TOO_LARGE;
      this.#lineStart = this.#length;
    }
    return 0;
  }

  #append(bytes: Buffer, start: number, end: number): void {
    const length = this.#length + (end - start);
    if (length > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(256, length, this.#bytes.length * 2));
      this.#bytes.copy(grown, 0, 0, this.#length);
      this.#bytes = grown;
    }
    bytes.copy(this.#bytes, this.#length, start, end);
    this.#length = length;
  }

  #decode(): number {
    const { headFieldsMax } = this.#limits;
    this.#head ??= new Head();
    const head = this.#head;
    head.clear(this.#bytes, 0);
    const result = decodeFields(this.#bytes, 0, this.#length, headFieldsMax, head);
    if (result <= 0) return result;
    head.end = result;
    for (let index = 0; index < head.count; index++) {
      if (isForbiddenTrailer(head, index)) head.dropField(index);
    }
    return 0;
  }
}
