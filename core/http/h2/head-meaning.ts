/**
 * What the fields of an HTTP/2 head mean together: who a request is for, how its content is
 * delimited. The result is what an HTTP/1 head with the same meaning would have, so that either
 * version can be sent on. Where two readings are possible the head is malformed.
 */

import { hostEndOf } from '../authority.ts';
import { equalsName, equalsRange, nameBytes } from '../byte-class.ts';
import { Form, Framing, type Head, Method } from '../head.ts';
import { Known } from '../known-fields.ts';
import { HeadError } from './head-error.ts';
import { Pseudo } from './hpack/field-traits.ts';

/** Completes a request head whose fields have been decoded; 0 or a HeadError. */
export function resolveRequest(head: Head, ends: boolean): number {
  if ((head.pseudoSeen & (1 << Pseudo.METHOD)) === 0) return HeadError.PSEUDO_MISSING;
  const targetError = head.method === Method.CONNECT ? resolveConnect(head) : resolveTarget(head);
  if (targetError !== 0) return targetError;
  const hostError = resolveHost(head);
  if (hostError !== 0) return hostError;
  // HTTP/1 says so where content could be expected (RFC 9110 8.6); some origins answer 411 else.
  if (ends && head.contentLength < 0 && hasContent(head.method)) head.contentLength = 0;
  resolveFraming(head, ends);
  return head.expectField < 0 ? 0 : resolveExpect(head);
}

/**
 * Completes a response head to a request of `requestMethod`. What has no content although its
 * fields may speak of some (RFC 9110 8.6) has no framing either.
 */
export function resolveResponse(head: Head, requestMethod: number, ends: boolean): number {
  if ((head.pseudoSeen & (1 << Pseudo.STATUS)) === 0) return HeadError.PSEUDO_MISSING;
  const { status } = head;
  if (status < 200 || status === 204) {
    if (head.lengthField >= 0) head.dropField(head.lengthField);
    head.contentLength = -1;
  } else if (requestMethod !== Method.HEAD && status !== 304) {
    if (ends && head.contentLength < 0) head.contentLength = 0;
    resolveFraming(head, ends);
  }
  return 0;
}

/** RFC 9113 8.3.1: scheme and path are always there; the path of OPTIONS may be `*`. */
function resolveTarget(head: Head): number {
  const { bytes, pseudoSeen, targetStart, targetEnd } = head;
  if ((pseudoSeen & schemeAndPath) !== schemeAndPath) return HeadError.PSEUDO_MISSING;
  if ((pseudoSeen & (1 << Pseudo.PROTOCOL)) !== 0) return HeadError.PROTOCOL;
  if (bytes[targetStart] === SLASH) return 0;
  if (head.method !== Method.OPTIONS || targetEnd - targetStart !== 1) return HeadError.PATH;
  head.form = Form.ASTERISK;
  return bytes[targetStart] === ASTERISK ? 0 : HeadError.PATH;
}

/**
 * RFC 9113 8.5: an authority with a port, and nothing else; RFC 8441 4: all that others have. What
 * follows is no content and has no length: in front of an HTTP/1 origin it would be one.
 */
function resolveConnect(head: Head): number {
  const { bytes, pseudoSeen, authorityStart, authorityEnd } = head;
  if (head.lengthField >= 0) return HeadError.CONNECT_TARGET;
  if ((pseudoSeen & (1 << Pseudo.PROTOCOL)) !== 0) {
    const whole = (pseudoSeen & schemeAndPath) === schemeAndPath && authorityStart >= 0;
    if (!whole) return HeadError.PSEUDO_MISSING;
    return bytes[head.targetStart] === SLASH ? 0 : HeadError.PATH;
  }
  if ((pseudoSeen & schemeAndPath) !== 0 || authorityStart < 0) return HeadError.CONNECT_TARGET;
  if (hostEndOf(bytes, authorityStart, authorityEnd) === authorityEnd) {
    return HeadError.CONNECT_TARGET;
  }
  head.form = Form.AUTHORITY;
  head.targetStart = authorityStart;
  head.targetEnd = authorityEnd;
  return 0;
}

/** A host field may repeat the authority and, for proxies of HTTP/1, stand in its place. */
function resolveHost(head: Head): number {
  const { hostField, bytes, fields } = head;
  if (hostField < 0) return 0;
  const start = fields[(hostField << 2) + 2];
  const end = fields[(hostField << 2) + 3];
  if (head.authorityStart >= 0) {
    head.dropField(hostField);
    const same = equalsRange(bytes, start, end, head.authorityStart, head.authorityEnd);
    return same ? 0 : HeadError.HOST_DIFFERS;
  }
  if (hostEndOf(bytes, start, end) < 0) return HeadError.AUTHORITY;
  head.authorityStart = start;
  head.authorityEnd = end;
  return 0;
}

function hasContent(method: number): boolean {
  return method === Method.POST || method === Method.PUT || method === Method.PATCH;
}

function resolveFraming(head: Head, ends: boolean): void {
  if (ends || head.contentLength === 0) head.framing = Framing.NONE;
  else head.framing = head.contentLength > 0 ? Framing.LENGTH : Framing.CHUNKED;
}

function resolveExpect(head: Head): number {
  const { expectField, bytes, fields } = head;
  const column = expectField << 2;
  const repeated = (head.repeated & (1 << Known.EXPECT)) !== 0;
  if (repeated || !equalsName(bytes, fields[column + 2], fields[column + 3], continueToken)) {
    return HeadError.EXPECT;
  }
  head.expectContinue = head.framing !== Framing.NONE;
  return 0;
}

const schemeAndPath = (1 << Pseudo.SCHEME) | (1 << Pseudo.PATH);
const continueToken = nameBytes('100-continue');
const SLASH = 0x2f;
const ASTERISK = 0x2a;
