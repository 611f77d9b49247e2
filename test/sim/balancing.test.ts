/**
 * Goal: the balancer behaves under trouble as Linkerd's users know it, and workers that share
 * their loads choose as one. Method: seeded simulations; bounds hold for several seeds.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../core/base/random.ts';
import { type Outcome, type PolicyName, type Scenario, simulate } from './balancing.ts';
import { failsFast, healthy, slowerMachine, slowFor30s, type Trouble } from './troubles.ts';

const seeds = [1, 2, 3];

function scenarioOf(trouble: Trouble, change: Partial<Scenario> = {}): Scenario {
  return {
    seed: 1,
    policy: 'peak-ewma',
    trouble,
    backends: 11,
    requestsPerSecond: 1_000,
    durationMs: 60_000,
    timeoutMs: 1_000,
    ...change,
  };
}

function successOf({ requests, succeeded }: Outcome): number {
  return succeeded / requests;
}

function assertComplete(outcome: Outcome): void {
  assert.equal(outcome.succeeded + outcome.failed + outcome.timedOut, outcome.requests);
  assert.equal(outcome.left, 0);
}

/** Share of the requests that were sent to `backend` from `fromMs` on, for `spanMs`. */
function shareOf({ sentMs }: Outcome, backend: number, fromMs = 0, spanMs = 1e9): number {
  const counts = sentMs.map(
    (times) => times.filter((ms) => ms >= fromMs && ms < fromMs + spanMs).length,
  );
  return counts[backend] / counts.reduce((sum, count) => sum + count, 0);
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, at) => from + at);
}

test('one slow backend of 11 (2016): peak EWMA 99.9 %, least loaded 99 %, round robin 95 %', () => {
  for (const seed of seeds) {
    const run = (policy: PolicyName): number => {
      const outcome = simulate(scenarioOf(slowFor30s, { seed, policy }));
      assertComplete(outcome);
      return successOf(outcome);
    };
    const peakEwma = run('peak-ewma');
    const leastLoaded = run('least-loaded');
    const roundRobin = run('round-robin');
    assert.ok(peakEwma > 0.9995, `peak EWMA: ${peakEwma}`);
    assert.ok(leastLoaded > 0.99 && leastLoaded < 0.9985, `least loaded: ${leastLoaded}`);
    assert.ok(roundRobin > 0.945 && roundRobin < 0.96, `round robin: ${roundRobin}`);
    assert.ok(1 - peakEwma < (1 - leastLoaded) / 5, 'peak EWMA fails a fifth of least loaded');
  }
});

test('the slow backend gets its share back when it has recovered', () => {
  const scenario = scenarioOf(slowFor30s, { durationMs: 150_000, requestsPerSecond: 400 });
  const outcome = simulate(scenario);
  assert.ok(shareOf(outcome, 0, 20_000, 20_000) < 0.002);
  assert.ok(shareOf(outcome, 0, 110_000, 40_000) > 0.06);
});

test('a slower machine gets less, not nothing', () => {
  const share = shareOf(simulate(scenarioOf(slowerMachine)), 0);
  assert.ok(share > 0.01 && share < 0.05, `${share}`);
});

test('a new endpoint is not rushed', () => {
  const joinMs = 10_000;
  const changes = [
    { atMs: 0, backends: range(1, 11) },
    { atMs: joinMs, backends: range(0, 11) },
  ];
  for (const seed of seeds) {
    const outcome = simulate(scenarioOf(healthy, { seed, changes, durationMs: 20_000 }));
    assertComplete(outcome);
    for (const spanMs of [200, 1_000, 10_000]) {
      const share = shareOf(outcome, 0, joinMs, spanMs);
      assert.ok(share > 0.04 && share < 0.16, `${share} in the first ${spanMs} ms`);
    }
  }
});

test('an endpoint that fails fast attracts requests: judging answers is not the balancer’s', () => {
  // Latency alone cannot tell a fast failure from a fast answer; failure accrual has to.
  const outcome = simulate(scenarioOf(failsFast));
  const share = shareOf(outcome, 0);
  assert.ok(share > 1.5 / 11 && share < 3 / 11, `${share}`);
  assert.equal(outcome.failed, outcome.sentMs[0].length);
});

test('updates of the set while requests run lose none and send none to who has left', () => {
  const random = seededRandom(4);
  const changes = Array.from({ length: 400 }, (_, at) => {
    const kept = range(0, 30).filter(() => random.float() < 0.3);
    return { atMs: at * 50, backends: kept.length === 0 ? [0] : kept };
  });
  const outcome = simulate(
    scenarioOf(healthy, { backends: 30, changes, durationMs: 20_000, workers: 3 }),
  );
  assertComplete(outcome);
  assert.equal(outcome.succeeded, outcome.requests);
  for (const [backend, times] of outcome.sentMs.entries()) {
    for (const ms of times) {
      const { backends } = changes[Math.min(Math.floor(ms / 50), changes.length - 1)];
      assert.ok(backends.includes(backend), `${backend} at ${ms} ms`);
    }
  }
});

test('workers that share their loads choose as one; each on its own has to find out itself', () => {
  const timeouts = { one: 0, shared: 0, own: 0 };
  for (const seed of seeds) {
    const run = (workers: number, memory: 'shared' | 'own'): number => {
      const outcome = simulate(scenarioOf(slowFor30s, { seed, workers, memory }));
      assertComplete(outcome);
      return outcome.timedOut;
    };
    timeouts.one += run(1, 'shared');
    timeouts.shared += run(8, 'shared');
    timeouts.own += run(8, 'own');
  }
  assert.ok(timeouts.shared < timeouts.one * 1.5, JSON.stringify(timeouts));
  assert.ok(timeouts.own > timeouts.shared * 2, JSON.stringify(timeouts));
});

test('a seed reproduces a run', () => {
  const scenario = scenarioOf(slowFor30s, { durationMs: 2_000, workers: 2 });
  assert.deepEqual(simulate(scenario), simulate(scenario));
  assert.notDeepEqual(simulate(scenario), simulate({ ...scenario, seed: 2 }));
});
