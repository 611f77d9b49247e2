/**
 * Goal: whatever bytes come, the proxy's codec reads what the wire format says, refuses what is
 * malformed or beyond the limits, and what it writes reads as what was meant. Method: fields that
 * fit a message, that are unknown or of another type, numbers in every length, groups, and
 * mutations of all that, through our reader and through the reference reader.
 */

import assert from 'node:assert/strict';
import type { DescMessage } from '@bufbuild/protobuf';
import type { ReadLimits } from '../../api/wire/reader.ts';
import { systemClock } from '../../core/base/clock.ts';
import { apiDepthMax, apiElementsMax } from '../../core/base/limits.ts';
import type { Random } from '../../core/base/random.ts';
import { decoders, encoders } from './proxy-codecs.ts';
import { readReference, wireTypeOf } from './reference-reader.ts';

export const name = 'proxy-codec';

/** Returns how many inputs it tried; what it throws carries the last one as `input`. */
export function fuzz(random: Random, seconds: number): number {
  const stopMs = systemClock.monotonicMs() + seconds * 1000;
  let inputs = 0;
  do {
    for (const { schema, code: decode } of decoders) {
      const bytes = drawBytes(random, schema);
      const limits = drawLimits(random);
      check(bytes, () => {
        const read = decode(bytes, limits);
        const expected = readReference(schema, bytes, limits);
        assert.deepEqual(typeof read === 'string' ? null : read, expected);
      });
    }
    for (const { schema, code: encode } of encoders) {
      const bytes = drawBytes(random, schema);
      check(bytes, () => {
        const message = readReference(schema, bytes, generous);
        if (message === null) return;
        assert.deepEqual(readReference(schema, encode(message), generous), message);
      });
    }
    inputs += decoders.length + encoders.length;
  } while (systemClock.monotonicMs() < stopMs);
  return inputs;
}

function check(input: Uint8Array, run: () => void): void {
  try {
    run();
  } catch (error) {
    throw Object.assign(error as Error, { input });
  }
}

function drawLimits(random: Random): ReadLimits {
  if (oneIn(random, 2)) return generous;
  return { depthMax: 1 + (random.uint32() % 8), elementsMax: random.uint32() % 20 };
}

function drawBytes(random: Random, schema: DescMessage): Buffer {
  let bytes = drawMessage(random, schema, 0);
  for (let left = random.uint32() % 4; left > 1; left--) bytes = mutate(random, bytes);
  return bytes;
}

function drawMessage(random: Random, schema: DescMessage, depth: number): Buffer {
  const count = random.uint32() % (depth < 2 ? 6 : 4);
  return Buffer.concat(Array.from({ length: count }, () => drawRecord(random, schema, depth)));
}

function drawRecord(random: Random, schema: DescMessage, depth: number): Buffer {
  const field = schema.fields.length === 0 ? undefined : pick(random, schema.fields);
  const number = field?.number ?? 1;
  if (field === undefined || depth === nestingMax || oneIn(random, 12)) {
    const other = pick(random, [number, 0, 1, 16, 1000, 2 ** 29 - 1]);
    return drawValue(random, other, random.uint32() % 6, depth);
  }
  if (field.fieldKind === 'map') return record(random, number, drawEntry(random));
  if (field.message !== undefined) {
    return record(random, number, drawMessage(random, field.message, depth + 1));
  }
  return drawValue(random, number, wireTypeOf(field), depth);
}

/** A field of any type; 4 ends a group that has not begun. */
function drawValue(random: Random, number: number, wireType: number, depth: number): Buffer {
  const tag = varint(random, BigInt(number) * 8n + BigInt(wireType));
  if (wireType === 0) return Buffer.concat([tag, varint(random, drawNumber(random))]);
  if (wireType === 1) return Buffer.concat([tag, drawNoise(random, 8)]);
  if (wireType === 2) return record(random, number, drawText(random));
  if (wireType === 5) return Buffer.concat([tag, drawNoise(random, 4)]);
  if (wireType === 4 || depth > 2 * nestingMax) return tag;
  const inside = drawValue(random, 1 + (random.uint32() % 3), random.uint32() % 6, depth + 1);
  const end = oneIn(random, 20) ? number + 1 : number;
  return Buffer.concat([tag, inside, varint(random, BigInt(end) * 8n + 4n)]);
}

function drawEntry(random: Random): Buffer {
  const count = random.uint32() % 4;
  const parts = Array.from({ length: count }, () => {
    const number = oneIn(random, 10) ? 3 : 1 + (random.uint32() % 2);
    return drawValue(random, number, oneIn(random, 10) ? random.uint32() % 6 : 2, nestingMax);
  });
  return Buffer.concat(parts);
}

function record(random: Random, number: number, inside: Buffer): Buffer {
  const tag = varint(random, BigInt(number) * 8n + 2n);
  return Buffer.concat([tag, varint(random, BigInt(inside.length)), inside]);
}

/** Sometimes longer than it has to be, which is allowed up to ten bytes. */
function varint(random: Random, value: bigint): Buffer {
  const bytes = [];
  let rest = value;
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  while (oneIn(random, 50)) {
    bytes[bytes.length - 1] |= 0x80;
    bytes.push(0);
  }
  return Buffer.from(bytes);
}

function drawNumber(random: Random): bigint {
  if (oneIn(random, 50)) return (2n ** 64n) << BigInt(random.uint32() % 6);
  const any = (BigInt(random.uint32()) << 32n) | BigInt(random.uint32());
  return pick(random, [0n, 1n, 127n, 128n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 64n - 1n, any]);
}

function drawText(random: Random): Buffer {
  if (oneIn(random, 30)) return drawNoise(random, random.uint32() % 6);
  const letters = pick(random, ['ab', 'aß\u20ac\u{1f9f5}\ufeff\0']);
  return Buffer.from(letters.repeat(random.uint32() % 4));
}

function drawNoise(random: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random.uint32() % 256));
}

function mutate(random: Random, bytes: Buffer): Buffer {
  const at = random.uint32() % (bytes.length + 1);
  const byte = pick(random, [0, 1, 0x7f, 0x80, 0xff, random.uint32() % 256]);
  const between = oneIn(random, 3) ? Buffer.alloc(random.uint32() % 12, byte) : Buffer.from([byte]);
  if (oneIn(random, 4)) return bytes.subarray(0, at);
  return Buffer.concat([
    bytes.subarray(0, at),
    between,
    bytes.subarray(at + (random.uint32() % 3)),
  ]);
}

function oneIn(random: Random, count: number): boolean {
  return random.uint32() % count === 0;
}

function pick<T>(random: Random, choices: readonly T[]): T {
  return choices[random.uint32() % choices.length];
}

const nestingMax = 10;
const generous: ReadLimits = { depthMax: apiDepthMax, elementsMax: apiElementsMax };
