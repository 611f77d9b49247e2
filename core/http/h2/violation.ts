/**
 * How a peer breaks HTTP/2: negative codes, which the codecs return in place of an offset or a
 * value, and the table of what each means: the error code that the peer is told, whether the
 * stream or the connection ends, and a sentence.
 */

import { assert } from '../../base/assert.ts';
import { H2Code } from './error-code.ts';

export const Violation = {
  HPACK_TRUNCATED: -1,
  HPACK_INTEGER: -2,
  HPACK_INDEX: -3,
  HPACK_HUFFMAN_EOS: -4,
  HPACK_HUFFMAN_PADDING: -5,
  HPACK_UPDATE_LATE: -6,
  HPACK_UPDATE_TOO_LARGE: -7,
  HPACK_UPDATE_REPEATED: -8,
  HPACK_UPDATE_MISSING: -9,
  FRAME_TOO_LARGE: -10,
  DATA_STREAM: -11,
  DATA_TOO_SHORT: -12,
  DATA_PADDING: -13,
  HEADERS_STREAM: -14,
  HEADERS_TOO_SHORT: -15,
  HEADERS_PADDING: -16,
  HEADERS_DEPENDENCY: -17,
  PRIORITY_STREAM: -18,
  PRIORITY_LENGTH: -19,
  PRIORITY_DEPENDENCY: -20,
  RST_STREAM_STREAM: -21,
  RST_STREAM_LENGTH: -22,
  SETTINGS_STREAM: -23,
  SETTINGS_LENGTH: -24,
  SETTINGS_ACK_LENGTH: -25,
  SETTINGS_ENABLE_PUSH: -26,
  SETTINGS_SERVER_PUSH: -27,
  SETTINGS_WINDOW: -28,
  SETTINGS_FRAME_SIZE: -29,
  SETTINGS_CONNECT: -30,
  SETTINGS_CONNECT_WITHDRAWN: -31,
  PUSH_PROMISE: -32,
  PING_STREAM: -33,
  PING_LENGTH: -34,
  GOAWAY_STREAM: -35,
  GOAWAY_LENGTH: -36,
  WINDOW_UPDATE_LENGTH: -37,
  WINDOW_UPDATE_ZERO: -38,
  WINDOW_UPDATE_ZERO_CONNECTION: -39,
  CONTINUATION_STREAM: -40,
  CONTINUATION_EXPECTED: -41,
  CONTINUATION_UNEXPECTED: -42,
  SETTINGS_EXPECTED: -43,
  WINDOW_CONNECTION: -44,
  WINDOW_STREAM: -45,
  WINDOW_OVERFLOW: -46,
  STREAM_WINDOW_OVERFLOW: -47,
  STREAM_CLOSED: -48,
  STREAM_IDLE: -49,
  STREAM_ID: -50,
  CONTENT_LENGTH: -51,
  FIELDS_WITHOUT_END: -52,
  STREAMS_MAX: -53,
  FIELDS_BEHIND_END: -54,
  ANSWERS_UNREAD: -55,
  CONTENT_BEFORE_HEAD: -56,
} as const;

interface ViolationTraits {
  /** A value of H2Code. */
  readonly code: number;
  /** What ends. After a stream error a field block is still decoded, for the table's sake. */
  readonly scope: 'stream' | 'connection';
  readonly text: string;
}

/** What a code of Violation means. */
export function violationTraits(violation: number): ViolationTraits {
  assert(violation < 0 && -violation <= table.length, 'every code of Violation has its row');
  return table[-violation - 1];
}

const connection = (text: string, code: number = H2Code.PROTOCOL_ERROR): ViolationTraits => ({
  code,
  scope: 'connection',
  text,
});
const stream = (text: string, code: number = H2Code.PROTOCOL_ERROR): ViolationTraits => ({
  code,
  scope: 'stream',
  text,
});

const { COMPRESSION_ERROR, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR } = H2Code;
const { REFUSED_STREAM, STREAM_CLOSED } = H2Code;

