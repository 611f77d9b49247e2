/**
 * Goal: how the last streams ended is remembered, bounded, and those that ended as they should do
 * not push out those that we reset. Method: more of them than are kept.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { h2EndedStreamsMax, h2ResetStreamsMax } from '../../base/limits.ts';
import { Closed, ClosedStreams } from './closed-streams.ts';

test('streams are told apart by how they ended', () => {
  const closed = new ClosedStreams();
  assert.equal(closed.find(1), Closed.UNKNOWN);
  closed.add(1, false);
  closed.add(3, true);
  assert.equal(closed.find(1), Closed.ENDED);
  assert.equal(closed.find(3), Closed.RESET_BY_US);
  assert.equal(closed.find(5), Closed.UNKNOWN);
});

test('as many as the limits say, the oldest first forgotten, each kind apart', () => {
  const closed = new ClosedStreams();
  for (let index = 0; index <= h2ResetStreamsMax; index++) closed.add(2 * index + 1, true);
  for (let index = 0; index <= h2EndedStreamsMax; index++) closed.add(100_001 + 2 * index, false);
  assert.equal(closed.find(1), Closed.UNKNOWN);
  assert.equal(closed.find(3), Closed.RESET_BY_US);
  assert.equal(closed.find(2 * h2ResetStreamsMax + 1), Closed.RESET_BY_US);
  assert.equal(closed.find(100_001), Closed.UNKNOWN);
  assert.equal(closed.find(100_003), Closed.ENDED);
});

test('one that is removed is forgotten, once', () => {
  const closed = new ClosedStreams();
  assert.equal(closed.remove(1), false);
  for (const resetByUs of [true, false]) {
    closed.add(1, resetByUs);
    assert.equal(closed.remove(1), true);
    assert.equal(closed.find(1), Closed.UNKNOWN);
    assert.equal(closed.remove(1), false);
  }
});
