/**
 * Field blocks as heads: requests, responses and trailers, in the same `Head` that HTTP/1 fills, so
 * that no layer needs to know the version. Lines of ordinary fields stand in `head.bytes` as
 * HTTP/1.1 writes them; the values of pseudo-headers stand before them. Strict about all that has
 * been a way to smuggle requests into HTTP/1 (RFC 9113 8.2, 8.3 and 10.3).
 */

import { assert } from '../../base/assert.ts';
import { hostEndOf } from '../authority.ts';
import { equalsName, nameBytes, targetBytes, tokenBytes } from '../byte-class.ts';
import { parseContentLength } from '../content-length.ts';
import { isForbiddenTrailer } from '../forbidden-trailers.ts';
import { Framing, type Head, Method } from '../head.ts';
import { connectionFields, Known, recogniseField } from '../known-fields.ts';
import { methodOf } from '../method.ts';
import { HeadError } from './head-error.ts';
import { resolveRequest, resolveResponse } from './head-meaning.ts';
import { Decoded, type HpackDecoder } from './hpack/decode.ts';
import { Pseudo, Valid } from './hpack/field-traits.ts';

export interface HeadLimits {
  /** Of the decoded fields, 32 bytes for each added (RFC 9113 6.5.2). */
  readonly headBytesMax: number;
  readonly headFieldsMax: number;
}

/** A whole field block, and where its fields are to stand. */
export interface FieldBlock {
  bytes: Buffer;
  start: number;
  end: number;
  /** Shared by all connections of a thread: a head that outlives the event is held elsewhere. */
  readonly out: Buffer;
}

/** Cookies are joined behind the fields: twice the bytes of a head, and what is appended. */
export function fieldOutputBytes(limits: HeadLimits): number {
  return 2 * limits.headBytesMax + 256;
}

/**
 * Each decodes the block and fills `head`. The result is 0, a HeadError (positive: the stream's
 * matter), or a Violation (negative: the connection's end). After a HeadError the block has been
 * decoded to its end all the same, because the dynamic table has to stay in step.
 */
export function decodeRequest(
  decoder: HpackDecoder,
  block: FieldBlock,
  limits: HeadLimits,
  ends: boolean,
  head: Head,
): number {
  const result = decodeFields(decoder, block, limits, head, requestPseudo);
  if (result !== 0) return result;
  const error = resolveRequest(head, ends);
  if (error === 0 && (head.pseudoSeen & (1 << Pseudo.PROTOCOL)) !== 0) takeUpgrade(head);
  return error;
}

export function decodeResponse(
  decoder: HpackDecoder,
  block: FieldBlock,
  limits: HeadLimits,
  requestMethod: number,
  ends: boolean,
  head: Head,
): number {
  const result = decodeFields(decoder, block, limits, head, responsePseudo);
  if (result !== 0) return result;
  return resolveResponse(head, requestMethod, ends);
}

/** Fields that may not be forwarded are dropped. */
export function decodeTrailers(
  decoder: HpackDecoder,
  block: FieldBlock,
  limits: HeadLimits,
  head: Head,
): number {
  const result = decodeFields(decoder, block, limits, head, noPseudo);
  if (result !== 0) return result;
  for (let index = 0; index < head.count; index++) {
    if (isForbiddenTrailer(head, index)) head.dropField(index);
  }
  return 0;
}

/** Fills pseudo-headers and fields; after an error it only goes on for the table's sake. */
function decodeFields(
  decoder: HpackDecoder,
  block: FieldBlock,
  limits: HeadLimits,
  head: Head,
  allowed: number,
): number {
  const { bytes, start, end, out } = block;
  decoder.begin(bytes, start, end, out, 0, limits.headBytesMax);
  head.clear(out, 0);
  head.major = 2;
  head.minor = 0;
  head.canonicalLine = false;
  let count = 0;
  for (;;) {
    const event = decoder.next();
    if (event !== Decoded.FIELD) {
      if (event < 0) return event;
      if (event === Decoded.OVERFLOW) return HeadError.TOO_LARGE;
      head.count = count;
      return finishFields(decoder, limits, head);
    }
    let error = 0;
    if (decoder.pseudo !== Pseudo.NONE) {
      error = count > 0 ? HeadError.PSEUDO_LATE : takePseudo(decoder, head, allowed);
    } else {
      if (count === head.known.length) head.growFields();
      const full = count === limits.headFieldsMax;
      error = full ? HeadError.TOO_MANY_FIELDS : takeField(decoder, head, count);
      count++;
    }
    // The rest of the block may still change the dynamic table, or be no block at all.
    if (error !== 0) return Math.min(decoder.skip(), 0) || error;
  }
}

