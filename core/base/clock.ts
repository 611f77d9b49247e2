/** Time, injected: the only file that reads a clock. Tests pass a clock that they move by hand. */

export interface Clock {
  /** Milliseconds, fractional, monotonic; from an arbitrary start, the same in all threads. */
  monotonicMs(): number;
  /** Milliseconds since 1970, for logs and for ages that people read. */
  wallMs(): number;
}

const processStartMs = performance.timeOrigin;

/**
 * Threads have their own `performance.timeOrigin`; adding it makes readings of different threads
 * comparable, which stamps in shared memory need.
 */
export const systemClock: Clock = {
  monotonicMs: () => processStartMs + performance.now(),
  wallMs: () => Date.now(),
};
