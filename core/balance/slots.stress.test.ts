/**
 * Goal: what threads share stays right while they use it at once and some are ended at any point.
 * Method: this file is also the worker: it hammers slots until it is told to stop. Main replaces
 * workers and endpoints meanwhile, step by step as the workers report. The clock stands still, so
 * that the outcome is exact: a peak never decays, and a permit never expires.
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
  /** Largest sample of each worker, by slot, written after it was observed. */
  readonly peaks: Int32Array;
  /** Worker (+1) that believes to hold the permit of a slot. */
  readonly holders: Int32Array;
}

type ToMain =
  | { readonly kind: 'tick'; readonly released: readonly number[] }
  | { readonly kind: 'stopped'; readonly clashes: number };

const workerCount = 4;
const slotCount = 64;
/** Slots of their own for what does not come and go: one for peaks, one on probation. */
const peakSlot = 0;
const probationSlot = 1;
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
  const peaks = new Int32Array(new SharedArrayBuffer(workerCount * 4));
  const holders = new Int32Array(new SharedArrayBuffer(4));
  assert.deepEqual([allocator.allocate(), allocator.allocate()], [peakSlot, probationSlot]);
  slotsOf(memory, -1, 0, 1).connectFailed(probationSlot);
  assert.equal(main.gate(probationSlot), 'limited');

  const random = seededRandom(99);
  const living: number[] = [];
  const workers: Worker[] = [];
  const incarnations = new Array<number>(workerCount).fill(0);
  const publish = (): void => {
    for (const [index, worker] of workers.entries()) {
      allocator.sent(index, living);
      worker.postMessage([...living]);
    }
  };
  const spawn = (index: number): void => {
    const incarnation = incarnations[index];
    const setup: Setup = { worker: index, incarnation, memory, peaks, holders };
    allocator.workerStarted(index, incarnation);
    workers[index] = new Worker(new URL(import.meta.url), { workerData: setup });
  };
  const replace = async (index: number): Promise<void> => {
    await workers[index].terminate();
    Atomics.compareExchange(holders, 0, index + 1, 0);
    zeroWorker(memory, index);
    allocator.workerEnded(index);
    incarnations[index] += 1;
    spawn(index);
  };
  const nextTick = async (index: number): Promise<void> => {
    const [message] = (await once(workers[index], 'message')) as [ToMain];
    assert.equal(message.kind, 'tick');
    if (message.kind !== 'tick') return;
    allocator.released(index, incarnations[index], message.released);
  };

  for (let index = 0; index < workerCount; index++) spawn(index);
  for (let step = 0; step < 25; step++) {
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
    publish();
    await Promise.all(workers.map((_, index) => nextTick(index)));
    if (step % 5 === 4) await replace(1 + (step % 3));
  }

  const clashes: number[] = [];
  await Promise.all(
    workers.map(async (worker) => {
      worker.on('message', (message: ToMain) => {
        if (message.kind === 'stopped') clashes.push(message.clashes);
      });
      worker.postMessage('stop');
      await once(worker, 'exit');
    }),
  );
  assert.deepEqual(clashes, [0, 0, 0, 0], 'a permit had two holders');
  for (let slot = 0; slot < slotCount; slot++) assert.equal(main.inFlight(slot), 0);
  const peakMs = Math.max(...peaks);
  assert.ok(peakMs > 1_000);
  assert.ok(main.rttMs(peakSlot, nowMs) > peakMs * 0.9998, 'the largest sample counts');
  assert.equal(main.gate(probationSlot), 'limited', 'nobody holds the permit');
  for (let index = 0; index < workerCount; index++) {
    zeroWorker(memory, index);
    allocator.workerEnded(index);
  }
  for (const slot of living) allocator.retire(slot);
  assert.equal(allocator.retiredCount, 0);
  assert.equal(allocator.freeCount, slotCount - 2);
}

/** Starts and ends requests, observes peaks, and takes permits; reports after each batch. */
function hammer(setup: Setup, port: MessagePort): void {
  const { worker, incarnation, memory, peaks, holders } = setup;
  const random = seededRandom(worker * 100 + incarnation + 1);
  const slots = slotsOf(memory, worker, nowMs, worker + 7);
  const running: number[] = [];
  const dropped = new Set<number>();
  let current: readonly number[] = [];
  let clashes = 0;

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
    const sampleMs = Math.floor(random.float() * 1_000_000);
    slots.observe(peakSlot, sampleMs);
    if (sampleMs > peaks[worker]) Atomics.store(peaks, worker, sampleMs);
    if (!slots.admit(probationSlot, nowMs)) return;
    if (Atomics.exchange(holders, 0, worker + 1) !== 0) clashes += 1;
    if (Atomics.exchange(holders, 0, 0) !== worker + 1) clashes += 1;
    slots.releasePermit(probationSlot);
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
  port.postMessage({ kind: 'stopped', clashes } satisfies ToMain);
  port.close();
}
