/**
 * What is kept for a while after nobody holds it any more. A process that was stopped or suspended
 * cannot have heard from anybody meanwhile: after a gap of its own timers all leases start afresh.
 */

import type { Clock } from '../../core/base/clock.ts';
import { registryPauseMs } from '../../core/base/limits.ts';
import { Timer, type TimerWheel } from '../../core/base/timers.ts';

interface LeasesEnv {
  readonly clock: Clock;
  readonly timers: TimerWheel;
}

export class Leases {
  readonly #env: LeasesEnv;
  readonly #leaseMs: number;
  readonly #onExpired: (key: string) => void;
  readonly #timer = new Timer({ onTimer: () => this.#look() });
  /** When each ends, the first to end first: all are of one length. */
  readonly #endsMs = new Map<string, number>();
  #lookedMs = 0;
  #lookedWallMs = 0;

  constructor(env: LeasesEnv, leaseMs: number, onExpired: (key: string) => void) {
    this.#env = env;
    this.#leaseMs = leaseMs;
    this.#onExpired = onExpired;
  }

  /** How long it still lasts; 0 when there is none. */
  leftMs(key: string): number {
    return Math.max(0, (this.#endsMs.get(key) ?? 0) - this.#env.clock.monotonicMs());
  }

  /** Starts anew when it is under way. */
  start(key: string): void {
    this.#endsMs.delete(key);
    this.#endsMs.set(key, this.#env.clock.monotonicMs() + this.#leaseMs);
    if (!this.#timer.armed) this.#arm();
  }

  /** Ends the one that would end next, as if it had. */
  expireFirst(): void {
    for (const key of this.#endsMs.keys()) {
      this.#endsMs.delete(key);
      this.#onExpired(key);
      return;
    }
  }

  end(key: string): void {
    this.#endsMs.delete(key);
  }

  close(): void {
    this.#endsMs.clear();
    this.#env.timers.cancel(this.#timer);
  }

  #arm(): void {
    this.#lookedMs = this.#env.clock.monotonicMs();
    this.#lookedWallMs = this.#env.clock.wallMs();
    for (const endMs of this.#endsMs.values()) {
      this.#env.timers.arm(this.#timer, Math.min(endMs - this.#lookedMs, lookMs));
      return;
    }
  }

  #look(): void {
    const nowMs = this.#env.clock.monotonicMs();
    // A suspended machine's monotonic clock stands still, its wall clock does not.
    const gapMs = Math.max(nowMs - this.#lookedMs, this.#env.clock.wallMs() - this.#lookedWallMs);
    if (gapMs > registryPauseMs) {
      for (const key of this.#endsMs.keys()) this.#endsMs.set(key, nowMs + this.#leaseMs);
    }
    for (const [key, endMs] of this.#endsMs) {
      if (endMs > nowMs) break;
      this.#endsMs.delete(key);
      this.#onExpired(key);
    }
    if (!this.#timer.armed) this.#arm();
  }
}

const lookMs = 1_000;
