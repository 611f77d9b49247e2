/**
 * Goal: no more is sent than the peer allows, credit for what came is given back in full and in
 * portions, and windows never leave their range. Method: the RFC's cases, and random histories
 * beside plain sums.
 */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { RecvWindow, SendWindow, windowMax } from './flow.ts';

describe('what we may send', () => {
  test('is taken, grows, and may be negative after the peer lowered it (RFC 9113 6.9.2)', () => {
    const window = new SendWindow();
    window.reset(100);
    window.take(60);
    assert.equal(window.available, 40);
    assert.throws(() => window.take(41), /no more is sent/);
    assert.equal(window.grow(-90), true);
    assert.equal(window.available, -50);
    assert.throws(() => window.take(1), /no more is sent/);
    assert.equal(window.grow(51), true);
    window.take(1);
    assert.equal(window.available, 0);
  });

  test('is at most 2^31 - 1', () => {
    const window = new SendWindow();
    window.reset(windowMax - 1);
    assert.equal(window.grow(1), true);
    assert.equal(window.grow(1), false);
    window.reset(65_535);
    assert.equal(window.grow(windowMax), false);
  });
});

describe('what we let the peer send', () => {
  test('exactly the window, and credit from half of it on', () => {
    const window = new RecvWindow();
    window.reset(100);
    assert.equal(window.receive(49), true);
    assert.equal(window.giveBack(), 0);
    assert.equal(window.receive(1), true);
    assert.equal(window.giveBack(), 50);
    assert.equal(window.giveBack(), 0);
    assert.equal(window.receive(100), true);
    assert.equal(window.receive(1), false);
  });

  test('over any history: nothing beyond the window, and no credit is lost', () => {
    const size = 65_535;
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 20_000 }), fc.boolean())),
        (frames) => {
          const window = new RecvWindow();
          window.reset(size);
          let [received, returned] = [0, 0];
          for (const [bytes, forwarded] of frames) {
            const allowed = received + bytes <= size + returned;
            assert.equal(window.receive(bytes), allowed);
            if (!allowed) return;
            received += bytes;
            if (!forwarded) continue;
            const credit = window.giveBack();
            assert.ok(credit === 0 || credit === received - returned);
            returned += credit;
            assert.ok(received - returned < size / 2, 'less than half is kept back');
          }
        },
      ),
    );
  });
});
