/** How many workers Linkerd's variables about cores ask for: one, where they say nothing. */

import type { Reading } from './reading.ts';

export function readCores(reading: Reading): void {
  const available = Math.max(1, reading.machine.cpus());
  const least = reading.has('CORES_MIN')
    ? countOf(reading, 'CORES_MIN')
    : countOf(reading, 'CORES');
  const most = countOf(reading, 'CORES_MAX');
  const ratio = ratioOf(reading);
  const byRatio = ratio === null ? 1 : Math.round(ratio * available);
  const wanted = Math.max(least ?? 1, most ?? byRatio, 1);
  reading.take('CORES', { workers: Math.min(available, wanted) });
}

/** What is wrong has no effect; it is no reason not to start. */
function countOf(reading: Reading, name: string): number | null {
  const text = reading.text(name);
  if (text === undefined) return null;
  if (/^\+?\d{1,9}$/.test(text) && Number(text) > 0) return Number(text);
  reading.warn(name, 'is no whole number above 0 and has no effect');
  return null;
}

function ratioOf(reading: Reading): number | null {
  const text = reading.text('CORES_MAX_RATIO');
  if (text === undefined) return null;
  const ratio = Number(text);
  if (/^[\d.e+-]+$/i.test(text) && ratio > 0 && ratio <= 1) return ratio;
  reading.warn('CORES_MAX_RATIO', 'is no number above 0, up to 1, and has no effect');
  return null;
}
