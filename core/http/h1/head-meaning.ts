/**
 * What the fields of a head mean together: host, framing, persistence, upgrade, expectation.
 * Where two readings are possible the head is refused, because the next hop may choose the other
 * (test/support/smuggling-cases.ts).
 */

import { hostEndOf } from '../authority.ts';
import {
  COLON,
  CR,
  equalsName,
  equalsRange,
  HTAB,
  nameBytes,
  SP,
  tokenBytes,
} from '../byte-class.ts';
import { parseContentLength } from '../content-length.ts';
import { ConnectionOption, Form, Framing, type Head, Method } from '../head.ts';
import { Known } from '../known-fields.ts';
import { fail } from './decode-fields.ts';
import { HeadError } from './head-error.ts';

/** Completes a request head whose lines have been decoded; 0 or a HeadError. */
export function resolveRequest(head: Head): number {
  let error = resolveConnection(head);
  if (error < 0) return error;
  error = resolveHost(head);
  if (error < 0) return error;
  error = resolveFraming(head);
  if (error < 0) return error;
  if (head.method === Method.CONNECT && head.framing !== Framing.NONE) {
    return fail(head, head.start, HeadError.CONNECT_BODY);
  }
  resolveUpgrade(head, head.framing === Framing.NONE && head.method !== Method.CONNECT);
  return head.expectField < 0 ? 0 : resolveExpect(head);
}

/** Completes a response head to a request of `requestMethod`; 0 or a HeadError. */
export function resolveResponse(head: Head, requestMethod: number): number {
  let error = resolveConnection(head);
  if (error < 0) return error;
  error = resolveFraming(head);
  if (error < 0) return error;
  const { status } = head;
  const tunnel = requestMethod === Method.CONNECT && status >= 200 && status < 300;
  if (tunnel || status < 200 || status === 204) {
    // RFC 9110 8.6 and RFC 9112 6.1: these have neither field; a recipient ignores them.
    if (head.lengthField >= 0) head.dropField(head.lengthField);
    if (head.codingField >= 0) head.dropField(head.codingField);
    head.framing = Framing.NONE;
    head.contentLength = -1;
  } else if (requestMethod === Method.HEAD || status === 304) {
    // The length is what a GET would have had and stays; a coding says nothing then.
    if (head.codingField >= 0) head.dropField(head.codingField);
    head.framing = Framing.NONE;
  } else if (head.framing === Framing.NONE && head.lengthField < 0) {
    head.framing = Framing.CLOSE;
  }
  if (head.framing === Framing.CLOSE) head.keepAlive = false;
  resolveUpgrade(head, status === 101);
  return 0;
}

/** RFC 9112 9.3: whether the sender's connection persists; RFC 9110 7.6.1: which options it has. */
function resolveConnection(head: Head): number {
  const { bytes, fields, known, count } = head;
  if ((head.seen & (1 << Known.CONNECTION)) !== 0) {
    let options = 0;
    for (let index = 0; index < count; index++) {
      if (known[index] !== Known.CONNECTION) continue;
      const column = index << 2;
      const end = fields[column + 3];
      let at = fields[column + 2];
      while (at < end) {
        const start = at;
        while (at < end && tokenBytes[bytes[at]] === 1) at++;
        if (at > start) {
          if (++options > connectionOptionsMax) return fail(head, start, HeadError.CONNECTION);
          head.connection |= connectionOption(bytes, start, at);
        } else if (bytes[at] === COMMA || bytes[at] === SP || bytes[at] === HTAB) at++;
        else return fail(head, at, HeadError.CONNECTION);
      }
    }
  }
  const { connection } = head;
  if ((connection & ConnectionOption.CLOSE) !== 0) head.keepAlive = false;
  else head.keepAlive = head.minor === 1 || (connection & ConnectionOption.KEEP_ALIVE) !== 0;
  return 0;
}

function connectionOption(bytes: Buffer, start: number, end: number): number {
  if (equalsName(bytes, start, end, closeToken)) return ConnectionOption.CLOSE;
  if (equalsName(bytes, start, end, keepAliveToken)) return ConnectionOption.KEEP_ALIVE;
  if (equalsName(bytes, start, end, upgradeToken)) return ConnectionOption.UPGRADE;
  return ConnectionOption.NAMED;
}

/**
 * Exactly one valid Host in 1.1, at most one in 1.0. It may be empty only where the target names
 * the authority or there is none to name (RFC 9112 3.2). A target's authority wins over Host,
 * which is then dropped unless it says the same (RFC 9112 3.2.2).
 */
function resolveHost(head: Head): number {
  const { hostField, bytes, fields, form } = head;
  if (hostField < 0) {
    return head.minor === 1 ? fail(head, head.targetStart, HeadError.HOST_MISSING) : 0;
  }
  const start = fields[(hostField << 2) + 2];
  const end = fields[(hostField << 2) + 3];
  if ((head.repeated & (1 << Known.HOST)) !== 0) return fail(head, start, HeadError.HOST_REPEATED);
  if (start === end) {
    if (form === Form.ORIGIN) return fail(head, start, HeadError.HOST_INVALID);
  } else if (hostEndOf(bytes, start, end) < 0) return fail(head, start, HeadError.HOST_INVALID);
  if (head.authorityStart >= 0) {
    if (!equalsRange(bytes, start, end, head.authorityStart, head.authorityEnd)) {
      head.dropField(hostField);
    }
  } else if (start < end) {
    head.authorityStart = start;
    head.authorityEnd = end;
  }
  return 0;
}

