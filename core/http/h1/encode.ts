/**
 * Heads and chunk headers as bytes. What is forwarded is byte-identical in name, order and value;
 * the first line, the framing and Connection are ours, and stay as they came only where we would
 * have written the same bytes. Expects that `markHopByHop` has seen the head.
 */

import { assert } from '../../base/assert.ts';
import { CR, LF, SP } from '../byte-class.ts';
import { Form, Framing, type Head, Method } from '../head.ts';
import { reasonOf } from '../reason.ts';

/** What an encoded head may be longer than the decoded one and the extra lines together. */
const headOverheadBytes = 128;
/** The longest size line of a chunk. */
export const chunkHeaderBytesMax = 18;

/**
 * Writes a request head to `out` from `at` on, as HTTP/1.1 and in the form for an origin, but for
 * one whose version and form are to be restored; `extra` is complete field lines
 * or ''. A 1.0 request may name no host: then Host is up to `extra`. `authority` takes the place of
 * whom the request names, where it is not ''.
 * Returns the offset behind it, or -1 when `out` has not the length of the head, of `extra`, of
 * `authority` and `headOverheadBytes` left.
 */
export function encodeRequestHead(
  head: Head,
  out: Buffer,
  at: number,
  extra: string,
  authority = '',
): number {
  const { bytes, start, end, form, methodStart } = head;
  const twice = head.restored < 2 ? 0 : head.authorityEnd - head.authorityStart;
  const added = twice + extra.length + authority.length;
  const size = end - start + added + headOverheadBytes;
  if (at + size > out.length) return -1;
  let to = at;
  if (form !== Form.ORIGIN || !head.canonicalLine || authority !== '') {
    to = copyBytes(bytes, methodStart, head.methodEnd, out, to);
    out[to++] = SP;
    to = head.restored < 2 ? writeTarget(head, out, to) : writeAbsoluteTarget(head, out, to);
    to = writeAscii(head.restored === -1 || head.minor === 1 ? v11 : v10, out, to);
    if (authority === '') to = copyHost(head, out, to);
    else to = writeAscii('\r\n', out, writeAscii(authority, out, writeAscii('host: ', out, to)));
    to = copyFields(head, fieldsStart(head), authority === '' ? -1 : head.hostField, out, to);
  } else {
    to = copyFields(head, start, -1, out, to);
  }
  to = writeFraming(head, head.framing, -1, out, to);
  if (head.upgrade) to = writeAscii('connection: upgrade\r\n', out, to);
  return endHead(extra, out, to);
}

/**
 * Writes a response head for a client of HTTP/1.`clientMinor`. `framing` is how the body will be
 * delimited by us; where it is not `head.framing`, the fields that said so are replaced.
 * `close` announces that the connection ends. Results as of `encodeRequestHead`.
 */
export function encodeResponseHead(
  head: Head,
  out: Buffer,
  at: number,
  clientMinor: number,
  close: boolean,
  framing: number,
  extra: string,
): number {
  assert(framing !== Framing.CHUNKED || clientMinor === 1, 'HTTP/1.0 knows no chunks');
  assert(framing !== Framing.CLOSE || close, 'a body until close ends the connection');
  const { bytes, start, end, status } = head;
  if (at + (end - start) + extra.length + headOverheadBytes > out.length) return -1;
  const reframed = framing !== head.framing;
  const replaced = !reframed ? -1 : head.lengthField >= 0 ? head.lengthField : head.codingField;
  let to = at;
  if (head.canonicalLine) {
    to = copyFields(head, start, replaced, out, to);
  } else {
    to = writeAscii('HTTP/1.1 ', out, to);
    to = writeDecimal(status, out, to);
    to = writeAscii(' ', out, to);
    if (head.major === 2) to = writeAscii(reasonOf(status), out, to);
    else to = copyBytes(bytes, head.reasonStart, head.reasonEnd, out, to);
    to = writeAscii('\r\n', out, to);
    to = copyFields(head, fieldsStart(head), replaced, out, to);
  }
  to = writeFraming(head, framing, replaced, out, to);
  if (head.upgrade) to = writeAscii('connection: upgrade\r\n', out, to);
  else if (status >= 200) {
    if (close) to = writeAscii('connection: close\r\n', out, to);
    else if (clientMinor === 0) to = writeAscii('connection: keep-alive\r\n', out, to);
  }
  return endHead(extra, out, to);
}

/**
 * Writes the trailers of a chunked body and the empty line that ends it, behind the last chunk.
 * `out` has the length of the section left.
 */
export function encodeTrailers(fields: Head, out: Buffer, at: number): number {
  return endHead('', out, copyFields(fields, fieldsStart(fields), -1, out, at));
}

/** Writes the size line of a chunk of `length` > 0 bytes; returns the offset behind it. */
export function encodeChunkHeader(length: number, out: Buffer, at: number): number {
  assert(length > 0, 'an empty chunk would end the body');
  let digits = 1;
  for (let rest = length; rest >= 16; rest = Math.floor(rest / 16)) digits++;
  let rest = length;
  for (let i = digits - 1; i >= 0; i--) {
    const digit = rest % 16;
    out[at + i] = digit + (digit < 10 ? 0x30 : 0x57);
    rest = (rest - digit) / 16;
  }
  out[at + digits] = CR;
  out[at + digits + 1] = LF;
  return at + digits + 2;
}

