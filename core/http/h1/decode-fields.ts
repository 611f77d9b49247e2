/**
 * The field section of a head or of trailers: bytes to offsets, strict about every byte
 * (RFC 9112 5). What the fields mean together is decided in `head-meaning.ts`.
 */

import { COLON, CR, HTAB, LF, SP, tokenBytes } from '../byte-class.ts';
import type { Head } from '../head.ts';
import { recogniseField } from '../known-fields.ts';
import { HeadError } from './head-error.ts';

/**
 * Fills the fields of `head` from `from` up to the empty line.
 * Returns the offset behind it, 0 when `stop` comes first, or a HeadError with `head.errorAt`.
 */
export function decodeFields(
  bytes: Buffer,
  from: number,
  stop: number,
  fieldsMax: number,
  head: Head,
): number {
  let { fields, known, dropped } = head;
  const token = tokenBytes;
  let at = from;
  let count = 0;
  for (;;) {
    const nameStart = at;
    while (at < stop && token[bytes[at]] === 1) at++;
    if (at === stop) return 0;
    if (at === nameStart || bytes[at] !== COLON) {
      head.count = count;
      return endOrError(bytes, nameStart, at, stop, head);
    }
    if (count === known.length || count === fieldsMax) {
      if (count === fieldsMax) return fail(head, nameStart, HeadError.TOO_MANY_FIELDS);
      head.growFields();
      ({ fields, known, dropped } = head);
    }
    const nameEnd = at++;
    while (at < stop && (bytes[at] === SP || bytes[at] === HTAB)) at++;
    const valueStart = at;
    // The class `valueBytes`; two comparisons are a fifth faster than its table here.
    let byte = 0;
    for (; at < stop; at++) {
      byte = bytes[at];
      if (byte < SP ? byte !== HTAB : byte === DEL) break;
    }
    if (at === stop) return 0;
    if (byte !== CR) {
      return fail(head, at, byte === LF ? HeadError.BARE_LF : HeadError.CONTROL_BYTE);
    }
    if (at + 1 === stop) return 0;
    if (bytes[at + 1] !== LF) return fail(head, at, HeadError.BARE_CR);
    let valueEnd = at;
    while (valueEnd > valueStart && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === HTAB)) {
      valueEnd--;
    }
    at += 2;
    const column = count << 2;
    fields[column] = nameStart;
    fields[column + 1] = nameEnd;
    fields[column + 2] = valueStart;
    fields[column + 3] = valueEnd;
    const id = recogniseField(bytes, nameStart, nameEnd);
    known[count] = id;
    dropped[count] = 0;
    if (id !== 0) head.noteField(id, count);
    count++;
  }
}

/** Records the offence's place; for the decoders, which return the code. */
export function fail(head: Head, at: number, code: number): number {
  head.errorAt = at - head.start;
  return code;
}

/** A line that is no `name:`: the empty line at the end, or what is wrong with it. */
function endOrError(bytes: Buffer, lineStart: number, at: number, stop: number, head: Head) {
  const byte = bytes[at];
  if (at === lineStart) {
    if (byte === CR) {
      if (at + 1 === stop) return 0;
      return bytes[at + 1] === LF ? at + 2 : fail(head, at, HeadError.BARE_CR);
    }
    if (byte === LF) return fail(head, at, HeadError.BARE_LF);
    if (byte === COLON) return fail(head, at, HeadError.EMPTY_NAME);
    if (byte === SP || byte === HTAB) return fail(head, at, HeadError.FOLDED);
    return fail(head, at, HeadError.FIELD_NAME);
  }
  if (byte === SP || byte === HTAB) return fail(head, at, HeadError.SPACE_BEFORE_COLON);
  if (byte === CR) return fail(head, at, HeadError.NO_COLON);
  return fail(head, at, byte === LF ? HeadError.BARE_LF : HeadError.FIELD_NAME);
}

const DEL = 0x7f;
