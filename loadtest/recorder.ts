/**
 * Latencies of an open-loop run: one histogram of all, one of how late requests were sent (the
 * generator's own fault), and the course second by second. Times are handed in, none is read.
 */

import { build, type Histogram } from 'hdr-histogram-js';

interface CurvePoint {
  readonly percentile: number;
  readonly micros: number;
}

interface SecondPoint {
  readonly second: number;
  readonly completed: number;
  readonly p50Micros: number;
  readonly p99Micros: number;
}

export interface Recorded {
  readonly completed: number;
  readonly curve: readonly CurvePoint[];
  readonly lateP99Micros: number;
  readonly timeline: readonly SecondPoint[];
}

export class Recorder {
  readonly #all = createHistogram();
  readonly #late = createHistogram();
  readonly #second = createHistogram();
  readonly #timeline: SecondPoint[] = [];
  readonly #startMs: number;
  #current = 0;

  /** What was meant to begin before `startMs` is warm-up and not recorded. */
  constructor(startMs: number) {
    this.#startMs = startMs;
  }

  /** A request left: `intendedMs` is when it was meant to. */
  noteSent(intendedMs: number, nowMs: number): void {
    if (intendedMs >= this.#startMs) record(this.#late, nowMs - intendedMs);
  }

  /** A request is complete, or was given up: then the time that it took at the least counts. */
  noteEnded(intendedMs: number, nowMs: number): void {
    if (intendedMs < this.#startMs) return;
    const second = Math.floor((nowMs - this.#startMs) / 1000);
    while (this.#current < second) this.#closeSecond();
    record(this.#all, nowMs - intendedMs);
    record(this.#second, nowMs - intendedMs);
  }

  finish(): Recorded {
    if (this.#second.totalCount > 0) this.#closeSecond();
    return {
      completed: this.#all.totalCount,
      curve: percentiles.map((percentile) => ({
        percentile,
        micros: this.#all.getValueAtPercentile(percentile),
      })),
      lateP99Micros: this.#late.getValueAtPercentile(99),
      timeline: this.#timeline,
    };
  }

  #closeSecond(): void {
    this.#timeline.push({
      second: this.#current,
      completed: this.#second.totalCount,
      p50Micros: this.#second.getValueAtPercentile(50),
      p99Micros: this.#second.getValueAtPercentile(99),
    });
    this.#second.reset();
    this.#current += 1;
  }
}

function createHistogram(): Histogram {
  return build({ highestTrackableValue: microsMax, numberOfSignificantValueDigits: 3 });
}

function record(histogram: Histogram, ms: number): void {
  histogram.recordValue(Math.min(microsMax, Math.max(1, Math.round(ms * 1000))));
}

const microsMax = 120_000_000;
const percentiles = [50, 75, 90, 95, 99, 99.5, 99.9, 99.95, 99.99, 100];
