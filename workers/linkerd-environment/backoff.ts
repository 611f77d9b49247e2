/** Three variables that say how long to wait before another attempt: together, or not at all. */

import { duration, fraction } from './kinds.ts';
import type { Reading } from './reading.ts';

/** Both ends of the time are given, or none of the three; null for none, or for a mistake. */
export function readBackoff(
  reading: Reading,
  base: string,
): { readonly minMs: number; readonly maxMs: number } | null {
  const [min, max, jitter] = [`${base}_MIN`, `${base}_MAX`, `${base}_JITTER`];
  const minMs = reading.value(min, duration);
  const maxMs = reading.value(max, duration);
  reading.value(jitter, fraction);
  if (reading.has(min) && reading.has(max)) {
    if (minMs === null || maxMs === null) return null;
    if (minMs > maxMs) reading.refuse(min, `is more than ${base}_MAX: ${minMs} ms, ${maxMs} ms`);
    else if (maxMs === 0) reading.refuse(max, 'expected a time above 0');
    else return { minMs, maxMs };
    return null;
  }
  const alone = [min, max, jitter].find((name) => reading.has(name));
  if (alone !== undefined) reading.refuse(alone, 'expected _MIN and _MAX together, or none');
  return null;
}
