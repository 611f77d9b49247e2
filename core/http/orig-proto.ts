/**
 * A request of HTTP/1 that goes over HTTP/2 between two proxies says what it was, so that the
 * second one restores it; the response says so likewise. The field and its values are Linkerd's:
 * `l5d-orig-proto: HTTP/1.1`, or `HTTP/1.0`, and `; absolute-form` behind it. Neither a client nor
 * an application ever sees it.
 */

import { equalsName, nameBytes } from './byte-class.ts';
import type { Head } from './head.ts';
import { Known } from './known-fields.ts';

/** What a message was: a sum of these. */
export const OrigProto = { HTTP_1_0: 0, HTTP_1_1: 1, ABSOLUTE_FORM: 2 } as const;

/**
 * Keeps every such field of `head` from being forwarded. Returns a sum of OrigProto; -1 when there
 * is no such field, several, or one that says anything else.
 */
export function takeOrigProto(head: Head): number {
  if ((head.seen & (1 << Known.L5D)) === 0) return -1;
  const { bytes, fields, known } = head;
  let proto = -1;
  let count = 0;
  for (let index = 0; index < head.count; index++) {
    if (known[index] !== Known.L5D) continue;
    const column = index << 2;
    if (!equalsName(bytes, fields[column], fields[column + 1], fieldBytes)) continue;
    proto = parse(head, index);
    head.dropField(index);
    count += 1;
  }
  return count === 1 ? proto : -1;
}

/** The complete line that says `proto`, a sum of OrigProto. */
export function origProtoLine(proto: number): string {
  return lines[proto];
}

function parse(head: Head, index: number): number {
  const { bytes, fields } = head;
  const column = index << 2;
  const start = fields[column + 2];
  const end = fields[column + 3];
  for (let proto = 0; proto < values.length; proto++) {
    if (equalsName(bytes, start, end, values[proto])) return proto;
  }
  return -1;
}

const field = 'l5d-orig-proto';
const fieldBytes = nameBytes(field);
const texts = ['HTTP/1.0', 'HTTP/1.1', 'HTTP/1.0; absolute-form', 'HTTP/1.1; absolute-form'];
const values: readonly Uint8Array[] = texts.map((text) => nameBytes(text.toLowerCase()));
const lines: readonly string[] = texts.map((text) => `${field}: ${text}\r\n`);
