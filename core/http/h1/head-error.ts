/**
 * Why a head is refused: negative codes, which the decoders return in place of an offset, and the
 * table of what each means to a client, to an origin and to a person.
 */

import { assert } from '../../base/assert.ts';
import type { ErrorCode } from '../../base/errors.ts';

export const HeadError = {
  HEAD_TOO_LARGE: -1,
  LINE_TOO_LONG: -2,
  TOO_MANY_FIELDS: -3,
  EMPTY_LINES: -4,
  METHOD: -5,
  TARGET: -6,
  VERSION: -7,
  HTTP_09: -8,
  MAJOR_VERSION: -9,
  STATUS_LINE: -10,
  BARE_CR: -11,
  BARE_LF: -12,
  CONTROL_BYTE: -13,
  SPACE_BEFORE_COLON: -14,
  EMPTY_NAME: -15,
  NO_COLON: -16,
  FIELD_NAME: -17,
  FOLDED: -18,
  HOST_MISSING: -19,
  HOST_REPEATED: -20,
  HOST_INVALID: -21,
  TARGET_FORM: -22,
  CONNECT_TARGET: -23,
  CONNECT_BODY: -24,
  ASTERISK: -25,
  TARGET_AUTHORITY: -26,
  LENGTH_INVALID: -27,
  LENGTH_REPEATED: -28,
  LENGTH_AND_CODING: -29,
  CODING_INVALID: -30,
  CODING_REPEATED: -31,
  CODING_UNSUPPORTED: -32,
  CODING_IN_1_0: -33,
  EXPECT: -34,
  CONNECTION: -35,
  TRAILERS_TOO_LARGE: -36,
  CHUNK_SIZE: -37,
  CHUNK_LINE: -38,
  CHUNK_EXTENSION: -39,
  CHUNK_EXTENSIONS_TOO_LARGE: -40,
  CHUNK_END: -41,
} as const;

interface HeadErrorTraits {
  /** What a client is told when its request has it. */
  readonly error: ErrorCode;
  /** What it is when an endpoint's response has it. */
  readonly upstream: ErrorCode;
  readonly text: string;
}

/** What a code of HeadError means. */
export function headErrorTraits(code: number): HeadErrorTraits {
  assert(code < 0 && -code < table.length, 'every code of HeadError has its row');
  return table[-code];
}

const large = (error: ErrorCode, text: string): HeadErrorTraits => ({
  error,
  upstream: 'UPSTREAM_HEAD_TOO_LARGE',
  text,
});
const bad = (text: string, error: ErrorCode = 'BAD_REQUEST'): HeadErrorTraits => ({
  error,
  upstream: 'UPSTREAM_MALFORMED',
  text,
});

const framing = 'BODY_FRAMING';

const table: readonly HeadErrorTraits[] = [
  bad('the head is malformed'),
  large('HEAD_TOO_LARGE', 'the head exceeds headBytesMax (RFC 6585 5)'),
  large('URI_TOO_LONG', 'the first line alone exceeds headBytesMax (RFC 9110 15.5.15)'),
  large('TOO_MANY_FIELDS', 'there are more fields than headFieldsMax (RFC 6585 5)'),
  bad('more than two empty lines, or half of one, before the request line (RFC 9112 2.2)'),
  bad('the method has a byte that no token has, or is empty (RFC 9110 9.1)'),
  bad('the request target has a control byte, white space, # or a non-ASCII byte (RFC 9112 3.2)'),
  bad('the version is not HTTP/digit.digit, or not followed by CRLF (RFC 9112 2.3)'),
  bad('the request line has no version; HTTP/0.9 is not spoken (RFC 9112 3)'),
  bad('the major version is not 1 (RFC 9110 15.6.6)', 'VERSION_NOT_SUPPORTED'),
  bad('the status line is not version, three digits and a reason (RFC 9112 4)'),
  bad('a CR without LF (RFC 9112 2.2)'),
  bad('an LF without CR (RFC 9112 2.2)'),
  bad('a control byte in a field value (RFC 9110 5.5)'),
  bad('white space before the colon of a field (RFC 9112 5.1)'),
  bad('a field without a name (RFC 9110 5.1)'),
  bad('a field line without a colon (RFC 9112 5)'),
  bad('a field name has a byte that no token has (RFC 9110 5.1)'),
  bad('a line that begins with white space, which folds the line before it (RFC 9112 5.2)'),
  bad('an HTTP/1.1 request without a host field (RFC 9112 3.2)'),
  bad('more than one host field (RFC 9112 3.2)'),
  bad('the value of host is no host with an optional port (RFC 9112 3.2)'),
  bad('the request target is neither a path nor an http URI (RFC 9112 3.2)'),
  bad('the target of CONNECT is not host and port (RFC 9112 3.2.3)'),
  bad('a CONNECT request with a body (RFC 9110 9.3.6)'),
  bad('the target * with another method than OPTIONS (RFC 9112 3.2.4)'),
  bad('the authority in the request target is invalid (RFC 9110 4.2)'),
  bad('content-length is not 1 to 15 digits (RFC 9110 8.6)'),
  bad('more than one content-length (RFC 9112 6.3)'),
  bad('both content-length and transfer-encoding (RFC 9112 6.1)'),
  bad('transfer-encoding does not end in exactly one chunked (RFC 9112 6.3)'),
  bad('more than one transfer-encoding field (RFC 9112 6.3)'),
  bad('a transfer coding other than chunked (RFC 9112 6.1)', 'NOT_IMPLEMENTED'),
  bad('transfer-encoding in an HTTP/1.0 message (RFC 9112 6.1)'),
  bad('an expectation other than 100-continue (RFC 9110 10.1.1)', 'EXPECTATION_FAILED'),
  bad('connection has an invalid option, or more than 32 (RFC 9110 7.6.1)'),
  large('TOO_MANY_FIELDS', 'the trailers exceed the limits of a head (RFC 9110 6.5)'),
  bad('a chunk size is not 1 to 16 hexadecimal digits up to 2^53 - 1 (RFC 9112 7.1)', framing),
  bad('the size line of a chunk does not end in CRLF (RFC 9112 7.1)', framing),
  bad('a chunk extension has a control byte or an open quote (RFC 9112 7.1.1)', framing),
  bad('chunk extensions exceed chunkLineBytesMax or chunkExtensionBytesMax', framing),
  bad('the data of a chunk is not followed by CRLF (RFC 9112 7.1)', framing),
];
