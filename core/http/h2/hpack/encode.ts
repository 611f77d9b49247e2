/**
 * Fields become field blocks (RFC 7541). A field that the table has is an index of one or two
 * bytes; one that comes again within a short memory is added to it; all others stay literal, so
 * that ids and dates do not flush what repeats. Strings are not Huffman-coded: that costs both
 * ends more time than the bytes are worth between a proxy and what is near it.
 */

import { Known } from '../../known-fields.ts';
import { entryOverheadBytes, initialTableBytes } from './dynamic-table.ts';
import { EncoderTable } from './encoder-table.ts';
import { Field } from './field.ts';
import { findStaticName } from './static-names.ts';
import { staticEntries, staticLines, staticView } from './static-table.ts';
import { viewOf } from './words.ts';

export class HpackEncoder {
  readonly #tableBytesMax: number;
  readonly #table: EncoderTable;
  /** Hashes of fields and names that were sent as literals. */
  readonly #seen = new Int32Array(seenSlots);
  #updateDue = false;
  /** The smallest size since the last block. */
  #updateMin = initialTableBytes;

  /** `tableBytesMax`: our own bound; the peer's SETTINGS_HEADER_TABLE_SIZE may lower it. */
  constructor(tableBytesMax: number) {
    this.#tableBytesMax = tableBytesMax;
    this.#table = new EncoderTable(tableBytesMax);
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
    field.setName(bytes, viewOf(bytes), nameStart, nameEnd - nameStart);
    field.setValue(bytes, valueStart, valueEnd);
    const isSecret = sensitive || ((1 << known) & secrets) !== 0;
    return isSecret ? this.#writeSecret(out, at) : this.#write(out, at);
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
    field.setName(protocolName, protocolView, 0, protocolName.length);
    field.setValue(bytes, start, end);
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
    const nameStart = staticEntries[index * 4];
    const nameLength = staticEntries[index * 4 + 1];
    field.setName(staticLines, staticView, nameStart, nameLength);
    field.setValue(bytes, start, end);
    for (let one = index; one < index + count; one++) {
      if (staticEntries[one * 4 + 2] !== end - start) continue;
      if (!field.equalsValue(staticView, staticEntries[one * 4] + nameLength + 2)) continue;
      if (at === out.length) return -1;
      out[at] = indexedMark | one;
      return at + 1;
    }
    return this.#write(out, at);
  }

  /** The field at hand, by the policy. */
  #write(out: Buffer, at: number): number {
    const size = field.nameLength + field.valueLength + entryOverheadBytes;
    // More than any representation takes.
    if (at + size > out.length) return -1;
    const table = this.#table;
    const next = table.findNext(field);
    if (next > 0) return writeInteger(indexedMark, 0x7f, next, out, at);
    const nameHash = field.hashName();
    const hash = field.hash(nameHash);
    const index = table.find(field, hash);
    if (index > 0) return writeInteger(indexedMark, 0x7f, index, out, at);
    const name = findStaticName(field, nameHash) || table.findName(field, nameHash);
    const isKept =
      size <= table.bytesMax >> entryShareShift &&
      (this.#comesAgain(hash) || (name === 0 && this.#comesAgain(nameHash)));
    const to = isKept
      ? writeLiteral(indexingMark, 0x3f, name, out, at)
      : writeLiteral(0, 0x0f, name, out, at);
    if (isKept) table.add(field, hash, nameHash);
    return to;
  }

  /** The field at hand, for no table. */
  #writeSecret(out: Buffer, at: number): number {
    const size = field.nameLength + field.valueLength + entryOverheadBytes;
    if (at + size > out.length) return -1;
    const nameHash = field.hashName();
    const name = findStaticName(field, nameHash) || this.#table.findName(field, nameHash);
    return writeLiteral(neverMark, 0x0f, name, out, at);
  }

  /** Whether something with this hash has been sent before, as far as we remember. */
  #comesAgain(hash: number): boolean {
    const slot = hash & (seenSlots - 1);
    if (this.#seen[slot] === hash) return true;
    this.#seen[slot] = hash;
    return false;
  }
}

/** A literal of the field at hand, with the name of entry `name` unless that is 0. */
function writeLiteral(mark: number, prefixMax: number, name: number, out: Buffer, at: number) {
  let to = writeInteger(mark, prefixMax, name, out, at);
  if (name === 0) to = field.writeName(out, writeInteger(0, 0x7f, field.nameLength, out, to));
  return field.writeValue(out, writeInteger(0, 0x7f, field.valueLength, out, to));
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

/** The field at hand, for all encoders of the thread. */
const field = new Field();

const methodIndex = 2;
const pathIndex = 4;
const schemeIndex = 6;
const statusIndex = 8;
const authorityIndex = 1;
const statuses: readonly number[] = [200, 204, 206, 304, 400, 404, 500];
const statusBytes = 5;

const protocolName = Buffer.from(':protocol');
const protocolView = viewOf(protocolName);

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
