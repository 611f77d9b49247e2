/**
 * Sees a worker's heap come near its limit while its code still runs. At the limit itself V8 stops
 * the thread between two instructions: its connections are then closed, not reset, and a response
 * without a length would pass for whole.
 *
 * A look costs 1 µs. What is left behind a collection says what is really in use, so from a quarter
 * of the limit on each full one is looked at; below that nobody listens, for scavenges are many.
 */

import { constants, PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { heapFullPercentMax, heapWatchedPercentMin } from '../core/base/limits.ts';

/** The returned function looks, and is called every so often; `onFull` may throw. */
export function watchHeap(onFull: (usedMib: number, limitMib: number) => void): () => void {
  let isWatched = false;
  const observer = new PerformanceObserver((list) => {
    if (!list.getEntries().some(isFullCollection)) return;
    const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
    if (used * 100 > limit * heapFullPercentMax)
      onFull(Math.round(used / mib), Math.round(limit / mib));
  });
  return () => {
    const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
    const watches = used * 100 > limit * heapWatchedPercentMin;
    if (watches === isWatched) return;
    isWatched = watches;
    if (watches) observer.observe({ entryTypes: ['gc'] });
    else observer.disconnect();
  };
}

function isFullCollection(entry: PerformanceEntry): boolean {
  const { detail } = entry as PerformanceEntry & { readonly detail?: { readonly kind?: number } };
  return detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR;
}

const mib = 1024 * 1024;
