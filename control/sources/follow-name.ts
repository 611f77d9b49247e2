/**
 * When a name is looked up again, and what its listener hears: answers live as long as their TTL,
 * failures are retried with decorrelated back-off and empty nothing, a name that has ceased to
 * exist keeps its last good endpoints for a grace before its set is empty.
 */

import type { ResolvedEndpoint } from '../../api/discovery.ts';
import type { Clock } from '../../core/base/clock.ts';
import type { Random } from '../../core/base/random.ts';
import type { TimerWheel } from '../../core/base/timers.ts';
import { runAfter } from '../model/delay.ts';
import type { Source, SourceListener, SourceLog } from '../model/source.ts';
import type { ResolverFiles } from './resolver-files.ts';

export interface FollowNameEnv {
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly random: Random;
  readonly log: SourceLog;
  readonly files: ResolverFiles;
  readonly ttl?: TtlBounds | undefined;
}

/** How long an answer is good for at the least and at the most; 0: as it is usual here. */
export interface TtlBounds {
  readonly minMs: number;
  readonly maxMs: number;
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
  return new FollowedName(name, resolveOnce, env, listener);
}

class FollowedName implements Source {
  readonly #name: string;
  readonly #resolveOnce: () => Promise<NameOutcome>;
  readonly #env: FollowNameEnv;
  readonly #listener: SourceListener;
  readonly #unsubscribe: () => void;
  #cancelTimer: (() => void) | null = null;
  #backoffMs = 0;
  #hasGood = false;
  #absentSinceMs: number | null = null;
  #toldCapped = false;
  #running = false;
  /** The files of the resolver changed while we asked. */
  #again = false;
  #closed = false;

  constructor(
    name: string,
    resolveOnce: () => Promise<NameOutcome>,
    env: FollowNameEnv,
    listener: SourceListener,
  ) {
    this.#name = name;
    this.#resolveOnce = resolveOnce;
    this.#env = env;
    this.#listener = listener;
    this.#unsubscribe = env.files.onChange(() => void this.#refresh());
    void this.#start();
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimer?.();
    this.#unsubscribe();
  }

  async #start(): Promise<void> {
    await this.#env.files.ready;
    if (!this.#closed) await this.#refresh();
  }

  async #refresh(): Promise<void> {
    if (this.#running) {
      this.#again = true;
      return;
    }
    this.#running = true;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    const outcome = await this.#resolveOnce();
    this.#running = false;
    if (this.#closed) return;
    const delayMs = this.#again ? 0 : this.#apply(outcome);
    this.#again = false;
    if (delayMs === Number.POSITIVE_INFINITY) return;
    this.#cancelTimer = runAfter(this.#env.timers, delayMs, () => void this.#refresh());
  }

  /** Tells the listener; returns how long the outcome is good for. */
  #apply(outcome: NameOutcome): number {
    switch (outcome.kind) {
      case 'endpoints':
        return this.#applyEndpoints(outcome.endpoints, outcome.ttlMs, outcome.capped);
      case 'absent':
        return this.#applyAbsence();
      default:
        this.#absentSinceMs = null;
        this.#listener.onError(`${this.#name}: ${outcome.reason}`);
        return this.#nextBackoffMs();
    }
  }

  #applyEndpoints(endpoints: readonly ResolvedEndpoint[], ttlMs: number, capped: boolean): number {
    this.#backoffMs = 0;
    this.#absentSinceMs = null;
    this.#hasGood = true;
    if (capped && !this.#toldCapped) {
      this.#env.log.warn('only the first 1000 records are used', { name: this.#name });
    }
    this.#toldCapped = capped;
    this.#listener.onEndpoints(endpoints);
    if (ttlMs === Number.POSITIVE_INFINITY) return ttlMs;
    const { minMs = 0, maxMs = 0 } = this.#env.ttl ?? {};
    return Math.min(Math.max(ttlMs, minMs || ttlMinMs), maxMs || ttlMaxMs);
  }

  #applyAbsence(): number {
    const nowMs = this.#env.clock.monotonicMs();
    this.#absentSinceMs ??= nowMs;
    const graceLeftMs = this.#hasGood ? this.#absentSinceMs + absenceGraceMs - nowMs : 0;
    if (graceLeftMs > 0) {
      const reason = 'does not exist any more (NXDOMAIN); its endpoints go soon';
      this.#listener.onError(`${this.#name}: ${reason}`);
      return Math.min(this.#nextBackoffMs(), graceLeftMs);
    }
    this.#hasGood = false;
    this.#listener.onEndpoints([]);
    return this.#nextBackoffMs();
  }

  /** Decorrelated jitter: at least a second, at most three times the previous, at most 30 s. */
  #nextBackoffMs(): number {
    const span = Math.max(this.#backoffMs * 3, backoffMinMs) - backoffMinMs;
    this.#backoffMs = Math.min(backoffMinMs + span * this.#env.random.float(), backoffMaxMs);
    return this.#backoffMs;
  }
}

const ttlMinMs = 1_000;
const ttlMaxMs = 3_600_000;
const backoffMinMs = 1_000;
const backoffMaxMs = 30_000;
const absenceGraceMs = 30_000;
