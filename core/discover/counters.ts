/** What discovery counts, for the metrics of the main thread. */

export interface DiscoveryCounters {
  streamsOpened: number;
  /** By the name of the status code; `SILENT` and `REFUSED` are those that we ended. */
  readonly streamsFailed: Map<string, number>;
  /** Targets that went to where the application dialled. */
  fallbacks: number;
  /** States that were taken from disk, and files that were not. */
  statesLoaded: number;
  statesRefused: number;
  /** Sets that lost more than half of their endpoints at once. */
  setsHalved: number;
}

export function createCounters(): DiscoveryCounters {
  return {
    streamsOpened: 0,
    streamsFailed: new Map(),
    fallbacks: 0,
    statesLoaded: 0,
    statesRefused: 0,
    setsHalved: 0,
  };
}

export function countFailure(counters: DiscoveryCounters, reason: string): void {
  counters.streamsFailed.set(reason, (counters.streamsFailed.get(reason) ?? 0) + 1);
}
