/**
 * HTTP/1 request and response heads: bytes in, offsets out, no socket. Strict where leniency has
 * been a vulnerability (RFC 9112; test/support/smuggling-cases.ts).
 *
 * A call with an incomplete head may be repeated with more bytes. Until another line has ended the
 * repetition costs only the search through the new bytes, so that a drip of single bytes costs at
 * most one pass over the head for each of its lines.
 */

import { CR, HTAB, LF, SP, targetBytes, tokenBytes, valueBytes } from '../byte-class.ts';
import type { Head } from '../head.ts';
import { methodOf } from '../method.ts';
import { decodeFields, fail } from './decode-fields.ts';
import { resolveTarget } from './decode-target.ts';
import { HeadError } from './head-error.ts';
import { resolveRequest, resolveResponse } from './head-meaning.ts';

export interface HeadLimits {
  /** From the first byte to the empty line, with what stands before the first line. */
  readonly headBytesMax: number;
  readonly headFieldsMax: number;
}

/**
 * Decodes a request head that begins at `start`, up to two empty lines before it allowed.
 * Returns the offset behind it, 0 when `end` comes first, or a HeadError (negative; the place is
 * `head.errorAt`). `head` is only meaningful after a positive result.
 */
export function decodeRequestHead(
  bytes: Buffer,
  start: number,
  end: number,
  limits: HeadLimits,
  head: Head,
): number {
  if (head.scanned > 0 && awaitsLine(bytes, start, end, limits, head)) return 0;
  head.clear(bytes, start);
  const stop = Math.min(end, start + limits.headBytesMax);
  const lineEnd = decodeRequestLine(bytes, skipEmptyLines(bytes, start, stop), stop, head);
  if (lineEnd <= 0) return unfinished(head, lineEnd, end - start, limits, HeadError.LINE_TOO_LONG);
  const headEnd = decodeFields(bytes, lineEnd, stop, limits.headFieldsMax, head);
  if (headEnd <= 0) return unfinished(head, headEnd, end - start, limits, HeadError.HEAD_TOO_LARGE);
  return finished(head, headEnd, resolveRequest(head));
}

/** Decodes the head of a response to `requestMethod`; results as of `decodeRequestHead`. */
export function decodeResponseHead(
  bytes: Buffer,
  start: number,
  end: number,
  limits: HeadLimits,
  requestMethod: number,
  head: Head,
): number {
  if (head.scanned > 0 && awaitsLine(bytes, start, end, limits, head)) return 0;
  head.clear(bytes, start);
  const stop = Math.min(end, start + limits.headBytesMax);
  const lineEnd = decodeStatusLine(bytes, start, stop, head);
  if (lineEnd <= 0) return unfinished(head, lineEnd, end - start, limits, HeadError.HEAD_TOO_LARGE);
  const headEnd = decodeFields(bytes, lineEnd, stop, limits.headFieldsMax, head);
  if (headEnd <= 0) return unfinished(head, headEnd, end - start, limits, HeadError.HEAD_TOO_LARGE);
  return finished(head, headEnd, resolveResponse(head, requestMethod));
}

/**
 * Whether a repeated call brought neither the limit nor a control byte: the end of a line, or what
 * a line may not have.
 */
function awaitsLine(bytes: Buffer, start: number, end: number, limits: HeadLimits, head: Head) {
  if (end - start >= limits.headBytesMax || bytes[start + head.scanned - 1] === CR) return false;
  for (let at = start + head.scanned; at < end; at++) {
    if (bytes[at] < SP && bytes[at] !== HTAB) return false;
  }
  head.scanned = end - start;
  return true;
}

function unfinished(head: Head, result: number, length: number, limits: HeadLimits, over: number) {
  if (result < 0) {
    head.scanned = 0;
    return result;
  }
  if (length < limits.headBytesMax) {
    head.scanned = length;
    return 0;
  }
  head.scanned = 0;
  head.errorAt = limits.headBytesMax;
  return over;
}

function finished(head: Head, end: number, result: number): number {
  head.scanned = 0;
  head.end = end;
  return result < 0 ? result : end;
}

/** RFC 9112 2.2: at least one empty line before a request line is to be ignored. */
function skipEmptyLines(bytes: Buffer, start: number, stop: number): number {
  let at = start;
  while (at + 1 < stop && bytes[at] === CR && bytes[at + 1] === LF && at - start < 4) at += 2;
  return at;
}

