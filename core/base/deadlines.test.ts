/** Deadlines that move, end each other and come late, on a clock that the test moves. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { type DeadlineHolder, Deadlines } from './deadlines.ts';
import { TimerWheel } from './timers.ts';

const sweepMs = 250;
/** A sweep, and what the wheel may be late. */
const lateMs = sweepMs + 30;

class Holder implements DeadlineHolder {
  deadlineMs: number;
  prevHolder: DeadlineHolder | null = null;
  nextHolder: DeadlineHolder | null = null;
  fired = 0;
  readonly #then: () => void;

  constructor(deadlineMs: number, then: () => void = () => {}) {
    this.deadlineMs = deadlineMs;
    this.#then = then;
  }

  onDeadline(): void {
    assert.equal(this.deadlineMs, Number.POSITIVE_INFINITY);
    this.fired += 1;
    this.#then();
  }
}

function start() {
  const clock = new FakeClock(0);
  const timers = new TimerWheel(clock, clock.wakeSource);
  const events = {
    depth: 0,
    get nowMs() {
      return clock.monotonicMs();
    },
    enter: () => {
      events.depth += 1;
    },
    leave: () => {
      events.depth -= 1;
    },
  };
  return { clock, timers, events, deadlines: new Deadlines(timers, events) };
}

test('a deadline fires once, not before its time and within a sweep of it', () => {
  const { clock, deadlines, events } = start();
  const holder = new Holder(1_000, () => assert.equal(events.depth, 1, 'within an event'));
  deadlines.add(holder);
  clock.advance(999);
  assert.equal(holder.fired, 0);
  clock.advance(lateMs);
  assert.equal(holder.fired, 1);
  clock.advance(10_000);
  assert.equal(holder.fired, 1);
  assert.equal(events.depth, 0);
});

test('a deadline that moves on does not fire; one that moves back does', () => {
  const { clock, deadlines } = start();
  const later = new Holder(500);
  const sooner = new Holder(Number.POSITIVE_INFINITY);
  deadlines.add(later);
  deadlines.add(sooner);
  for (let turn = 0; turn < 20; turn++) {
    clock.advance(400);
    later.deadlineMs = clock.monotonicMs() + 500;
  }
  assert.deepEqual([later.fired, sooner.fired], [0, 0]);
  sooner.deadlineMs = clock.monotonicMs();
  clock.advance(lateMs);
  assert.deepEqual([later.fired, sooner.fired], [0, 1]);
});

test('who is removed does not fire; nothing is awaited when all are', () => {
  const { clock, timers, deadlines } = start();
  const holders = [0, 1, 2].map(() => new Holder(100));
  for (const holder of holders) deadlines.add(holder);
  deadlines.remove(holders[1]);
  deadlines.remove(holders[1]);
  deadlines.remove(new Holder(0));
  clock.advance(lateMs);
  assert.deepEqual(
    holders.map((holder) => holder.fired),
    [1, 0, 1],
  );
  assert.equal(timers.armedCount, 1);
  deadlines.remove(holders[0]);
  deadlines.remove(holders[2]);
  clock.advance(lateMs);
  assert.equal(timers.armedCount, 0);
  const next = new Holder(clock.monotonicMs() + 100);
  deadlines.add(next);
  clock.advance(100 + lateMs);
  assert.equal(next.fired, 1);
});

test('of two that are due the first may give the second more time, or end it', () => {
  const { clock, deadlines } = start();
  const delayed = new Holder(100);
  const ended = new Holder(100);
  const first = new Holder(100, () => {
    delayed.deadlineMs = clock.monotonicMs() + 1_000;
    ended.deadlineMs = Number.POSITIVE_INFINITY;
    deadlines.remove(ended);
  });
  // The one that was added last is looked at first.
  for (const holder of [delayed, ended, first]) deadlines.add(holder);
  clock.advance(lateMs);
  assert.deepEqual([first.fired, delayed.fired, ended.fired], [1, 0, 0]);
  clock.advance(1_000 + lateMs);
  assert.deepEqual([first.fired, delayed.fired, ended.fired], [1, 1, 0]);
});

test('a holder may add others and remove itself while it fires', () => {
  const { clock, deadlines } = start();
  const added = new Holder(0);
  const first: Holder = new Holder(100, () => {
    deadlines.remove(first);
    deadlines.add(added);
  });
  deadlines.add(first);
  clock.advance(lateMs);
  assert.deepEqual([first.fired, added.fired], [1, 0]);
  clock.advance(lateMs);
  assert.deepEqual([first.fired, added.fired], [1, 1]);
});
