/**
 * Goal: a timer fires once, never early, at most two ticks late, and never after it was cancelled,
 * whatever else is armed. Method: a fake clock; examples, then random sequences against a list of
 * deadlines as the model.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { Timer, TimerWheel, tickMs } from './timers.ts';

function createWheel(startMs?: number): { clock: FakeClock; wheel: TimerWheel } {
  const clock = new FakeClock(startMs);
  return { clock, wheel: new TimerWheel(clock, clock.wakeSource) };
}

test('a timer fires once, not early and at most two ticks late', () => {
  const { clock, wheel } = createWheel();
  const firedMs: number[] = [];
  const timer = new Timer({ onTimer: () => firedMs.push(clock.monotonicMs()) });
  wheel.arm(timer, 50);
  assert.equal(timer.armed, true);
  clock.advance(49);
  assert.deepEqual(firedMs, []);
  clock.advance(1_000);
  assert.equal(firedMs.length, 1);
  assert.ok(firedMs[0] >= 1_050 && firedMs[0] <= 1_050 + 2 * tickMs);
  assert.equal(timer.armed, false);
  assert.equal(wheel.armedCount, 0);
});

test('nothing armed asks for no wake-up', () => {
  const { clock, wheel } = createWheel();
  assert.equal(clock.wakeCount, 0);
  const timer = new Timer({ onTimer: () => undefined });
  wheel.arm(timer, 10);
  assert.equal(clock.wakeCount, 1);
  clock.advance(1_000);
  assert.equal(clock.wakeCount, 0);
});

test('arming again moves the deadline; cancelling ends it and is harmless twice', () => {
  const { clock, wheel } = createWheel();
  let fired = 0;
  const timer = new Timer({ onTimer: () => fired++ });
  wheel.arm(timer, 20);
  wheel.arm(timer, 200);
  assert.equal(wheel.armedCount, 1);
  clock.advance(100);
  assert.equal(fired, 0);
  wheel.cancel(timer);
  wheel.cancel(timer);
  clock.advance(1_000);
  assert.equal(fired, 0);
});

test('an owner tells its timers apart and may arm the one that fired', () => {
  const { clock, wheel } = createWheel();
  const kinds: number[] = [];
  const owner = {
    onTimer(timer: Timer): void {
      kinds.push(timer.kind);
      if (kinds.length < 5) wheel.arm(timer, 10);
    },
  };
  wheel.arm(new Timer(owner, 7), 10);
  clock.advance(10_000);
  assert.deepEqual(kinds, [7, 7, 7, 7, 7]);
});

test('a timer that another cancels in the same tick does not fire', () => {
  const { clock, wheel } = createWheel();
  const fired: string[] = [];
  const first = new Timer({
    onTimer: () => {
      fired.push('first');
      wheel.cancel(second);
    },
  });
  const second = new Timer({
    onTimer: () => {
      fired.push('second');
      wheel.cancel(first);
    },
  });
  wheel.arm(first, 30);
  wheel.arm(second, 30);
  clock.advance(1_000);
  assert.equal(fired.length, 1);
  assert.equal(wheel.armedCount, 0);
});

test('a delay beyond a turn of the wheel goes around it', () => {
  const { clock, wheel } = createWheel();
  let firedMs = 0;
  wheel.arm(new Timer({ onTimer: () => (firedMs = clock.monotonicMs()) }), 3_600_000);
  clock.advance(3_599_999);
  assert.equal(firedMs, 0);
  clock.advance(100);
  assert.ok(firedMs >= 3_601_000 && firedMs <= 3_601_000 + 2 * tickMs);
});

test('what fell due while the thread was busy for more than a turn fires then', () => {
  const { clock, wheel } = createWheel();
  let fired = 0;
  for (let delayMs = 10; delayMs <= 20_000; delayMs += 10) {
    wheel.arm(new Timer({ onTimer: () => fired++ }), delayMs);
  }
  clock.stall(30_000);
  assert.equal(fired, 2_000);
});

test('after close nothing fires', () => {
  const { clock, wheel } = createWheel();
  wheel.arm(new Timer({ onTimer: () => assert.fail('fired') }), 10);
  wheel.close();
  clock.advance(10_000);
  assert.equal(clock.wakeCount, 0);
});

interface ModelTimer {
  readonly timer: Timer;
  /** When it should fire at the earliest, or null while it is not armed. */
  dueMs: number | null;
}

