/**
 * The dynamic table (RFC 7541 2.3.2) of one direction of a connection: a ring of entries, and a
 * ring of their bytes. Both begin small and grow with what is really kept.
 */

import { assert } from '../../../base/assert.ts';
import { wordSlackBytes } from './words.ts';

/** The size of the table before SETTINGS say otherwise, RFC 9113 6.5.2. */
export const initialTableBytes = 4096;
/** What an entry is charged beside its name and value, RFC 7541 4.1. */
export const entryOverheadBytes = 32;
/** What a field line has beside name and value: colon, space, CR, LF. */
export const lineOverheadBytes = 4;

export class DynamicTable {
  bytesMax = initialTableBytes;
  /** By the RFC's accounting. */
  bytes = 0;
  count = 0;
  /** The number of the newest entry; numbers go on by one, modulo 2^32. */
  newest = 0;
  /** Four columns an entry, from `columnOf` on: offset, lengths of name and value, and a tag. */
  entries = new Int32Array(entriesMin * 4);
  lines: Buffer = noLines;
  view: DataView = noView;
  readonly #ceiling: number;
  /** Behind the newest line. */
  #tail = 0;

  /** `ceiling` is the most that `bytesMax` will ever be. */
  constructor(ceiling: number) {
    this.#ceiling = ceiling;
  }

  /** Where the columns of entry `number` begin, one of the newest `count`. */
  columnOf(number: number): number {
    return (number << 2) & (this.entries.length - 1);
  }

  /** Evicts down to a new maximum. */
  setBytesMax(bytesMax: number): void {
    assert(bytesMax <= this.#ceiling, 'a table stays below its ceiling');
    this.bytesMax = bytesMax;
    this.#evict(bytesMax);
  }

  clear(): void {
    this.bytes = 0;
    this.count = 0;
  }

  /**
   * Makes room for an entry, evicting what is in its way, and makes it the newest. Returns where
   * its line is to be written, with `lineOverheadBytes` and `wordSlackBytes` of room, or -1 when
   * it is larger than the table, which is empty then (RFC 7541 4.4).
   */
  insert(nameLength: number, valueLength: number, tag: number): number {
    const size = nameLength + valueLength + entryOverheadBytes;
    this.#evict(this.bytesMax - size);
    if (size > this.bytesMax) return -1;
    if (this.count * 4 === this.entries.length) this.#growEntries();
    const start = this.#place(nameLength + valueLength + lineOverheadBytes + wordSlackBytes);
    this.newest = (this.newest + 1) | 0;
    this.count += 1;
    this.bytes += size;
    const column = this.columnOf(this.newest);
    const { entries } = this;
    entries[column] = start;
    entries[column + 1] = nameLength;
    entries[column + 2] = valueLength;
    entries[column + 3] = tag;
    return start;
  }

  #evict(bytesMax: number): void {
    const { entries } = this;
    while (this.bytes > bytesMax && this.count > 0) {
      const column = this.columnOf(this.newest - this.count + 1);
      this.bytes -= entries[column + 1] + entries[column + 2] + entryOverheadBytes;
      this.count -= 1;
    }
  }

  /**
   * A line never wraps around the end, so that it can be copied at once. A ring of twice the
   * table's size is always enough: a line with its slack is shorter than what it is charged.
   */
  #place(length: number): number {
    if (this.count === 0) this.#tail = 0;
    const oldest = this.count === 0 ? 0 : this.entries[this.columnOf(this.newest - this.count + 1)];
    let at = this.#tail;
    if (this.count > 0 && at <= oldest) {
      if (at + length > oldest) at = this.#growLines(length);
    } else if (at + length > this.lines.length) {
      at = length <= oldest ? 0 : this.#growLines(length);
    }
    this.#tail = at + length;
    return at;
  }

  /** Moves all lines to the front of a larger ring. Returns the offset behind them. */
  #growLines(length: number): number {
    const capacityMax = this.#ceiling * 2;
    assert(this.lines.length < capacityMax, 'a ring of twice the bytes is never full');
    let capacity = Math.max(this.lines.length * 2, linesBytesMin);
    while (capacity < this.bytes + length) capacity *= 2;
    const grown = Buffer.allocUnsafeSlow(Math.min(capacity, capacityMax));
    const { entries } = this;
    let at = 0;
    for (let age = this.count - 1; age >= 0; age--) {
      const column = this.columnOf(this.newest - age);
      const start = entries[column];
      const lineEnd = start + entries[column + 1] + entries[column + 2] + lineOverheadBytes;
      this.lines.copy(grown, at, start, lineEnd);
      entries[column] = at;
      at += lineEnd - start + wordSlackBytes;
    }
    this.lines = grown;
    this.view = new DataView(grown.buffer, grown.byteOffset, grown.length);
    return at;
  }

  #growEntries(): void {
    const { entries } = this;
    this.entries = new Int32Array(entries.length * 2);
    for (let age = 0; age < this.count; age++) {
      const number = this.newest - age;
      const from = (number << 2) & (entries.length - 1);
      this.entries.set(entries.subarray(from, from + 4), this.columnOf(number));
    }
  }
}

/** A power of two, as all numbers of entries that there is room for. */
const entriesMin = 16;
const linesBytesMin = 512;
const noLines = Buffer.alloc(0);
const noView = new DataView(noLines.buffer, noLines.byteOffset, 0);
