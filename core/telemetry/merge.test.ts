/**
 * Goal: what workers count adds up, and no counter falls when cells are given back, workers end
 * or label sets exceed their limit. Method: registries on the memory of a merger, as workers have
 * them, and a clock moved by hand.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { latencyBoundsMs } from './families.ts';
import { MetricsMerger } from './merge.ts';
import { observe, Registry } from './registry.ts';

const clockStartMs = 1_000_000;

function createMerger(workers = 2, seriesLimit = 100, retainMs?: number) {
  const clock = new FakeClock(clockStartMs);
  const memory = Array.from({ length: workers }, () => new Float64Array(4_096));
  const merger = new MetricsMerger(memory, clock, retainMs, seriesLimit);
  const startWorker = (index: number): Registry =>
    new Registry(memory[index], {
      announce: (definitions) => merger.define(index, definitions),
      freed: (cells) => merger.free(index, cells),
      soon: (flush) => flush(),
    });
  return { clock, merger, memory, startWorker };
}

/** Every series as `family{label=value,...}` with its values. */
function readAll(merger: MetricsMerger): Map<string, number[]> {
  const all = new Map<string, number[]>();
  for (const { name, series } of merger.collect()) {
    for (const { labels, values } of series) {
      const text = labels.map(([label, value]) => `${label}=${value}`).join(',');
      all.set(`${name}{${text}}`, [...values]);
    }
  }
  return all;
}

function readOne(merger: MetricsMerger, series: string): number | undefined {
  return readAll(merger).get(series)?.[0];
}

test('counters, gauges and histograms of all workers and of main add up', () => {
  const { merger, startWorker } = createMerger();
  for (const index of [0, 1]) {
    const worker = startWorker(index);
    const { cells } = worker;
    cells[worker.counter('request_total', { direction: 'inbound' })] += index + 1;
    cells[worker.gauge('heddle_queue_length', { authority: 'web:80' })] = 10 * (index + 1);
    const first = worker.histogram('response_latency_ms', { direction: 'inbound' });
    observe(cells, first, latencyBoundsMs, 1.5 + index);
  }
  const { registry } = merger;
  registry.cells[registry.counter('request_total', { direction: 'inbound' })] += 100;
  const all = readAll(merger);
  assert.deepEqual(all.get('request_total{direction=inbound}'), [103]);
  assert.deepEqual(all.get('heddle_queue_length{authority=web:80}'), [30]);
  const histogram = all.get('response_latency_ms{direction=inbound}');
  assert.deepEqual(histogram?.slice(0, 4), [0, 1, 1, 0]);
  assert.deepEqual(histogram?.slice(-2), [4, 2]);
});

test('a dead worker keeps its counters and loses its gauges; its successor starts at zero', () => {
  const { merger, startWorker } = createMerger();
  const count = (registry: Registry, by: number): void => {
    registry.cells[registry.counter('request_total', { direction: 'inbound' })] += by;
    registry.cells[registry.gauge('heddle_queue_length', { authority: 'a' })] += by;
    const first = registry.histogram('response_latency_ms', {});
    observe(registry.cells, first, latencyBoundsMs, by);
  };
  count(startWorker(0), 5);
  count(startWorker(1), 7);
  merger.workerEnded(0);
  merger.workerEnded(0);
  assert.equal(readOne(merger, 'request_total{direction=inbound}'), 12);
  assert.equal(readOne(merger, 'heddle_queue_length{authority=a}'), 7);
  assert.deepEqual(readAll(merger).get('response_latency_ms{}')?.slice(-2), [12, 2]);

  count(startWorker(0), 1);
  assert.equal(readOne(merger, 'request_total{direction=inbound}'), 13);
  assert.equal(readOne(merger, 'heddle_queue_length{authority=a}'), 8);
  merger.workerEnded(1);
  assert.equal(readOne(merger, 'request_total{direction=inbound}'), 13);
});

test('a released counter stays, goes on with who takes it up, and is forgotten', () => {
  const { clock, merger, startWorker } = createMerger();
  const name = 'heddle_failfast_total{authority=a}';
  const worker = startWorker(0);
  const cell = worker.counter('heddle_failfast_total', { authority: 'a' });
  worker.cells[cell] += 4;
  worker.release(cell);
  assert.equal(readOne(merger, name), 4);
  assert.ok(Number.isNaN(worker.cells[cell]), 'the worker may use the cell again');

  clock.advance(590_000);
  const reused = worker.counter('heddle_failfast_total', { authority: 'b' });
  assert.equal(reused, cell);
  worker.cells[reused] += 1;
  const second = startWorker(1);
  second.cells[second.counter('heddle_failfast_total', { authority: 'a' })] += 2;
  assert.equal(readOne(merger, name), 6);
  assert.equal(readOne(merger, 'heddle_failfast_total{authority=b}'), 1);

  clock.advance(599_000);
  worker.release(reused);
  clock.advance(599_000);
  assert.equal(readOne(merger, 'heddle_failfast_total{authority=b}'), 1);
  clock.advance(31_000);
  assert.equal(readOne(merger, 'heddle_failfast_total{authority=b}'), undefined);
});

test('how long a released counter stays can be said', () => {
  const { clock, merger, startWorker } = createMerger(1, 100, 5_000);
  const name = 'heddle_failfast_total{authority=a}';
  const worker = startWorker(0);
  worker.release(worker.counter('heddle_failfast_total', { authority: 'a' }));
  clock.advance(4_999);
  assert.equal(readOne(merger, name), 0);
  clock.advance(5_000);
  assert.equal(readOne(merger, name), undefined);
});

test('a released gauge is gone at once', () => {
  const { merger, startWorker } = createMerger();
  const worker = startWorker(0);
  const cell = worker.gauge('heddle_queue_length', { authority: 'a' });
  worker.cells[cell] = 3;
  worker.release(cell);
  assert.equal(readOne(merger, 'heddle_queue_length{authority=a}'), undefined);
});

test('label sets of all workers together are capped, and nothing is lost in the sum', () => {
  const { merger, startWorker } = createMerger(2, 10);
  for (const index of [0, 1]) {
    const worker = startWorker(index);
    for (let host = 0; host < 50; host++) {
      const authority = `${index}-${host}`;
      worker.cells[worker.counter('heddle_failfast_total', { authority })] += 1;
    }
  }
  const all = readAll(merger);
  assert.equal(all.size, 11);
  assert.equal(all.get('heddle_failfast_total{authority=other}')?.[0], 90);
  merger.workerEnded(0);
  merger.workerEnded(1);
  let sum = 0;
  for (const [value] of readAll(merger).values()) sum += value;
  assert.equal(sum, 100);
});

test('cells that main does not know are left alone', () => {
  const { merger, memory } = createMerger();
  merger.free(0, [7]);
  assert.equal(memory[0][7], 0);
  assert.throws(() => merger.define(2, []), /memory of its own/);
});
