/** WINDOW_UPDATE (RFC 9113 6.9). */

import { Violation } from '../violation.ts';
import {
  encodeFrameHead,
  type FrameHead,
  FrameType,
  frameHeadBytes,
  readUint31,
  writeUint32,
} from './head.ts';

/** Returns the increment, 1 to 2^31 - 1, or a Violation. */
export function loadWindowUpdate(head: FrameHead, bytes: Buffer, at: number): number {
  if (head.length !== incrementBytes) return Violation.WINDOW_UPDATE_LENGTH;
  const increment = readUint31(bytes, at);
  if (increment > 0) return increment;
  return head.streamId === 0
    ? Violation.WINDOW_UPDATE_ZERO_CONNECTION
    : Violation.WINDOW_UPDATE_ZERO;
}

/** Returns the offset behind, or -1 when it does not fit. */
export function encodeWindowUpdate(
  streamId: number,
  increment: number,
  out: Buffer,
  at: number,
): number {
  if (at + frameHeadBytes + incrementBytes > out.length) return -1;
  const to = encodeFrameHead(incrementBytes, FrameType.WINDOW_UPDATE, 0, streamId, out, at);
  return writeUint32(increment, out, to);
}

const incrementBytes = 4;
