/** Goal: waits double, stay within their bounds and are spread. Method: fixed chances. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoffMs } from './backoff.ts';

const fixed = (value: number) => ({ float: () => value, uint32: () => value * 2 ** 32 });
const backoff = { minMs: 1_000, maxMs: 60_000 };

test('the wait doubles up to the longest', () => {
  const waits = [1, 2, 3, 6, 7, 8, 1_000_000].map((n) => backoffMs(backoff, n, fixed(0)));
  assert.deepEqual(waits, [1_000, 2_000, 4_000, 32_000, 60_000, 60_000, 60_000]);
});

test('jitter adds up to a half', () => {
  assert.equal(backoffMs(backoff, 1, fixed(0.5)), 1_250);
  assert.equal(backoffMs(backoff, 9, fixed(0.5)), 75_000);
});
