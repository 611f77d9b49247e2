/**
 * A proxy's workers in simulated time: requests arrive by chance at a mean rate, a policy chooses
 * an endpoint for each, its backend answers as the trouble has it, and the client gives up after
 * its timeout. Peak EWMA is the proxy's own balancer on its own slots; the others are what it is
 * compared with.
 */

import { createSharedMemory } from '../../api/shared-memory.ts';
import { Balancer } from '../../core/balance/balancer.ts';
import { Slots } from '../../core/balance/slots.ts';
import { type Random, seededRandom } from '../../core/base/random.ts';
import { EventQueue } from './event-queue.ts';
import type { Trouble } from './troubles.ts';

export type PolicyName = 'peak-ewma' | 'least-loaded' | 'round-robin';

interface Backend {
  readonly slot: number;
  readonly weight: number;
}

export interface Scenario {
  readonly seed: number;
  readonly policy: PolicyName;
  readonly trouble: Trouble;
  readonly backends: number;
  readonly requestsPerSecond: number;
  readonly durationMs: number;
  readonly timeoutMs: number;
  readonly workers?: number;
  /** `own`: each worker knows only what it did itself. */
  readonly memory?: 'shared' | 'own';
  /** Changes of the set: from `atMs` on these are chosen from; who is new is reset. */
  readonly changes?: readonly { readonly atMs: number; readonly backends: readonly number[] }[];
}

export interface Outcome {
  readonly requests: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly timedOut: number;
  /** What is in flight when all is over. */
  readonly left: number;
  /** Times at which a request was sent to each backend. */
  readonly sentMs: readonly (readonly number[])[];
}

/** What a worker chooses with. */
interface Policy {
  readonly slots: Slots;
  readonly update: (backends: readonly Backend[]) => void;
  readonly pick: () => Backend | null;
}

export function simulate(scenario: Scenario): Outcome {
  const { seed, backends, requestsPerSecond, durationMs, timeoutMs, trouble } = scenario;
  const queue = new EventQueue();
  const random = seededRandom(seed);
  const all = Array.from({ length: backends }, (_, slot) => ({ slot, weight: 1 }));
  const policies = createPolicies(scenario, queue);
  const changes = scenario.changes ?? [{ atMs: 0, backends: all.map(({ slot }) => slot) }];
  const sentMs = all.map(() => [] as number[]);
  let [requests, succeeded, failed, timedOut] = [0, 0, 0, 0];

  const change = (next: readonly number[]): void => {
    for (const { slots, update } of policies) {
      for (const slot of next) if (sentMs[slot].length === 0) slots.reset(slot);
      update(next.map((slot) => all[slot]));
    }
  };
  const arrive = (): void => {
    const nowMs = queue.monotonicMs();
    if (nowMs >= durationMs) return;
    queue.after((-Math.log(1 - random.float()) * 1_000) / requestsPerSecond, arrive);
    requests += 1;
    const { slots, pick } = policies[requests % policies.length];
    const backend = pick();
    if (backend === null) {
      failed += 1;
      return;
    }
    const { slot } = backend;
    sentMs[slot].push(nowMs);
    slots.start(slot);
    const answer = trouble(slot, nowMs, random);
    const tookMs = Math.min(answer.latencyMs, timeoutMs);
    queue.after(tookMs, () => {
      slots.observe(slot, tookMs);
      slots.end(slot);
      if (answer.latencyMs > timeoutMs) timedOut += 1;
      else if (answer.ok) succeeded += 1;
      else failed += 1;
    });
  };
  for (const { atMs, backends: next } of changes) queue.after(atMs, () => change(next));
  queue.after(0, arrive);
  queue.run();

  let left = 0;
  for (const { slots } of policies) for (const { slot } of all) left += slots.inFlight(slot);
  return { requests, succeeded, failed, timedOut, left, sentMs };
}

function createPolicies(scenario: Scenario, queue: EventQueue): Policy[] {
  const workers = scenario.workers ?? 1;
  const size = { workers, slots: scenario.backends, cells: 1 };
  const shared = createSharedMemory(size, 0);
  return Array.from({ length: workers }, (_, worker) => {
    const memory = scenario.memory === 'own' ? createSharedMemory(size, 0) : shared;
    const random = seededRandom(scenario.seed * 1_000 + worker);
    const slots = new Slots(memory, worker, queue, random);
    return create[scenario.policy](slots, random);
  });
}

const create: Record<PolicyName, (slots: Slots, random: Random) => Policy> = {
  'peak-ewma': createPeakEwma,
  'least-loaded': createLeastLoaded,
  'round-robin': createRoundRobin,
};

function createPeakEwma(slots: Slots, random: Random): Policy {
  const balancer = new Balancer<Backend>(slots, random);
  return {
    slots,
    update: (backends) => balancer.update(backends),
    pick: () => balancer.pick(),
  };
}

/** Of two by chance the one with fewer requests in flight. */
function createLeastLoaded(slots: Slots, random: Random): Policy {
  let set: readonly Backend[] = [];
  return {
    slots,
    update: (backends) => {
      set = backends;
    },
    pick: () => {
      if (set.length < 2) return set[0] ?? null;
      const first = Math.floor(random.float() * set.length);
      const other = Math.floor(random.float() * (set.length - 1));
      const second = other >= first ? other + 1 : other;
      return slots.inFlight(set[second].slot) < slots.inFlight(set[first].slot)
        ? set[second]
        : set[first];
    },
  };
}

function createRoundRobin(slots: Slots): Policy {
  let set: readonly Backend[] = [];
  let turn = 0;
  return {
    slots,
    update: (backends) => {
      set = backends;
    },
    pick: () => (set.length === 0 ? null : set[turn++ % set.length]),
  };
}
