/** Many changes in a row become few: the first is told at once, the rest at most so often. */

import { Timer, type TimerWheel } from '../../core/base/timers.ts';

export class Pace {
  readonly #timers: TimerWheel;
  readonly #periodMs: number;
  readonly #run: () => void;
  readonly #timer = new Timer({ onTimer: () => this.#onTimer() });
  #wanted = false;
  #closed = false;

  constructor(timers: TimerWheel, periodMs: number, run: () => void) {
    this.#timers = timers;
    this.#periodMs = periodMs;
    this.#run = run;
  }

  /** Runs now when it has been quiet for the period, else once at the period's end. */
  request(): void {
    if (this.#closed) return;
    if (this.#timer.armed) {
      this.#wanted = true;
      return;
    }
    this.#timers.arm(this.#timer, this.#periodMs);
    this.#run();
  }

  close(): void {
    this.#closed = true;
    this.#timers.cancel(this.#timer);
  }

  #onTimer(): void {
    if (!this.#wanted) return;
    this.#wanted = false;
    this.request();
  }
}
