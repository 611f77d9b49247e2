/** Goal: the values of this process are plausible and in base units. Method: sample and compare. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../base/clock.ts';
import { MetricsMerger } from './merge.ts';
import { ProcessMetrics } from './process.ts';

test('a sample has time, memory, descriptors and threads of this process', async () => {
  const merger = new MetricsMerger([], systemClock);
  const metrics = new ProcessMetrics(merger.registry, systemClock);
  await metrics.sample();
  await metrics.sample();
  const values = new Map<string, number>();
  for (const { name, series } of merger.collect()) {
    for (const one of series) values.set(name, one.values[0]);
  }
  const read = (name: string): number => values.get(name) ?? Number.NaN;
  const startSeconds = read('process_start_time_seconds');
  const uptimeSeconds = read('process_uptime_seconds_total');
  const clockSeconds = read('process_clock_time_seconds');
  assert.ok(Math.abs(startSeconds + uptimeSeconds - clockSeconds) < 60);
  assert.ok(read('process_cpu_seconds_total') > 0);
  assert.ok(read('process_resident_memory_bytes') > 10 * 1024 * 1024);
  if (process.platform !== 'linux') return;
  const virtualBytes = read('process_virtual_memory_bytes');
  assert.ok(virtualBytes > read('process_resident_memory_bytes') / 2);
  assert.ok(read('process_threads') >= 1);
  assert.ok(read('process_open_fds') >= 3);
  assert.ok(read('process_max_fds') > read('process_open_fds'));
  assert.equal(values.size, 9);
});
