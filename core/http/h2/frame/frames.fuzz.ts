/**
 * Goal: no frame makes the codecs throw or point outside of its payload, what they make of it is
 * what the RFC says, and what they write they read as the same. Method: random frames near every
 * bound, and seeds as they are and with a bit turned over, beside a second, plain reading of
 * RFC 9113 6.
 */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../../base/clock.ts';
import type { Random } from '../../../base/random.ts';
import { Violation } from '../violation.ts';
import { loadContinuation } from './continuation.ts';
import { loadData } from './data.ts';
import { Goaway } from './goaway.ts';
import { encodeFrameHead, Flag, FrameHead, FrameType, frameHeadBytes } from './head.ts';
import { encodeHeaders, loadHeaders } from './headers.ts';
import { Payload } from './payload.ts';
import { loadPing } from './ping.ts';
import { loadPriority } from './priority.ts';
import { loadRstStream } from './rst-stream.ts';
import { loadSettingsAck, PeerSettings } from './settings.ts';
import { loadWindowUpdate } from './window-update.ts';

export const name = 'http2-frames';

/** Returns how many frames it tried; what it throws carries the frame as `input`. */
export function fuzz(random: Random, seconds: number): number {
  const stopMs = systemClock.monotonicMs() + seconds * 1000;
  const kept = seeds();
  for (const seed of kept) tryFrame(seed);
  let frames = kept.length;
  do {
    for (let round = 0; round < 200; round++) {
      tryFrame(round % 8 === 0 ? turnBit(random, pick(random, kept)) : drawFrame(random));
      splitBlock(random);
    }
    frames += 200;
  } while (systemClock.monotonicMs() < stopMs);
  return frames;
}

function tryFrame(bytes: Buffer): void {
  try {
    compareFrame(bytes);
  } catch (error) {
    throw Object.assign(error as Error, { input: bytes });
  }
}

/** Frames in hexadecimal, one in each file. */
function seeds(): Buffer[] {
  const files = readdirSync(corpus).map((file) => readFileSync(join(corpus, file), 'latin1'));
  return files.map((hex) => Buffer.from(hex.trim(), 'hex'));
}

const corpus = join(import.meta.dirname, '../../../../test/corpus/http2');

/** Anywhere but in the length, which says how much there is. */
function turnBit(random: Random, seed: Buffer): Buffer {
  const bytes = Buffer.from(seed);
  bytes[3 + (random.uint32() % (bytes.length - 3))] ^= 1 << (random.uint32() % 8);
  return bytes;
}

function compareFrame(bytes: Buffer): void {
  const at = 3;
  const shifted = Buffer.concat([Buffer.alloc(at, 0xff), bytes, Buffer.alloc(8, 0xff)]);
  assert.equal(head.read(shifted, at, 16_384), 0);
  assert.equal(head.length, bytes.length - frameHeadBytes);
  assert.equal(head.type, bytes[3]);
  assert.equal(head.flags, bytes[4]);
  assert.equal(head.streamId, bytes.readUInt32BE(5) % 2 ** 31);
  const out = Buffer.alloc(frameHeadBytes);
  encodeFrameHead(head.length, head.type, head.flags, head.streamId, out, 0);
  assert.deepEqual(out, Buffer.concat([bytes.subarray(0, 5), idOf(head.streamId)]));
  const payload = bytes.subarray(frameHeadBytes);
  assert.deepEqual(loadFrame(shifted, at + frameHeadBytes), readPlainly(head, payload));
}

/** A violation, or what a frame says. */
type Outcome = number | string | readonly (number | boolean)[];

function loadFrame(bytes: Buffer, at: number): Outcome {
  const content = (violation: number) =>
    violation < 0 ? violation : bytes.toString('hex', payload.start, payload.end);
  switch (head.type) {
    case FrameType.DATA:
      return content(loadData(head, bytes, at, payload));
    case FrameType.HEADERS:
      return content(loadHeaders(head, bytes, at, payload));
    case FrameType.CONTINUATION:
      return content(loadContinuation(head, at, payload));
    case FrameType.PRIORITY:
      return loadPriority(head, bytes, at);
    case FrameType.RST_STREAM:
      return loadRstStream(head, bytes, at);
    case FrameType.PING:
      return loadPing(head);
    case FrameType.WINDOW_UPDATE:
      return loadWindowUpdate(head, bytes, at);
    case FrameType.GOAWAY: {
      const goaway = new Goaway();
      const violation = goaway.load(head, bytes, at);
      const { lastStreamId, code, debugStart, debugEnd } = goaway;
      return violation < 0 ? violation : [lastStreamId, code, debugStart - at, debugEnd - at];
    }
    case FrameType.SETTINGS: {
      if ((head.flags & Flag.ACK) !== 0) return loadSettingsAck(head);
      const settings = new PeerSettings(true);
      const violation = settings.load(head, bytes, at);
      return violation < 0 ? violation : Object.values(settings);
    }
    default:
      return 0;
  }
}

