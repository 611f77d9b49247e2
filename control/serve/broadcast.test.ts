/**
 * Goal: every stream ends up with the newest state by what it was sent, what is sent exists once,
 * and a stream that takes nothing costs nothing and is ended. Method: states are lists of letters,
 * frames say what comes and goes, calls take as much as the test lets them; a fake clock.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { slowStreamMs } from '../../core/base/limits.ts';
import { TimerWheel } from '../../core/base/timers.ts';
import type { Status } from '../../core/grpc/status.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { Broadcast, type StateCall, type StateFrames } from './broadcast.ts';

/** A letter a frame, so that large states are several. */
const letters: StateFrames<string> = {
  whole: (state) => state.split('').map((letter) => Buffer.from(`+${letter}`)),
  between: (before, after) => [
    ...after
      .split('')
      .filter((one) => !before.includes(one))
      .map((one) => Buffer.from(`+${one}`)),
    ...before
      .split('')
      .filter((one) => !after.includes(one))
      .map((one) => Buffer.from(`-${one}`)),
  ],
};

class FakeCall implements StateCall {
  readonly frames: Buffer[] = [];
  isOver = false;
  /** Frames that it takes before it is full. */
  room = Number.POSITIVE_INFINITY;
  ended = '';
  onDrain: () => void = () => {};
  onCancel: () => void = () => {};

  queuedBytes = 0;

  get congested(): boolean {
    return this.room <= 0;
  }

  get told(): string {
    return this.frames.join(' ');
  }

  sendFrame(frame: Buffer): void {
    assert.ok(!this.congested && !this.isOver, 'nothing is sent to a stream that is full');
    this.frames.push(frame);
    this.room -= 1;
  }

  drain(room = Number.POSITIVE_INFINITY): void {
    this.room = room;
    this.onDrain();
  }

  end({ message }: Status): void {
    this.isOver = true;
    this.ended = message;
  }

  abort(): void {
    this.isOver = true;
    this.ended = 'aborted';
  }
}

function createRig() {
  const clock = new FakeClock();
  const timers = new TimerWheel(clock, clock.wakeSource);
  const news: string[] = [];
  let later: (() => void)[] = [];
  const broadcast = new Broadcast<string>(
    {
      timers,
      soon: (run) => later.push(run),
      onSent: () => {},
      onSlow: () => news.push('slow'),
    },
    letters,
    () => news.push('empty'),
  );
  const turn = (): void => {
    const now = later;
    later = [];
    for (const run of now) run();
  };
  return {
    clock,
    timers,
    news,
    broadcast,
    update: (state: string) => {
      broadcast.update(state);
      turn();
    },
    turn,
    add: (call = new FakeCall()) => {
      broadcast.add(call, () => news.push('end'));
      return call;
    },
  };
}

test('a newcomer gets all of it, the others what has changed, each encoded once', () => {
  const { update, add } = createRig();
  const [first, second] = [add(), add()];
  assert.equal(first.told, '');
  update('ab');
  update('bc');
  const third = add();
  assert.equal(first.told, '+a +b +c -a');
  assert.equal(third.told, '+b +c');
  assert.deepEqual(second.frames, first.frames);
  for (const [at, frame] of second.frames.entries()) assert.equal(frame, first.frames[at]);
});

test('what says the same is not sent, and of several changes in a turn the newest', () => {
  const { update, turn, broadcast, add } = createRig();
  const call = add();
  update('ab');
  update('ba');
  for (const state of ['x', 'y', 'abc']) broadcast.update(state);
  turn();
  assert.equal(call.told, '+a +b +c');
});

test('a full stream gets nothing until it takes again, then the difference to the newest', () => {
  const { update, add, timers } = createRig();
  const [slow, quick] = [add(), add()];
  slow.room = 1;
  update('a');
  for (const state of ['ab', 'abc', 'bcd', 'cde']) update(state);
  assert.equal(slow.told, '+a');
  assert.equal(quick.told, '+a +b +c +d -a +e -b');
  assert.equal(timers.armedCount, 1);
  slow.drain();
  assert.equal(slow.told, '+a +c +d +e -a');
  assert.equal(timers.armedCount, 0);
});

test('a state that is too large for a stream goes on where it stopped', () => {
  const { update, add } = createRig();
  const call = add();
  call.room = 2;
  update('abcd');
  update('abcde');
  assert.equal(call.told, '+a +b');
  call.drain(1);
  assert.equal(call.told, '+a +b +c');
  call.drain();
  assert.equal(call.told, '+a +b +c +d +e');
});

test('a stream that takes nothing for 30 s is ended, and no other', () => {
  const { update, add, clock, news } = createRig();
  const [stuck, slow, quick] = [add(), add(), add()];
  stuck.room = 1;
  slow.room = 1;
  update('ab');
  clock.advance(slowStreamMs - 1_000);
  slow.drain(0);
  update('abc');
  clock.advance(2_000);
  assert.deepEqual([stuck.ended, slow.ended, quick.ended], ['aborted', '', '']);
  assert.deepEqual(news, ['end', 'slow']);
  slow.drain();
  assert.equal(slow.told, '+a +b +c');
  stuck.onCancel();
  assert.deepEqual(news, ['end', 'slow']);
});

test('a stream that takes little by little is not ended', () => {
  const { update, add, clock } = createRig();
  const call = add();
  call.room = 1;
  call.queuedBytes = 3_000;
  update('ab');
  for (const left of [2_000, 1_000, 999]) {
    call.queuedBytes = left;
    clock.advance(slowStreamMs + 100);
    assert.equal(call.ended, '');
  }
  clock.advance(slowStreamMs + 100);
  assert.equal(call.ended, 'aborted');
});

test('its end comes after what was not told yet, and it tells when nobody is left', () => {
  const { broadcast, turn, add, news } = createRig();
  const [first, second] = [add(), add()];
  second.onCancel();
  assert.deepEqual(news, ['end']);
  broadcast.update('a');
  broadcast.end({ code: 14, message: 'over' });
  turn();
  assert.equal(first.told, '+a');
  assert.equal(first.ended, 'over');
  assert.deepEqual(news, ['end', 'end', 'empty']);
});
