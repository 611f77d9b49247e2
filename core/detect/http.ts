/**
 * Recognises HTTP by the first bytes of a connection: the request line of HTTP/1 (RFC 9112 3) or
 * the preface of HTTP/2 (RFC 9113 3.4). It does not validate a request: what begins like HTTP/1 and
 * is malformed is still HTTP/1, so that its codec can answer with the reason.
 */

import { detectBytesMax } from '../base/limits.ts';
import { clientPreface } from '../http/h2/preface.ts';

/**
 * The answer for some bytes is also the answer for any longer input that begins with them.
 * `NEED_MORE` ends at `detectBytesMax`.
 */
type HttpVerdict = 'NEED_MORE' | 'HTTP1' | 'HTTP2_PREFACE' | 'NOT_HTTP';

/** Looks at all bytes that arrived so far, `bytes[start]` being the first of the connection. */
export function detectHttp(bytes: Buffer, start: number, end: number): HttpVerdict {
  const limit = Math.min(end, start + detectBytesMax);
  if (beginsPreface(bytes, start, limit)) {
    return limit - start >= clientPreface.length ? 'HTTP2_PREFACE' : 'NEED_MORE';
  }
  const line = skipEmptyLines(bytes, start, limit);
  if (typeof line === 'string') return line;
  const separator = endOfToken(bytes, line, limit);
  if (separator - line > methodBytesMax) return 'NOT_HTTP';
  if (separator === limit) return 'NEED_MORE';
  if (separator === line || !isBlank(bytes[separator])) return 'NOT_HTTP';
  if (separator + 1 === limit) return 'NEED_MORE';
  const target = bytes[separator + 1];
  if ((target === slash || target === asterisk) && isCommonMethod(bytes, line, separator)) {
    return 'HTTP1';
  }
  const verdict = searchVersion(bytes.subarray(separator, limit));
  return verdict === 'NEED_MORE' && limit - start >= detectBytesMax ? 'NOT_HTTP' : verdict;
}

function beginsPreface(bytes: Buffer, start: number, end: number): boolean {
  const length = Math.min(clientPreface.length, end - start);
  for (let i = 0; i < length; i++) if (bytes[start + i] !== clientPreface[i]) return false;
  return true;
}

/** RFC 9112 2.2: a server should ignore at least one empty line before the request line. */
function skipEmptyLines(bytes: Buffer, start: number, end: number): number | HttpVerdict {
  let at = start;
  for (let lines = 0; at < end && bytes[at] === 0x0d; lines++) {
    if (lines === emptyLinesMax) return 'NOT_HTTP';
    if (at + 1 === end) return 'NEED_MORE';
    if (bytes[at + 1] !== 0x0a) return 'NOT_HTTP';
    at += 2;
  }
  return at === end ? 'NEED_MORE' : at;
}

/** Stops one byte behind the longest method at the latest. */
function endOfToken(bytes: Buffer, start: number, end: number): number {
  const stop = Math.min(end, start + methodBytesMax + 1);
  let at = start;
  while (at < stop && tokenBytes[bytes[at]] === 1) at++;
  return at;
}

/**
 * Commands of other protocols look like a method and a target (`get key` of memcached, `NICK name`
 * of IRC, `CONNECT {...}` of NATS): for them only the version on the same line is certain.
 */
function searchVersion(rest: Buffer): HttpVerdict {
  const newline = rest.indexOf(0x0a);
  const version = rest.indexOf(versionMark);
  const stop = newline === -1 ? rest.length : newline;
  const found = version !== -1 && version < stop;
  const text = Math.min(found ? version : stop, controlSearchBytes);
  for (let at = 0; at < text; at++) if (isControl(rest[at])) return 'NOT_HTTP';
  if (!found) return newline === -1 ? 'NEED_MORE' : 'NOT_HTTP';
  const major = version + versionMark.length;
  if (major === rest.length) return 'NEED_MORE';
  return rest[major] >= 0x30 && rest[major] <= 0x39 ? 'HTTP1' : 'NOT_HTTP';
}

function isCommonMethod(bytes: Buffer, start: number, end: number): boolean {
  return commonMethods.has(bytes.toString('latin1', start, end));
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09;
}

function isControl(byte: number): boolean {
  return (byte < 0x20 && byte !== 0x09 && byte !== 0x0d) || byte === 0x7f;
}

const versionMark = Buffer.from(' HTTP/', 'latin1');
const commonMethods: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'OPTIONS',
  'PATCH',
  'TRACE',
]);
const methodBytesMax = 24;
const emptyLinesMax = 4;
/** How far behind the method a byte that no request line has is looked for. */
const controlSearchBytes = 64;
const slash = 0x2f;
const asterisk = 0x2a;

/** `tchar` of RFC 9110 5.6.2. */
const tokenBytes = new Uint8Array(256);
for (const byte of Buffer.from(
  "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
  'latin1',
)) {
  tokenBytes[byte] = 1;
}
