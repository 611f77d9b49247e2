/** The nine bytes that every frame begins with, RFC 9113 4.1. */

import { Violation } from '../violation.ts';

export const frameHeadBytes = 9;
/** SETTINGS_MAX_FRAME_SIZE before SETTINGS say otherwise, RFC 9113 6.5.2. */
export const initialFrameBytes = 16_384;
/** What SETTINGS_MAX_FRAME_SIZE can be at the most: the length has 24 bits. */
export const frameBytesCeiling = 0xffffff;
/** The last stream that there can be: its number has 31 bits. */
export const streamIdMax = 2 ** 31 - 1;

/** Frames of other types are dropped by whoever reads them (RFC 9113 5.5). */
export const FrameType = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;

/** Flags as bits; what they mean depends on the type, and any other is without meaning. */
export const Flag = {
  ACK: 0x1,
  END_STREAM: 0x1,
  END_HEADERS: 0x4,
  PADDED: 0x8,
  PRIORITY: 0x20,
} as const;

/** One object for all frames of a connection, in turn. */
export class FrameHead {
  /** Of the payload. */
  length = 0;
  type = 0;
  flags = 0;
  streamId = 0;

  /** Reads nine bytes. Returns 0, or a Violation when the payload is above `frameBytesMax`. */
  read(bytes: Buffer, at: number, frameBytesMax: number): number {
    this.length = (bytes[at] << 16) | (bytes[at + 1] << 8) | bytes[at + 2];
    this.type = bytes[at + 3];
    this.flags = bytes[at + 4];
    this.streamId = readUint31(bytes, at + 5);
    return this.length > frameBytesMax ? Violation.FRAME_TOO_LARGE : 0;
  }
}

/** Returns the offset behind the nine bytes, or -1 when they do not fit. */
export function encodeFrameHead(
  length: number,
  type: number,
  flags: number,
  streamId: number,
  out: Buffer,
  at: number,
): number {
  if (at + frameHeadBytes > out.length) return -1;
  out[at] = length >> 16;
  out[at + 1] = length >> 8;
  out[at + 2] = length;
  out[at + 3] = type;
  out[at + 4] = flags;
  return writeUint32(streamId, out, at + 5);
}

/** The reserved bit before it is ignored, whatever it is (RFC 9113 4.1, 6.9). */
export function readUint31(bytes: Buffer, at: number): number {
  return ((bytes[at] & 0x7f) << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
}

export function readUint32(bytes: Buffer, at: number): number {
  return readUint31(bytes, at) + (bytes[at] >> 7) * 0x80000000;
}

/** Returns the offset behind. */
export function writeUint32(value: number, out: Buffer, at: number): number {
  out[at] = value >>> 24;
  out[at + 1] = value >>> 16;
  out[at + 2] = value >>> 8;
  out[at + 3] = value;
  return at + 4;
}
