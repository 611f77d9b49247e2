/** A deadline as a function, for the few that discovery has: one closure each. */

import { Timer, type TimerWheel } from '../../core/base/timers.ts';

/** Runs once after `delayMs` unless the returned function is called before. */
export function runAfter(timers: TimerWheel, delayMs: number, run: () => void): () => void {
  const timer = new Timer({ onTimer: () => run() });
  timers.arm(timer, delayMs);
  return () => timers.cancel(timer);
}
