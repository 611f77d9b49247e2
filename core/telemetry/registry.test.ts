/**
 * Goal: a series keeps its cell, limits hold at flat memory, and a released cell is not used again
 * before main has taken its value. Method: a registry on plain memory; what it announces is read.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { CellDefinition } from '../../api/messages.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { labelValueCharsMax } from '../base/limits.ts';
import { cellsOf, latencyBoundsMs, traitsOf } from './families.ts';
import { MetricsMerger } from './merge.ts';
import { markFreed, observe, Registry } from './registry.ts';

interface Recorded {
  readonly registry: Registry;
  readonly announced: CellDefinition[];
  readonly freed: number[];
}

function createRegistry(cells = 4_096, seriesLimit = 100): Recorded {
  const announced: CellDefinition[] = [];
  const freed: number[] = [];
  const outlet = {
    announce: (definitions: readonly CellDefinition[]) => announced.push(...definitions),
    freed: (released: readonly number[]) => freed.push(...released),
    soon: (flush: () => void) => flush(),
  };
  const registry = new Registry(new Float64Array(cells), outlet, seriesLimit);
  return { registry, announced, freed };
}

test('the same labels give the same cell; a definition has them in the order of the family', () => {
  const { registry, announced } = createRegistry();
  const labels = { status_code: '200', direction: 'inbound', grpc_status: undefined } as const;
  const cell = registry.counter('response_total', labels);
  assert.equal(registry.counter('response_total', { ...labels }), cell);
  assert.notEqual(registry.counter('response_total', { direction: 'inbound' }), cell);
  assert.deepEqual(announced, [
    {
      family: 'response_total',
      labels: [
        ['direction', 'inbound'],
        ['status_code', '200'],
      ],
      cell,
    },
    { family: 'response_total', labels: [['direction', 'inbound']], cell: cell + 1 },
  ]);
  registry.counter('response_total', labels);
  assert.equal(announced.length, 2, 'announced once');
});

test('what an event defines and releases is told once, when the event is over', () => {
  const told: string[] = [];
  const asked: (() => void)[] = [];
  const registry = new Registry(new Float64Array(4_096), {
    announce: (definitions) => told.push(`new ${definitions.map(({ cell }) => cell).join()}`),
    freed: (released) => told.push(`freed ${released.join()}`),
    soon: (flush) => asked.push(flush),
  });
  const cells = ['a', 'b'].map((authority) =>
    registry.counter('heddle_failfast_total', { authority }),
  );
  registry.release(cells[0]);
  assert.deepEqual(told, []);
  assert.equal(asked.length, 1);
  asked[0]();
  assert.deepEqual(told, [`new ${cells.join()}`, `freed ${cells[0]}`]);
  registry.counter('heddle_failfast_total', { authority: 'b' });
  assert.equal(asked.length, 1, 'nothing is new');
  registry.counter('heddle_failfast_total', { authority: 'c' });
  assert.equal(asked.length, 2);
  registry.flush();
  assert.equal(told.length, 3);
  asked[1]();
  assert.equal(told.length, 3, 'nothing is told twice');
});

test('values that differ only in where they are cut stay apart in the key', () => {
  const { registry } = createRegistry();
  const first = registry.counter('heddle_errors_total', { direction: 'a,b', code: 'c' });
  const second = registry.counter('heddle_errors_total', { direction: 'a', code: 'b,c' });
  assert.notEqual(first, second);
});

test('a histogram has its buckets, sum and count', () => {
  const { registry } = createRegistry();
  const first = registry.histogram('response_latency_ms', { direction: 'outbound' });
  const after = registry.counter('heddle_handoff_retries_total', {});
  const size = cellsOf(traitsOf('response_latency_ms'));
  assert.equal(size, latencyBoundsMs.length + 3);
  assert.equal(after, first + size);
  for (const value of [0, 1, 1.5, 50_000, 50_001]) {
    observe(registry.cells, first, latencyBoundsMs, value);
  }
  const cells = [...registry.cells.subarray(first, first + size)];
  assert.equal(cells[0], 2, 'bounds are inclusive');
  assert.equal(cells[1], 1);
  assert.equal(cells[latencyBoundsMs.length - 1], 1);
  assert.equal(cells[latencyBoundsMs.length], 1, 'beyond the last bound');
  assert.equal(cells[latencyBoundsMs.length + 1], 0 + 1 + 1.5 + 50_000 + 50_001);
  assert.equal(cells[latencyBoundsMs.length + 2], 5);
  assert.equal(registry.cells[after], 0);
});

test('a cell is released by its last holder and used again only after main has marked it', () => {
  const { registry, announced, freed } = createRegistry();
  const cell = registry.counter('heddle_failfast_total', { authority: 'a' });
  registry.counter('heddle_failfast_total', { authority: 'a' });
  registry.cells[cell] += 3;
  registry.release(cell);
  assert.deepEqual(freed, []);
  registry.release(cell);
  assert.deepEqual(freed, [cell]);
  assert.throws(() => registry.release(cell), /only a held cell/);

  const other = registry.counter('heddle_failfast_total', { authority: 'b' });
  assert.notEqual(other, cell, 'main has not taken the value');
  assert.equal(registry.cells[cell], 3);
  markFreed(registry.cells, cell, 1);
  registry.cells[cell] += 1;
  const again = registry.counter('heddle_failfast_total', { authority: 'c' });
  assert.equal(again, cell);
  assert.equal(registry.cells[again], 0);
  assert.deepEqual(announced.at(-1), {
    family: 'heddle_failfast_total',
    labels: [['authority', 'c']],
    cell,
  });
});

test('a histogram is used again only when every cell of it is marked', () => {
  const { registry } = createRegistry();
  const first = registry.histogram('response_latency_ms', { direction: 'a' });
  const size = cellsOf(traitsOf('response_latency_ms'));
  registry.release(first);
  markFreed(registry.cells, first, size - 1);
  const second = registry.histogram('response_latency_ms', { direction: 'b' });
  assert.notEqual(second, first);
  markFreed(registry.cells, first, size);
  const third = registry.histogram('response_latency_ms', { direction: 'c' });
  assert.equal(third, first);
});

test('label sets over the limit share one series; it survives the release of its holders', () => {
  const { registry, announced } = createRegistry(4_096, 2);
  const cells = ['a', 'b', 'c', 'd'].map((authority) =>
    registry.counter('heddle_failfast_total', { authority }),
  );
  assert.equal(cells[2], cells[3]);
  assert.deepEqual(announced.at(-1)?.labels, [['authority', 'other']]);
  registry.release(cells[2]);
  registry.release(cells[3]);
  assert.equal(registry.counter('heddle_failfast_total', { authority: 'e' }), cells[2]);
  registry.release(cells[0]);
  assert.notEqual(
    registry.counter('heddle_failfast_total', { authority: 'f' }),
    cells[2],
    'a place has become free',
  );
});

test('every family still has a series when the memory is used up', () => {
  const { registry } = createRegistry(512, 10_000);
  const cells = new Set<number>();
  for (let index = 0; index < 2_000; index++) {
    const authority = `a${index}`;
    cells.add(registry.counter('heddle_failfast_total', { authority }));
    cells.add(registry.histogram('response_latency_ms', { authority }));
    cells.add(registry.gauge('heddle_queue_length', { authority }));
  }
  for (const cell of cells) assert.ok(cell >= 0 && cell < 512);
  const shared = registry.histogram('response_latency_ms', { authority: 'z' });
  assert.ok(shared + cellsOf(traitsOf('response_latency_ms')) <= 512);
});

test('a million label values, long ones among them, keep memory flat', () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  let valueCharsMax = 0;
  let definitions = 0;
  const cells = new Float64Array(64 * 1024);
  const merger = new MetricsMerger([cells], new FakeClock(), undefined, 1_000);
  const outlet = {
    announce(batch: readonly CellDefinition[]) {
      definitions += batch.length;
      for (const { labels } of batch) {
        for (const [, value] of labels) valueCharsMax = Math.max(valueCharsMax, value.length);
      }
      merger.define(0, batch);
    },
    freed: (released: readonly number[]) => merger.free(0, released),
    soon: (flush: () => void) => flush(),
  };
  const registry = new Registry(cells, outlet, 1_000);
  const ask = (from: number, to: number): void => {
    for (let index = from; index < to; index++) {
      const authority = index % 1_000 === 0 ? `${index}`.padEnd(100_000, 'x') : `host-${index}`;
      const cell = registry.counter('request_total', { direction: 'outbound', authority });
      registry.cells[cell] += 1;
      if (index % 3 === 0) registry.release(cell);
    }
    collectGarbage();
  };
  ask(0, 200_000);
  const before = process.memoryUsage().heapUsed;
  ask(200_000, 1_000_000);
  assert.ok(process.memoryUsage().heapUsed - before < 1024 * 1024);
  assert.ok(definitions < 3_000);
  assert.equal(valueCharsMax, labelValueCharsMax);
  let sum = 0;
  for (const { series } of merger.collect()) for (const { values } of series) sum += values[0];
  assert.equal(sum, 1_000_000, 'every one is counted somewhere');
});
