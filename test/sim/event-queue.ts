/**
 * Simulated time: events in the order of their times, and of their making where times are equal,
 * so that a seed reproduces a run exactly. It is also the clock of what is simulated.
 */

import type { Clock } from '../../core/base/clock.ts';

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

export class EventQueue implements Clock {
  /** A binary heap: each event is not later than its two at 2n + 1 and 2n + 2. */
  readonly #heap: Event[] = [];
  #order = 0;
  #nowMs = 0;

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): void {
    const event = { atMs: this.#nowMs + delayMs, order: this.#order++, run };
    let at = this.#heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (isBefore(this.#heap[parent], event)) break;
      this.#heap[at] = this.#heap[parent];
      at = parent;
    }
    this.#heap[at] = event;
  }

  /** Until nothing is left to happen. */
  run(): void {
    for (let event = this.#take(); event !== undefined; event = this.#take()) {
      this.#nowMs = event.atMs;
      event.run();
    }
  }

  #take(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return last;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child += 1;
      if (isBefore(last, heap[child])) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