/** RFC 9112 6.3, without its leniencies: one field, of one kind, with one meaning. */
function resolveFraming(head: Head): number {
  const { lengthField, codingField, fields } = head;
  if (codingField >= 0) {
    const at = fields[codingField << 2];
    if (lengthField >= 0) return fail(head, at, HeadError.LENGTH_AND_CODING);
    if ((head.repeated & (1 << Known.TRANSFER_ENCODING)) !== 0) {
      return fail(head, at, HeadError.CODING_REPEATED);
    }
    if (head.minor === 0) return fail(head, at, HeadError.CODING_IN_1_0);
    return resolveCoding(head, codingField);
  }
  if (lengthField < 0) return 0;
  if ((head.repeated & (1 << Known.CONTENT_LENGTH)) !== 0) {
    return fail(head, fields[lengthField << 2], HeadError.LENGTH_REPEATED);
  }
  return resolveLength(head, lengthField);
}

function resolveLength(head: Head, index: number): number {
  const { bytes, fields } = head;
  const start = fields[(index << 2) + 2];
  const end = fields[(index << 2) + 3];
  const length = parseContentLength(bytes, start, end);
  // White space behind the digits is legal but has no honest sender.
  if (length < 0 || bytes[end] !== CR) return fail(head, start, HeadError.LENGTH_INVALID);
  head.contentLength = length;
  head.framing = length === 0 ? Framing.NONE : Framing.LENGTH;
  // `010` is eight to some; the encoder writes its own.
  if ((end - start > 1 && bytes[start] === 0x30) || !isPlain(head, index)) head.dropField(index);
  return 0;
}

function resolveCoding(head: Head, index: number): number {
  const { bytes, fields } = head;
  const start = fields[(index << 2) + 2];
  const end = fields[(index << 2) + 3];
  if (equalsName(bytes, start, end, chunkedToken)) {
    head.framing = Framing.CHUNKED;
    if (!isPlain(head, index)) head.dropField(index);
    return 0;
  }
  let chunked = false;
  let at = start;
  for (;;) {
    const tokenStart = at;
    while (at < end && tokenBytes[bytes[at]] === 1) at++;
    if (at === tokenStart || chunked) return fail(head, at, HeadError.CODING_INVALID);
    chunked = equalsName(bytes, tokenStart, at, chunkedToken);
    while (at < end && isOws(bytes[at])) at++;
    if (at === end) return fail(head, start, HeadError.CODING_UNSUPPORTED);
    if (bytes[at] !== COMMA) return fail(head, at, HeadError.CODING_INVALID);
    at++;
    while (at < end && isOws(bytes[at])) at++;
  }
}

/** A field line that we would write the same: one space in front of the value, none behind. */
function isPlain(head: Head, index: number): boolean {
  const { bytes, fields } = head;
  const nameEnd = fields[(index << 2) + 1];
  const valueStart = fields[(index << 2) + 2];
  const valueEnd = fields[(index << 2) + 3];
  return (
    bytes[nameEnd] === COLON &&
    bytes[nameEnd + 1] === SP &&
    valueStart === nameEnd + 2 &&
    bytes[valueEnd] === CR
  );
}

/**
 * RFC 9110 7.8: Upgrade counts with its connection option and in 1.1. A list with h2c in it goes
 * as a whole: an origin that took it would speak HTTP/2 past all of our policy.
 */
function resolveUpgrade(head: Head, allowed: boolean): void {
  const { upgradeField, bytes, fields } = head;
  if (upgradeField < 0 || !allowed || head.minor === 0) return;
  if ((head.connection & ConnectionOption.UPGRADE) === 0) return;
  if ((head.repeated & (1 << Known.UPGRADE)) !== 0) return;
  const end = fields[(upgradeField << 2) + 3];
  let at = fields[(upgradeField << 2) + 2];
  if (at === end) return;
  while (at < end) {
    const start = at;
    while (at < end && tokenBytes[bytes[at]] === 1) at++;
    if (equalsName(bytes, start, at, h2cToken)) return;
    at++;
  }
  head.upgrade = true;
}

/** An HTTP/1.0 client cannot be told to continue, so its wish is ignored (RFC 9110 10.1.1). */
function resolveExpect(head: Head): number {
  const { expectField, bytes, fields } = head;
  const start = fields[(expectField << 2) + 2];
  const end = fields[(expectField << 2) + 3];
  const repeated = (head.repeated & (1 << Known.EXPECT)) !== 0;
  if (repeated || !equalsName(bytes, start, end, continueToken)) {
    return fail(head, start, HeadError.EXPECT);
  }
  if (head.minor === 0) head.dropField(expectField);
  else head.expectContinue = head.framing !== Framing.NONE;
  return 0;
}

function isOws(byte: number): boolean {
  return byte === SP || byte === HTAB;
}

const COMMA = 0x2c;
const closeToken = nameBytes('close');
const keepAliveToken = nameBytes('keep-alive');
const upgradeToken = nameBytes('upgrade');
const chunkedToken = nameBytes('chunked');
const continueToken = nameBytes('100-continue');
const h2cToken = nameBytes('h2c');
/** Each named option is compared with each field. */
const connectionOptionsMax = 32;
