/**
 * Field blocks become fields, one at each call (RFC 7541). A field is written as the line
 * `name: value` CRLF, whole from the table where it is indexed, and with what was found out about
 * it when the table learned it. What fields mean together is for the caller to judge, and so is
 * whether to refuse one that is not valid: its bytes may contain CR and LF.
 */

import { assert } from '../../../base/assert.ts';
import { COLON, CR, LF, SP } from '../../byte-class.ts';
import { Violation } from '../violation.ts';
import { BlockReader } from './block-reader.ts';
import {
  DynamicTable,
  entryOverheadBytes,
  initialTableBytes,
  lineOverheadBytes,
} from './dynamic-table.ts';
import {
  knownMask,
  nameTraits,
  pseudoMask,
  pseudoShift,
  validShift,
  valueTraits,
  valueValid,
} from './field-traits.ts';
import { staticCount, staticEntries, staticView } from './static-table.ts';
import { copyWords, viewOf } from './words.ts';

/** What `next` returns when it is no Violation. */
export const Decoded = { END: 0, FIELD: 1, OVERFLOW: 2 } as const;

export class HpackDecoder {
  /** Offsets into `out` of the last field. */
  nameStart = 0;
  nameEnd = 0;
  valueStart = 0;
  valueEnd = 0;
  /** Behind the line of the last field. */
  position = 0;
  /** A number of Known. */
  known = 0;
  /** A number of Pseudo. */
  pseudo = 0;
  /** Bits of Valid. */
  valid = 0;
  /** Whoever sends it on has to send it as never indexed (RFC 7541 6.2.3). */
  neverIndexed = false;

  readonly #table: DynamicTable;
  /** What the peer may make of the table. */
  #tableBytesMax: number;
  #updateDue = false;
  #atStart = false;
  readonly #block = new BlockReader();
  #out: Buffer = nothing;
  #view: DataView = emptyView;
  /** What is left of the list, by the accounting of RFC 9113 6.5.2. */
  #listBytes = 0;
  /** Of the last entry that was looked up. */
  #entries: Int32Array = staticEntries;
  #lines: DataView = staticView;
  /** Of the last literal. */
  #nameLength = 0;
  #traits = 0;

  /**
   * `tableBytesMax` is our first SETTINGS_HEADER_TABLE_SIZE. Until the peer has seen it, its table
   * has the protocol's default; it makes use of more by a size update (RFC 7541 4.2).
   */
  constructor(tableBytesMax: number) {
    this.#tableBytesMax = Math.max(tableBytesMax, initialTableBytes);
    this.#table = new DynamicTable(this.#tableBytesMax);
  }

  /** The peer has acknowledged this SETTINGS_HEADER_TABLE_SIZE. */
  setTableMax(tableBytesMax: number): void {
    this.#tableBytesMax = tableBytesMax;
    this.#updateDue ||= this.#table.bytesMax > tableBytesMax;
  }

  /**
   * A field block begins, all its fragments joined. Lines go to `out` from `at` on; all fields
   * together, each with 32 bytes more, may have `listBytesMax`, and `out` must have room for them.
   */
  begin(
    bytes: Buffer,
    start: number,
    end: number,
    out: Buffer,
    at: number,
    listBytesMax: number,
  ): void {
    assert(at + listBytesMax <= out.length, 'the list fits the output');
    this.#block.begin(bytes, start, end);
    this.#out = out;
    this.#view = viewOf(out);
    this.#listBytes = listBytesMax;
    this.#atStart = true;
    this.position = at;
  }

