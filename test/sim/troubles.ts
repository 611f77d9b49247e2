/** Troubles of backends, by name: how long backend `at` takes at a time, and how it ends. */

import type { Random } from '../../core/base/random.ts';

interface Answer {
  readonly latencyMs: number;
  readonly ok: boolean;
}

/** The answer of backend `at` to a request that reaches it at `nowMs`. */
export type Trouble = (at: number, nowMs: number, random: Random) => Answer;

/** 10 to 20 ms, now and then up to 70. */
export const healthy: Trouble = (_at, _nowMs, random) => {
  const tail = random.float() < 0.02 ? random.float() * 50 : 0;
  return { latencyMs: 10 + random.float() * 10 + tail, ok: true };
};

/** The first backend takes 2 s from the 15th to the 45th second: the experiment of 2016. */
export const slowFor30s: Trouble = (at, nowMs, random) => {
  if (at === 0 && nowMs >= 15_000 && nowMs < 45_000) return { latencyMs: 2_000, ok: true };
  return healthy(at, nowMs, random);
};

/** The first backend refuses everything within a millisecond. */
export const failsFast: Trouble = (at, nowMs, random) => {
  if (at === 0) return { latencyMs: 1, ok: false };
  return healthy(at, nowMs, random);
};

/** The first backend is three times as slow as the others, always. */
export const slowerMachine: Trouble = (at, nowMs, random) => {
  const { latencyMs, ok } = healthy(at, nowMs, random);
  return { latencyMs: at === 0 ? latencyMs * 3 : latencyMs, ok };
};
