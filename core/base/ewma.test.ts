/**
 * Goal: the estimate in one word is the peak EWMA that it stands for. Method: a plain model with
 * floating-point value and stamp is given the same samples.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { levelAfter, levelOf, levelValue } from './ewma.ts';
import { ewmaDecayMs } from './limits.ts';

function assertClose(actual: number, expected: number, ratio: number): void {
  const message = `${actual} is within ${ratio} of ${expected}`;
  assert.ok(Math.abs(actual - expected) <= ratio * expected + 2e-6, message);
}

test('an estimate decays to 1/e in the decay time and goes on toward 0', () => {
  const level = levelOf(30, 5_000);
  assertClose(levelValue(level, 5_000), 30, 1e-4);
  assertClose(levelValue(level, 5_000 + ewmaDecayMs), 30 / Math.E, 1e-4);
  assert.ok(levelValue(level, 5_000 + 40 * ewmaDecayMs) < 1e-15);
});

test('a higher sample replaces the estimate at once', () => {
  const level = levelOf(30, 0);
  assertClose(levelValue(levelAfter(level, 10, 0, 2_000, 0.5), 10), 2_000, 1e-4);
});

test('a lower sample weighs as much as the time it stands for', () => {
  const level = levelOf(1_000, 0);
  assert.equal(levelAfter(level, 0, 0, 1, 0.5), level);
  const after = levelAfter(level, ewmaDecayMs, ewmaDecayMs, 100, 0.5);
  assertClose(levelValue(after, ewmaDecayMs), 1_000 / Math.E + 100 * (1 - 1 / Math.E), 1e-4);
});

test('samples out of range are taken as the nearest value in range', () => {
  for (const sampleMs of [0, -5, 1e-9])
    assertClose(levelValue(levelOf(sampleMs, 0), 0), 1e-3, 1e-4);
  assertClose(levelValue(levelOf(Number.MAX_VALUE, 0), 0), 2_147_483, 1e-4);
});

test('levels work over the wrap of their 32 bits', () => {
  for (const nowMs of [2 ** 31 - 5, 2 ** 32 - 5, 3 * 2 ** 32 + 7]) {
    const level = levelOf(50, nowMs);
    assertClose(levelValue(level, nowMs), 50, 1e-4);
    assertClose(levelValue(level, nowMs + 20_000), 50 / Math.E ** 2, 1e-4);
    assertClose(levelValue(levelAfter(level, nowMs + 10, 10, 80, 0), nowMs + 10), 80, 1e-4);
  }
});

test('any sequence of samples gives what the model gives', () => {
  const samples = fc.array(
    fc.record({
      afterMs: fc.integer({ min: 0, max: 30_000 }),
      rttMs: fc.double({ min: 0.01, max: 60_000, noNaN: true }),
      dither: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
    }),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(samples, fc.integer({ min: 0, max: 2 ** 34 }), (sequence, startMs) => {
      let nowMs = startMs;
      let level = levelOf(30, nowMs);
      let model = 30;
      for (const { afterMs, rttMs, dither } of sequence) {
        nowMs += afterMs;
        const weight = Math.exp(-afterMs / ewmaDecayMs);
        model *= weight;
        model = rttMs > model ? rttMs : model + rttMs * (1 - weight);
        level = levelAfter(level, nowMs, afterMs, rttMs, dither);
        // Each step rounds by less than 1 ms of level; at 1 us the floor shows.
        assertClose(levelValue(level, nowMs), model, 0.01);
      }
    }),
    { numRuns: 300, seed: 7 },
  );
});

test('small steps are not lost in rounding', () => {
  let level = levelOf(100, 0);
  for (let nowMs = 1; nowMs <= 200_000; nowMs++) {
    // The estimate is above 99 ms after a peak and has to come down to it, 1 ms at a time.
    level = levelAfter(level, nowMs, 1, 90, ((nowMs * 40_503) & 0xffff) / 65_536);
  }
  assertClose(levelValue(level, 200_000), 90, 0.005);
});
