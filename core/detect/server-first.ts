/**
 * Remembers which destinations speak first (databases, mail), so that they are dialled at once and
 * not after the client's silence. Only a memory of what was seen: declared protocols come before.
 */

import type { Clock } from '../base/clock.ts';
import { serverFirstMemoryMax, serverFirstMemoryMs } from '../base/limits.ts';

export class ServerFirstMemory {
  readonly #clock: Clock;
  /** Until when each is remembered, the oldest first: all are kept for the same time. */
  readonly #untilMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `key` spoke before its client did. */
  remember(key: string): void {
    this.#untilMs.delete(key);
    if (this.#untilMs.size >= serverFirstMemoryMax) {
      for (const oldest of this.#untilMs.keys()) {
        this.#untilMs.delete(oldest);
        break;
      }
    }
    this.#untilMs.set(key, this.#clock.monotonicMs() + serverFirstMemoryMs);
  }

  isServerFirst(key: string): boolean {
    const untilMs = this.#untilMs.get(key);
    if (untilMs === undefined) return false;
    if (this.#clock.monotonicMs() < untilMs) return true;
    this.#untilMs.delete(key);
    return false;
  }

  /** A client of `key` spoke first, in a protocol in which clients do. */
  clear(key: string): void {
    this.#untilMs.delete(key);
  }
}
