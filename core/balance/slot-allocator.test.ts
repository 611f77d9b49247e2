/**
 * Goal: a slot is never two endpoints' at a time, and none is lost. Method: cases by hand, then
 * random histories of workers and endpoints beside a plain model.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { createSharedMemory } from '../../api/shared-memory.ts';
import { slotsRestingMin } from '../base/limits.ts';
import { seededRandom } from '../base/random.ts';
import { SlotAllocator } from './slot-allocator.ts';
import { Slots, zeroWorker } from './slots.ts';

const clock = { monotonicMs: () => 0, wallMs: () => 0 };

function setUp(slotCount: number, workers = 3) {
  const memory = createSharedMemory({ workers, slots: slotCount, cells: 1 }, 0);
  const of = (worker: number) => new Slots(memory, worker, clock, seededRandom(1));
  const allocator = new SlotAllocator(of(-1));
  return { memory, allocator, workers: Array.from({ length: workers }, (_, at) => of(at)) };
}

test('all slots are given once, then none', () => {
  const { allocator } = setUp(4);
  const given = [1, 2, 3, 4].map(() => allocator.allocate());
  assert.deepEqual(new Set(given), new Set([0, 1, 2, 3]));
  assert.equal(allocator.allocate(), null);
  assert.equal(allocator.freeCount, 0);
  allocator.retire(2);
  assert.equal(allocator.allocate(), 2);
});

test('a retired slot waits for every worker that was sent it, and for no other', () => {
  const { allocator } = setUp(1);
  for (const worker of [0, 1, 2]) allocator.workerStarted(worker, 0);
  const slot = allocator.allocate() as number;
  allocator.sent(0, [slot]);
  allocator.sent(1, [slot]);
  allocator.retire(slot);
  allocator.released(0, 0, [slot]);
  assert.equal(allocator.allocate(), null);
  assert.equal(allocator.retiredCount, 1);
  allocator.released(1, 0, [slot]);
  assert.equal(allocator.retiredCount, 0);
  assert.equal(allocator.allocate(), slot);
});

test('the end of a worker counts as its release; a late message of it does not', () => {
  const { memory, allocator, workers } = setUp(1);
  allocator.workerStarted(0, 0);
  const slot = allocator.allocate() as number;
  allocator.sent(0, [slot]);
  workers[0].start(slot);
  zeroWorker(memory, 0);
  allocator.workerEnded(0);
  allocator.workerStarted(0, 1);
  allocator.sent(0, [slot]);
  allocator.retire(slot);
  allocator.released(0, 0, [slot]);
  assert.equal(allocator.allocate(), null);
  allocator.released(0, 1, [slot]);
  assert.equal(allocator.allocate(), slot);
});

test('a slot with requests in flight is not free, whatever was said', () => {
  const { allocator, workers } = setUp(1);
  const slot = allocator.allocate() as number;
  workers[2].start(slot);
  allocator.retire(slot);
  assert.equal(allocator.allocate(), null);
  workers[2].end(slot);
  assert.equal(allocator.allocate(), slot);
});

test('a freed slot rests while there are fresh ones', () => {
  const { allocator } = setUp(slotsRestingMin + 3);
  const first = allocator.allocate() as number;
  allocator.retire(first);
  const later = Array.from({ length: slotsRestingMin + 2 }, () => allocator.allocate());
  assert.ok(!later.includes(first));
  assert.equal(allocator.allocate(), first);
});

interface Step {
  readonly action: 'allocate' | 'retire' | 'send' | 'release' | 'end' | 'start' | 'finish';
  readonly worker: number;
  readonly choice: number;
}

test('random histories keep slots apart and lose none', () => {
  const step: fc.Arbitrary<Step> = fc.record({
    action: fc.constantFrom('allocate', 'retire', 'send', 'release', 'end', 'start', 'finish'),
    worker: fc.nat(2),
    choice: fc.nat(100),
  });
  const history = fc.array(step, { minLength: 20, maxLength: 200 });
  fc.assert(fc.property(history, replay), { numRuns: 200, seed: 11 });
});

function replay(steps: readonly Step[]): void {
  const slotCount = 12;
  const { memory, allocator, workers } = setUp(slotCount);
  const living = new Set<number>();
  const running = [0, 1, 2].map(() => [] as number[]);
  const sent = [0, 1, 2].map(() => new Set<number>());
  const incarnations = [0, 0, 0];
  for (const worker of [0, 1, 2]) allocator.workerStarted(worker, 0);

  const allocate = (): void => {
    const slot = allocator.allocate();
    if (slot === null) return;
    const isTaken = living.has(slot) || sent.some((slots) => slots.has(slot));
    assert.ok(!isTaken, 'the slot was nobody else’s');
    living.add(slot);
  };
  const end = (worker: number): void => {
    zeroWorker(memory, worker);
    running[worker] = [];
    sent[worker].clear();
    allocator.workerEnded(worker);
    incarnations[worker] += 1;
    allocator.workerStarted(worker, incarnations[worker]);
  };
  const apply = (action: Step['action'], worker: number, slot: number): void => {
    if (action === 'retire') {
      living.delete(slot);
      allocator.retire(slot);
    } else if (action === 'send') {
      sent[worker].add(slot);
      allocator.sent(worker, [slot]);
    } else if (action === 'start') {
      workers[worker].start(slot);
      running[worker].push(slot);
    } else if (action === 'release' && !running[worker].includes(slot)) {
      sent[worker].delete(slot);
      allocator.released(worker, incarnations[worker], [slot]);
    }
  };

  for (const { action, worker, choice } of steps) {
    if (action === 'allocate') allocate();
    else if (action === 'end') end(worker);
    else if (action === 'finish') {
      const slot = running[worker].pop();
      if (slot !== undefined) workers[worker].end(slot);
    } else {
      const from = [...(action === 'retire' || action === 'send' ? living : sent[worker])];
      if (from.length > 0) apply(action, worker, from[choice % from.length]);
    }
  }
  for (const slot of living) allocator.retire(slot);
  for (const worker of [0, 1, 2]) end(worker);
  const given = new Set(Array.from({ length: slotCount }, () => allocator.allocate()));
  assert.equal(given.size, slotCount);
  assert.ok(!given.has(null));
}
