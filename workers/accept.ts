/**
 * Admission: whether connections are accepted now. Over a limit the listeners pause and clients
 * wait in the system's backlog; existing connections notice nothing, and it ends by itself.
 */

import type { PauseReason } from '../api/messages.ts';
import { Timer, type TimerWheel } from '../core/base/timers.ts';
import type { DescriptorBudget } from './descriptors.ts';

interface Pausable {
  pause(): void;
  /** False when it cannot yet. */
  resume(): boolean;
}

interface AdmissionOptions {
  readonly maxConnections: number;
  readonly descriptors: DescriptorBudget;
  readonly timers: TimerWheel;
  /** Open connections, those included that are on their way to a worker. */
  readonly countConnections: () => number;
  readonly whyPaused: () => PauseReason | null;
  readonly onPause: (reason: PauseReason) => void;
  readonly onResume: (reason: PauseReason) => void;
}

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #listeners = new Set<Pausable>();
  readonly #timer: Timer;
  #reason: PauseReason | null = null;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#timer = new Timer({ onTimer: () => this.#look() });
  }

  add(listener: Pausable): void {
    this.#listeners.add(listener);
    if (this.#reason !== null) listener.pause();
    else this.#options.timers.arm(this.#timer, lookMs);
  }

  remove(listener: Pausable): void {
    this.#listeners.delete(listener);
  }

  /** A connection was let in: stops before the one that would be too many. */
  admitted(): void {
    this.#options.descriptors.spend();
    if (this.#reason === null) this.check();
  }

  /** Pauses or resumes as things are now; it looks by itself too, while paused more often. */
  check(): void {
    const before = this.#reason;
    const reason = this.#findReason();
    this.#reason = reason;
    // Not later for each that is let in.
    if (reason !== null) this.#options.timers.arm(this.#timer, recheckMs);
    else if (!this.#timer.armed) this.#options.timers.arm(this.#timer, lookMs);
    if (reason === before) return;
    if (before !== null) this.#options.onResume(before);
    if (reason !== null) this.#options.onPause(reason);
    for (const listener of this.#listeners) {
      if (reason !== null && before === null) listener.pause();
      // Whoever is resumed may let in the one that pauses all again.
      if (reason !== null || this.#reason !== null || listener.resume()) continue;
      this.#reason = 'descriptors';
      this.#options.onPause('descriptors');
      this.#options.timers.arm(this.#timer, recheckMs);
    }
  }

  close(): void {
    this.#options.timers.cancel(this.#timer);
    this.#listeners.clear();
  }

  /** Kept connections to endpoints take descriptors while nobody new comes. */
  #look(): void {
    this.#options.descriptors.refresh();
    this.check();
  }

  #findReason(): PauseReason | null {
    const { maxConnections, descriptors, countConnections } = this.#options;
    const why = this.#options.whyPaused();
    if (why !== null) return why;
    // While paused, some room is waited for: pausing and resuming for each connection is dear.
    const room = this.#reason === 'connections' ? Math.ceil(maxConnections / roomDivisor) : 1;
    if (countConnections() > maxConnections - room) return 'connections';
    return descriptors.isSpent() ? 'descriptors' : null;
  }
}

const recheckMs = 50;
const lookMs = 1_000;
const roomDivisor = 64;