/**
 * The target as an origin wants it. An absolute form without a path is `/`, or `*` for OPTIONS
 * (RFC 9112 3.2.4).
 */
function writeTarget(head: Head, out: Buffer, at: number): number {
  const { bytes, pathStart, targetStart, targetEnd } = head;
  if (head.form !== Form.ABSOLUTE) return copyBytes(bytes, targetStart, targetEnd, out, at);
  if (pathStart < 0) return writeAscii(head.method === Method.OPTIONS ? '*' : '/', out, at);
  const to = bytes[pathStart] === SLASH ? at : writeAscii('/', out, at);
  return copyBytes(bytes, pathStart, targetEnd, out, to);
}

/** As a proxy is asked, of a request that came over HTTP/2 with an authority. */
function writeAbsoluteTarget(head: Head, out: Buffer, at: number): number {
  const { bytes, authorityStart, authorityEnd } = head;
  if (authorityStart < 0) return writeTarget(head, out, at);
  const to = writeAscii(head.secure ? 'https://' : 'http://', out, at);
  const path = copyBytes(bytes, authorityStart, authorityEnd, out, to);
  // `OPTIONS *` of all of an origin has no path in this form (RFC 9112 3.2.4).
  return head.form === Form.ASTERISK ? path : writeTarget(head, out, path);
}

/** Host from the target, where the request's own is absent or says something else. */
function copyHost(head: Head, out: Buffer, at: number): number {
  const { hostField, authorityStart, authorityEnd } = head;
  if (authorityStart < 0 || (hostField >= 0 && head.dropped[hostField] === 0)) return at;
  const to = copyBytes(
    head.bytes,
    authorityStart,
    authorityEnd,
    out,
    writeAscii('host: ', out, at),
  );
  return writeAscii('\r\n', out, to);
}

/** Copies from `from` (the first line or the first field) in runs without what is left out. */
function copyFields(head: Head, from: number, replaced: number, out: Buffer, at: number): number {
  const { bytes, fields, dropped, count } = head;
  const fieldsEnd = head.end - 2;
  if (head.droppedCount === 0 && replaced < 0) return copyBytes(bytes, from, fieldsEnd, out, at);
  let to = at;
  let runStart = from;
  for (let index = 0; index < count; index++) {
    if (dropped[index] === 0 && index !== replaced) continue;
    to = copyBytes(bytes, runStart, fields[index << 2], out, to);
    runStart = index + 1 < count ? fields[(index + 1) << 2] : fieldsEnd;
  }
  return copyBytes(bytes, runStart, fieldsEnd, out, to);
}

function fieldsStart(head: Head): number {
  return head.count > 0 ? head.fields[0] : head.end - 2;
}

/** Our own framing field, where none was left in place. */
function writeFraming(head: Head, framing: number, replaced: number, out: Buffer, at: number) {
  const { lengthField, codingField, contentLength, dropped } = head;
  if (framing === Framing.CHUNKED) {
    const kept = codingField >= 0 && codingField !== replaced && dropped[codingField] === 0;
    return kept ? at : writeAscii('transfer-encoding: chunked\r\n', out, at);
  }
  if (framing !== Framing.LENGTH && (framing !== Framing.NONE || contentLength < 0)) return at;
  if (lengthField >= 0 && lengthField !== replaced && dropped[lengthField] === 0) return at;
  if (lengthField >= 0 && lengthField === replaced && framing === Framing.NONE) return at;
  const to = writeDecimal(contentLength, out, writeAscii('content-length: ', out, at));
  return writeAscii('\r\n', out, to);
}

function endHead(extra: string, out: Buffer, at: number): number {
  const to = extra === '' ? at : writeAscii(extra, out, at);
  out[to] = CR;
  out[to + 1] = LF;
  return to + 2;
}

/** A call into the runtime costs as much as about this many bytes copied one by one. */
const inlineBytesMax = 48;

function copyBytes(bytes: Buffer, start: number, end: number, out: Buffer, at: number): number {
  const length = end - start;
  if (length > inlineBytesMax) bytes.copy(out, at, start, end);
  else for (let i = 0; i < length; i++) out[at + i] = bytes[start + i];
  return at + length;
}

function writeAscii(text: string, out: Buffer, at: number): number {
  const { length } = text;
  for (let i = 0; i < length; i++) out[at + i] = text.charCodeAt(i);
  return at + length;
}

function writeDecimal(value: number, out: Buffer, at: number): number {
  let digits = 1;
  for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) digits++;
  let rest = value;
  for (let i = digits - 1; i >= 0; i--) {
    const digit = rest % 10;
    out[at + i] = digit + 0x30;
    rest = (rest - digit) / 10;
  }
  return at + digits;
}

const v10 = ' HTTP/1.0\r\n';
const v11 = ' HTTP/1.1\r\n';
const SLASH = 0x2f;
