/**
 * Goal: nothing is lost, counted twice or read as a mark while threads give cells back and use
 * them again and main reads. Method: real worker threads that churn through few cells, this file
 * started again; main collects all the while and compares the end with what they say they counted.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { WorkerToMain } from '../../api/messages.ts';
import { systemClock } from '../base/clock.ts';
import { MetricsMerger } from './merge.ts';
import { Registry } from './registry.ts';

type Message =
  | Extract<WorkerToMain, { kind: 'cells' | 'cells-freed' }>
  | { readonly kind: 'done'; readonly counted: number; readonly reused: number };

const workers = 2;
const rounds = 6_000;
const authorities = 40;

if (isMainThread) test('cells that move between series lose nothing', churn);
else await work(workerData);

async function churn(): Promise<void> {
  const memory = Array.from(
    { length: workers },
    () => new Float64Array(new SharedArrayBuffer(512 * 8)),
  );
  const merger = new MetricsMerger(memory, systemClock);
  let counted = 0;
  let reused = 0;
  const state = { running: workers };
  const threads = memory.map((cells, index) => {
    const thread = new Worker(new URL(import.meta.url), { workerData: cells });
    thread.on('message', (message: Message) => {
      if (message.kind === 'cells') merger.define(index, message.definitions);
      else if (message.kind === 'cells-freed') merger.free(index, message.cells);
      else {
        counted += message.counted;
        reused += message.reused;
      }
    });
    return new Promise<void>((resolve, reject) => {
      thread.on('error', reject);
      thread.on('exit', () => {
        state.running -= 1;
        merger.workerEnded(index);
        resolve();
      });
    });
  });
  let before = 0;
  while (state.running > 0) {
    const sum = sumOf(merger);
    assert.ok(sum >= before, `fell from ${before} to ${sum}`);
    before = sum;
    await setImmediate();
  }
  await Promise.all(threads);
  assert.equal(sumOf(merger), counted);
  assert.equal(counted, workers * rounds * 3);
  assert.ok(reused > 0, 'cells were used again');
}

/** All of a family; NaN, if a mark were read, would fail the comparison. */
function sumOf(merger: MetricsMerger): number {
  let sum = 0;
  for (const { series } of merger.collect()) {
    for (const { values } of series) for (const value of values) sum += value;
  }
  return sum;
}

async function work(cells: Float64Array): Promise<void> {
  const post = (message: Message): void => parentPort?.postMessage(message);
  const registry = new Registry(cells, {
    announce: (definitions) => post({ kind: 'cells', definitions }),
    freed: (freed) => post({ kind: 'cells-freed', cells: freed }),
    soon: (flush) => flush(),
  });
  const seen = new Set<number>();
  let counted = 0;
  let reused = 0;
  for (let round = 0; round < rounds; round++) {
    const authority = `host-${round % authorities}`;
    const cell = registry.counter('heddle_failfast_total', { authority });
    if (seen.has(cell)) reused += 1;
    seen.add(cell);
    for (let index = 0; index < 3; index++) cells[cell] += 1;
    counted += 3;
    registry.release(cell);
    if (round % 16 === 0) await setImmediate();
  }
  post({ kind: 'done', counted, reused });
}
