/** When the next certificate is asked for: pure, so that a table can say what is right. */

import { backoffMs } from '../base/backoff.ts';
import { controlBackoffMinMs, reissueMaxMs, reissueMinMs } from '../base/limits.ts';
import type { Random } from '../base/random.ts';

export interface RefreshLimits {
  readonly minMs: number;
  readonly maxMs: number;
}

/** At 70 % of what is left of a certificate, within the limits. */
export function refreshWaitMs(leftMs: number, { minMs, maxMs }: RefreshLimits): number {
  return Math.min(Math.max(leftMs * refreshShare, minMs), maxMs);
}

/**
 * After `failures`, from 1. While a certificate is left, by the rule for it, but not later than a
 * growing wait says: a control plane that was away for a minute is not waited for until tomorrow.
 */
export function retryWaitMs(
  failures: number,
  leftMs: number,
  limits: RefreshLimits,
  random: Random,
): number {
  const { minMs, maxMs } = limits;
  if (leftMs <= 0) {
    const soon = { minMs: Math.min(controlBackoffMinMs, minMs), maxMs: minMs };
    return backoffMs(soon, failures, random);
  }
  return Math.min(backoffMs({ minMs, maxMs }, failures, random), refreshWaitMs(leftMs, limits));
}

/** Each of `rounds` (from 1) has brought a certificate of another issuer than it should have. */
export function reissueWaitMs(rounds: number, random: Random): number {
  return backoffMs({ minMs: reissueMinMs, maxMs: reissueMaxMs }, rounds, random);
}

const refreshShare = 0.7;
