/**
 * The header fields that the proxy itself looks at, each with a small number, so that a decoded
 * field is recognised once and afterwards asked for without comparing names.
 */

import { assert } from '../base/assert.ts';
import { equalsName, lowerBytes, nameBytes } from './byte-class.ts';

/** Numbers below 31, so that a set of them is one integer. 0 is a field nobody here asks for. */
export const Known = {
  NONE: 0,
  HOST: 1,
  CONNECTION: 2,
  CONTENT_LENGTH: 3,
  TRANSFER_ENCODING: 4,
  TE: 5,
  TRAILER: 6,
  UPGRADE: 7,
  KEEP_ALIVE: 8,
  PROXY_CONNECTION: 9,
  EXPECT: 10,
  HTTP2_SETTINGS: 11,
  PROXY_AUTHENTICATE: 12,
  PROXY_AUTHORIZATION: 13,
  DATE: 14,
  AUTHORIZATION: 15,
  COOKIE: 16,
  FORWARDED: 17,
  CONTENT_TYPE: 18,
  SET_COOKIE: 19,
  /** Every name that begins with `l5d-`, and its spellings with underscores. */
  L5D: 20,
  /** Every name that begins with `x-forwarded-`. */
  X_FORWARDED: 21,
  GRPC_STATUS: 22,
  GRPC_TIMEOUT: 23,
} as const;

/** What speaks of a connection of HTTP/1 and has no place in HTTP/2 (RFC 9113 8.2.2). */
export const connectionFields =
  (1 << Known.CONNECTION) |
  (1 << Known.KEEP_ALIVE) |
  (1 << Known.PROXY_CONNECTION) |
  (1 << Known.TRANSFER_ENCODING) |
  (1 << Known.UPGRADE) |
  (1 << Known.HTTP2_SETTINGS);

/** The number of the field whose name stands at `start`..`end`, in any case. */
export function recogniseField(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  const first = bytes[start] & 31;
  if (length < slotLengths) {
    const id = slots[(length << 5) | first];
    if (id !== 0 && equalsName(bytes, start, end, names[id])) return id;
  }
  if (first === 0x0c && length >= 4 && isL5d(bytes, start)) return Known.L5D;
  if (first === 0x18 && length > forwarded.length) {
    if (equalsName(bytes, start, start + forwarded.length, forwarded)) return Known.X_FORWARDED;
  }
  return 0;
}

/** Applications that map `-` and `_` to one name must not be given our headers by a stranger. */
function isL5d(bytes: Uint8Array, start: number): boolean {
  const mark = bytes[start + 3];
  return (
    bytes[start + 1] === 0x35 &&
    lowerBytes[bytes[start + 2]] === 0x64 &&
    lowerBytes[bytes[start]] === 0x6c &&
    (mark === 0x2d || mark === 0x5f)
  );
}

const forwarded = nameBytes('x-forwarded-');

const names: readonly Uint8Array[] = [
  '',
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'te',
  'trailer',
  'upgrade',
  'keep-alive',
  'proxy-connection',
  'expect',
  'http2-settings',
  'proxy-authenticate',
  'proxy-authorization',
  'date',
  'authorization',
  'cookie',
  'forwarded',
  'content-type',
  'set-cookie',
  // Two numbers that stand for many names.
  '',
  '',
  'grpc-status',
  'grpc-timeout',
].map(nameBytes);

/** Length and first letter tell every known name from the others: one candidate to compare. */
const slotLengths = 32;
const slots = new Uint8Array(slotLengths << 5);
for (let id = 1; id < names.length; id++) {
  if (names[id].length === 0) continue;
  const slot = (names[id].length << 5) | (names[id][0] & 31);
  assert(slots[slot] === 0, 'length and first letter of known fields are unique');
  slots[slot] = id;
}