  /**
   * The next field. Returns FIELD, END behind the last one, or a Violation, with which the
   * connection ends. OVERFLOW: the list would exceed its bound; all of the block has been read
   * then, so that the connection can go on.
   */
  next(): number {
    if (this.#atStart) {
      const violation = this.#readUpdates();
      if (violation < 0) return violation;
    }
    const block = this.#block;
    const fieldAt = block.at;
    if (fieldAt === block.end) return this.#finish();
    const byte = block.peek();
    if (byte >= indexedMark) return this.#readIndexed(fieldAt);
    if ((byte & 0xe0) === updateMark) return Violation.HPACK_UPDATE_LATE;
    const at = this.position;
    const room = this.#listBytes - entryOverheadBytes;
    const lineEnd = this.#readLine(byte, this.#out, this.#view, at, room);
    if (lineEnd < 0) return lineEnd;
    const size = lineEnd - at - lineOverheadBytes;
    if (size > room) return this.#overflow(fieldAt);
    this.#listBytes -= size + entryOverheadBytes;
    if (byte >= indexingMark) this.#learn(this.#view, at, lineEnd);
    this.neverIndexed = (byte & 0xf0) === neverMark;
    this.#tell(at, this.#nameLength, size - this.#nameLength, this.#traits);
    return Decoded.FIELD;
  }

  /** Reads what is left of the block for the table's sake. Returns END or a Violation. */
  skip(): number {
    if (this.#atStart) {
      const violation = this.#readUpdates();
      if (violation < 0) return violation;
    }
    const table = this.#table;
    const block = this.#block;
    while (block.at < block.end) {
      const byte = block.peek();
      if (byte >= indexedMark) {
        const index = this.#block.readInteger(0x7f);
        if (index < 0) return index;
        if (index === 0 || index > staticCount + table.count) return Violation.HPACK_INDEX;
      } else if ((byte & 0xe0) === updateMark) {
        return Violation.HPACK_UPDATE_LATE;
      } else {
        const lineEnd = this.#skipLine(byte);
        if (lineEnd < 0) return lineEnd;
      }
    }
    return this.#finish();
  }

  /** Size updates, which stand before the first field: the smallest one, and the last. */
  #readUpdates(): number {
    this.#atStart = false;
    const block = this.#block;
    let updates = 0;
    while (block.at < block.end && (block.peek() & 0xe0) === updateMark) {
      const size = this.#block.readInteger(0x1f);
      if (size < 0) return size;
      if (size > this.#tableBytesMax) return Violation.HPACK_UPDATE_TOO_LARGE;
      if (++updates > updatesMax) return Violation.HPACK_UPDATE_REPEATED;
      this.#table.setBytesMax(size);
    }
    if (this.#updateDue && updates === 0) return Violation.HPACK_UPDATE_MISSING;
    this.#updateDue = false;
    return 0;
  }

  #readIndexed(fieldAt: number): number {
    const index = this.#block.readInteger(0x7f);
    if (index < 0) return index;
    const column = this.#locate(index);
    if (column < 0) return column;
    const entries = this.#entries;
    const nameLength = entries[column + 1];
    const valueLength = entries[column + 2];
    const size = nameLength + valueLength;
    if (size + entryOverheadBytes > this.#listBytes) return this.#overflow(fieldAt);
    this.#listBytes -= size + entryOverheadBytes;
    const at = this.position;
    copyWords(this.#lines, entries[column], this.#view, at, size + lineOverheadBytes);
    this.neverIndexed = false;
    this.#tell(at, nameLength, valueLength, entries[column + 3]);
    return Decoded.FIELD;
  }

  /** Leaves the table that entry `index` is in. Returns where its columns begin, or a Violation. */
  #locate(index: number): number {
    if (index <= staticCount) {
      this.#entries = staticEntries;
      this.#lines = staticView;
      return index === 0 ? Violation.HPACK_INDEX : index << 2;
    }
    const table = this.#table;
    const age = index - staticCount - 1;
    if (age >= table.count) return Violation.HPACK_INDEX;
    this.#entries = table.entries;
    this.#lines = table.view;
    return table.columnOf(table.newest - age);
  }

  #tell(at: number, nameLength: number, valueLength: number, traits: number): void {
    this.nameStart = at;
    this.nameEnd = at + nameLength;
    this.valueStart = at + nameLength + 2;
    this.valueEnd = this.valueStart + valueLength;
    this.position = this.valueEnd + 2;
    this.known = traits & knownMask;
    this.pseudo = (traits >> pseudoShift) & pseudoMask;
    this.valid = traits >> validShift;
  }