/** Returns the offset behind the line, 0, or a HeadError. */
function decodeRequestLine(bytes: Buffer, from: number, stop: number, head: Head): number {
  let at = from;
  while (at < stop && tokenBytes[bytes[at]] === 1) at++;
  if (at === stop) return 0;
  head.start = from;
  if (at === from || bytes[at] !== SP) {
    if (at !== from || (bytes[at] !== CR && bytes[at] !== LF)) {
      return fail(head, at, HeadError.METHOD);
    }
    return at + 1 === stop && bytes[at] === CR ? 0 : fail(head, at, HeadError.EMPTY_LINES);
  }
  head.methodStart = from;
  head.methodEnd = at;
  head.method = methodOf(bytes, from, at);
  const targetStart = ++at;
  head.targetStart = targetStart;
  while (at < stop && targetBytes[bytes[at]] === 1) at++;
  if (at === stop) return 0;
  head.targetEnd = at;
  if (bytes[at] !== SP) {
    const ends = at > targetStart && (bytes[at] === CR || bytes[at] === LF);
    return fail(head, at, ends ? HeadError.HTTP_09 : HeadError.TARGET);
  }
  if (at === targetStart) return fail(head, at, HeadError.TARGET);
  const lineEnd = decodeVersion(bytes, at + 1, stop, head);
  if (lineEnd <= 0) return lineEnd;
  if (lineEnd === stop) return 0;
  if (bytes[lineEnd] !== CR) return fail(head, lineEnd, HeadError.VERSION);
  if (lineEnd + 1 === stop) return 0;
  if (bytes[lineEnd + 1] !== LF) return fail(head, lineEnd, HeadError.BARE_CR);
  const error = resolveTarget(bytes, head);
  return error < 0 ? error : lineEnd + 2;
}

function decodeStatusLine(bytes: Buffer, start: number, stop: number, head: Head): number {
  let at = decodeVersion(bytes, start, stop, head);
  if (at <= 0) return at;
  if (at === stop) return 0;
  if (bytes[at] !== SP) return fail(head, at, HeadError.STATUS_LINE);
  at++;
  if (at + 4 > stop) return statusDigitsOrError(bytes, at, stop, head);
  for (let i = 0; i < 3; i++) {
    const digit = bytes[at + i] - 0x30;
    if (digit < 0 || digit > 9) return fail(head, at + i, HeadError.STATUS_LINE);
    head.status = head.status * 10 + digit;
  }
  if (head.status < 100) return fail(head, at, HeadError.STATUS_LINE);
  at += 3;
  // The space is required, but widely forgotten where the reason is empty.
  if (bytes[at] === SP) at++;
  else if (bytes[at] === CR) head.canonicalLine = false;
  else return fail(head, at, HeadError.STATUS_LINE);
  head.reasonStart = at;
  while (at < stop && valueBytes[bytes[at]] === 1) at++;
  head.reasonEnd = at;
  if (at === stop) return 0;
  if (bytes[at] !== CR) {
    return fail(head, at, bytes[at] === LF ? HeadError.BARE_LF : HeadError.STATUS_LINE);
  }
  if (at + 1 === stop) return 0;
  return bytes[at + 1] === LF ? at + 2 : fail(head, at, HeadError.BARE_CR);
}

/** A status that is not there yet: every byte so far has to be a digit. */
function statusDigitsOrError(bytes: Buffer, from: number, stop: number, head: Head): number {
  for (let at = from; at < stop; at++) {
    if (bytes[at] < 0x30 || bytes[at] > 0x39) return fail(head, at, HeadError.STATUS_LINE);
  }
  return 0;
}

/**
 * `HTTP/1.x`; returns the offset behind it. A higher minor version is read as 1.1, the highest
 * that we implement (RFC 9110 2.5), and forwarded as such.
 */
function decodeVersion(bytes: Buffer, from: number, stop: number, head: Head): number {
  const known = Math.min(VERSION.length, stop - from);
  for (let i = 0; i < known; i++) {
    if (bytes[from + i] === VERSION.charCodeAt(i)) continue;
    const digits = i === 5 && bytes[from + i] >= 0x30 && bytes[from + i] <= 0x39;
    return fail(head, from + i, digits ? HeadError.MAJOR_VERSION : HeadError.VERSION);
  }
  if (from + VERSION.length >= stop) return 0;
  const minor = bytes[from + VERSION.length] - 0x30;
  if (minor < 0 || minor > 9) return fail(head, from + VERSION.length, HeadError.VERSION);
  head.minor = minor === 0 ? 0 : 1;
  if (minor !== 1) head.canonicalLine = false;
  return from + VERSION.length + 1;
}

const VERSION = 'HTTP/1.';
