/**
 * Goal: whatever an encoder is given, over a long connection, its blocks say just that, and both
 * ends have the same table. Method: heads from a pool that drifts, with sizes of the table that
 * change and buffers that are too small at first, read by the reference decoder.
 */

import assert from 'node:assert/strict';
import { ReferenceDecoder } from '../../../../test/support/reference-hpack.ts';
import { systemClock } from '../../../base/clock.ts';
import type { Random } from '../../../base/random.ts';
import { recogniseField } from '../../known-fields.ts';
import { HpackEncoder } from './encode.ts';

export const name = 'hpack-encode';

/** Returns how many blocks it tried; what it throws carries the last one as `input`. */
export function fuzz(random: Random, seconds: number): number {
  const stopMs = systemClock.monotonicMs() + seconds * 1000;
  let blocks = 0;
  do blocks += runHistory(random);
  while (systemClock.monotonicMs() < stopMs);
  return blocks;
}

function runHistory(random: Random): number {
  const own = pick(random, [0, 100, 1000, 4096, 4096, 20_000]);
  const encoder = new HpackEncoder(own);
  const reference = new ReferenceDecoder(20_000);
  const pool = Array.from({ length: 1 + (random.uint32() % 40) }, () => drawField(random));
  const blocks = 1 + (random.uint32() % 200);
  for (let block = 0; block < blocks; block++) {
    while (oneIn(random, 10)) encoder.setPeerMax(random.uint32() % 20_000);
    if (oneIn(random, 3)) pool[random.uint32() % pool.length] = drawField(random);
    const fields = pool.filter(() => oneIn(random, 2));
    const bytes = encodeBlock(random, encoder, fields);
    const read = reference.decode(bytes);
    const expected = fields.map(({ line, nameEnd, secret }) => ({
      name: line.slice(0, nameEnd).replace(/[A-Z]/g, (letter) => letter.toLowerCase()),
      value: line.slice(nameEnd),
      neverIndexed: secret,
    }));
    try {
      assert.deepEqual(read, { fields: expected, violation: 0 });
    } catch (error) {
      throw Object.assign(error as Error, { input: bytes });
    }
  }
  return blocks;
}

interface Field {
  /** Name and value, without anything between. */
  readonly line: string;
  readonly nameEnd: number;
  readonly secret: boolean;
}

function encodeBlock(random: Random, encoder: HpackEncoder, fields: readonly Field[]): Buffer {
  let out = Buffer.alloc(random.uint32() % 500);
  let at = 0;
  const put = (write: () => number) => {
    let next = write();
    while (next < 0) {
      out = Buffer.concat([out, Buffer.alloc(out.length + 1)]);
      next = write();
    }
    assert.ok(next <= out.length, 'nothing is written behind the output');
    at = next;
  };
  put(() => encoder.begin(out, at));
  for (const { line, nameEnd, secret } of fields) {
    const bytes = Buffer.from(line, 'latin1');
    const known = recogniseField(bytes, 0, nameEnd);
    put(() => encoder.field(bytes, 0, nameEnd, nameEnd, bytes.length, known, secret, out, at));
  }
  return out.subarray(0, at);
}

function drawField(random: Random): Field {
  const text = oneIn(random, 3)
    ? drawText(random, 1 + (random.uint32() % 16))
    : pick(random, names);
  const value = drawText(random, pick(random, [0, 3, 4, 8, 9, 30, 30, 200, 1100]));
  const isSecret = /^(cookie|set-cookie|authorization|proxy-authorization)$/i.test(text);
  return { line: text + value, nameEnd: text.length, secret: isSecret || oneIn(random, 20) };
}

/** Of few different bytes, so that much is alike. */
function drawText(random: Random, lengthMax: number): string {
  const length = random.uint32() % (lengthMax + 1);
  const letters = pick(random, ['aA', 'ab^~', '\0\xff', 'abcdefghijklmnop']);
  return Array.from({ length }, () => letters[random.uint32() % letters.length]).join('');
}

function oneIn(random: Random, count: number): boolean {
  return random.uint32() % count === 0;
}

function pick<T>(random: Random, choices: readonly T[]): T {
  return choices[random.uint32() % choices.length];
}

const names = 'accept Accept cookie Set-Cookie authorization via x-a X-A x-b x^ x~ :path te'.split(
  ' ',
);