function readPlainly({ type, flags, streamId }: FrameHead, bytes: Buffer): Outcome {
  const isZero = streamId === 0;
  switch (type) {
    case FrameType.DATA:
      return isZero ? Violation.DATA_STREAM : unpad(flags, bytes, 0, dataFaults);
    case FrameType.HEADERS: {
      if (isZero) return Violation.HEADERS_STREAM;
      const prefixBytes = (flags & 0x20) === 0 ? 0 : 5;
      const fragment = unpad(flags, bytes, prefixBytes, headersFaults);
      if (typeof fragment === 'number' || prefixBytes === 0) return fragment;
      const dependency = bytes.readUInt32BE((flags & 8) / 8) % 2 ** 31;
      return dependency === streamId ? Violation.HEADERS_DEPENDENCY : fragment;
    }
    case FrameType.CONTINUATION:
      return isZero ? Violation.CONTINUATION_STREAM : bytes.toString('hex');
    case FrameType.PRIORITY:
      if (isZero) return Violation.PRIORITY_STREAM;
      if (bytes.length !== 5) return Violation.PRIORITY_LENGTH;
      return bytes.readUInt32BE(0) % 2 ** 31 === streamId ? Violation.PRIORITY_DEPENDENCY : 0;
    case FrameType.RST_STREAM:
      if (isZero) return Violation.RST_STREAM_STREAM;
      return bytes.length === 4 ? bytes.readUInt32BE(0) : Violation.RST_STREAM_LENGTH;
    case FrameType.PING:
      if (!isZero) return Violation.PING_STREAM;
      return bytes.length === 8 ? 0 : Violation.PING_LENGTH;
    case FrameType.WINDOW_UPDATE:
      if (bytes.length !== 4) return Violation.WINDOW_UPDATE_LENGTH;
      if (bytes.readUInt32BE(0) % 2 ** 31 !== 0) return bytes.readUInt32BE(0) % 2 ** 31;
      return isZero ? Violation.WINDOW_UPDATE_ZERO_CONNECTION : Violation.WINDOW_UPDATE_ZERO;
    case FrameType.GOAWAY:
      if (!isZero) return Violation.GOAWAY_STREAM;
      if (bytes.length < 8) return Violation.GOAWAY_LENGTH;
      return [bytes.readUInt32BE(0) % 2 ** 31, bytes.readUInt32BE(4), 8, bytes.length];
    case FrameType.SETTINGS:
      return readSettings(isZero, (flags & 1) === 1, bytes);
    default:
      return 0;
  }
}

interface Faults {
  readonly tooShort: number;
  readonly tooPadded: number;
}

function unpad(flags: number, bytes: Buffer, prefixBytes: number, faults: Faults): Outcome {
  const isPadded = (flags & 8) !== 0;
  if (bytes.length < prefixBytes + (isPadded ? 1 : 0)) return faults.tooShort;
  const content = bytes.subarray(prefixBytes + (isPadded ? 1 : 0));
  const padding = isPadded ? bytes[0] : 0;
  if (padding > content.length) return faults.tooPadded;
  return content.toString('hex', 0, content.length - padding);
}

