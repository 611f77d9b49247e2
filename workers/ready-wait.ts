/** The wait of main for its workers; it fails when they do not get as far. */

import { Timer, type TimerWheel } from '../core/base/timers.ts';

interface ReadyWait {
  /** Rejects when it takes too long: threads would be started for ever. */
  readonly ready: Promise<void>;
  readonly onReady: () => void;
}

export function waitForWorkers(timers: TimerWheel): ReadyWait {
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
  const timer = new Timer({
    onTimer: () => reject(new Error(`no worker was ready within ${startTimeoutMs} ms`)),
  });
  timers.arm(timer, startTimeoutMs);
  const onReady = (): void => {
    timers.cancel(timer);
    resolve();
  };
  return { ready, onReady };
}

const startTimeoutMs = 10_000;