function takePseudo(decoder: HpackDecoder, head: Head, allowed: number): number {
  const { pseudo, valueStart, valueEnd } = decoder;
  const out = head.bytes;
  const bit = 1 << pseudo;
  if ((bit & allowed) === 0) return HeadError.PSEUDO_UNKNOWN;
  if ((bit & head.pseudoSeen) !== 0) return HeadError.PSEUDO_REPEATED;
  head.pseudoSeen |= bit;
  if ((decoder.valid & Valid.VALUE) === 0) return HeadError.FIELD_VALUE;
  switch (pseudo) {
    case Pseudo.METHOD:
      head.methodStart = valueStart;
      head.methodEnd = valueEnd;
      head.method = methodOf(out, valueStart, valueEnd);
      if (head.method !== Method.OTHER) return 0;
      return isMade(out, valueStart, valueEnd, tokenBytes) ? 0 : HeadError.METHOD;
    case Pseudo.SCHEME:
      head.secure = equalsName(out, valueStart, valueEnd, https);
      return head.secure || equalsName(out, valueStart, valueEnd, http) ? 0 : HeadError.SCHEME;
    case Pseudo.PATH:
      head.targetStart = valueStart;
      head.targetEnd = valueEnd;
      head.pathStart = valueStart;
      return isMade(out, valueStart, valueEnd, targetBytes) ? 0 : HeadError.PATH;
    case Pseudo.AUTHORITY:
      head.authorityStart = valueStart;
      head.authorityEnd = valueEnd;
      return hostEndOf(out, valueStart, valueEnd) < 0 ? HeadError.AUTHORITY : 0;
    case Pseudo.STATUS:
      return takeStatus(out, valueStart, valueEnd, head);
    default:
      assert(pseudo === Pseudo.PROTOCOL, 'every pseudo-header is listed');
      head.protocolStart = valueStart;
      head.protocolEnd = valueEnd;
      return isMade(out, valueStart, valueEnd, tokenBytes) ? 0 : HeadError.PROTOCOL;
  }
}

/** 101 does not exist in HTTP/2. */
function takeStatus(out: Buffer, start: number, end: number, head: Head): number {
  if (end - start !== 3) return HeadError.STATUS;
  for (let at = start; at < end; at++) {
    const digit = out[at] - 0x30;
    if (digit < 0 || digit > 9) return HeadError.STATUS;
    head.status = head.status * 10 + digit;
  }
  return head.status < 100 || head.status === 101 ? HeadError.STATUS : 0;
}

function isMade(bytes: Buffer, start: number, end: number, of: Uint8Array): boolean {
  for (let at = start; at < end; at++) if (of[bytes[at]] === 0) return false;
  return end > start;
}

function takeField(decoder: HpackDecoder, head: Head, index: number): number {
  const { known: id, valid } = decoder;
  if (valid !== Valid.BOTH) {
    return (valid & Valid.NAME) === 0 ? HeadError.FIELD_NAME : HeadError.FIELD_VALUE;
  }
  const { fields } = head;
  const column = index << 2;
  fields[column] = decoder.nameStart;
  fields[column + 1] = decoder.nameEnd;
  fields[column + 2] = decoder.valueStart;
  fields[column + 3] = decoder.valueEnd;
  head.known[index] = id;
  head.dropped[index] = 0;
  if (decoder.neverIndexed) head.markSensitive(index);
  return id === 0 ? 0 : takeKnown(head, id, index);
}

