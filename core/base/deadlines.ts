/**
 * Deadlines that move with every request, for the price of one assignment: each holder keeps its
 * own `deadlineMs`, and a sweep looks at all of them four times a second. For what happens once
 * per connection use the timer wheel.
 */

import { Timer, type TimerOwner, type TimerWheel } from './timers.ts';

export interface DeadlineHolder {
  /** Monotonic milliseconds; Infinity for none. */
  deadlineMs: number;
  prevHolder: DeadlineHolder | null;
  nextHolder: DeadlineHolder | null;
  /** The deadline has passed; it is Infinity now. */
  onDeadline(): void;
}

/** Whoever gathers what is written during an event, and knows when it began. */
interface Events {
  readonly nowMs: number;
  enter(): void;
  leave(): void;
}

export class Deadlines implements TimerOwner {
  readonly #timers: TimerWheel;
  readonly #events: Events;
  readonly #timer = new Timer(this);
  #first: DeadlineHolder | null = null;

  constructor(timers: TimerWheel, events: Events) {
    this.#timers = timers;
    this.#events = events;
  }

  add(holder: DeadlineHolder): void {
    holder.prevHolder = null;
    holder.nextHolder = this.#first;
    if (this.#first !== null) this.#first.prevHolder = holder;
    this.#first = holder;
    if (!this.#timer.armed) this.#timers.arm(this.#timer, sweepMs);
  }

  /** Harmless for one that is not in the list. */
  remove(holder: DeadlineHolder): void {
    if (holder.prevHolder !== null) holder.prevHolder.nextHolder = holder.nextHolder;
    else if (this.#first === holder) this.#first = holder.nextHolder;
    if (holder.nextHolder !== null) holder.nextHolder.prevHolder = holder.prevHolder;
    holder.prevHolder = null;
    holder.nextHolder = null;
  }

  onTimer(): void {
    this.#events.enter();
    const now = this.#events.nowMs;
    const due: DeadlineHolder[] = [];
    for (let holder = this.#first; holder !== null; holder = holder.nextHolder) {
      if (holder.deadlineMs > now) continue;
      due.push(holder);
    }
    for (const holder of due) {
      // One before it may have ended this one, or given it something new to wait for.
      if (holder.deadlineMs > now) continue;
      holder.deadlineMs = Number.POSITIVE_INFINITY;
      holder.onDeadline();
    }
    this.#events.leave();
    if (this.#first !== null) this.#timers.arm(this.#timer, sweepMs);
  }
}

const sweepMs = 250;
