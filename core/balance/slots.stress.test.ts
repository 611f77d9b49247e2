/**
 * Goal: what threads share stays right while they use it at once and some are ended at any point.
 * Method: this file is also the worker: it hammers slots until it is told to stop. Main replaces
 * workers and endpoints meanwhile, step by step as the workers report. The clock stands still, so
 * that each outcome is exact: an estimate never falls, and a permit never expires.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import {
  isMainThread,
  type MessagePort,
  parentPort,
  receiveMessageOnPort,
  Worker,
  workerData,
} from 'node:worker_threads';
import { createSharedMemory, type SharedMemory } from '../../api/shared-memory.ts';
import { shutMaxMs } from '../base/limits.ts';
import { seededRandom } from '../base/random.ts';
import { SlotAllocator } from './slot-allocator.ts';
import { Slots, zeroWorker } from './slots.ts';

interface Setup {
  readonly worker: number;
  readonly incarnation: number;
  readonly memory: SharedMemory;
  /** Worker (+1) that believes to hold the permit of a slot. */
  readonly holders: Int32Array;
}

type ToMain =
  | { readonly kind: 'tick'; readonly released: readonly number[] }
  | { readonly kind: 'stopped'; readonly lost: number; readonly clashes: number };

const workerCount = 3;
const slotCount = 64;
/** Slots of their own for what does not come and go: some for peaks, one on probation. */
const peakSlots = 4;
const probationSlot = 4;
const nowMs = 10 * shutMaxMs;

function slotsOf(memory: SharedMemory, worker: number, atMs: number, seed: number): Slots {
  const clock = { monotonicMs: () => atMs, wallMs: () => 0 };
  return new Slots(memory, worker, clock, seededRandom(seed));
}

if (isMainThread) {
  test('threads that come and go lose no update and leave nothing behind', runMain);
} else {
  hammer(workerData as Setup, parentPort as MessagePort);
}

async function runMain(): Promise<void> {
  const memory = createSharedMemory({ workers: workerCount, slots: slotCount, cells: 1 }, 0);
  const main = slotsOf(memory, -1, nowMs, 1);
  const allocator = new SlotAllocator(main);
  for (let slot = 0; slot <= probationSlot; slot++) assert.equal(allocator.allocate(), slot);
  slotsOf(memory, -1, 0, 1).connectFailed(probationSlot);
  assert.equal(main.gate(probationSlot), 'limited');

  const fleet = createFleet(memory, allocator);
  const random = seededRandom(99);
  const living: number[] = [];
  for (let step = 0; step < 20; step++) {
    for (let count = 0; count < 6 && living.length > 4; count++) {
      const [slot] = living.splice(Math.floor(random.float() * living.length), 1);
      allocator.retire(slot);
    }
    for (let count = 0; count < 9; count++) {
      // `allocate` asserts that nothing is in flight on what it gives.
      const slot = allocator.allocate();
      if (slot === null) break;
      assert.ok(!living.includes(slot), 'a slot has one endpoint');
      living.push(slot);
    }
    await fleet.publish(living);
    if (step % 3 === 2) await fleet.replace(step % 2);
  }

  for (const { lost, clashes } of await fleet.stop()) {
    assert.equal(lost, 0, 'a sample was overwritten');
    assert.equal(clashes, 0, 'a permit had two holders');
  }
  for (let slot = 0; slot < slotCount; slot++) assert.equal(main.inFlight(slot), 0);
  assert.equal(main.gate(probationSlot), 'limited', 'nobody holds the permit');
  for (const slot of living) allocator.retire(slot);
  assert.equal(allocator.retiredCount, 0);
  assert.equal(allocator.freeCount, slotCount - peakSlots - 1);
}

