/** Goal: dying workers cost ever less. Method: the table of delays. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextRestart } from './restart.ts';

test('at once, then 100 ms, doubled up to 10 s', () => {
  const delays: number[] = [];
  let failures = 0;
  for (let death = 0; death < 10; death++) {
    const next = nextRestart(failures, 500);
    failures = next.failures;
    delays.push(next.delayMs);
  }
  assert.deepEqual(delays, [0, 100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
});

test('a minute of life makes it forget', () => {
  assert.deepEqual(nextRestart(7, 60_000), { failures: 1, delayMs: 0 });
  assert.equal(nextRestart(7, 59_999).delayMs, 6400);
});

test('however many there are, the delay is finite', () => {
  let failures = 0;
  for (let death = 0; death < 2000; death++) failures = nextRestart(failures, 0).failures;
  assert.equal(nextRestart(failures, 0).delayMs, 10_000);
});
