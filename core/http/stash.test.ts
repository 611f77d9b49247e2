/** Kept bytes against a string, for random appends and uses, and the cost and bound of a drip. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { stashBytesMax } from '../base/limits.ts';
import { Stash } from './stash.ts';

test('what is appended and not used is there, in order', () => {
  const append = fc.tuple(fc.constant('append' as const), fc.nat(3_000));
  const consume = fc.tuple(fc.constant('consume' as const), fc.nat(3_000));
  const others = fc.tuple(fc.constantFrom('take' as const, 'clear' as const), fc.constant(0));
  const steps = fc.array(fc.oneof(append, append, consume, consume, others));
  fc.assert(
    fc.property(steps, (list) => {
      let stash = Stash.none;
      let model = Buffer.alloc(0);
      let next = 0;
      for (const [step, count] of list) {
        if (step === 'append') {
          const bytes = Buffer.from(Uint8Array.from({ length: count }, () => next++));
          stash = stash.append(Buffer.concat([Buffer.from('no'), bytes]), 2, 2 + count);
          model = Buffer.concat([model, bytes]);
        } else if (step === 'consume') {
          const used = Math.min(count, model.length);
          stash.consume(stash.start + used);
          model = model.subarray(used);
        } else {
          if (step === 'take') assert.ok(stash.take().equals(model));
          else stash.clear();
          model = Buffer.alloc(0);
        }
        assert.ok(stash.bytes.subarray(stash.start, stash.end).equals(model));
        assert.equal(stash.empty, model.length === 0);
        assert.ok(Stash.none.empty, 'it is for all');
      }
    }),
  );
});

test('what was taken does not change with what comes later', () => {
  const stash = new Stash();
  stash.append(Buffer.from('first'), 0, 5);
  const taken = stash.take();
  stash.append(Buffer.from('other'), 0, 5);
  assert.equal(taken.toString(), 'first');
});

test('a drip of single bytes is copied to a larger buffer a few times only', () => {
  const stash = new Stash();
  const byte = Buffer.from('a');
  const buffers = new Set<Buffer>();
  for (let index = 0; index < stashBytesMax; index++) {
    stash.append(byte, 0, 1);
    buffers.add(stash.bytes);
  }
  assert.equal(stash.end - stash.start, stashBytesMax);
  assert.ok(buffers.size <= 10, `${buffers.size} buffers`);
});

test('an empty stash keeps no memory', () => {
  const stash = new Stash();
  stash.append(Buffer.alloc(100_000), 0, 100_000);
  stash.consume(stash.end);
  assert.equal(stash.bytes.length, 0);
});

test('more than a connection may keep is our mistake', () => {
  const stash = new Stash();
  const bytes = Buffer.alloc(stashBytesMax);
  stash.append(bytes, 0, stashBytesMax);
  assert.throws(() => stash.append(bytes, 0, 1), /partial head and one read/);
});
