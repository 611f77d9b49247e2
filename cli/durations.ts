/** Times as flags take them. */

import { InvalidArgumentError } from 'commander';

/** For commander: `text` in milliseconds, from `minMs` to `maxMs`. */
export function durationWithin(minMs: number, maxMs: number): (text: string) => number {
  return (text) => {
    const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(text);
    const ms =
      match === null ? Number.NaN : Math.round(Number(match[1]) * (unitsMs[match[2]] ?? 0));
    if (ms >= minMs && ms <= maxMs) return ms;
    const range = `${formatDuration(minMs)} to ${formatDuration(maxMs)}`;
    throw new InvalidArgumentError(`Expected a time such as 500ms, 10s, 5m or 24h, ${range}.`);
  };
}

/** In the largest unit that it is a whole number of. */
export function formatDuration(ms: number): string {
  for (const [unit, unitMs] of Object.entries(unitsMs).toReversed()) {
    if (ms >= unitMs && ms % unitMs === 0) return `${ms / unitMs}${unit}`;
  }
  return `${ms}ms`;
}

const unitsMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
