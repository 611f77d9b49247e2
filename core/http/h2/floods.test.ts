/**
 * Goal: what peers do for good reasons is no flood, however long it goes on; the same without the
 * reason is one. Method: events as the frames of a connection cause them, while time stands still.
 */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  h2ControlFramesMax,
  h2ControlFramesPerSecond,
  h2EmptyFramesMax,
  h2ResetsMax,
  h2ResetsPerSecond,
  h2WindowUpdatesMax,
  h2WindowUpdatesPerFrame,
  h2WindowUpdatesPerSecond,
} from '../../base/limits.ts';
import { Floods } from './floods.ts';

type Budget = (floods: Floods, nowMs: number) => boolean;

const budgets: Readonly<Record<string, readonly [raise: Budget, max: number, perSecond: number]>> =
  {
    resets: [(floods, nowMs) => floods.reset(nowMs), h2ResetsMax, h2ResetsPerSecond],
    control: [
      (floods, nowMs) => floods.control(nowMs),
      h2ControlFramesMax,
      h2ControlFramesPerSecond,
    ],
    'window updates': [
      (floods, nowMs) => floods.windowUpdate(nowMs),
      h2WindowUpdatesMax,
      h2WindowUpdatesPerSecond,
    ],
  };

/** How many go through at this moment. */
function burst(floods: Floods, raise: Budget, nowMs: number): number {
  let count = 0;
  while (raise(floods, nowMs)) count += 1;
  return count;
}

for (const [name, [raise, max, perSecond]] of Object.entries(budgets)) {
  describe(name, () => {
    test('a burst is the bound, and then what has sunk since', () => {
      const floods = new Floods();
      assert.equal(burst(floods, raise, 1_000), max);
      assert.equal(burst(floods, raise, 1_000), 0);
      // The one that was refused counts too.
      assert.equal(burst(floods, raise, 4_000), 3 * perSecond - 2);
    });

    test('a burst is no larger for what happened long before', () => {
      const floods = new Floods();
      assert.equal(raise(floods, 0), true);
      assert.equal(burst(floods, raise, 100_000), max);
      assert.equal(burst(floods, raise, 10_000_000), max);
    });

    test('the rate goes on for ever, twice of it does not', () => {
      const steady = new Floods();
      const twice = new Floods();
      let refused = 0;
      for (let ms = 0; ms < 120_000; ms += 1_000 / perSecond) {
        assert.equal(raise(steady, ms), true);
        if (!raise(twice, ms) || !raise(twice, ms)) refused += 1;
      }
      assert.ok(refused > 0);
    });
  });
}

test('streams that end as they should make room for resets', () => {
  const floods = new Floods();
  burst(floods, (one, nowMs) => one.reset(nowMs), 0);
  for (let count = 0; count < 11; count++) floods.streamEnded();
  assert.equal(
    burst(floods, (one, nowMs) => one.reset(nowMs), 0),
    10,
  );
});

test('content that is sent makes room for window updates, but saves none up', () => {
  const floods = new Floods();
  for (let count = 0; count < 1_000; count++) floods.dataSent();
  assert.equal(
    burst(floods, (one, nowMs) => one.windowUpdate(nowMs), 0),
    h2WindowUpdatesMax,
  );
  floods.dataSent();
  assert.equal(
    burst(floods, (one, nowMs) => one.windowUpdate(nowMs), 0),
    h2WindowUpdatesPerFrame - 1,
  );
});

test('empty frames count in a row', () => {
  const floods = new Floods();
  const row = (): number => burst(floods, (one) => one.empty(), 0);
  assert.equal(row(), h2EmptyFramesMax);
  floods.filled();
  assert.equal(row(), h2EmptyFramesMax);
});

const nowMs = 1_000;
const many = h2ControlFramesMax * 100;

function isFlood(act: (floods: Floods) => boolean): boolean {
  const floods = new Floods();
  for (let turn = 0; turn < many; turn++) if (!act(floods)) return true;
  return false;
}

test('a PING for each frame of content, by which gRPC measures the bandwidth', () => {
  const measures = (floods: Floods): boolean => {
    floods.dataSent();
    return floods.control(nowMs);
  };
  assert.equal(isFlood(measures), false);
  assert.equal(
    isFlood((floods) => floods.control(nowMs)),
    true,
  );
  assert.equal(
    isFlood((floods) => measures(floods) && floods.control(nowMs)),
    true,
  );
});