type Step =
  | { readonly kind: 'arm'; readonly index: number; readonly delayMs: number }
  | { readonly kind: 'cancel'; readonly index: number }
  | { readonly kind: 'advance' | 'stall'; readonly ms: number };

const timerCount = 12;
const indexes = fc.nat(timerCount - 1);
const delays = fc.oneof(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 40_000 }));
const spans = fc.oneof(
  fc.double({ min: 0, max: 40, noNaN: true }),
  fc.integer({ min: 0, max: 25_000 }),
);
const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('arm'), index: indexes, delayMs: delays }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel'), index: indexes }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('advance'), ms: spans }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('stall'), ms: spans }) },
);
/** What the n-th firing does to another timer, while it runs. */
const reactions = fc.array(
  fc.option(fc.record({ index: indexes, delayMs: fc.option(delays, { nil: null }) })),
  { maxLength: 20 },
);

test('random sequences do what a list of deadlines does', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1e6, noNaN: true }),
      fc.array(steps, { maxLength: 60 }),
      reactions,
      (startMs, sequence, plan) => {
        const { clock, wheel } = createWheel(startMs);
        const model: ModelTimer[] = [];
        let stalled = false;
        let fired = 0;
        const arm = (index: number, delayMs: number): void => {
          wheel.arm(model[index].timer, delayMs);
          model[index].dueMs = clock.monotonicMs() + delayMs;
        };
        const cancel = (index: number): void => {
          wheel.cancel(model[index].timer);
          model[index].dueMs = null;
        };
        const onTimer = (timer: Timer): void => {
          const { dueMs } = model[timer.kind];
          const nowMs = clock.monotonicMs();
          assert.ok(dueMs !== null, 'only what is armed fires');
          assert.ok(nowMs >= dueMs, `fired ${dueMs - nowMs} ms early`);
          const lateMs = nowMs - dueMs;
          assert.ok(stalled || lateMs <= 2 * tickMs + rounding, `fired ${lateMs} ms late`);
          model[timer.kind].dueMs = null;
          const reaction = plan[fired++] ?? null;
          if (reaction === null) return;
          if (reaction.delayMs === null) cancel(reaction.index);
          else arm(reaction.index, reaction.delayMs);
        };
        for (let kind = 0; kind < timerCount; kind++) {
          model.push({ timer: new Timer({ onTimer }, kind), dueMs: null });
        }
        for (const step of sequence) {
          stalled = step.kind === 'stall';
          if (step.kind === 'arm') arm(step.index, step.delayMs);
          else if (step.kind === 'cancel') cancel(step.index);
          else if (step.kind === 'stall') clock.stall(step.ms);
          else clock.advance(step.ms);
          const armed = model.filter((one) => one.dueMs !== null);
          assert.equal(wheel.armedCount, armed.length);
          for (const { timer, dueMs } of model) {
            assert.equal(timer.armed, dueMs !== null);
            const overdue = dueMs !== null && dueMs + 2 * tickMs + rounding < clock.monotonicMs();
            assert.ok(!overdue, 'nothing overdue is left');
          }
          assert.ok(armed.length === 0 || clock.wakeCount === 1, 'one wake-up is asked for');
        }
      },
    ),
    { numRuns: 400 },
  );
});

/** Of sums of milliseconds in floating point. */
const rounding = 1e-6;

test('a wake-up is never asked for in the past, however long an owner took', () => {
  let nowMs = 0;
  let wake = (): void => assert.fail('nothing was armed');
  const delays: number[] = [];
  const clock = { monotonicMs: () => nowMs, wallMs: () => nowMs };
  const wheel = new TimerWheel(clock, (run, delayMs) => {
    delays.push(delayMs);
    wake = run;
    return () => undefined;
  });
  const busy = (): void => {
    nowMs += 500;
  };
  wheel.arm(new Timer({ onTimer: busy }), 10);
  wheel.arm(new Timer({ onTimer: () => undefined }), 100);
  nowMs = 30;
  wake();
  assert.deepEqual(delays, [20, 0]);
});