  /** Lets go of buffers, so that an idle connection holds none. */
  #finish(): number {
    this.#block.release();
    this.#out = nothing;
    this.#view = emptyView;
    return Decoded.END;
  }

  /** Of the field at `fieldAt` nothing has been kept: it is read again, as the rest. */
  #overflow(fieldAt: number): number {
    this.#block.at = fieldAt;
    const result = this.skip();
    return result < 0 ? result : Decoded.OVERFLOW;
  }

  /**
   * Reads a literal field to `out`, name and value of at most `room` bytes together, and leaves
   * the length of the name and the traits. Returns the offset behind its line; when that is more
   * than `room` allows, what has been written is of no use. Or a Violation.
   */
  #readLine(byte: number, out: Buffer, view: DataView, at: number, room: number): number {
    const limit = at + room;
    const index = this.#block.readInteger(byte >= indexingMark ? 0x3f : 0x0f);
    if (index < 0) return index;
    const nameEnd =
      index === 0
        ? this.#block.readString(out, view, at, limit)
        : this.#copyName(index, view, at, limit);
    if (nameEnd < 0) return nameEnd;
    if (index === 0) this.#traits = nameEnd > limit ? 0 : nameTraits(out, at, nameEnd);
    const valueStart = nameEnd + 2;
    const valueEnd = this.#block.readString(out, view, valueStart, limit + 2);
    if (valueEnd < 0 || valueEnd > limit + 2) return valueEnd < 0 ? valueEnd : valueEnd + 2;
    out[nameEnd] = COLON;
    out[nameEnd + 1] = SP;
    out[valueEnd] = CR;
    out[valueEnd + 1] = LF;
    this.#nameLength = nameEnd - at;
    this.#traits |= valueTraits(view, valueStart, valueEnd);
    return valueEnd + 2;
  }

  /** The same for a literal whose bytes nobody but the table wants. */
  #skipLine(byte: number): number {
    const table = this.#table;
    if (byte < indexingMark) return this.#readLine(byte, nothing, emptyView, 0, -1);
    const room = table.bytesMax - entryOverheadBytes;
    if (scratch.length < table.bytesMax) {
      scratch = Buffer.allocUnsafeSlow(table.bytesMax);
      scratchView = new DataView(scratch.buffer, scratch.byteOffset, scratch.length);
    }
    const lineEnd = this.#readLine(byte, scratch, scratchView, 0, room);
    if (lineEnd - lineOverheadBytes > room) table.clear();
    else if (lineEnd >= 0) this.#learn(scratchView, 0, lineEnd);
    return lineEnd;
  }

  /** The line that has just been read becomes the newest entry. */
  #learn(view: DataView, at: number, lineEnd: number): void {
    const table = this.#table;
    const nameLength = this.#nameLength;
    const valueLength = lineEnd - at - lineOverheadBytes - nameLength;
    const start = table.insert(nameLength, valueLength, this.#traits);
    if (start >= 0) copyWords(view, at, table.view, start, lineEnd - at);
  }

  /** The name of entry `index`, and its traits. Returns the offset behind it, or a Violation. */
  #copyName(index: number, view: DataView, at: number, limit: number): number {
    const column = this.#locate(index);
    if (column < 0) return column;
    const entries = this.#entries;
    const end = at + entries[column + 1];
    if (end <= limit) copyWords(this.#lines, entries[column], view, at, end - at);
    this.#traits = entries[column + 3] & ~valueValid;
    return end;
  }
}

/** What is read for the table only, of all connections of the thread. */
let scratch: Buffer = Buffer.alloc(0);
let scratchView = viewOf(scratch);

const nothing = Buffer.alloc(0);
const emptyView = viewOf(nothing);

/** First bytes of the representations, RFC 7541 6. */
const indexedMark = 0x80;
const indexingMark = 0x40;
const updateMark = 0x20;
const neverMark = 0x10;

const updatesMax = 2;
