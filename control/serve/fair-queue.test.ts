/** Goal: turns are fair and bounds hold. Method: peers with much and with little; a model. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../core/base/random.ts';
import { FairQueue } from './fair-queue.ts';

test('who asks for little waits for one of each other peer', () => {
  const queue = new FairQueue<string>(100, 50);
  for (let index = 0; index < 50; index++) queue.push('greedy', `greedy ${index}`);
  queue.push('modest', 'modest 0');
  queue.push('other', 'other 0');
  queue.push('modest', 'modest 1');
  const order = Array.from({ length: 6 }, () => queue.shift());
  const turns = ['greedy 0', 'modest 0', 'other 0', 'greedy 1', 'modest 1', 'greedy 2'];
  assert.deepEqual(order, turns);
});

test('each bound keeps out what exceeds it, and nothing else', () => {
  const queue = new FairQueue<number>(5, 3);
  assert.deepEqual(
    [1, 2, 3, 4].map((item) => queue.push('a', item)),
    [null, null, null, 'peer'],
  );
  assert.deepEqual(
    [1, 2, 3].map((item) => queue.push('b', item)),
    [null, null, 'all'],
  );
  queue.shift();
  assert.equal(queue.push('b', 3), null);
});

test('whatever happens, nothing is lost, and of two peers none is served twice in a row', () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = seededRandom(seed);
    const queue = new FairQueue<readonly [string, number]>(64, 16);
    const waiting = new Map<string, number[]>();
    for (let step = 0; step < 500; step++) {
      const peer = `p${random.uint32() % 5}`;
      const own = waiting.get(peer) ?? [];
      if (random.float() < 0.6) {
        const size = [...waiting.values()].reduce((sum, list) => sum + list.length, 0);
        const expected = size >= 64 ? 'all' : own.length >= 16 ? 'peer' : null;
        assert.equal(queue.push(peer, [peer, step]), expected, `seed ${seed}`);
        if (expected === null) waiting.set(peer, [...own, step]);
        continue;
      }
      const next = queue.shift();
      const all = [...waiting.entries()].filter(([, list]) => list.length > 0);
      assert.equal(next === null, all.length === 0, `seed ${seed}`);
      if (next === null) continue;
      const [[first, list]] = all;
      assert.deepEqual(next, [first, list[0]], `seed ${seed}`);
      waiting.delete(first);
      if (list.length > 1) waiting.set(first, list.slice(1));
    }
    assert.equal(
      queue.size,
      [...waiting.values()].reduce((sum, list) => sum + list.length, 0),
    );
  }
});
