/** Goal: medians, spreads and ratios are right at their edges. Method: tables of small inputs. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { summarize, summarizeRatios } from './statistics.ts';

test('the median of an odd number is the middle, of an even number the mean of two', () => {
  assert.equal(summarize([]), null);
  assert.deepEqual(summarize([7]), { median: 7, min: 7, max: 7 });
  assert.deepEqual(summarize([9, 1, 5]), { median: 5, min: 1, max: 9 });
  assert.deepEqual(summarize([10, 1, 2, 4]), { median: 3, min: 1, max: 10 });
});

test('what was given stays in its order', () => {
  const values = [3, 1, 2];
  summarize(values);
  assert.deepEqual(values, [3, 1, 2]);
});

test('ratios are of the same round, so a slow round of both does not widen the spread', () => {
  assert.deepEqual(summarizeRatios([10, 20, 40], [5, 10, 20]), { median: 2, min: 2, max: 2 });
});

test('rounds of one side only and divisions by nothing are left out', () => {
  assert.deepEqual(summarizeRatios([6, 8, 1], [2, 0]), { median: 3, min: 3, max: 3 });
  assert.equal(summarizeRatios([1], []), null);
});
