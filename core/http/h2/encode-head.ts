/**
 * Heads as field blocks, whichever version they came by. Names go out in lower case; what speaks of
 * an HTTP/1 connection, its framing among it, stays behind (RFC 9113 8.2.2). Expects that
 * `markHopByHop` has seen the head.
 */

import { Form, Framing, type Head, Method } from '../head.ts';
import { connectionFields, Known } from '../known-fields.ts';
import { dropNamed } from '../websocket.ts';
import type { HpackEncoder } from './hpack/encode.ts';

/** The most bytes of the block of a head. */
export function blockBytesMax(head: Head): number {
  return head.end - head.start + head.count * fieldOverheadBytes + blockOverheadBytes;
}

/**
 * Writes the block of a request to `out` from `from` on; `authority` is for a request that names
 * none, `override` takes the place of whom it names where it is not ''. Returns the offset behind.
 * `out` has `blockBytesMax`, and the length of the two, left.
 */
export function encodeRequest(
  encoder: HpackEncoder,
  head: Head,
  authority: string,
  out: Buffer,
  from: number,
  override = '',
): number {
  const { bytes } = head;
  let at = encoder.begin(out, from);
  if (head.upgrade) {
    // RFC 8441 4: what HTTP/1.1 asks for by Upgrade. There is no key, nor a length, not even of 0.
    const column = head.upgradeField << 2;
    at = encoder.method(connectMethod, 0, connectMethod.length, out, at);
    at = encoder.protocol(bytes, head.fields[column + 2], head.fields[column + 3], out, at);
    dropNamed(head, 'sec-websocket-key');
    if (head.lengthField >= 0) head.dropField(head.lengthField);
    head.contentLength = -1;
  } else {
    at = encoder.method(bytes, head.methodStart, head.methodEnd, out, at);
  }
  if (head.form !== Form.AUTHORITY) {
    const scheme = head.secure ? https : http;
    at = encoder.scheme(scheme, 0, scheme.length, out, at);
    at = encodePath(encoder, head, out, at);
  }
  const named = override !== '' || head.authorityStart >= 0 ? override : authority;
  if (named !== '') {
    const name = Buffer.from(named, 'latin1');
    at = encoder.authority(name, 0, name.length, out, at);
  } else if (head.authorityStart >= 0) {
    at = encoder.authority(bytes, head.authorityStart, head.authorityEnd, out, at);
  }
  return encodeFields(encoder, head, out, at);
}

/** The same for a response, informational or final. */
export function encodeResponse(
  encoder: HpackEncoder,
  head: Head,
  out: Buffer,
  from: number,
): number {
  const at = encoder.status(head.status, out, encoder.begin(out, from));
  return encodeFields(encoder, head, out, at);
}

/** The same for fields behind the content. */
export function encodeTrailers(
  encoder: HpackEncoder,
  fields: Head,
  out: Buffer,
  from: number,
): number {
  return encodeFields(encoder, fields, out, encoder.begin(out, from));
}

/** The target as an origin wants it; see the encoder of HTTP/1. */
function encodePath(encoder: HpackEncoder, head: Head, out: Buffer, at: number): number {
  const { bytes, pathStart, targetEnd } = head;
  if (pathStart < 0) {
    const asterisk = head.method === Method.OPTIONS;
    return encoder.path(asterisk ? asteriskPath : rootPath, 0, 1, out, at);
  }
  if (bytes[pathStart] === SLASH || head.form === Form.ASTERISK) {
    return encoder.path(bytes, pathStart, targetEnd, out, at);
  }
  const path = Buffer.concat([rootPath, bytes.subarray(pathStart, targetEnd)]);
  return encoder.path(path, 0, path.length, out, at);
}

/** The fields of a head that are not dropped, within a block that has begun. */
export function encodeFields(encoder: HpackEncoder, head: Head, out: Buffer, from: number): number {
  const { bytes, fields, known, dropped, sensitive, hasSensitive, count } = head;
  let at = from;
  for (let index = 0; index < count; index++) {
    const id = known[index];
    if (dropped[index] === 1 || (id !== 0 && ((1 << id) & leftOut) !== 0)) continue;
    const column = index << 2;
    at = encoder.field(
      bytes,
      fields[column],
      fields[column + 1],
      fields[column + 2],
      fields[column + 3],
      id,
      hasSensitive && sensitive[index] === 1,
      out,
      at,
    );
  }
  return lacksLength(head) ? encodeLength(encoder, head.contentLength, out, at) : at;
}

/** The length was dropped for its spelling, or is known from the framing. */
function lacksLength(head: Head): boolean {
  const { contentLength, framing, lengthField, dropped } = head;
  if (contentLength < 0 || framing === Framing.CHUNKED || framing === Framing.CLOSE) return false;
  if (framing === Framing.NONE && lengthField < 0) return false;
  return lengthField < 0 || dropped[lengthField] === 1;
}

function encodeLength(encoder: HpackEncoder, length: number, out: Buffer, at: number): number {
  const line = Buffer.from(`content-length${length}`, 'latin1');
  return encoder.field(line, 0, 14, 14, line.length, Known.CONTENT_LENGTH, false, out, at);
}

/** `:authority` says what host would. */
const leftOut = connectionFields | (1 << Known.HOST);
/** The longest prefixes of a literal: its mark and two lengths. */
const fieldOverheadBytes = 8;
const blockOverheadBytes = 128;
const SLASH = 0x2f;
const connectMethod = Buffer.from('CONNECT');
const http = Buffer.from('http');
const https = Buffer.from('https');
const rootPath = Buffer.from('/');
const asteriskPath = Buffer.from('*');
