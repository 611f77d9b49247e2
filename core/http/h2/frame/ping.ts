/** PING (RFC 9113 6.7). */

import { Violation } from '../violation.ts';
import { encodeFrameHead, Flag, type FrameHead, FrameType, frameHeadBytes } from './head.ts';

/** The opaque bytes of a PING; its answer has the same. */
export const pingBytes = 8;

/** Returns 0 or a Violation; the payload is the `pingBytes` at its offset. */
export function loadPing(head: FrameHead): number {
  if (head.streamId !== 0) return Violation.PING_STREAM;
  return head.length === pingBytes ? 0 : Violation.PING_LENGTH;
}

/** Copies the payload from `from` in `bytes`. Returns the offset behind, or -1. */
export function encodePing(
  bytes: Buffer,
  from: number,
  ack: boolean,
  out: Buffer,
  at: number,
): number {
  if (at + frameHeadBytes + pingBytes > out.length) return -1;
  const to = encodeFrameHead(pingBytes, FrameType.PING, ack ? Flag.ACK : 0, 0, out, at);
  for (let i = 0; i < pingBytes; i++) out[to + i] = bytes[from + i];
  return to + pingBytes;
}
