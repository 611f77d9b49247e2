/**
 * HEADERS (RFC 9113 6.2). The priority that it may carry is deprecated and not looked at, but for
 * the one thing that it must not say.
 */

import { Violation } from '../violation.ts';
import {
  encodeFrameHead,
  Flag,
  type FrameHead,
  FrameType,
  frameHeadBytes,
  readUint31,
} from './head.ts';
import type { Payload } from './payload.ts';

/**
 * Leaves the fragment of the field block in `payload`. Returns 0 or a Violation. RFC 7540 made a
 * dependency on itself an error of the stream; nobody honest sends one, and so it may be one of the
 * connection, whose table then needs no care.
 */
export function loadHeaders(head: FrameHead, bytes: Buffer, at: number, payload: Payload): number {
  if (head.streamId === 0) return Violation.HEADERS_STREAM;
  const hasPriority = (head.flags & Flag.PRIORITY) !== 0;
  const prefixBytes = hasPriority ? priorityBytes : 0;
  const { HEADERS_TOO_SHORT, HEADERS_PADDING } = Violation;
  const violation = payload.load(head, bytes, at, prefixBytes, HEADERS_TOO_SHORT, HEADERS_PADDING);
  if (violation < 0 || !hasPriority) return violation;
  const dependency = readUint31(bytes, payload.start - priorityBytes);
  return dependency === head.streamId ? Violation.HEADERS_DEPENDENCY : 0;
}

/**
 * Frames the field block that stands in `out` from `at` + `frameHeadBytes` to `blockEnd`: HEADERS,
 * and CONTINUATION for what exceeds `frameBytesMax` of the peer (RFC 9113 4.3).
 * Returns the offset behind, or -1 when the heads of CONTINUATION do not fit.
 */
export function encodeHeaders(
  blockEnd: number,
  streamId: number,
  endStream: boolean,
  frameBytesMax: number,
  out: Buffer,
  at: number,
): number {
  const length = blockEnd - at - frameHeadBytes;
  const endFlag = endStream ? Flag.END_STREAM : 0;
  const { HEADERS, CONTINUATION } = FrameType;
  if (length <= frameBytesMax) {
    encodeFrameHead(length, HEADERS, endFlag | Flag.END_HEADERS, streamId, out, at);
    return blockEnd;
  }
  const more = Math.ceil(length / frameBytesMax) - 1;
  const end = blockEnd + more * frameHeadBytes;
  if (end > out.length) return -1;
  // From the last piece to the first, so that none is written over before it has been moved.
  for (let piece = more; piece > 0; piece--) {
    const start = at + frameHeadBytes + piece * frameBytesMax;
    const pieceLength = Math.min(frameBytesMax, blockEnd - start);
    const to = start + piece * frameHeadBytes;
    out.copyWithin(to, start, start + pieceLength);
    const flags = piece === more ? Flag.END_HEADERS : 0;
    encodeFrameHead(pieceLength, CONTINUATION, flags, streamId, out, to - frameHeadBytes);
  }
  encodeFrameHead(frameBytesMax, HEADERS, endFlag, streamId, out, at);
  return end;
}

/** The dependency with its exclusive bit, and the weight. */
const priorityBytes = 5;
