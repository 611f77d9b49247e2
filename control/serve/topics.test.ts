/**
 * Goal: what is watched is followed once, as long as somebody watches it. Method: calls that keep
 * what they are sent, and a source that tells when it is opened and stopped.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TimerWheel } from '../../core/base/timers.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import type { Broadcast, StateCall } from './broadcast.ts';
import { Topics, wholeFrames } from './topics.ts';

function createRig() {
  const clock = new FakeClock();
  const env = {
    timers: new TimerWheel(clock, clock.wakeSource),
    soon: (run: () => void) => run(),
    onSent: () => {},
    onSlow: () => {},
  };
  const topics = new Topics<Buffer>(env, wholeFrames);
  const news: string[] = [];
  const broadcasts: Broadcast<Buffer>[] = [];
  const add = (key: string, atOnce: (broadcast: Broadcast<Buffer>) => void = () => {}) => {
    const told: string[] = [];
    const call: StateCall & { told: string[] } = {
      told,
      queuedBytes: 0,
      congested: false,
      isOver: false,
      sendFrame: (frame) => told.push(frame.toString()),
      end: ({ message }) => told.push(`end ${message}`),
      abort: () => {},
      onDrain: () => {},
      onCancel: () => {},
    };
    topics.add(
      key,
      call,
      () => news.push(`${key} ended`),
      (broadcast) => {
        news.push(`${key} opened`);
        broadcasts.push(broadcast);
        atOnce(broadcast);
        return () => news.push(`${key} stopped`);
      },
    );
    return call;
  };
  return { topics, news, broadcasts, add };
}

test('a key is opened by its first stream, and stopped with its last', () => {
  const { news, broadcasts, add } = createRig();
  const first = add('a');
  broadcasts[0].update(Buffer.from('one'));
  const second = add('a');
  add('b');
  broadcasts[0].update(Buffer.from('one'));
  broadcasts[0].update(Buffer.from('two'));
  assert.deepEqual(first.told, ['one', 'two']);
  assert.deepEqual(second.told, ['one', 'two']);
  first.onCancel();
  assert.deepEqual(news, ['a opened', 'b opened', 'a ended']);
  second.onCancel();
  assert.deepEqual(news.slice(3), ['a ended', 'a stopped']);
  add('a');
  assert.deepEqual(news.slice(5), ['a opened']);
});

test('what ends its streams while it is opened is stopped all the same', () => {
  const { news, add } = createRig();
  const call = add('a', (broadcast) => broadcast.end({ code: 5, message: 'none' }));
  assert.deepEqual(call.told, ['end none']);
  assert.deepEqual(news, ['a opened', 'a ended', 'a stopped']);
  add('a');
  assert.equal(news.at(-1), 'a opened');
});

test('all end together', () => {
  const { topics, news, add } = createRig();
  const calls = [add('a'), add('a'), add('b')];
  topics.end({ code: 14, message: 'over' });
  for (const { told } of calls) assert.deepEqual(told, ['end over']);
  assert.deepEqual(news.toSorted(), [
    'a ended',
    'a ended',
    'a opened',
    'a stopped',
    'b ended',
    'b opened',
    'b stopped',
  ]);
});
