/**
 * The one timer wheel of a thread: coarse (10 ms), intrusive, without an allocation per timer.
 *
 * A timer is an object that its owner keeps and arms as often as it likes; arming and cancelling
 * are O(1). The wheel asks the system to be woken for the earliest deadline only, and for nothing
 * while nothing is armed, so that an idle proxy sleeps. Delays longer than a turn of the wheel go
 * around it. This is the only file that may touch `setTimeout` and friends.
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

/** Calls `wake` once after `delayMs` unless the returned function is called before. */
export type WakeSource = (wake: () => void, delayMs: number) => () => void;

export const tickMs = 10;
const slotCount = 1024;

/** A list beside the wheel, for what is firing now. */
const dueSlot = slotCount;

export class TimerWheel {
  readonly #clock: Clock;
  readonly #wakeSource: WakeSource;
  readonly #slots: (Timer | null)[] = new Array<Timer | null>(slotCount + 1).fill(null);
  readonly #wake = (): void => this.advance();
  #cancelWake: (() => void) | null = null;
  #wakeTick = Number.POSITIVE_INFINITY;
  #armed = 0;
  /** Everything due up to this tick has fired. */
  #tick: number;

  constructor(clock: Clock, wakeSource: WakeSource = systemWake) {
    this.#clock = clock;
    this.#wakeSource = wakeSource;
    this.#tick = this.#nowTick();
  }

  get armedCount(): number {
    return this.#armed;
  }

  /** Arms `timer` to fire `delayMs` from now, at the earliest, and up to two ticks later. */
  arm(timer: Timer, delayMs: number): void {
    if (timer.slot !== -1) this.cancel(timer);
    const now = this.#nowTick();
    if (this.#armed === 0) this.#tick = now;
    const due = now + Math.max(1, Math.ceil(delayMs / tickMs) + 1);
    timer.dueTick = due;
    this.#link(timer, due % slotCount);
    if (due < this.#wakeTick) this.#wakeAt(due);
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

  /** Fires what is due and asks for the next wake-up. Tests call it after moving their clock. */
  advance(): void {
    const now = this.#nowTick();
    this.#wakeTick = now;
    const from = Math.max(this.#tick + 1, now - slotCount + 1);
    for (let tick = from; tick <= now; tick++) this.#fireSlot(tick % slotCount, now);
    this.#tick = now;
    this.#stopWake();
    if (this.#armed !== 0) this.#wakeAt(this.#nextDue(now));
  }

  /** Ends the wake-ups; what is armed does not fire any more. */
  close(): void {
    this.#stopWake();
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

  /** The first tick at which something is due, at most one turn ahead. */
  #nextDue(now: number): number {
    for (let tick = now + 1; tick < now + slotCount; tick++) {
      for (let timer = this.#slots[tick % slotCount]; timer !== null; timer = timer.next) {
        if (timer.dueTick === tick) return tick;
      }
    }
    return now + slotCount;
  }

  /** At the start of the tick: counted from within this one, it would be up to a tick late. */
  #wakeAt(tick: number): void {
    this.#stopWake();
    this.#wakeTick = tick;
    const delayMs = tick * tickMs - this.#clock.monotonicMs();
    // Firing what was due may have taken until the next is due as well.
    this.#cancelWake = this.#wakeSource(this.#wake, Math.max(0, delayMs));
  }

  #stopWake(): void {
    this.#cancelWake?.();
    this.#cancelWake = null;
    this.#wakeTick = Number.POSITIVE_INFINITY;
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

/**
 * The system's timer, unreferenced: a timer never keeps the process alive by itself. Whole
 * milliseconds, because Node cuts fractions off and would wake us before the tick.
 */
function systemWake(wake: () => void, delayMs: number): () => void {
  const handle = setTimeout(wake, Math.ceil(delayMs));
  handle.unref();
  return () => clearTimeout(handle);
}

/**
 * Calls `tick` every `periodMs` until the returned function is called. Housekeeping does not keep
 * the process alive, work that has to come to its end does (`keepsAlive`).
 */
export function systemInterval(tick: () => void, periodMs: number, keepsAlive = false): () => void {
  const handle = setInterval(tick, periodMs);
  if (!keepsAlive) handle.unref();
  return () => clearInterval(handle);
}

/** Calls `then` when the event loop has looked for input and connections once more. */
export function systemTurn(then: () => void): void {
  setImmediate(then);
}

/** Keeps the process alive while it waits, as the wheel's timers do not: for commands. */
export function systemPause(delayMs: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, delayMs));
}

/** Resolves as soon as `work` does, or after `limitMs` with false; nothing is left waiting. */
export async function systemWaitAtMost(work: Promise<unknown>, limitMs: number): Promise<boolean> {
  const { promise: limit, resolve } = Promise.withResolvers<boolean>();
  const timeout = setTimeout(() => resolve(false), limitMs);
  try {
    return await Promise.race([work.then(() => true), limit]);
  } finally {
    clearTimeout(timeout);
  }
}
