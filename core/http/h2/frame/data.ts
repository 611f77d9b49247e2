/**
 * DATA (RFC 9113 6.1). Flow control counts all of `head.length`, with the padding; `payload` is
 * what the message gets.
 */

import { Violation } from '../violation.ts';
import { encodeFrameHead, Flag, type FrameHead, FrameType } from './head.ts';
import type { Payload } from './payload.ts';

/** Returns 0 or a Violation. */
export function loadData(head: FrameHead, bytes: Buffer, at: number, payload: Payload): number {
  if (head.streamId === 0) return Violation.DATA_STREAM;
  return payload.load(head, bytes, at, 0, Violation.DATA_TOO_SHORT, Violation.DATA_PADDING);
}

/** Writes the head; the `length` bytes of content follow. Returns the offset behind, or -1. */
export function encodeDataHead(
  length: number,
  streamId: number,
  endStream: boolean,
  out: Buffer,
  at: number,
): number {
  const flags = endStream ? Flag.END_STREAM : 0;
  return encodeFrameHead(length, FrameType.DATA, flags, streamId, out, at);
}
