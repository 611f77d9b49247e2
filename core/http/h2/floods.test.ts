/**
 * Goal: what peers do for good reasons is no flood, however long it goes on; the same without the
 * reason is one. Method: events as the frames of a connection cause them, while time stands still.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { h2ControlFramesMax } from '../../base/limits.ts';
import { Floods } from './floods.ts';

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
