/**
 * A clock that tests move by hand, and the wake-ups of a timer wheel that run on it: time passes
 * in `advance` alone, and each wake-up runs at exactly the moment that it asked for.
 */

import type { Clock } from '../../core/base/clock.ts';
import type { WakeSource } from '../../core/base/timers.ts';

interface Wake {
  readonly atMs: number;
  readonly run: () => void;
}

export class FakeClock implements Clock {
  #nowMs: number;
  readonly #wallStartMs: number;
  readonly #wakes = new Set<Wake>();

  constructor(startMs = 1_000, wallStartMs = Date.UTC(2026, 0, 1)) {
    this.#nowMs = startMs;
    this.#wallStartMs = wallStartMs - startMs;
  }

  /** For `new TimerWheel(clock, clock.wakeSource)`. */
  readonly wakeSource: WakeSource = (run, delayMs) => {
    const wake = { atMs: this.#nowMs + delayMs, run };
    this.#wakes.add(wake);
    return () => this.#wakes.delete(wake);
  };

  get wakeCount(): number {
    return this.#wakes.size;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#wallStartMs + this.#nowMs;
  }

  /** Lets `ms` pass and runs, in order of time, every wake-up that falls due meanwhile. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (let wake = this.#nextWake(endMs); wake !== null; wake = this.#nextWake(endMs)) {
      this.#wakes.delete(wake);
      this.#nowMs = Math.max(this.#nowMs, wake.atMs);
      wake.run();
    }
    this.#nowMs = endMs;
  }

  /** Lets `ms` pass without a wake-up, as when the thread was busy; late ones run afterwards. */
  stall(ms: number): void {
    this.#nowMs += ms;
    this.advance(0);
  }

  #nextWake(endMs: number): Wake | null {
    let next: Wake | null = null;
    for (const wake of this.#wakes) {
      if (wake.atMs <= endMs && (next === null || wake.atMs < next.atMs)) next = wake;
    }
    return next;
  }
}
