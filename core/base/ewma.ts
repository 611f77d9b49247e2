/**
 * Peak EWMA (Linkerd's latency estimate) in one 32-bit word that decays by itself.
 *
 * The word, a *level*, is the millisecond at which the estimate will have decayed to 1 us. While
 * nothing is observed an estimate falls as exp(-t / decay), so its level does not change: a reader
 * needs no second word, and threads can change it by one compare-and-swap. A sample above the
 * estimate replaces it at once; one below is averaged in, weighted by the time it stands for.
 *
 * A millisecond of level is 0.01 % of the estimate. Samples are kept within 1 us and 35 minutes,
 * so a level is at most 215 s ahead of now. Levels wrap after 49.7 days: an estimate without any
 * sample for exactly so long looks slow again, for those 215 s at the most.
 */

import { ewmaDecayMs } from './limits.ts';

/** The level of a fresh estimate. */
export function levelOf(valueMs: number, nowMs: number): number {
  return Math.round(exactLevel(valueMs, nowMs)) | 0;
}

/** How far the level is ahead of now: what orders estimates; decay x ln(estimate / 1 us). */
export function levelHeight(level: number, nowMs: number): number {
  return headroomMs - ((nowMs + headroomMs - level) >>> 0);
}

/** The estimate at `nowMs` (any integer; only its low 32 bits count), milliseconds. */
export function levelValue(level: number, nowMs: number): number {
  return floorMs * Math.exp(levelHeight(level, nowMs) / ewmaDecayMs);
}

/**
 * The level after a sample that stands for the last `spanMs`. `dither` in [0, 1) rounds at random:
 * rounding to the nearest would stop an estimate within 3 % above the samples it follows.
 */
export function levelAfter(
  level: number,
  nowMs: number,
  spanMs: number,
  sampleMs: number,
  dither: number,
): number {
  const value = levelValue(level, nowMs);
  if (sampleMs > value) return levelOf(sampleMs, nowMs);
  if (spanMs <= 0) return level;
  const averaged = value - sampleMs * Math.expm1(-spanMs / ewmaDecayMs);
  return Math.floor(exactLevel(averaged, nowMs) + dither) | 0;
}

function exactLevel(valueMs: number, nowMs: number): number {
  const value = Math.min(Math.max(valueMs, floorMs), ceilingMs);
  return nowMs + ewmaDecayMs * Math.log(value / floorMs);
}

const floorMs = 0.001;
const ceilingMs = 2_147_483;
/** Above decay x ln(ceiling / floor): what a level may be ahead of now. */
const headroomMs = 2 ** 18;
