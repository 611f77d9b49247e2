/**
 * The statistics of the benchmarks: medians with their spread, and ratios of what was measured in
 * the same round. Knows nothing of what the figures are.
 */

export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Median, least and greatest; `null` of nothing. */
export function summarize(values: readonly number[]): Summary | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median =
    sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, min: sorted[0], max: sorted[sorted.length - 1] };
}

/**
 * Numerator by denominator, round by round: what disturbed a round disturbed both, so the ratio is
 * steadier than either figure. Rounds that only one side has are left out.
 */
export function summarizeRatios(
  numerators: readonly number[],
  denominators: readonly number[],
): Summary | null {
  const rounds = Math.min(numerators.length, denominators.length);
  const ratios: number[] = [];
  for (let round = 0; round < rounds; round++) {
    if (denominators[round] > 0) ratios.push(numerators[round] / denominators[round]);
  }
  return summarize(ratios);
}
