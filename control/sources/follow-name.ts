/**
 * When a name is looked up again, and what its listener hears: answers live as long as their TTL,
 * failures are retried with decorrelated back-off and empty nothing, a name that has ceased to
 * exist keeps its last good endpoints for a grace before its set is empty.
 */

import type { Clock } from '../../core/base/clock.ts';
import type { Random } from '../../core/base/random.ts';
import type { TimerWheel } from '../../core/base/timers.ts';
import { runAfter } from '../model/delay.ts';
import type { ResolvedEndpoint } from '../model/discovery.ts';
import type { Source, SourceListener, SourceLog } from '../model/source.ts';
import type { ResolverFiles } from './resolver-files.ts';

export interface FollowNameEnv {
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly random: Random;
  readonly log: SourceLog;
  readonly files: ResolverFiles;
}

export type NameOutcome =
  | {
      readonly kind: 'endpoints';
      readonly endpoints: readonly ResolvedEndpoint[];
      /** Infinite for what only a change of the hosts file can change. */
      readonly ttlMs: number;
      readonly capped: boolean;
    }
  /** Whoever is responsible for the name says that it does not exist. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'failed'; readonly reason: string };

/** Follows what `resolveOnce` finds, which never rejects; `name` is for messages. */
export function followName(
  name: string,
  resolveOnce: () => Promise<NameOutcome>,
  env: FollowNameEnv,
  listener: SourceListener,
): Source {
  let cancelTimer: (() => void) | null = null;
  let backoffMs = 0;
  let hasGood = false;
  let absentSinceMs: number | null = null;
  let toldCapped = false;
  let running = false;
  let again = false;
  let closed = false;

  async function refresh(): Promise<void> {
    if (running) {
      again = true;
      return;
    }
    running = true;
    cancelTimer?.();
    cancelTimer = null;
    const outcome = await resolveOnce();
    running = false;
    if (closed) return;
    const delayMs = again ? 0 : apply(outcome);
    again = false;
    if (delayMs === Number.POSITIVE_INFINITY) return;
    cancelTimer = runAfter(env.timers, delayMs, () => void refresh());
  }

  /** Tells the listener; returns how long the outcome is good for. */
  function apply(outcome: NameOutcome): number {
    switch (outcome.kind) {
      case 'endpoints':
        return applyEndpoints(outcome.endpoints, outcome.ttlMs, outcome.capped);
      case 'absent':
        return applyAbsence();
      default:
        absentSinceMs = null;
        listener.onError(`${name}: ${outcome.reason}`);
        return nextBackoffMs();
    }
  }

  function applyEndpoints(
    endpoints: readonly ResolvedEndpoint[],
    ttlMs: number,
    capped: boolean,
  ): number {
    backoffMs = 0;
    absentSinceMs = null;
    hasGood = true;
    if (capped && !toldCapped) env.log.warn('only the first 1000 records are used', { name });
    toldCapped = capped;
    listener.onEndpoints(endpoints);
    if (ttlMs === Number.POSITIVE_INFINITY) return ttlMs;
    return Math.min(Math.max(ttlMs, ttlMinMs), ttlMaxMs);
  }

  function applyAbsence(): number {
    const nowMs = env.clock.monotonicMs();
    absentSinceMs ??= nowMs;
    const graceLeftMs = hasGood ? absentSinceMs + absenceGraceMs - nowMs : 0;
    if (graceLeftMs > 0) {
      listener.onError(`${name}: does not exist any more (NXDOMAIN); its endpoints go soon`);
      return Math.min(nextBackoffMs(), graceLeftMs);
    }
    hasGood = false;
    listener.onEndpoints([]);
    return nextBackoffMs();
  }

  /** Decorrelated jitter: at least a second, at most three times the previous, at most 30 s. */
  function nextBackoffMs(): number {
    const span = Math.max(backoffMs * 3, backoffMinMs) - backoffMinMs;
    backoffMs = Math.min(backoffMinMs + span * env.random.float(), backoffMaxMs);
    return backoffMs;
  }

  const unsubscribe = env.files.onChange(() => void refresh());
  void env.files.ready.then(() => (closed ? undefined : refresh()));
  return {
    close: () => {
      closed = true;
      cancelTimer?.();
      unsubscribe();
    },
  };
}

const ttlMinMs = 1_000;
const ttlMaxMs = 3_600_000;
const backoffMinMs = 1_000;
const backoffMaxMs = 30_000;
const absenceGraceMs = 30_000;
