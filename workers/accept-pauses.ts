/** Which threads accept nothing for now, and why: for the log and the metrics. */

import type { PauseReason } from '../api/messages.ts';
import type { Logger } from '../core/telemetry/log.ts';
import type { MainMetrics } from './metrics.ts';

interface AcceptPausesOptions {
  readonly metrics: MainMetrics;
  readonly log: Logger;
  readonly countConnections: () => number;
}

export class AcceptPauses {
  readonly #options: AcceptPausesOptions;
  readonly #reasons = new Map<number, PauseReason>();

  constructor(options: AcceptPausesOptions) {
    this.#options = options;
  }

  /** `thread` is a worker's index, or `mainThread`. */
  paused(thread: number, reason: PauseReason): void {
    const { metrics, log, countConnections } = this.#options;
    this.#reasons.set(thread, reason);
    metrics.count('heddle_accept_pauses_total', { reason });
    this.#show(reason);
    const fields = { ...nameOf(thread), reason, connections: countConnections() };
    log.warn(target, 'accepting is paused, clients wait in the backlog', fields);
  }

  resumed(thread: number): void {
    const reason = this.#forget(thread);
    if (reason === null) return;
    this.#options.log.info(target, 'accepting again', { ...nameOf(thread), reason });
  }

  /** Its listeners have ended with it. */
  workerEnded(worker: number): void {
    this.#forget(worker);
  }

  #forget(thread: number): PauseReason | null {
    const reason = this.#reasons.get(thread);
    if (reason === undefined) return null;
    this.#reasons.delete(thread);
    this.#show(reason);
    return reason;
  }

  #show(reason: PauseReason): void {
    let threads = 0;
    for (const other of this.#reasons.values()) if (other === reason) threads += 1;
    this.#options.metrics.set('heddle_accept_paused', { reason }, threads);
  }
}

function nameOf(thread: number): { worker?: number } {
  return thread === mainThread ? {} : { worker: thread };
}

export const mainThread = -1;
const target = 'heddle::accept';
