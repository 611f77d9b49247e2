/**
 * Goal: loads, gates and permits are what their names say, for several workers on one memory.
 * Method: a clock that is moved by hand; the stress test has real threads.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { createSharedMemory, statusField, statusWords } from '../../api/shared-memory.ts';
import { ewmaDecayMs, ewmaDefaultRttMs, permitMs, shutMaxMs, shutMinMs } from '../base/limits.ts';
import { seededRandom } from '../base/random.ts';
import { Slots, zeroWorker } from './slots.ts';

function setUp(workers = 2, epochMs = 1_000_000) {
  const memory = createSharedMemory({ workers, slots: 8, cells: 1 }, epochMs);
  const time = { ms: epochMs };
  const clock = { monotonicMs: () => time.ms, wallMs: () => time.ms };
  const of = (worker: number) => new Slots(memory, worker, clock, seededRandom(worker + 2));
  const main = of(-1);
  for (let slot = 0; slot < memory.slotCount; slot++) main.reset(slot);
  return { memory, time, main, workers: Array.from({ length: workers }, (_, at) => of(at)) };
}

function assertClose(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) <= expected * 1e-3, `${actual} is close to ${expected}`);
}

test('a new endpoint is open, with the default response time and nothing in flight', () => {
  const { main } = setUp();
  assert.equal(main.gate(3), 'open');
  assertClose(main.load(3, main.nowMs()), ewmaDefaultRttMs);
});

test('requests of all workers count, and a request ends only once', () => {
  const { main, workers } = setUp(3);
  for (const worker of workers) worker.start(1);
  workers[0].start(1);
  assert.equal(main.inFlight(1), 4);
  assert.equal(main.inFlight(2), 0);
  assertClose(workers[2].load(1, main.nowMs()), ewmaDefaultRttMs * 5);
  workers[1].end(1);
  assert.throws(() => workers[1].end(1), /a request ends once/);
  assert.equal(main.inFlight(1), 3);
});

test('what one worker observes, all choose by; loads decay', () => {
  const { time, workers } = setUp();
  workers[0].observe(0, 500);
  assertClose(workers[1].load(0, workers[1].nowMs()), 500);
  time.ms += ewmaDecayMs;
  assertClose(workers[1].load(0, workers[1].nowMs()), 500 / Math.E);
});

test('samples of one moment stand for the time before it once', () => {
  const { time, workers } = setUp();
  workers[0].observe(0, 1_000);
  time.ms += ewmaDecayMs;
  for (let count = 0; count < 50; count++) workers[count % 2].observe(0, 100);
  const expected = 1_000 / Math.E + 100 * (1 - 1 / Math.E);
  assertClose(workers[0].rttMs(0, workers[0].nowMs()), expected);
});

test('a rank orders as the load does', () => {
  const { main, workers, time } = setUp();
  const step = fc.record({
    slot: fc.nat(7),
    rttMs: fc.double({ min: 0.1, max: 5_000, noNaN: true }),
    afterMs: fc.nat(3_000),
    starts: fc.nat(3),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      for (const { slot, rttMs, afterMs, starts } of steps) {
        time.ms += afterMs;
        workers[0].observe(slot, rttMs);
        for (let count = 0; count < starts; count++) workers[1].start(slot);
      }
      const nowMs = main.nowMs();
      for (let slot = 1; slot < 8; slot++) {
        const [low, high] = [slot - 1, slot].toSorted(
          (a, b) => main.load(a, nowMs) - main.load(b, nowMs),
        );
        if (main.load(low, nowMs) === main.load(high, nowMs)) continue;
        assert.ok(main.rank(low, nowMs) < main.rank(high, nowMs));
      }
    }),
    { numRuns: 100, seed: 3 },
  );
});

test('failures shut the gate for longer and longer, and one probation at a time opens it', () => {
  const { time, workers } = setUp();
  const [first, second] = workers;
  let failures = 0;
  for (const waitMs of [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, shutMaxMs, shutMaxMs]) {
    first.connectFailed(5);
    second.connectFailed(5);
    failures += 1;
    assert.equal(first.failures(5), failures, 'failures of one shut period count once');
    time.ms += waitMs - 16;
    assert.equal(second.gate(5), 'shut');
    assert.equal(second.admit(5, second.nowMs()), false);
    time.ms += waitMs / 2 + 48;
    assert.equal(second.gate(5), 'limited');
    assert.equal(second.admit(5, second.nowMs()), true);
    assert.equal(first.gate(5), 'shut');
    assert.equal(first.admit(5, first.nowMs()), false);
    assert.equal(second.admit(5, second.nowMs()), false, 'a permit is for one request');
    second.connectFailed(5);
    assert.equal(second.failures(5), failures + 1);
    second.connectSucceeded(5);
    for (let at = 0; at < failures; at++) {
      second.connectFailed(5);
      time.ms += shutMaxMs * 1.5 + 16;
    }
  }
  second.connectSucceeded(5);
  assert.equal(first.gate(5), 'open');
  assert.equal(first.failures(5), 0);
  assert.equal(first.admit(5, first.nowMs()), true);
});

test('a permit that is given back, or that is never given back, serves again', () => {
  const { time, workers } = setUp();
  const [first, second] = workers;
  first.connectFailed(0);
  time.ms += shutMinMs * 1.5 + 16;
  assert.equal(first.admit(0, first.nowMs()), true);
  second.releasePermit(0);
  assert.equal(second.gate(0), 'shut', 'only its holder gives a permit back');
  first.releasePermit(0);
  assert.equal(second.admit(0, second.nowMs()), true);
  time.ms += permitMs - 32;
  assert.equal(first.gate(0), 'shut');
  time.ms += 64;
  assert.equal(first.admit(0, first.nowMs()), true);
  // The end of a permit has 24 bits of 16 ms: a forgotten one does not come alive with the wrap.
  for (const hours of [1, 36, 38, 60, 74]) {
    time.ms += hours * 3_600_000;
    assert.equal(second.gate(0), 'limited');
  }
});

test('gates and loads work over the wrap of stamps', () => {
  for (const sinceEpochMs of [
    2 ** 31 - 500,
    2 ** 32 - 500,
    2 ** 31 * 16 - 500,
    2 ** 32 * 16 - 500,
  ]) {
    const { time, main, workers } = setUp();
    time.ms += sinceEpochMs;
    main.reset(0);
    workers[0].observe(0, 90);
    workers[0].connectFailed(0);
    assert.equal(main.gate(0), 'shut');
    time.ms += shutMinMs * 1.5 + 32;
    assert.equal(main.gate(0), 'limited');
    assert.equal(workers[1].admit(0, workers[1].nowMs()), true);
    assert.equal(main.gate(0), 'shut');
    workers[1].connectSucceeded(0);
    assert.equal(main.gate(0), 'open');
    const elapsedMs = shutMinMs * 1.5 + 32;
    assertClose(main.rttMs(0, main.nowMs()), 90 * Math.exp(-elapsedMs / ewmaDecayMs));
  }
});

test('a dead worker leaves no request, no gauge and no permit; others keep theirs', () => {
  const { memory, time, main, workers } = setUp();
  const [first, second] = workers;
  for (const slot of [0, 1, 7]) {
    first.start(slot);
    second.start(slot);
  }
  for (const slot of [0, 1]) first.connectFailed(slot);
  time.ms += shutMinMs * 1.5 + 16;
  assert.ok(first.admit(0, first.nowMs()) && second.admit(1, second.nowMs()));
  for (const worker of [0, 1]) {
    memory.status[worker * statusWords + statusField.connectionsInbound] = 4;
  }
  memory.cells[0][0] = 17;

  zeroWorker(memory, 0);
  for (const slot of [0, 1, 7]) assert.equal(main.inFlight(slot), 1);
  assert.equal(main.gate(0), 'limited');
  assert.equal(main.gate(1), 'shut');
  assert.equal(memory.status[statusField.connectionsInbound], 0);
  assert.equal(memory.status[statusWords + statusField.connectionsInbound], 4);
  assert.equal(memory.cells[0][0], 17);
});

test('a slot with something in flight is not given to another endpoint', () => {
  const { main, workers } = setUp();
  workers[1].start(2);
  assert.throws(() => main.reset(2), /nothing in flight/);
});
