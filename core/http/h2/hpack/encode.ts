/**
 * Fields become field blocks (RFC 7541). A field that the table has is an index of one or two
 * bytes; one that comes again within a short memory is added to it; all others stay literal, so
 * that ids and dates do not flush what repeats. Strings are not Huffman-coded: that costs both
 * ends more time than the bytes are worth between a proxy and what is near it.
 */

import { lowerBytes } from '../../byte-class.ts';
import { Known } from '../../known-fields.ts';
import { DynamicTable, entryOverheadBytes, initialTableBytes } from './dynamic-table.ts';
import { findStaticName, staticHashes, staticView } from './static-names.ts';
import { staticCount, staticEntries, staticLines } from './static-table.ts';
import { equalsLower, equalsWords, hashName, hashValue, viewOf } from './words.ts';

export class HpackEncoder {
  readonly #tableBytesMax: number;
  readonly #table: DynamicTable;
  /** The newest entry of each bucket of hashes, by number. */
  readonly #buckets: Int32Array;
  /** Two columns an entry: the next older one of its bucket, and the hash of its name. */
  readonly #links: Int32Array;
  /** Hashes of fields that were sent as literals. */
  readonly #seen = new Int32Array(seenSlots);
  #updateDue = false;
  /** The smallest size since the last block. */
  #updateMin = initialTableBytes;

  /** The field at hand: where its name lies, and its value. */
  #names: Buffer = staticLines;
  #namesView = staticView;
  #nameStart = 0;
  #nameEnd = 0;
  #nameHash = 0;
  #bytes: Buffer = staticLines;
  #view = staticView;
  #valueStart = 0;
  #valueEnd = 0;

