/**
 * Attacks the reader of transport headers with mutated ones, cut anywhere: it must not throw, must
 * not read outside its range, must not change an answer it has given, and must end at its bound.
 */

import { assert } from '../base/assert.ts';
import { systemClock } from '../base/clock.ts';
import { transportHeaderBytesMax } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import {
  decodeTransportHeader,
  encodeTransportHeader,
  type TransportHeader,
} from './transport-header.ts';

export const name = 'transport-header';

export function fuzz(random: Random, seconds: number): void {
  const stopMs = systemClock.monotonicMs() + seconds * 1000;
  do {
    for (let round = 0; round < 200; round++) {
      roundtrip(random);
      attack(mutate(encodeTransportHeader(draw(random)), random), random);
    }
  } while (systemClock.monotonicMs() < stopMs);
}

function roundtrip(random: Random): void {
  const header = draw(random);
  const bytes = encodeTransportHeader(header);
  const decoded = decodeTransportHeader(bytes, 0, bytes.length);
  const expected = JSON.stringify({ header, end: bytes.length });
  assert(JSON.stringify(decoded) === expected, `what is written is read: ${expected}`);
}

function attack(input: Buffer, random: Random): void {
  const whole = decodeTransportHeader(input, 0, input.length);
  assert(whole !== 'NEED_MORE' || input.length < transportHeaderBytesMax, 'a header has an end');
  if (typeof whole === 'object' && 'header' in whole) {
    const { port } = whole.header;
    assert(port >= 1 && port <= 65_535 && whole.end <= input.length, 'a header is sound');
  }
  const summary = JSON.stringify(whole);
  const before = random.uint32() % 40;
  const shifted = Buffer.concat([Buffer.alloc(before, 7), input, Buffer.alloc(16, 9)]);
  const again = decodeTransportHeader(shifted, before, before + input.length);
  assert(JSON.stringify(moveBack(again, before)) === summary, 'bytes outside change nothing');
  for (let step = 0; step < 8; step++) {
    const cut = random.uint32() % (input.length + 1);
    const part = decodeTransportHeader(input, 0, cut);
    assert(part === 'NEED_MORE' || JSON.stringify(part) === summary, `stable at ${cut}`);
  }
}

function moveBack(
  decoded: ReturnType<typeof decodeTransportHeader>,
  by: number,
): ReturnType<typeof decodeTransportHeader> {
  if (decoded === 'NEED_MORE' || 'malformed' in decoded) return decoded;
  return { ...decoded, end: decoded.end - by };
}

function draw(random: Random): TransportHeader {
  return {
    port: 1 + (random.uint32() % 65_535),
    name: random.uint32() % 2 === 0 ? '' : 'wéb.'.repeat(1 + (random.uint32() % 200)),
    session: ([null, 'http1', 'http2'] as const)[random.uint32() % 3],
  };
}

/** Mostly behind the line of text: what differs there is refused at once. */
function mutate(bytes: Buffer, random: Random): Buffer {
  const more = Buffer.alloc(random.uint32() % 8 === 0 ? transportHeaderBytesMax : 8);
  for (let at = 0; at < more.length; at++) more[at] = random.uint32() >>> 24;
  const input = Buffer.concat([bytes, more]);
  const edits = random.uint32() % 4;
  for (let edit = 0; edit < edits; edit++) {
    const at = 20 + (random.uint32() % (bytes.length - 20));
    input[at] = random.uint32() & 255;
  }
  return input;
}
