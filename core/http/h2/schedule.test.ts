/**
 * Goal: streams that could send take turns in the order in which they became ready, each has one
 * place at most, and any of them may leave. Method: random histories beside an array.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { ReadyList } from './schedule.ts';
import { Stream } from './stream.ts';

class TestStream extends Stream {
  onData(): void {}
  onEnd(): void {}
  onReset(): void {}
  onSent(): void {}
  onEndSent(): void {}
  onViolation(): void {}
  onDeadline(): void {}
  onOver(): void {}
}

test('turns', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom('add', 'shift', 'remove'), fc.nat(5))),
      (acts) => {
        const list = new ReadyList();
        const streams = Array.from({ length: 6 }, () => new TestStream());
        const expected: Stream[] = [];
        for (const [act, index] of acts) {
          const stream = streams[index];
          const at = expected.indexOf(stream);
          if (act === 'add') {
            list.add(stream);
            if (at === -1) expected.push(stream);
          } else if (act === 'remove') {
            list.remove(stream);
            if (at !== -1) expected.splice(at, 1);
          } else {
            assert.equal(list.shift(), expected.shift() ?? null);
          }
          assert.equal(list.empty, expected.length === 0);
          for (const one of streams) assert.equal(one.isReady, expected.includes(one));
        }
        while (expected.length > 0) assert.equal(list.shift(), expected.shift());
        assert.equal(list.shift(), null);
      },
    ),
  );
});
