/** When a worker that has died is started again. Pure. */

import { workerHealthyMs, workerRestartMsMax } from '../core/base/limits.ts';

interface RestartState {
  /** Deaths in a row, each within the healthy time after its start. */
  readonly failures: number;
  readonly delayMs: number;
}

/** 0, 100 ms, doubled each time up to 10 s; a life of a minute makes it forget. */
export function nextRestart(failuresBefore: number, livedMs: number): RestartState {
  const failures = livedMs >= workerHealthyMs ? 0 : failuresBefore;
  const delayMs =
    failures === 0 ? 0 : Math.min(firstDelayMs * 2 ** (failures - 1), workerRestartMsMax);
  return { failures: Math.min(failures + 1, failuresMax), delayMs };
}

const firstDelayMs = 100;
/** Beyond this the delay does not grow. */
const failuresMax = 32;
