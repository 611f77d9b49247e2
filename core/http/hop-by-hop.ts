/**
 * Marks the fields that end at this hop (RFC 9110 7.6.1), so that the encoders leave them out.
 * The proxy adds its own fields after this, so that no Connection option can name them
 * (CVE-2022-31813, CVE-2026-29054).
 */

import { equalsName, equalsRange, nameBytes, tokenBytes } from './byte-class.ts';
import { ConnectionOption, type Head } from './head.ts';
import { Known } from './known-fields.ts';

/** For a decoded head, once. Upgrade stays where `head.upgrade` says that it counts. */
export function markHopByHop(head: Head, isRequest: boolean): void {
  if ((head.seen & hopByHop) === 0) return;
  const { known, count } = head;
  for (let index = 0; index < count; index++) {
    const id = known[index];
    if (id === 0 || ((1 << id) & hopByHop) === 0) continue;
    if (id === Known.UPGRADE && head.upgrade) continue;
    if (id === Known.TE && isRequest && isTrailers(head, index)) continue;
    head.dropField(index);
  }
  if ((head.connection & ConnectionOption.NAMED) === 0) return;
  for (let index = 0; index < count; index++) {
    if (known[index] === Known.CONNECTION) dropNamed(head, index);
  }
}

/** gRPC needs `te: trailers` end to end; any other value speaks of this hop. */
function isTrailers(head: Head, index: number): boolean {
  const { bytes, fields } = head;
  const repeated = (head.repeated & (1 << Known.TE)) !== 0;
  const column = index << 2;
  return !repeated && equalsName(bytes, fields[column + 2], fields[column + 3], trailers);
}

/** The decoder has bounded the options of a head, so this is a bounded number of comparisons. */
function dropNamed(head: Head, connectionField: number): void {
  const { bytes, fields } = head;
  const end = fields[(connectionField << 2) + 3];
  let at = fields[(connectionField << 2) + 2];
  while (at < end) {
    const start = at;
    while (at < end && tokenBytes[bytes[at]] === 1) at++;
    if (at > start) dropMatching(head, start, at);
    else at++;
  }
}

function dropMatching(head: Head, start: number, end: number): void {
  const { bytes, fields, known, count } = head;
  for (let index = 0; index < count; index++) {
    if (((1 << known[index]) & beyondReach) !== 0) continue;
    const column = index << 2;
    if (equalsRange(bytes, fields[column], fields[column + 1], start, end)) head.dropField(index);
  }
}

const trailers = nameBytes('trailers');

const hopByHop =
  (1 << Known.CONNECTION) |
  (1 << Known.KEEP_ALIVE) |
  (1 << Known.PROXY_CONNECTION) |
  (1 << Known.TE) |
  (1 << Known.UPGRADE) |
  (1 << Known.HTTP2_SETTINGS);

/**
 * What a Connection option never removes: routing, framing, credentials and the statements of
 * proxies, and what has been decided above.
 */
const beyondReach =
  (1 << Known.HOST) |
  (1 << Known.CONTENT_LENGTH) |
  (1 << Known.TRANSFER_ENCODING) |
  (1 << Known.CONTENT_TYPE) |
  (1 << Known.EXPECT) |
  (1 << Known.AUTHORIZATION) |
  (1 << Known.PROXY_AUTHORIZATION) |
  (1 << Known.COOKIE) |
  (1 << Known.SET_COOKIE) |
  (1 << Known.FORWARDED) |
  (1 << Known.X_FORWARDED) |
  (1 << Known.L5D) |
  (1 << Known.TE) |
  (1 << Known.UPGRADE);
