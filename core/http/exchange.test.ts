/**
 * Goal: the free list of exchanges is as long as what was in use lately asks for, and bounded.
 * Method: take and give back many, trim as a worker's housekeeping does, and look at which come
 * back from the list.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exchangesKeptMax } from '../base/limits.ts';
import { type Exchange, Exchanges } from './exchange.ts';

test('what was in use at once is kept while it is needed again and again', () => {
  const exchanges = new Exchanges();
  const first = new Set(use(exchanges, 5_000));
  exchanges.trim();
  for (let round = 0; round < 10; round++) {
    const again = use(exchanges, 5_000);
    assert.ok(again.every((x) => first.has(x)));
    exchanges.trim();
  }
  assert.equal(exchanges.inUse, 0);
});

test('what nobody has needed for a while goes, by halves', () => {
  const exchanges = new Exchanges();
  const first = new Set(use(exchanges, 1_000));
  exchanges.trim();
  exchanges.trim();
  assert.equal(use(exchanges, 1_000).filter((x) => first.has(x)).length, 500);
});

test('an exchange that is in use all the time is no reason to keep the others', () => {
  const exchanges = new Exchanges();
  const first = new Set(use(exchanges, 1_024));
  for (let look = 0; look < 11; look++) {
    exchanges.trim();
    use(exchanges, 1);
  }
  assert.equal(use(exchanges, 1_024).filter((x) => first.has(x)).length, 2);
});

test('the list is bounded', () => {
  const exchanges = new Exchanges();
  const first = new Set(use(exchanges, exchangesKeptMax + 10));
  const again = use(exchanges, exchangesKeptMax + 10);
  assert.equal(again.filter((x) => first.has(x)).length, exchangesKeptMax);
});

function use(exchanges: Exchanges, count: number): Exchange[] {
  const taken = Array.from({ length: count }, () => exchanges.take());
  for (const x of taken) exchanges.give(x);
  return taken;
}
