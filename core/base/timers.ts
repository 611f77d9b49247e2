/**
 * The one timer wheel of a thread: coarse (10 ms), intrusive, without an allocation per timer.
 *
 * A timer is an object that its owner keeps and arms as often as it likes; arming and cancelling
 * are O(1). The wheel asks the system for one interval while anything is armed and for none
 * while nothing is, so that an idle proxy does not wake up. Delays longer than a turn of the
 * wheel go around it. This is the only file that may touch `setInterval` and friends.
 */

import type { Clock } from './clock.ts';

export interface TimerOwner {
  /** The timer fired. It is not armed any more and may be armed again in here. */
  onTimer(timer: Timer): void;
}

/** One deadline. `kind` lets an owner with several timers tell them apart. */
export class Timer {
  readonly owner: TimerOwner;
  readonly kind: number;
  prev: Timer | null = null;
  next: Timer | null = null;
  slot = -1;
  dueTick = 0;

  constructor(owner: TimerOwner, kind = 0) {
    this.owner = owner;
    this.kind = kind;
  }

  get armed(): boolean {
    return this.slot !== -1;
  }
}

/** Calls `tick` about every `periodMs` until the returned function is called. */
export type IntervalSource = (tick: () => void, periodMs: number) => () => void;

export const tickMs = 10;
const slotCount = 1024;

/** A list beside the wheel, for what is firing now. */
const dueSlot = slotCount;

export class TimerWheel {
  readonly #clock: Clock;
  readonly #interval: IntervalSource;
  readonly #slots: (Timer | null)[] = new Array<Timer | null>(slotCount + 1).fill(null);
  #stop: (() => void) | null = null;
  #armed = 0;
  #tick: number;

  constructor(clock: Clock, interval: IntervalSource = systemInterval) {
    this.#clock = clock;
    this.#interval = interval;
    this.#tick = this.#nowTick();
  }

  get armedCount(): number {
    return this.#armed;
  }

  /** Arms `timer` to fire `delayMs` from now, at the earliest, and up to two ticks later. */
  arm(timer: Timer, delayMs: number): void {
    if (timer.slot !== -1) this.cancel(timer);
    if (this.#stop === null) {
      this.#tick = this.#nowTick();
      this.#stop = this.#interval(() => this.advance(), tickMs);
    }
    const due = this.#nowTick() + Math.max(1, Math.ceil(delayMs / tickMs));
    timer.dueTick = due;
    this.#link(timer, due % slotCount);
  }

  /** Disarms; harmless when not armed. */
  cancel(timer: Timer): void {
    if (timer.slot === -1) return;
    if (timer.prev === null) this.#slots[timer.slot] = timer.next;
    else timer.prev.next = timer.next;
    if (timer.next !== null) timer.next.prev = timer.prev;
    timer.prev = null;
    timer.next = null;
    timer.slot = -1;
    this.#armed -= 1;
  }

  /** Fires what is due. The system's interval calls it; tests call it after moving their clock. */
  advance(): void {
    const now = this.#nowTick();
    const from = Math.max(this.#tick + 1, now - slotCount + 1);
    for (let tick = from; tick <= now; tick++) this.#fireSlot(tick % slotCount, now);
    this.#tick = now;
    if (this.#armed === 0 && this.#stop !== null) {
      this.#stop();
      this.#stop = null;
    }
  }

  /** Ends the interval; what is armed does not fire any more. */
  close(): void {
    this.#stop?.();
    this.#stop = null;
  }

  /** Moves what is due to a list of its own first: owners arm and cancel others while they run. */
  #fireSlot(slot: number, now: number): void {
    let timer = this.#slots[slot];
    while (timer !== null) {
      const next: Timer | null = timer.next;
      if (timer.dueTick <= now) {
        this.cancel(timer);
        this.#link(timer, dueSlot);
      }
      timer = next;
    }
    let due = this.#slots[dueSlot];
    while (due !== null) {
      this.cancel(due);
      due.owner.onTimer(due);
      due = this.#slots[dueSlot];
    }
  }

  #link(timer: Timer, slot: number): void {
    const head = this.#slots[slot];
    timer.slot = slot;
    timer.prev = null;
    timer.next = head;
    if (head !== null) head.prev = timer;
    this.#slots[slot] = timer;
    this.#armed += 1;
  }

  #nowTick(): number {
    return Math.floor(this.#clock.monotonicMs() / tickMs);
  }
}

/** The system's interval, unreferenced: a timer never keeps the process alive by itself. */
export function systemInterval(tick: () => void, periodMs: number): () => void {
  const handle = setInterval(tick, periodMs);
  handle.unref();
  return () => clearInterval(handle);
}