  /** `tableBytesMax`: our own bound; the peer's SETTINGS_HEADER_TABLE_SIZE may lower it. */
  constructor(tableBytesMax: number) {
    this.#tableBytesMax = tableBytesMax;
    this.#table = new DynamicTable(Math.max(tableBytesMax, initialTableBytes));
    const entriesMax = this.#table.entries.length / 4;
    this.#buckets = new Int32Array(entriesMax);
    this.#links = new Int32Array(entriesMax * 2);
    this.setPeerMax(initialTableBytes);
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. The next block begins with what has to be said. */
  setPeerMax(bytes: number): void {
    const bytesMax = Math.min(bytes, this.#tableBytesMax);
    if (bytesMax === this.#table.bytesMax) return;
    this.#updateMin = this.#updateDue ? Math.min(this.#updateMin, bytesMax) : bytesMax;
    this.#updateDue = true;
    this.#table.setBytesMax(bytesMax);
  }

  /**
   * A block begins. Returns the offset behind the size updates (RFC 7541 4.2), or -1 when they do
   * not fit `out`, as the other methods do. Nothing has changed then: the block can go on in a
   * larger buffer.
   */
  begin(out: Buffer, at: number): number {
    if (!this.#updateDue) return at;
    if (at + 2 * integerBytesMax > out.length) return -1;
    const { bytesMax } = this.#table;
    let to = at;
    if (this.#updateMin < bytesMax) to = writeInteger(updateMark, 0x1f, this.#updateMin, out, to);
    to = writeInteger(updateMark, 0x1f, bytesMax, out, to);
    this.#updateDue = false;
    return to;
  }

  /**
   * A field that is no pseudo-header; its name is written in small letters. `known` is its number
   * of Known. `sensitive` keeps it, and everybody after us, from adding it to a table.
   */
  field(
    bytes: Buffer,
    nameStart: number,
    nameEnd: number,
    valueStart: number,
    valueEnd: number,
    known: number,
    sensitive: boolean,
    out: Buffer,
    at: number,
  ): number {
    const view = viewOf(bytes);
    this.#names = bytes;
    this.#namesView = view;
    this.#nameStart = nameStart;
    this.#nameEnd = nameEnd;
    this.#nameHash = hashName(view, nameStart, nameEnd);
    this.#bytes = bytes;
    this.#view = view;
    this.#valueStart = valueStart;
    this.#valueEnd = valueEnd;
    if (sensitive || ((1 << known) & secrets) !== 0) return this.#writeSecret(out, at);
    return this.#write(out, at);
  }

  method(bytes: Buffer, start: number, end: number, out: Buffer, at: number): number {
    return this.#pseudo(methodIndex, 2, bytes, start, end, out, at);
  }

  scheme(bytes: Buffer, start: number, end: number, out: Buffer, at: number): number {
    return this.#pseudo(schemeIndex, 2, bytes, start, end, out, at);
  }

  authority(bytes: Buffer, start: number, end: number, out: Buffer, at: number): number {
    return this.#pseudo(authorityIndex, 0, bytes, start, end, out, at);
  }

  path(bytes: Buffer, start: number, end: number, out: Buffer, at: number): number {
    return this.#pseudo(pathIndex, 2, bytes, start, end, out, at);
  }

  /** `:protocol` of an extended CONNECT, RFC 8441 4. */
  protocol(bytes: Buffer, start: number, end: number, out: Buffer, at: number): number {
    this.#names = protocolName;
    this.#namesView = protocolView;
    this.#nameStart = 0;
    this.#nameEnd = protocolName.length;
    this.#nameHash = protocolHash;
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
    this.#valueStart = start;
    this.#valueEnd = end;
    return this.#write(out, at);
  }

  status(status: number, out: Buffer, at: number): number {
    if (at + statusBytes > out.length) return -1;
    const index = statuses.indexOf(status);
    if (index >= 0) {
      out[at] = indexedMark | (statusIndex + index);
      return at + 1;
    }
    out[at] = statusIndex;
    out[at + 1] = 3;
    out[at + 2] = 0x30 + Math.floor(status / 100);
    out[at + 3] = 0x30 + (Math.floor(status / 10) % 10);
    out[at + 4] = 0x30 + (status % 10);
    return at + statusBytes;
  }

  /** `index` is the first of `count` entries of the static table with name and value. */
  #pseudo(
    index: number,
    count: number,
    bytes: Buffer,
    start: number,
    end: number,
    out: Buffer,
    at: number,
  ): number {
    const view = viewOf(bytes);
    const nameStart = staticEntries[index * 4];
    const nameLength = staticEntries[index * 4 + 1];
    const length = end - start;
    for (let one = index; one < index + count; one++) {
      if (staticEntries[one * 4 + 2] !== length) continue;
      const valueStart = staticEntries[one * 4] + nameLength + 2;
      if (!equalsWords(view, start, staticView, valueStart, length)) continue;
      if (at === out.length) return -1;
      out[at] = indexedMark | one;
      return at + 1;
    }
    this.#names = staticLines;
    this.#namesView = staticView;
    this.#nameStart = nameStart;
    this.#nameEnd = nameStart + nameLength;
    this.#nameHash = staticHashes[index];
    this.#bytes = bytes;
    this.#view = view;
    this.#valueStart = start;
    this.#valueEnd = end;
    return this.#write(out, at);
  }

  #write(out: Buffer, at: number): number {
    const hash = hashValue(this.#view, this.#valueStart, this.#valueEnd, this.#nameHash);
    const index = this.#findField(hash);
    if (index > 0) {
      if (at + integerBytesMax > out.length) return -1;
      return writeInteger(indexedMark, 0x7f, index, out, at);
    }
    const size =
      this.#nameEnd - this.#nameStart + this.#valueEnd - this.#valueStart + entryOverheadBytes;
    if (at + size > out.length) return -1;
    const name = this.#findName();
    if (size > this.#table.bytesMax >> entryShareShift || !this.#comesAgain(hash)) {
      return this.#writeLiteral(0, 0x0f, name, out, at);
    }
    const to = this.#writeLiteral(indexingMark, 0x3f, name, out, at);
    this.#learn(hash);
    return to;
  }

  #writeSecret(out: Buffer, at: number): number {
    const size =
      this.#nameEnd - this.#nameStart + this.#valueEnd - this.#valueStart + entryOverheadBytes;
    if (at + size > out.length) return -1;
    return this.#writeLiteral(neverMark, 0x0f, this.#findName(), out, at);
  }

  /** The index of an entry with this name and value, or 0. */
  #findField(hash: number): number {
    const table = this.#table;
    const { entries } = table;
    const buckets = this.#buckets;
    let number = buckets[hash & (buckets.length - 1)];
    for (let left = table.count; left > 0; left--) {
      const age = (table.newest - number) | 0;
      if (age < 0 || age >= table.count) return 0;
      const column = table.columnOf(number);
      if (entries[column + 3] === hash && this.#isField(column)) return staticCount + 1 + age;
      number = this.#links[column >> 1];
    }
    return 0;
  }

  #isField(column: number): boolean {
    const { entries, view } = this.#table;
    const nameLength = this.#nameEnd - this.#nameStart;
    const valueLength = this.#valueEnd - this.#valueStart;
    const start = entries[column];
    return (
      entries[column + 1] === nameLength &&
      entries[column + 2] === valueLength &&
      equalsWords(this.#view, this.#valueStart, view, start + nameLength, valueLength) &&
      equalsLower(this.#namesView, this.#nameStart, view, start, nameLength)
    );
  }

  /** The index of an entry with this name, or 0. */
  #findName(): number {
    const hash = this.#nameHash;
    const view = this.#namesView;
    const start = this.#nameStart;
    const index = findStaticName(hash, view, start, this.#nameEnd);
    if (index > 0) return index;
    const table = this.#table;
    const { entries } = table;
    const length = this.#nameEnd - start;
    for (let age = 0; age < table.count; age++) {
      const column = table.columnOf(table.newest - age);
      if (this.#links[(column >> 1) + 1] !== hash || entries[column + 1] !== length) continue;
      if (equalsLower(view, start, table.view, entries[column], length)) {
        return staticCount + 1 + age;
      }
    }
    return 0;
  }

  /** Whether a field has been sent before, as far as we remember. */
  #comesAgain(hash: number): boolean {
    const slot = hash & (seenSlots - 1);
    if (this.#seen[slot] === hash) return true;
    this.#seen[slot] = hash;
    return false;
  }

  #learn(hash: number): void {
    const table = this.#table;
    const nameLength = this.#nameEnd - this.#nameStart;
    const start = table.insert(nameLength, this.#valueEnd - this.#valueStart, hash);
    const column = table.columnOf(table.newest);
    const bucket = hash & (this.#buckets.length - 1);
    this.#links[column >> 1] = this.#buckets[bucket];
    this.#links[(column >> 1) + 1] = this.#nameHash;
    this.#buckets[bucket] = table.newest;
    writeLower(this.#names, this.#nameStart, this.#nameEnd, table.lines, start);
    copyBytes(this.#bytes, this.#valueStart, this.#valueEnd, table.lines, start + nameLength);
  }

  #writeLiteral(mark: number, prefixMax: number, name: number, out: Buffer, at: number): number {
    let to = writeInteger(mark, prefixMax, name, out, at);
    if (name === 0) {
      to = writeInteger(0, 0x7f, this.#nameEnd - this.#nameStart, out, to);
      to = writeLower(this.#names, this.#nameStart, this.#nameEnd, out, to);
    }
    to = writeInteger(0, 0x7f, this.#valueEnd - this.#valueStart, out, to);
    return copyBytes(this.#bytes, this.#valueStart, this.#valueEnd, out, to);
  }
}

/** An integer behind a mark (RFC 7541 5.1). Returns the offset behind it. */
function writeInteger(mark: number, prefixMax: number, value: number, out: Buffer, at: number) {
  if (value < prefixMax) {
    out[at] = mark | value;
    return at + 1;
  }
  out[at] = mark | prefixMax;
  let to = at + 1;
  let rest = value - prefixMax;
  for (; rest >= 0x80; rest >>= 7) out[to++] = (rest & 0x7f) | 0x80;
  out[to] = rest;
  return to + 1;
}

function writeLower(bytes: Buffer, start: number, end: number, out: Buffer, at: number): number {
  const length = end - start;
  for (let i = 0; i < length; i++) out[at + i] = lowerBytes[bytes[start + i]];
  return at + length;
}

function copyBytes(bytes: Buffer, start: number, end: number, out: Buffer, at: number): number {
  const length = end - start;
  if (length > inlineBytesMax) bytes.copy(out, at, start, end);
  else for (let i = 0; i < length; i++) out[at + i] = bytes[start + i];
  return at + length;
}

const methodIndex = 2;
const pathIndex = 4;
const schemeIndex = 6;
const statusIndex = 8;
const authorityIndex = 1;
const statuses: readonly number[] = [200, 204, 206, 304, 400, 404, 500];
const statusBytes = 5;

const protocolName = Buffer.from(':protocol');
const protocolView = viewOf(protocolName);
const protocolHash = hashName(protocolView, 0, protocolName.length);

/** What is worth guessing at (RFC 7541 7.1.3). */
const secrets =
  (1 << Known.AUTHORIZATION) |
  (1 << Known.PROXY_AUTHORIZATION) |
  (1 << Known.COOKIE) |
  (1 << Known.SET_COOKIE);

/** First bytes of the representations, RFC 7541 6. */
const indexedMark = 0x80;
const indexingMark = 0x40;
const updateMark = 0x20;
const neverMark = 0x10;

/** A prefix and up to 2^28 behind it. */
const integerBytesMax = 5;
/** An entry may take this part of the table, a quarter; larger ones stay literals. */
const entryShareShift = 2;
/** Enough for the fields of several heads. */
const seenSlots = 64;
/** A call into the runtime costs as much as about this many bytes copied one by one. */
const inlineBytesMax = 48;
