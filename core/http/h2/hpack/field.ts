/** A field that is about to be encoded: where its name and its value lie, and their bytes. */

import { lowerBytes } from '../../byte-class.ts';
import { staticLines, staticView } from './static-table.ts';
import { equalsLower, equalsWords, hashName, hashValue, viewOf } from './words.ts';

/** One object serves all fields in turn. */
export class Field {
  nameLength = 0;
  valueLength = 0;
  #names: Buffer = staticLines;
  #namesView: DataView = staticView;
  #nameStart = 0;
  #values: Buffer = staticLines;
  #valuesView: DataView = staticView;
  #valueStart = 0;

  /** The name may have capital letters; wherever it is written it has none. */
  setName(bytes: Buffer, view: DataView, start: number, length: number): void {
    this.#names = bytes;
    this.#namesView = view;
    this.#nameStart = start;
    this.nameLength = length;
  }

  setValue(bytes: Buffer, start: number, end: number): void {
    this.#values = bytes;
    this.#valuesView = viewOf(bytes);
    this.#valueStart = start;
    this.valueLength = end - start;
  }

  hashName(): number {
    return hashName(this.#namesView, this.#nameStart, this.#nameStart + this.nameLength);
  }

  hash(nameHash: number): number {
    const start = this.#valueStart;
    return hashValue(this.#valuesView, start, start + this.valueLength, nameHash);
  }

  /** Whether the name in small letters stands in `view` at `start`. */
  equalsName(view: DataView, start: number): boolean {
    return equalsLower(this.#namesView, this.#nameStart, view, start, this.nameLength);
  }

  /** Whether the value stands in `view` at `start`. */
  equalsValue(view: DataView, start: number): boolean {
    return equalsWords(this.#valuesView, this.#valueStart, view, start, this.valueLength);
  }

  /** Returns the offset behind, in small letters. */
  writeName(out: Buffer, at: number): number {
    const { nameLength } = this;
    for (let i = 0; i < nameLength; i++) out[at + i] = lowerBytes[this.#names[this.#nameStart + i]];
    return at + nameLength;
  }

  /** Returns the offset behind. */
  writeValue(out: Buffer, at: number): number {
    const bytes = this.#values;
    const start = this.#valueStart;
    const { valueLength } = this;
    if (valueLength > inlineBytesMax) bytes.copy(out, at, start, start + valueLength);
    else for (let i = 0; i < valueLength; i++) out[at + i] = bytes[start + i];
    return at + valueLength;
  }
}

/** A call into the runtime costs as much as about this many bytes copied one by one. */
const inlineBytesMax = 48;
