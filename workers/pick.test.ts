/** Goal: a connection goes where it waits least. Method: tables of loads and the expected index. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pickWorker, type WorkerLoad } from './pick.ts';

const load = (connections: number, loadPermille = 0, ready = true): WorkerLoad => ({
  ready,
  connections,
  loadPermille,
});

test('the fewest connections win', () => {
  assert.equal(pickWorker([load(3), load(1), load(2)], 0), 1);
});

test('a tie goes to the lower event-loop load, then to the lower index', () => {
  assert.equal(pickWorker([load(2, 500), load(2, 100), load(2, 100)], 0), 1);
});

test('load does not outweigh connections', () => {
  assert.equal(pickWorker([load(1, 999), load(2, 0)], 0), 0);
});

test('workers that are not ready or have refused are left out', () => {
  assert.equal(pickWorker([load(0, 0, false), load(5), load(1)], 0b100), 1);
  assert.equal(pickWorker([load(0), load(0)], 0b11), -1);
  assert.equal(pickWorker([], 0), -1);
});

test('the highest index that a bit mask holds works', () => {
  const loads = Array.from({ length: 32 }, (_, index) => load(32 - index));
  assert.equal(pickWorker(loads, 0), 31);
  assert.equal(pickWorker(loads, 1 << 31), 30);
});
