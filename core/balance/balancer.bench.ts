/**
 * What a choice costs, by number of endpoints and workers: `node core/balance/balancer.bench.ts`.
 * Each figure is the best of five runs in one thread; the shared memory has no other users.
 */

import { createSharedMemory } from '../../api/shared-memory.ts';
import { systemClock } from '../base/clock.ts';
import { systemRandom } from '../base/random.ts';
import { Balancer, type Weighted } from './balancer.ts';
import { Slots } from './slots.ts';

function measureNs(workers: number, count: number, weightOf: (at: number) => number): number[] {
  const size = { workers, slots: 16_384, cells: 1 };
  const memory = createSharedMemory(size, systemClock.monotonicMs());
  const slots = new Slots(memory, 0, systemClock, systemRandom());
  const balancer = new Balancer<Weighted>(slots, systemRandom());
  const endpoints = Array.from({ length: count }, (_, slot) => ({ slot, weight: weightOf(slot) }));
  for (const { slot } of endpoints) slots.reset(slot);
  balancer.update(endpoints);

  const nowMs = slots.nowMs();
  const pickNs = best(() => {
    for (let at = 0; at < runs; at++) balancer.pick(null, nowMs);
  });
  const cycleNs = best(() => {
    for (let at = 0; at < runs; at++) {
      const endpoint = balancer.pick();
      if (endpoint === null) return;
      slots.start(endpoint.slot);
      slots.observe(endpoint.slot, 1 + endpoint.slot / 1_000);
      slots.end(endpoint.slot);
    }
  });
  return [pickNs, cycleNs];
}

function best(loop: () => void): number {
  let ns = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round++) {
    const startMs = systemClock.monotonicMs();
    loop();
    ns = Math.min(ns, ((systemClock.monotonicMs() - startMs) * 1e6) / runs);
  }
  return ns;
}

const runs = 500_000;

for (const workers of [1, 4]) {
  for (const count of [1, 3, 100, 10_000]) {
    for (const weights of ['equal', 'mixed'] as const) {
      const weightOf = (at: number): number => (weights === 'equal' ? 1 : 1 + (at % 3));
      const [pick, cycle] = measureNs(workers, count, weightOf).map((ns) => ns.toFixed(0));
      const label = `${workers} workers, ${count} endpoints, ${weights} weights`;
      console.log(`${label}: pick ${pick} ns, pick + start + observe + end ${cycle} ns`);
    }
  }
}
