/**
 * Goal: limits are usable numbers with a unit or a count in their name, and the parts of shared
 * memory fit what they are for. The relations between limits are asserted in the file itself, so
 * importing it tests them. Method: every export of the file.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as limits from './limits.ts';

test('every limit is a positive safe integer', () => {
  for (const [name, value] of Object.entries(limits)) {
    assert.ok(Number.isSafeInteger(value) && value > 0, `${name} is ${value}`);
  }
});

test('every limit names its unit, or says which end of a count it is', () => {
  for (const name of Object.keys(limits)) {
    assert.match(
      name,
      /(?:Ms|Bytes|Mib|Chars|Max|Min|Ceiling|Reserve|Default|PerSecond|PerFrame)$/,
      name,
    );
  }
});

test('cells are enough for the metrics of a usual mesh, slots for its endpoints', () => {
  assert.ok(limits.cellsMax >= limits.targetsMax * 28, 'a latency histogram for each target');
  assert.ok(limits.slotsMax >= limits.targetsMax, 'an endpoint for each target');
});