/** In the order of `Violation`. */
const table: readonly ViolationTraits[] = [
  connection('a field block ends inside a field (RFC 7541 5, RFC 9113 4.3)', COMPRESSION_ERROR),
  connection('an integer of a field block has more than 5 bytes (RFC 7541 5.1)', COMPRESSION_ERROR),
  connection('an index is 0 or beyond the dynamic table (RFC 7541 2.3.3)', COMPRESSION_ERROR),
  connection('a Huffman-coded string contains EOS (RFC 7541 5.2)', COMPRESSION_ERROR),
  connection(
    'the padding of a Huffman-coded string is longer than 7 bits or not all ones (RFC 7541 5.2)',
    COMPRESSION_ERROR,
  ),
  connection('a table size update behind a field (RFC 7541 4.2)', COMPRESSION_ERROR),
  connection('a table size update above our SETTINGS (RFC 7541 6.3)', COMPRESSION_ERROR),
  connection('more than two table size updates in a block (RFC 7541 4.2)', COMPRESSION_ERROR),
  connection(
    'no table size update after our SETTINGS lowered the limit (RFC 9113 4.3.1)',
    COMPRESSION_ERROR,
  ),
  connection('a frame above our SETTINGS_MAX_FRAME_SIZE (RFC 9113 4.2)', FRAME_SIZE_ERROR),
  connection('DATA on stream 0 (RFC 9113 6.1)'),
  connection('DATA too short for its pad length (RFC 9113 4.2)', FRAME_SIZE_ERROR),
  connection('the padding of DATA is as long as the payload or longer (RFC 9113 6.1)'),
  connection('HEADERS on stream 0 (RFC 9113 6.2)'),
  connection('HEADERS too short for its pad length or priority (RFC 9113 4.2)', FRAME_SIZE_ERROR),
  connection('the padding of HEADERS exceeds what is left for the block (RFC 9113 6.2)'),
  connection('HEADERS makes a stream depend on itself (RFC 7540 5.3.1)'),
  connection('PRIORITY on stream 0 (RFC 9113 6.3)'),
  stream('the payload of PRIORITY is not 5 bytes (RFC 9113 6.3)', FRAME_SIZE_ERROR),
  stream('PRIORITY makes a stream depend on itself (RFC 7540 5.3.1)'),
  connection('RST_STREAM on stream 0 (RFC 9113 6.4)'),
  connection('the payload of RST_STREAM is not 4 bytes (RFC 9113 6.4)', FRAME_SIZE_ERROR),
  connection('SETTINGS on another stream than 0 (RFC 9113 6.5)'),
  connection('the payload of SETTINGS is no multiple of 6 bytes (RFC 9113 6.5)', FRAME_SIZE_ERROR),
  connection('SETTINGS with ACK and a payload (RFC 9113 6.5)', FRAME_SIZE_ERROR),
  connection('SETTINGS_ENABLE_PUSH is neither 0 nor 1 (RFC 9113 6.5.2)'),
  connection('a server sent SETTINGS_ENABLE_PUSH with 1 (RFC 9113 6.5.2)'),
  connection('SETTINGS_INITIAL_WINDOW_SIZE above 2^31 - 1 (RFC 9113 6.5.2)', FLOW_CONTROL_ERROR),
  connection('SETTINGS_MAX_FRAME_SIZE outside of 2^14 to 2^24 - 1 (RFC 9113 6.5.2)'),
  connection('SETTINGS_ENABLE_CONNECT_PROTOCOL is neither 0 nor 1 (RFC 8441 3)'),
  connection('SETTINGS_ENABLE_CONNECT_PROTOCOL with 0 after 1 (RFC 8441 3)'),
  connection('PUSH_PROMISE, which no client may send and we forbid to servers (RFC 9113 8.4)'),
  connection('PING on another stream than 0 (RFC 9113 6.7)'),
  connection('the payload of PING is not 8 bytes (RFC 9113 6.7)', FRAME_SIZE_ERROR),
  connection('GOAWAY on another stream than 0 (RFC 9113 6.8)'),
  connection('the payload of GOAWAY is below 8 bytes (RFC 9113 6.8)', FRAME_SIZE_ERROR),
  connection('the payload of WINDOW_UPDATE is not 4 bytes (RFC 9113 6.9)', FRAME_SIZE_ERROR),
  stream('WINDOW_UPDATE of a stream by 0 (RFC 9113 6.9)'),
  connection('WINDOW_UPDATE of the connection by 0 (RFC 9113 6.9)'),
  connection('CONTINUATION on stream 0 (RFC 9113 6.10)'),
  connection('another frame than CONTINUATION inside of a field block (RFC 9113 6.10)'),
  connection('CONTINUATION outside of a field block (RFC 9113 6.10)'),
  connection('the first frame is not SETTINGS (RFC 9113 3.4)'),
  connection('more content than the window of the connection (RFC 9113 6.9.1)', FLOW_CONTROL_ERROR),
  stream('more content than the window of the stream (RFC 9113 6.9.1)', FLOW_CONTROL_ERROR),
  connection('a window above 2^31 - 1 (RFC 9113 6.9.1)', FLOW_CONTROL_ERROR),
  stream('the window of a stream above 2^31 - 1 (RFC 9113 6.9.1)', FLOW_CONTROL_ERROR),
  stream('content or fields behind the end of a stream (RFC 9113 5.1)', STREAM_CLOSED),
  connection('a frame for a stream that has not begun (RFC 9113 5.1)'),
  connection("a stream that is not the peer's to open, or not above its last (RFC 9113 5.1.1)"),
  stream('content-length differs from the length of the content (RFC 9113 8.1.1)'),
  stream('fields behind the content that do not end the stream (RFC 9113 8.1)'),
  stream('more streams than our SETTINGS_MAX_CONCURRENT_STREAMS (RFC 9113 5.1.2)', REFUSED_STREAM),
  connection('fields for a stream that has ended (RFC 9113 5.1)', STREAM_CLOSED),
  stream('a request while answers wait that nobody reads (RFC 9113 10.5)', REFUSED_STREAM),
  stream('content before the head of a response (RFC 9113 8.1)'),
];
