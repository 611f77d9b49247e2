/**
 * When requests are meant to begin: at a constant rate, whatever becomes of those before. Latency
 * counts from these points in time, so that a stall is felt by every request that it delays and
 * not only by the one that met it (coordinated omission).
 */

export class Schedule {
  readonly #startMs: number;
  readonly #endMs: number;
  readonly #periodMs: number;
  #taken = 0;

  constructor(startMs: number, seconds: number, ratePerSecond: number) {
    this.#startMs = startMs;
    this.#endMs = startMs + seconds * 1000;
    this.#periodMs = 1000 / ratePerSecond;
  }

  /** The next arrival, or `null` behind the last one. */
  get dueMs(): number | null {
    // Multiplied, not added up: the error of a sum would grow with the number of arrivals.
    const due = this.#startMs + this.#taken * this.#periodMs;
    return due < this.#endMs ? due : null;
  }

  /** Takes the next arrival when it is due by `nowMs`. */
  take(nowMs: number): number | null {
    const due = this.dueMs;
    if (due === null || due > nowMs) return null;
    this.#taken += 1;
    return due;
  }
}
