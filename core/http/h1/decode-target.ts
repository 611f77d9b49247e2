/** The four forms of a request target (RFC 9112 3.2) and the authority that they may carry. */

import { hostEndOf } from '../authority.ts';
import { lowerBytes } from '../byte-class.ts';
import { Form, type Head, Method } from '../head.ts';
import { fail } from './decode-fields.ts';
import { HeadError } from './head-error.ts';

/** Sets form, authority and path of a head whose target's bytes are valid; 0 or a HeadError. */
export function resolveTarget(bytes: Buffer, head: Head): number {
  const { targetStart: start, targetEnd: end, method } = head;
  if (method === Method.CONNECT) return resolveAuthorityForm(bytes, head);
  const first = bytes[start];
  if (first === SLASH) {
    head.form = Form.ORIGIN;
    head.pathStart = start;
    return 0;
  }
  if (first === ASTERISK && end - start === 1) {
    head.form = Form.ASTERISK;
    head.pathStart = start;
    return method === Method.OPTIONS ? 0 : fail(head, start, HeadError.ASTERISK);
  }
  return resolveAbsoluteForm(bytes, head);
}

function resolveAuthorityForm(bytes: Buffer, head: Head): number {
  const { targetStart: start, targetEnd: end } = head;
  const hostEnd = hostEndOf(bytes, start, end);
  if (hostEnd < 0 || hostEnd === end) return fail(head, start, HeadError.CONNECT_TARGET);
  head.form = Form.AUTHORITY;
  head.authorityStart = start;
  head.authorityEnd = end;
  return 0;
}

function resolveAbsoluteForm(bytes: Buffer, head: Head): number {
  const { targetStart: start, targetEnd: end } = head;
  const authorityStart = schemeEndOf(bytes, start, end);
  if (authorityStart < 0) return fail(head, start, HeadError.TARGET_FORM);
  let at = authorityStart;
  while (at < end && bytes[at] !== SLASH && bytes[at] !== QUESTION) at++;
  if (hostEndOf(bytes, authorityStart, at) < 0) {
    return fail(head, authorityStart, HeadError.TARGET_AUTHORITY);
  }
  head.form = Form.ABSOLUTE;
  head.authorityStart = authorityStart;
  head.authorityEnd = at;
  head.pathStart = at === end ? -1 : at;
  return 0;
}

/** Behind `http://` or `https://` in any case, else -1. */
function schemeEndOf(bytes: Buffer, start: number, end: number): number {
  for (let i = 0; i < 4; i++) if (lowerBytes[bytes[start + i]] !== HTTP.charCodeAt(i)) return -1;
  const at = lowerBytes[bytes[start + 4]] === 0x73 ? start + 5 : start + 4;
  if (at + 3 > end || bytes[at] !== 0x3a || bytes[at + 1] !== SLASH || bytes[at + 2] !== SLASH) {
    return -1;
  }
  return at + 3;
}

const HTTP = 'http';
const SLASH = 0x2f;
const QUESTION = 0x3f;
const ASTERISK = 0x2a;
