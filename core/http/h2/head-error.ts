/**
 * What can be wrong with a head whose field block could be decoded: positive codes, each with the
 * error that it is and a sentence. Too much is answered, like in HTTP/1; what is malformed ends its
 * stream with PROTOCOL_ERROR (RFC 9113 8.1.1).
 */

import { assert } from '../../base/assert.ts';
import type { ErrorCode } from '../../base/errors.ts';

export const HeadError = {
  TOO_LARGE: 1,
  TOO_MANY_FIELDS: 2,
  FIELD_NAME: 3,
  FIELD_VALUE: 4,
  PSEUDO_LATE: 5,
  PSEUDO_REPEATED: 6,
  PSEUDO_UNKNOWN: 7,
  PSEUDO_MISSING: 8,
  METHOD: 9,
  SCHEME: 10,
  PATH: 11,
  AUTHORITY: 12,
  HOST_REPEATED: 13,
  HOST_DIFFERS: 14,
  CONNECT_TARGET: 15,
  PROTOCOL: 16,
  STATUS: 17,
  CONNECTION_FIELD: 18,
  TE: 19,
  LENGTH_INVALID: 20,
  LENGTH_REPEATED: 21,
  EXPECT: 22,
} as const;

interface HeadErrorTraits {
  /** To a client; an endpoint that does the same is malformed, or sends too large a head. */
  readonly error: ErrorCode;
  readonly text: string;
}

export function headErrorTraits(error: number): HeadErrorTraits {
  assert(error > 0 && error <= table.length, 'every code of HeadError has its row');
  return table[error - 1];
}

/** Whether a head with this error is answered; all others are malformed. */
export function isAnswered(error: number): boolean {
  return headErrorTraits(error).error !== 'BAD_REQUEST';
}

const bad = (text: string): HeadErrorTraits => ({ error: 'BAD_REQUEST', text });

/** In the order of `HeadError`. */
const table: readonly HeadErrorTraits[] = [
  { error: 'HEAD_TOO_LARGE', text: 'the fields exceed http2MaxHeaderListSize (RFC 9113 10.5.1)' },
  { error: 'TOO_MANY_FIELDS', text: 'there are more fields than headFieldsMax (RFC 6585 5)' },
  bad('a field name has a capital letter or a byte that no token has (RFC 9113 8.2.1)'),
  bad('a field value has a control byte, or white space at an end (RFC 9113 8.2.1)'),
  bad('a pseudo-header stands behind a field (RFC 9113 8.3)'),
  bad('a pseudo-header occurs twice (RFC 9113 8.3)'),
  bad('a pseudo-header that is unknown, or has no place here (RFC 9113 8.3)'),
  bad('a pseudo-header is missing (RFC 9113 8.3.1)'),
  bad('the method has a byte that no token has, or is empty (RFC 9110 9.1)'),
  bad('the scheme is neither http nor https (RFC 9113 8.3.1)'),
  bad('the path is no path, or has a byte that no target has (RFC 9113 8.3.1)'),
  bad('the authority is no host with an optional port (RFC 9113 8.3.1)'),
  bad('more than one host field (RFC 9110 7.2)'),
  bad('host and :authority differ (RFC 9113 8.3.1)'),
  bad('CONNECT with a scheme, a path or a length, or without a port (RFC 9113 8.5)'),
  bad(':protocol without CONNECT, or that was not enabled (RFC 8441 4)'),
  bad('the status is not three digits from 100, or is 101 (RFC 9113 8.3.2, 8.6)'),
  bad('a field that speaks of the connection (RFC 9113 8.2.2)'),
  bad('te is not trailers (RFC 9113 8.2.2)'),
  bad('content-length is not 1 to 15 digits (RFC 9110 8.6)'),
  bad('more than one content-length (RFC 9110 8.6)'),
  { error: 'EXPECTATION_FAILED', text: 'an expectation other than 100-continue (RFC 9110 10.1.1)' },
];
