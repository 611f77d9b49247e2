/** GOAWAY (RFC 9113 6.8). */

import { Violation } from '../violation.ts';
import {
  encodeFrameHead,
  type FrameHead,
  FrameType,
  frameHeadBytes,
  readUint31,
  readUint32,
  writeUint32,
} from './head.ts';

export class Goaway {
  /** Streams above it have not been and will not be processed. */
  lastStreamId = 0;
  /** A value of H2Code, or any other. */
  code = 0;
  /** Offsets of what the peer has to say, in whatever encoding. */
  debugStart = 0;
  debugEnd = 0;

  /** Returns 0 or a Violation. */
  load(head: FrameHead, bytes: Buffer, at: number): number {
    if (head.streamId !== 0) return Violation.GOAWAY_STREAM;
    if (head.length < goawayBytes) return Violation.GOAWAY_LENGTH;
    this.lastStreamId = readUint31(bytes, at);
    this.code = readUint32(bytes, at + 4);
    this.debugStart = at + goawayBytes;
    this.debugEnd = at + head.length;
    return 0;
  }
}

/** `debug` is ASCII. Returns the offset behind, or -1 when it does not fit. */
export function encodeGoaway(
  lastStreamId: number,
  code: number,
  debug: string,
  out: Buffer,
  at: number,
): number {
  const length = goawayBytes + debug.length;
  if (at + frameHeadBytes + length > out.length) return -1;
  let to = encodeFrameHead(length, FrameType.GOAWAY, 0, 0, out, at);
  to = writeUint32(lastStreamId, out, to);
  to = writeUint32(code, out, to);
  return to + out.write(debug, to, 'latin1');
}

/** The least payload. */
const goawayBytes = 8;
