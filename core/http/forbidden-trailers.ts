/**
 * Fields that have no business behind a body (RFC 9110 6.5.1, CVE-2023-46589): framing, routing,
 * credentials, control, all that a recipient may have acted on already.
 */

import type { Head } from './head.ts';
import { Known } from './known-fields.ts';

/** Whether field `index` of a trailer section is not to be forwarded. */
export function isForbiddenTrailer(head: Head, index: number): boolean {
  const id = head.known[index];
  if (id !== 0) return ((1 << id) & allowed) === 0;
  const { fields } = head;
  const column = index << 2;
  const name = head.bytes.toString('latin1', fields[column], fields[column + 1]);
  return forbidden.has(name.toLowerCase());
}

const allowed = (1 << Known.DATE) | (1 << Known.GRPC_STATUS);

const forbidden: ReadonlySet<string> = new Set([
  'age',
  'cache-control',
  'content-encoding',
  'content-range',
  'expires',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'location',
  'max-forwards',
  'pragma',
  'range',
  'retry-after',
  'vary',
  'warning',
  'www-authenticate',
]);
