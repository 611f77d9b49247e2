/** SETTINGS (RFC 9113 6.5, RFC 8441 3). Settings that are not in the list are without effect. */

import { initialWindowBytes, windowMax } from '../flow.ts';
import { Violation } from '../violation.ts';
import {
  encodeFrameHead,
  Flag,
  type FrameHead,
  FrameType,
  frameBytesCeiling,
  frameHeadBytes,
  initialFrameBytes,
  readUint32,
  writeUint32,
} from './head.ts';

export const Setting = {
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
  MAX_HEADER_LIST_SIZE: 6,
  ENABLE_CONNECT_PROTOCOL: 8,
} as const;

/** What a peer has told us so far; before it has, what the protocol begins with. */
export class PeerSettings {
  headerTableBytes = 4096;
  /** The smallest value that the last frame has named on the way (RFC 7541 4.2). */
  headerTableBytesLeast = 4096;
  concurrentStreamsMax = 0xffffffff;
  windowBytes = initialWindowBytes;
  frameBytesMax = initialFrameBytes;
  /** Advice: what the peer would rather not be sent more than. */
  headerListBytesMax = 0xffffffff;
  connectProtocol = false;

  readonly #isServer: boolean;

  constructor(isServer: boolean) {
    this.#isServer = isServer;
  }

  /**
   * Takes over a frame without ACK, one setting after the other. Returns 0 or a Violation; what
   * stands before the setting that it is about has taken effect then.
   */
  load(head: FrameHead, bytes: Buffer, at: number): number {
    this.headerTableBytesLeast = this.headerTableBytes;
    if (head.streamId !== 0) return Violation.SETTINGS_STREAM;
    if (head.length % settingBytes !== 0) return Violation.SETTINGS_LENGTH;
    const end = at + head.length;
    for (let from = at; from < end; from += settingBytes) {
      const id = (bytes[from] << 8) | bytes[from + 1];
      const violation = this.#set(id, readUint32(bytes, from + 2));
      if (violation < 0) return violation;
    }
    return 0;
  }

  #set(id: number, value: number): number {
    switch (id) {
      case Setting.HEADER_TABLE_SIZE:
        this.headerTableBytes = value;
        this.headerTableBytesLeast = Math.min(this.headerTableBytesLeast, value);
        return 0;
      case Setting.ENABLE_PUSH:
        if (value > 1) return Violation.SETTINGS_ENABLE_PUSH;
        return value === 1 && this.#isServer ? Violation.SETTINGS_SERVER_PUSH : 0;
      case Setting.MAX_CONCURRENT_STREAMS:
        this.concurrentStreamsMax = value;
        return 0;
      case Setting.INITIAL_WINDOW_SIZE:
        if (value > windowMax) return Violation.SETTINGS_WINDOW;
        this.windowBytes = value;
        return 0;
      case Setting.MAX_FRAME_SIZE:
        if (value < initialFrameBytes || value > frameBytesCeiling) {
          return Violation.SETTINGS_FRAME_SIZE;
        }
        this.frameBytesMax = value;
        return 0;
      case Setting.MAX_HEADER_LIST_SIZE:
        this.headerListBytesMax = value;
        return 0;
      case Setting.ENABLE_CONNECT_PROTOCOL:
        if (value > 1) return Violation.SETTINGS_CONNECT;
        if (value === 0 && this.connectProtocol) return Violation.SETTINGS_CONNECT_WITHDRAWN;
        this.connectProtocol = value === 1;
        return 0;
      default:
        return 0;
    }
  }
}

/** For SETTINGS with ACK. Returns 0 or a Violation. */
export function loadSettingsAck(head: FrameHead): number {
  if (head.streamId !== 0) return Violation.SETTINGS_STREAM;
  return head.length === 0 ? 0 : Violation.SETTINGS_ACK_LENGTH;
}

/** `settings`: pairs of a Setting and its value. Returns the offset behind, or -1. */
export function encodeSettings(
  settings: readonly (readonly [setting: number, value: number])[],
  out: Buffer,
  at: number,
): number {
  const length = settings.length * settingBytes;
  if (at + frameHeadBytes + length > out.length) return -1;
  let to = encodeFrameHead(length, FrameType.SETTINGS, 0, 0, out, at);
  for (const [setting, value] of settings) {
    out[to] = setting >> 8;
    out[to + 1] = setting;
    to = writeUint32(value, out, to + 2);
  }
  return to;
}

/** Returns the offset behind, or -1 when it does not fit. */
export function encodeSettingsAck(out: Buffer, at: number): number {
  return encodeFrameHead(0, FrameType.SETTINGS, Flag.ACK, 0, out, at);
}

const settingBytes = 6;
