/** RST_STREAM (RFC 9113 6.4). */

import { Violation } from '../violation.ts';
import {
  encodeFrameHead,
  type FrameHead,
  FrameType,
  frameHeadBytes,
  readUint32,
  writeUint32,
} from './head.ts';

/** Returns the error code, a value of H2Code or any other, or a Violation. */
export function loadRstStream(head: FrameHead, bytes: Buffer, at: number): number {
  if (head.streamId === 0) return Violation.RST_STREAM_STREAM;
  return head.length === codeBytes ? readUint32(bytes, at) : Violation.RST_STREAM_LENGTH;
}

/** Returns the offset behind, or -1 when it does not fit. */
export function encodeRstStream(streamId: number, code: number, out: Buffer, at: number): number {
  if (at + frameHeadBytes + codeBytes > out.length) return -1;
  const to = encodeFrameHead(codeBytes, FrameType.RST_STREAM, 0, streamId, out, at);
  return writeUint32(code, out, to);
}

const codeBytes = 4;