/** Fields that HTTP/2 has rules for. */
function takeKnown(head: Head, id: number, index: number): number {
  const bit = 1 << id;
  if ((bit & connectionFields) !== 0) return HeadError.CONNECTION_FIELD;
  if ((bit & singleFields) !== 0 && (head.seen & bit) !== 0) {
    return id === Known.HOST ? HeadError.HOST_REPEATED : HeadError.LENGTH_REPEATED;
  }
  head.noteField(id, index);
  const { bytes, fields } = head;
  const start = fields[(index << 2) + 2];
  const end = fields[(index << 2) + 3];
  if (id === Known.TE) return equalsName(bytes, start, end, trailers) ? 0 : HeadError.TE;
  if (id !== Known.CONTENT_LENGTH) return 0;
  head.contentLength = parseContentLength(bytes, start, end);
  if (head.contentLength < 0) return HeadError.LENGTH_INVALID;
  // `010` is eight to some; the encoders write their own.
  if (end - start > 1 && bytes[start] === 0x30) head.dropField(index);
  return 0;
}

/** The extended CONNECT of RFC 8441 is the Upgrade of HTTP/1.1, and so it is from here on. */
function takeUpgrade(head: Head): void {
  const { bytes, protocolStart, protocolEnd } = head;
  head.method = Method.GET;
  head.methodEnd = head.methodStart + bytes.write('GET', head.methodStart, 'latin1');
  appendField(head, 'upgrade', bytes.toString('latin1', protocolStart, protocolEnd));
  head.upgrade = true;
  head.framing = Framing.NONE;
}

/** Ends the region of `head.bytes` as HTTP/1 does, and joins cookies (RFC 9113 8.2.3). */
function finishFields(decoder: HpackDecoder, limits: HeadLimits, head: Head): number {
  const out = head.bytes;
  let at = decoder.position;
  if ((head.repeated & (1 << Known.COOKIE)) !== 0) at = joinCookies(head, at);
  out[at] = 0x0d;
  out[at + 1] = 0x0a;
  head.end = at + 2;
  return head.end - head.start > limits.headBytesMax ? HeadError.TOO_LARGE : 0;
}

/**
 * Adds a field behind the others to a head that was decoded in this event: the decoder's output has
 * room. `value` is ASCII.
 */
export function appendField(head: Head, name: string, value: string): void {
  if (head.count === head.known.length) head.growFields();
  const { bytes, fields, known, dropped, count } = head;
  const start = head.end - 2;
  const end = start + bytes.write(`${name}: ${value}\r\n\r\n`, start, 'latin1');
  const column = count << 2;
  fields[column] = start;
  fields[column + 1] = start + name.length;
  fields[column + 2] = start + name.length + 2;
  fields[column + 3] = end - 4;
  known[count] = recogniseField(bytes, start, start + name.length);
  dropped[count] = 0;
  head.count = count + 1;
  head.end = end;
  if (known[count] !== 0) head.noteField(known[count], count);
}

/** HTTP/1 allows one cookie field; the crumbs stay where they are and are not forwarded. */
function joinCookies(head: Head, from: number): number {
  if (head.count === head.known.length) head.growFields();
  const { bytes, fields, known, dropped, count } = head;
  const valueStart = from + bytes.write(cookieStart, from, 'latin1');
  let at = valueStart;
  for (let index = 0; index < count; index++) {
    if (known[index] !== Known.COOKIE) continue;
    if (at > valueStart) at += bytes.write('; ', at, 'latin1');
    const column = index << 2;
    at += bytes.copy(bytes, at, fields[column + 2], fields[column + 3]);
    head.dropField(index);
  }
  const column = count << 2;
  fields[column] = from;
  fields[column + 1] = valueStart - 2;
  fields[column + 2] = valueStart;
  fields[column + 3] = at;
  known[count] = Known.COOKIE;
  dropped[count] = 0;
  head.count = count + 1;
  return at + bytes.write('\r\n', at, 'latin1');
}

const requestPseudo =
  (1 << Pseudo.METHOD) |
  (1 << Pseudo.SCHEME) |
  (1 << Pseudo.AUTHORITY) |
  (1 << Pseudo.PATH) |
  (1 << Pseudo.PROTOCOL);
const responsePseudo = 1 << Pseudo.STATUS;
/** RFC 9113 8.1: trailers have none. */
const noPseudo = 0;

const singleFields = (1 << Known.HOST) | (1 << Known.CONTENT_LENGTH);

const http = nameBytes('http');
const https = nameBytes('https');
const trailers = nameBytes('trailers');
const cookieStart = 'cookie: ';