/** The worker threads, and what main does for them. */
function createFleet(memory: SharedMemory, allocator: SlotAllocator) {
  const holders = new Int32Array(new SharedArrayBuffer(4));
  const workers: Worker[] = [];
  const incarnations = new Array<number>(workerCount).fill(-1);

  const spawn = (index: number): void => {
    const incarnation = ++incarnations[index];
    const setup: Setup = { worker: index, incarnation, memory, holders };
    allocator.workerStarted(index, incarnation);
    workers[index] = new Worker(new URL(import.meta.url), { workerData: setup });
  };
  const bury = (index: number): void => {
    Atomics.compareExchange(holders, 0, index + 1, 0);
    zeroWorker(memory, index);
    allocator.workerEnded(index);
  };
  const send = async (index: number, living: readonly number[]): Promise<void> => {
    allocator.sent(index, living);
    workers[index].postMessage(living);
    const [message] = (await once(workers[index], 'message')) as [ToMain];
    assert.ok(message.kind === 'tick');
    allocator.released(index, incarnations[index], message.released);
  };
  const stopOne = async (index: number): Promise<ToMain & { kind: 'stopped' }> => {
    const exited = once(workers[index], 'exit');
    workers[index].postMessage('stop');
    const [message] = (await once(workers[index], 'message')) as [ToMain];
    assert.ok(message.kind === 'stopped');
    await exited;
    return message;
  };

  for (let index = 0; index < workerCount; index++) spawn(index);
  return {
    /** Each worker gets the new set and says what it is done with. */
    publish: (living: readonly number[]) =>
      Promise.all(workers.map((_, index) => send(index, living))),
    replace: async (index: number): Promise<void> => {
      await workers[index].terminate();
      bury(index);
      spawn(index);
    },
    stop: async () => {
      const outcomes = await Promise.all(workers.map((_, index) => stopOne(index)));
      for (let index = 0; index < workerCount; index++) allocator.workerEnded(index);
      return outcomes;
    },
  };
}

/** Starts and ends requests, observes peaks, and takes permits; reports after each batch. */
function hammer(setup: Setup, port: MessagePort): void {
  const { worker, incarnation, memory, holders } = setup;
  const random = seededRandom(worker * 100 + incarnation + 1);
  const slots = slotsOf(memory, worker, nowMs, worker + 7);
  const running: number[] = [];
  const dropped = new Set<number>();
  let current: readonly number[] = [];
  let [lost, clashes] = [0, 0];
  /** For how many more steps the permit is kept. */
  let holding = 0;

  /** What was seen last; with the clock standing still it can only grow. */
  let [seenSlot, seenMs] = [0, 0];

  const observePeak = (): void => {
    const slot = Math.floor(random.float() * peakSlots);
    const sampleMs = slots.rttMs(slot, nowMs) * (1 + random.float() * 4e-4);
    if (sampleMs > 2_000_000) return;
    slots.observe(slot, sampleMs);
    seenMs = slots.rttMs(slot, nowMs);
    seenSlot = slot;
    if (seenMs < sampleMs * 0.9999) lost += 1;
  };
  const release = (): void => {
    if (Atomics.exchange(holders, 0, 0) !== worker + 1) clashes += 1;
    slots.releasePermit(probationSlot);
  };
  const runOne = (): void => {
    if (current.length > 0 && running.length < 32 && random.float() < 0.5) {
      const slot = current[Math.floor(random.float() * current.length)];
      slots.start(slot);
      running.push(slot);
    } else if (running.length > 0) {
      const [slot] = running.splice(Math.floor(random.float() * running.length), 1);
      slots.observe(slot, random.float() * 100);
      slots.end(slot);
    }
    if (slots.rttMs(seenSlot, nowMs) < seenMs) lost += 1;
    if (random.float() < 0.3) observePeak();
    if (holding > 0) {
      holding -= 1;
      if (holding === 0) release();
    } else if (slots.admit(probationSlot, nowMs)) {
      if (Atomics.exchange(holders, 0, worker + 1) !== 0) clashes += 1;
      holding = 10;
    }
  };

  for (;;) {
    for (let count = 0; count < 2_000; count++) runOne();
    const received: { message: 'stop' | number[] } | undefined = receiveMessageOnPort(port);
    if (received === undefined) continue;
    if (received.message === 'stop') break;
    const next = received.message;
    for (const slot of current) if (!next.includes(slot)) dropped.add(slot);
    current = next;
    const released = [...dropped].filter((slot) => !running.includes(slot));
    for (const slot of released) dropped.delete(slot);
    port.postMessage({ kind: 'tick', released } satisfies ToMain);
  }
  for (const slot of running) slots.end(slot);
  if (holding > 0) release();
  port.postMessage({ kind: 'stopped', lost, clashes } satisfies ToMain);
  port.close();
}
