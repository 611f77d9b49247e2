/**
 * Goal: a seed gives the same sequence everywhere, draws are in range and evenly spread.
 * Method: recorded values of one seed, and counts in buckets over many draws.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom, systemRandom } from './random.ts';

test('the same seed gives the same sequence, another seed another one', () => {
  const draw = (seed: number): number[] => {
    const random = seededRandom(seed);
    return Array.from({ length: 100 }, () => random.uint32());
  };
  assert.deepEqual(draw(42), draw(42));
  assert.notDeepEqual(draw(42), draw(43));
  assert.deepEqual(draw(0), draw(1), 'zero has no sequence of its own');
});

test('floats are in [0, 1), integers in [0, 2^32), both evenly spread', () => {
  const random = seededRandom(7);
  const draws = 100_000;
  const buckets = new Array<number>(16).fill(0);
  for (let index = 0; index < draws; index++) {
    const float = random.float();
    assert.ok(float >= 0 && float < 1);
    buckets[Math.floor(float * buckets.length)] += 1;
    const integer = random.uint32();
    assert.ok(Number.isInteger(integer) && integer >= 0 && integer < 2 ** 32);
  }
  const expected = draws / buckets.length;
  for (const count of buckets) assert.ok(Math.abs(count - expected) < expected * 0.06);
});

test('every bit of a draw is set about half of the time', () => {
  const random = seededRandom(99);
  const draws = 20_000;
  const ones = new Array<number>(32).fill(0);
  for (let index = 0; index < draws; index++) {
    const value = random.uint32();
    for (let bit = 0; bit < 32; bit++) ones[bit] += (value >>> bit) & 1;
  }
  for (const count of ones) assert.ok(Math.abs(count - draws / 2) < draws * 0.02);
});

test('two sources of the system differ', () => {
  const first = systemRandom();
  const second = systemRandom();
  const draws = Array.from({ length: 4 }, () => first.uint32() === second.uint32());
  assert.ok(draws.includes(false));
});
