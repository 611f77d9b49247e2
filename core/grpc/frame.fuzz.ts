/**
 * Goal: from whatever content in whatever pieces, the reader takes the messages that a plain second
 * reading finds, stops at the same fault, and holds no more than twice what has come. Method:
 * random frames, some of them damaged, cut at random.
 */

import assert from 'node:assert/strict';
import { systemClock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import { FrameError, MessageReader } from './frame.ts';

export const name = 'grpc-frame';

/** Returns how many inputs it tried; what it throws carries the bytes as `input`. */
export function fuzz(random: Random, seconds: number): number {
  const stopMs = systemClock.monotonicMs() + seconds * 1000;
  let executions = 0;
  do {
    const input = makeInput(random);
    try {
      assert.deepEqual(readInPieces(random, input), readPlainly(input));
    } catch (error) {
      throw Object.assign(error as Error, { input });
    }
    executions += 1;
  } while (systemClock.monotonicMs() < stopMs);
  return executions;
}

function draw(random: Random, below: number): number {
  return random.uint32() % below;
}

function makeInput(random: Random): Buffer {
  const parts: Buffer[] = [];
  for (let count = draw(random, 6); count >= 0; count--) {
    const length = draw(random, 8) === 0 ? draw(random, bytesMax + 2) : draw(random, 40);
    const frame = Buffer.alloc(5 + length, draw(random, 256));
    frame[0] = draw(random, 30) === 0 ? draw(random, 256) : 0;
    frame.writeUInt32BE(draw(random, 40) === 0 ? random.uint32() : length, 1);
    parts.push(frame);
  }
  const whole = Buffer.concat(parts);
  return draw(random, 3) === 0 ? whole.subarray(0, draw(random, whole.length + 1)) : whole;
}

type Result = readonly [messages: readonly string[], error: number, rest: boolean];

function readInPieces(random: Random, input: Buffer): Result {
  const reader = new MessageReader(bytesMax);
  const messages: string[] = [];
  for (let start = 0; start < input.length; ) {
    const end = Math.min(input.length, start + 1 + draw(random, draw(random, 2) === 0 ? 7 : 3_000));
    // Other bytes around, which are not to be read.
    const piece = Buffer.concat([Buffer.of(9), input.subarray(start, end), Buffer.of(9)]);
    for (let at = 1; at < piece.length - 1; ) {
      const next = reader.read(piece, at, piece.length - 1);
      if (next < 0) return [messages, next, false];
      assert.ok(next > at && next < piece.length, 'reading goes on, within the piece');
      at = next;
      const whole = reader.take();
      if (whole !== null) messages.push(whole.toString('latin1'));
      assert.ok(reader.heldBytes <= Math.max(1024, 2 * end), 'no more is held than has come');
    }
    start = end;
  }
  return [messages, 0, !reader.empty];
}

function readPlainly(input: Buffer): Result {
  const messages: string[] = [];
  let at = 0;
  while (input.length - at >= 5) {
    const length = input.readUInt32BE(at + 1);
    if (input[at] === 1) return [messages, FrameError.COMPRESSED, false];
    if (input[at] !== 0) return [messages, FrameError.FLAG, false];
    if (length > bytesMax) return [messages, FrameError.TOO_LARGE, false];
    if (input.length - at - 5 < length) break;
    messages.push(input.toString('latin1', at + 5, at + 5 + length));
    at += 5 + length;
  }
  return [messages, 0, at < input.length];
}

const bytesMax = 5_000;
