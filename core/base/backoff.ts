/** Waits that double with each failure and are spread by chance, so that nobody retries in step. */

import type { Random } from './random.ts';

export interface Backoff {
  readonly minMs: number;
  /** The longest wait before the jitter of up to a half is added. */
  readonly maxMs: number;
}

/** The wait after `failures` (from 1) consecutive failures: min x 2^(failures - 1), plus 0-50 %. */
export function backoffMs(backoff: Backoff, failures: number, random: Random): number {
  const doublings = Math.min(Math.max(failures - 1, 0), 30);
  const base = Math.min(backoff.minMs * 2 ** doublings, backoff.maxMs);
  return base * (1 + random.float() / 2);
}
