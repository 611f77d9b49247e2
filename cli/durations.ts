/** Times as flags take them. */

import { InvalidArgumentError, Option } from 'commander';

/**
 * What its `action` is given are milliseconds, from `minMs` to `maxMs`; undefined when the usual
 * time is null and nothing was said.
 */
export function durationOption(
  flags: string,
  description: string,
  [minMs, maxMs]: readonly [minMs: number, maxMs: number],
  usualMs: number | null,
): Option {
  const option = new Option(flags, description).argParser((text) => {
    const ms = text.trim() === '0' ? 0 : readDuration(text.trim());
    if (ms >= minMs && ms <= maxMs) return ms;
    const range = `${formatDuration(minMs)} to ${formatDuration(maxMs)}`;
    throw new InvalidArgumentError(`Expected a time such as 500ms, 10s, 5m or 24h, ${range}.`);
  });
  return usualMs === null ? option : option.default(usualMs, formatDuration(usualMs));
}

/** NaN for what is none. */
function readDuration(text: string): number {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(text);
  return match === null ? Number.NaN : Math.round(Number(match[1]) * unitsMs[match[2]]);
}

/** In the largest unit that it is a whole number of. */
export function formatDuration(ms: number): string {
  for (const [unit, unitMs] of Object.entries(unitsMs).toReversed()) {
    if (ms >= unitMs && ms % unitMs === 0) return `${ms / unitMs}${unit}`;
  }
  return '0s';
}

const unitsMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