function readSettings(isZero: boolean, isAck: boolean, bytes: Buffer): Outcome {
  if (!isZero) return Violation.SETTINGS_STREAM;
  if (isAck) return bytes.length === 0 ? 0 : Violation.SETTINGS_ACK_LENGTH;
  if (bytes.length % 6 !== 0) return Violation.SETTINGS_LENGTH;
  const values = new Map([
    [1, 4096],
    [3, 2 ** 32 - 1],
    [4, 65_535],
    [5, 16_384],
    [6, 2 ** 32 - 1],
  ]);
  let least = 4096;
  for (let at = 0; at < bytes.length; at += 6) {
    const id = bytes.readUInt16BE(at);
    const value = bytes.readUInt32BE(at + 2);
    if (id === 1) least = Math.min(least, value);
    if (id === 2 && value > 1) return Violation.SETTINGS_ENABLE_PUSH;
    if (id === 2 && value === 1) return Violation.SETTINGS_SERVER_PUSH;
    if (id === 4 && value >= 2 ** 31) return Violation.SETTINGS_WINDOW;
    if (id === 5 && (value < 2 ** 14 || value >= 2 ** 24)) return Violation.SETTINGS_FRAME_SIZE;
    if (id === 8 && value > 1) return Violation.SETTINGS_CONNECT;
    if (id === 8 && value < (values.get(8) ?? 0)) return Violation.SETTINGS_CONNECT_WITHDRAWN;
    values.set(id, value);
  }
  const [table, streams, window, frame, list] = [1, 3, 4, 5, 6].map((id) => values.get(id) ?? 0);
  return [table, least, streams, window, frame, list, values.get(8) === 1];
}

/** A block that is framed in pieces is the same when they are put together again. */
function splitBlock(random: Random): void {
  const block = drawBytes(random, random.uint32() % 100);
  const frameBytesMax = 1 + (random.uint32() % 40);
  const endStream = random.uint32() % 2 === 0;
  const out = Buffer.alloc(frameHeadBytes * (block.length + 2) + block.length, 0xa5);
  block.copy(out, 1 + frameHeadBytes);
  const blockEnd = 1 + frameHeadBytes + block.length;
  const end = encodeHeaders(blockEnd, 7, endStream, frameBytesMax, out, 1);
  const pieces: Buffer[] = [];
  let at = 1;
  for (; at < end; at += frameHeadBytes + head.length) {
    assert.equal(head.read(out, at, frameBytesMax), 0);
    assert.equal(head.type, at === 1 ? FrameType.HEADERS : FrameType.CONTINUATION);
    assert.equal(head.streamId, 7);
    const isLast = at + frameHeadBytes + head.length === end;
    assert.equal(head.flags, (isLast ? 4 : 0) | (at === 1 && endStream ? 1 : 0));
    assert.ok(isLast || head.length === frameBytesMax);
    pieces.push(out.subarray(at + frameHeadBytes, at + frameHeadBytes + head.length));
  }
  assert.equal(at, end);
  assert.deepEqual(Buffer.concat(pieces), block);
}

function drawFrame(random: Random): Buffer {
  const type = random.uint32() % 11;
  const length = pick(random, [0, 4, 5, 6, 8, 12, 18, random.uint32() % 40]);
  const flags = pick(random, [0, 1, 4, 5, 8, 0x20, 0x28, random.uint32() % 256]);
  const streamId = pick(random, [0, 1, 2 ** 31, 2 ** 32 - 1, random.uint32()]);
  const payload = drawBytes(random, length);
  if (type === FrameType.SETTINGS) shapeSettings(random, payload);
  else if (length > 0 && random.uint32() % 2 === 0) payload[0] = random.uint32() % (length + 2);
  if (length >= 5 && random.uint32() % 4 === 0) payload.writeUInt32BE(streamId, (flags & 8) / 8);
  const bytes = Buffer.alloc(frameHeadBytes);
  bytes.writeUIntBE(length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(streamId, 5);
  return Buffer.concat([bytes, payload]);
}

function shapeSettings(random: Random, payload: Buffer): void {
  for (let at = 0; at + 6 <= payload.length; at += 6) {
    payload.writeUInt16BE(random.uint32() % 10, at);
    const bounds = [
      0,
      1,
      2,
      4096,
      2 ** 14 - 1,
      2 ** 14,
      2 ** 24 - 1,
      2 ** 24,
      2 ** 31 - 1,
      2 ** 31,
    ];
    payload.writeUInt32BE(pick(random, bounds), at + 2);
  }
}

function drawBytes(random: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random.uint32() % 256));
}

function idOf(streamId: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(streamId);
  return bytes;
}

function pick<T>(random: Random, choices: readonly T[]): T {
  return choices[random.uint32() % choices.length];
}

const dataFaults = { tooShort: Violation.DATA_TOO_SHORT, tooPadded: Violation.DATA_PADDING };
const headersFaults = {
  tooShort: Violation.HEADERS_TOO_SHORT,
  tooPadded: Violation.HEADERS_PADDING,
};
const head = new FrameHead();
const payload = new Payload();
