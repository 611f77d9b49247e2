/**
 * Budgets against peers that make work for us without making any for themselves. Each is a level
 * that rises with an event and sinks with time or with honest work; over its bound the connection
 * ends with ENHANCE_YOUR_CALM. All are constant in memory, and in time per frame.
 *
 * | budget        | attack                                                                     |
 * | ------------- | -------------------------------------------------------------------------- |
 * | resets        | Rapid Reset (CVE-2023-44487), and resets that we are made to send          |
 * |               | (MadeYouReset, CVE-2025-8671)                                              |
 * | control       | PING, SETTINGS, PRIORITY and unknown frames (CVE-2019-9512, 9513, 9515)    |
 * | empty         | DATA without content and without end, in a row (CVE-2019-9518)             |
 * | windowUpdates | window dribble (CVE-2019-9511, CVE-2019-9517)                              |
 */

import {
  h2ControlFramesMax,
  h2ControlFramesPerFrame,
  h2ControlFramesPerSecond,
  h2EmptyFramesMax,
  h2ResetsMax,
  h2ResetsPerSecond,
  h2WindowUpdatesMax,
  h2WindowUpdatesPerFrame,
  h2WindowUpdatesPerSecond,
} from '../../base/limits.ts';

export class Floods {
  readonly #resets = new Level(h2ResetsMax, h2ResetsPerSecond);
  readonly #control = new Level(h2ControlFramesMax, h2ControlFramesPerSecond);
  readonly #windowUpdates = new Level(h2WindowUpdatesMax, h2WindowUpdatesPerSecond);
  #empty = 0;

  /** A stream was reset before its end, by whichever side. Each returns false when over budget. */
  reset(nowMs: number): boolean {
    return this.#resets.raise(nowMs);
  }

  /** A stream has ended as it should. */
  streamEnded(): void {
    this.#resets.lower(1);
  }

  control(nowMs: number): boolean {
    return this.#control.raise(nowMs);
  }

  /** DATA without content, but for padding, that does not end its stream. */
  empty(): boolean {
    this.#empty += 1;
    return this.#empty <= h2EmptyFramesMax;
  }

  /** A frame with something in it. */
  filled(): void {
    this.#empty = 0;
  }

  windowUpdate(nowMs: number): boolean {
    return this.#windowUpdates.raise(nowMs);
  }

  /** What window updates are for; and gRPC measures the bandwidth by a PING for what it gets. */
  dataSent(): void {
    this.#windowUpdates.lower(h2WindowUpdatesPerFrame);
    this.#control.lower(h2ControlFramesPerFrame);
  }
}

/** Sinks by itself, never below 0. */
class Level {
  readonly #max: number;
  readonly #perSecond: number;
  #level = 0;
  #sunkMs = 0;

  constructor(max: number, perSecond: number) {
    this.#max = max;
    this.#perSecond = perSecond;
  }

  raise(nowMs: number): boolean {
    this.lower(((nowMs - this.#sunkMs) * this.#perSecond) / 1000);
    this.#sunkMs = nowMs;
    this.#level += 1;
    return this.#level <= this.#max;
  }

  lower(by: number): void {
    this.#level = Math.max(0, this.#level - by);
  }
}
