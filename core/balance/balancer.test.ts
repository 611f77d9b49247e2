/**
 * Goal: choices follow loads, weights and gates. Method: seeded random, a clock that is moved by
 * hand, and counts over many choices with bounds of several standard deviations.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { createSharedMemory } from '../../api/shared-memory.ts';
import { shutMinMs } from '../base/limits.ts';
import { seededRandom } from '../base/random.ts';
import { Balancer } from './balancer.ts';
import { Slots } from './slots.ts';

interface Endpoint {
  readonly slot: number;
  readonly weight: number;
}

function setUp(weights: readonly number[], seed = 1) {
  const memory = createSharedMemory({ workers: 1, slots: weights.length + 1, cells: 1 }, 0);
  const time = { ms: 0 };
  const clock = { monotonicMs: () => time.ms, wallMs: () => 0 };
  const slots = new Slots(memory, 0, clock, seededRandom(seed + 1));
  const endpoints: Endpoint[] = weights.map((weight, slot) => ({ slot, weight }));
  for (const { slot } of endpoints) slots.reset(slot);
  const balancer = new Balancer<Endpoint>(slots, seededRandom(seed));
  balancer.update(endpoints);
  return { time, slots, endpoints, balancer };
}

function countPicks(balancer: Balancer<Endpoint>, count: number, picks: number): number[] {
  const counts = new Array<number>(count).fill(0);
  for (let pick = 0; pick < picks; pick++) counts[(balancer.pick() as Endpoint).slot] += 1;
  return counts;
}

test('no endpoints, no choice; one endpoint, always it', () => {
  const { balancer, endpoints } = setUp([1]);
  assert.equal(balancer.pick(), endpoints[0]);
  assert.equal(balancer.pick(endpoints[0]), null);
  balancer.update([]);
  assert.equal(balancer.pick(), null);
  assert.equal(balancer.readyCount(), 0);
});

test('of two endpoints the less loaded is chosen, always', () => {
  const { balancer, slots, endpoints } = setUp([1, 1]);
  slots.start(0);
  for (let pick = 0; pick < 200; pick++) assert.equal(balancer.pick(), endpoints[1]);
  slots.observe(1, 1_000);
  for (let pick = 0; pick < 200; pick++) assert.equal(balancer.pick(), endpoints[0]);
});

test('equally loaded endpoints are chosen in proportion to their weights', () => {
  for (const weights of [
    [1, 1, 1, 1],
    [9, 1],
    [1, 2, 3, 4],
    [0.5, 0.25, 0.25],
    [1_000, 1, 1],
  ]) {
    const { balancer } = setUp(weights, weights.length);
    const picks = 40_000;
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    for (const [at, count] of countPicks(balancer, weights.length, picks).entries()) {
      const share = weights[at] / total;
      const deviation = Math.sqrt(picks * share * (1 - share));
      assert.ok(
        Math.abs(count - picks * share) < 5 * deviation + 1,
        `${weights.join()}: ${at} ${count}`,
      );
    }
  }
});

test('the most loaded of equal endpoints is never chosen, the least by its pairs', () => {
  const { balancer, slots } = setUp([1, 1, 1, 1, 1]);
  for (let slot = 0; slot < 5; slot++) {
    for (let count = 0; count < slot; count++) slots.start(slot);
  }
  const picks = 40_000;
  const counts = countPicks(balancer, 5, picks);
  assert.equal(counts[4], 0);
  // Of the 10 pairs, slot k is the less loaded one of 4 - k.
  for (let slot = 0; slot < 4; slot++) {
    assert.ok(Math.abs(counts[slot] / picks - (4 - slot) / 10) < 0.015);
  }
});

test('a shut endpoint is not chosen, and the last ready one is always found', () => {
  const { balancer, slots, endpoints } = setUp(new Array<number>(500).fill(1));
  for (const { slot } of endpoints) if (slot !== 321) slots.connectFailed(slot);
  assert.equal(balancer.readyCount(), 1);
  for (let pick = 0; pick < 100; pick++) assert.equal(balancer.pick(), endpoints[321]);
  assert.equal(balancer.pick(endpoints[321]), null);
  slots.connectFailed(321);
  assert.equal(balancer.pick(), null);
});

test('what is left ready shares the requests', () => {
  const { balancer, slots, endpoints } = setUp(new Array<number>(1_000).fill(1));
  const left = new Set([100, 101, 500, 900]);
  for (const { slot } of endpoints) if (!left.has(slot)) slots.connectFailed(slot);
  const counts = new Map<number, number>();
  for (let pick = 0; pick < 2_000; pick++) {
    const { slot } = balancer.pick() as Endpoint;
    slots.start(slot);
    counts.set(slot, (counts.get(slot) ?? 0) + 1);
  }
  for (const slot of left) assert.ok((counts.get(slot) ?? 0) > 300, `${slot}: ${counts.get(slot)}`);
});

test('an endpoint on probation gets one request', () => {
  const { balancer, slots, endpoints, time } = setUp([1]);
  slots.connectFailed(0);
  time.ms += shutMinMs * 1.5 + 16;
  assert.equal(balancer.pick(), endpoints[0]);
  assert.equal(balancer.pick(), null);
  slots.releasePermit(0);
  assert.equal(balancer.pick(), endpoints[0]);
  slots.connectSucceeded(0);
  assert.equal(balancer.pick(), endpoints[0]);
  assert.equal(balancer.pick(), endpoints[0]);
});

test('any mix of weights, gates and exclusion: a ready endpoint if there is one', () => {
  const member = fc.record({
    weight: fc.constantFrom(1, 1, 2, 100),
    gate: fc.constantFrom('open', 'shut', 'limited', 'taken'),
  });
  const set = fc.array(member, { maxLength: 12 });
  fc.assert(
    fc.property(set, fc.nat(20), fc.nat(), (members, excluded, seed) => {
      const { balancer, slots, endpoints, time } = setUp(
        members.map(({ weight }) => weight),
        seed,
      );
      const failAll = (...gates: string[]): void => {
        for (const [slot, { gate }] of members.entries()) {
          if (gates.includes(gate)) slots.connectFailed(slot);
        }
      };
      failAll('limited', 'taken');
      time.ms += shutMinMs * 1.5 + 16;
      failAll('shut');
      for (const [slot, { gate }] of members.entries()) {
        if (gate === 'taken') assert.ok(slots.admit(slot, slots.nowMs()));
      }
      const ready = new Set(
        endpoints.filter(({ slot }) => ['open', 'limited'].includes(members[slot].gate)),
      );
      assert.equal(balancer.readyCount(), ready.size);
      const exclude = endpoints[excluded] ?? null;
      if (exclude !== null) ready.delete(exclude);
      const picked = balancer.pick(exclude);
      if (picked === null) assert.equal(ready.size, 0);
      else assert.ok(ready.has(picked));
    }),
    { numRuns: 500, seed: 5 },
  );
});

test('an update keeps what is known of endpoints that stay', () => {
  const { balancer, slots, endpoints } = setUp([1, 1, 1]);
  slots.observe(0, 5_000);
  slots.connectFailed(1);
  balancer.update([endpoints[0], endpoints[1]]);
  assert.equal(balancer.pick(), endpoints[0]);
  balancer.update(endpoints);
  for (let pick = 0; pick < 50; pick++) assert.equal(balancer.pick(), endpoints[2]);
});
