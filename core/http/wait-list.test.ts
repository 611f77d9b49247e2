/** The list of waiting exchanges against an array, for random pushes, shifts and removals. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Exchange } from './exchange.ts';
import { WaitList } from './wait-list.ts';

test('exchanges leave in the order of their arrival', () => {
  const list = new WaitList();
  const [a, b, c] = [new Exchange(), new Exchange(), new Exchange()];
  for (const x of [a, b, c]) list.push(x);
  assert.equal(list.length, 3);
  assert.equal(list.first, a);
  assert.deepEqual([list.shift(), list.shift(), list.shift()], [a, b, c]);
  assert.equal(list.shift(), null);
  assert.equal(list.length, 0);
  assert.equal(list.first, null);
});

test('an exchange that does not wait here is not removed', () => {
  const list = new WaitList();
  const other = new WaitList();
  const x = new Exchange();
  assert.equal(list.remove(x), false);
  other.push(x);
  assert.equal(list.remove(x), false);
  assert.equal(other.length, 1);
  assert.equal(other.remove(x), true);
  assert.equal(other.remove(x), false);
});

test('an exchange waits in one place only', () => {
  const list = new WaitList();
  const x = new Exchange();
  list.push(x);
  assert.throws(() => new WaitList().push(x), /waits in one place/);
  assert.throws(() => list.push(x), /waits in one place/);
});

test('whoever leaves from anywhere, the others stay in order', () => {
  const steps = fc.array(fc.tuple(fc.constantFrom('push', 'shift', 'remove'), fc.nat(9)));
  fc.assert(
    fc.property(steps, (list) => {
      const exchanges = Array.from({ length: 10 }, () => new Exchange());
      const waiting = new WaitList();
      const model: Exchange[] = [];
      for (const [step, at] of list) {
        const x = exchanges[at];
        const modelAt = model.indexOf(x);
        if (step === 'shift') {
          assert.equal(waiting.shift(), model.shift() ?? null);
        } else if (step === 'remove') {
          assert.equal(waiting.remove(x), modelAt !== -1);
          if (modelAt !== -1) model.splice(modelAt, 1);
        } else if (modelAt === -1) {
          waiting.push(x);
          model.push(x);
        }
        assert.equal(waiting.length, model.length);
        assert.equal(waiting.first, model[0] ?? null);
      }
      while (model.length > 0) assert.equal(waiting.shift(), model.shift());
      assert.equal(waiting.shift(), null);
    }),
  );
});
