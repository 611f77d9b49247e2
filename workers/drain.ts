/**
 * The order in which a proxy ends. Pure: it is told the time and the counts, and says what is to
 * be done. Inbound ends first, because the application needs outbound to finish its answers; a
 * strict drain announces nothing and ends both at once, as Linkerd's proxy does.
 *
 *     running --begin--> announce --announceMs--> inbound --drained--> quiet --3 s--> outbound
 *                            |                       |                   |               |
 *                            +--------- graceMs, or begin again ---------+---------------+
 *                                                    |                                drained
 *                                                    v                                   |
 *                                                  force ------------------------------> done
 *
 *     strict:  running --begin--> inbound --at once--> outbound --drained--> done
 */

import type { DrainStage } from '../api/messages.ts';
import { unreachable } from '../core/base/assert.ts';

export interface DrainOptions {
  readonly announceMs: number;
  /** From the beginning; all stages are inside. */
  readonly graceMs: number;
  readonly isStrict: boolean;
  readonly hasInbound: boolean;
  readonly hasOutbound: boolean;
}

export interface DrainCounts {
  /** Listeners that still let clients in. */
  readonly listenersInbound: number;
  readonly listenersOutbound: number;
  readonly connectionsInbound: number;
  readonly connectionsOutbound: number;
  readonly exchangesOutbound: number;
  /** Since the last outbound byte or connection. */
  readonly outboundQuietMs: number;
}

/** What happens now; `quiet` is waiting, in which nothing changes for the workers. */
export type DrainStep = DrainStage | 'quiet' | 'done';

export class Drain {
  readonly #options: DrainOptions;
  readonly #onStep: (step: DrainStep) => void;
  #step: DrainStep | 'running' = 'running';
  #beganMs = 0;
  #stepMs = 0;

  constructor(options: DrainOptions, onStep: (step: DrainStep) => void) {
    this.#options = options;
    this.#onStep = onStep;
  }

  get step(): DrainStep | 'running' {
    return this.#step;
  }

  /** A signal. The second one forces. */
  begin(nowMs: number): void {
    if (this.#step === 'running') {
      this.#beganMs = nowMs;
      this.#enter(this.#firstStep(), nowMs);
    } else if (this.#step !== 'done' && this.#step !== 'force') this.#enter('force', nowMs);
  }

  /** Goes as many steps on as the counts allow. */
  advance(nowMs: number, counts: DrainCounts): void {
    for (;;) {
      const next = this.#next(nowMs, counts);
      if (next === null) return;
      this.#enter(next, nowMs);
    }
  }

  /** Nobody is to be told of an inbound side that is not there. */
  #firstStep(): DrainStep {
    const { isStrict, hasInbound } = this.#options;
    if (hasInbound) return isStrict ? 'inbound' : 'announce';
    return isStrict ? 'outbound' : 'quiet';
  }

  #next(nowMs: number, counts: DrainCounts): DrainStep | null {
    const { announceMs, graceMs, isStrict, hasOutbound } = this.#options;
    const inboundLeft = counts.listenersInbound + counts.connectionsInbound;
    const isEmpty = inboundLeft + counts.listenersOutbound + counts.connectionsOutbound === 0;
    if (this.#step === 'running' || this.#step === 'done') return null;
    if (this.#step === 'force') {
      return isEmpty || nowMs - this.#stepMs >= forcedMs ? 'done' : null;
    }
    if (nowMs - this.#beganMs >= graceMs) return 'force';
    switch (this.#step) {
      case 'announce':
        return nowMs - this.#beganMs >= announceMs ? 'inbound' : null;
      case 'inbound':
        if (isStrict && hasOutbound) return 'outbound';
        return inboundLeft === 0 ? (hasOutbound ? 'quiet' : 'done') : null;
      case 'quiet':
        return isQuiet(counts) ? 'outbound' : null;
      case 'outbound':
        return isEmpty ? 'done' : null;
      default:
        return unreachable(this.#step);
    }
  }

  #enter(step: DrainStep, nowMs: number): void {
    this.#step = step;
    this.#stepMs = nowMs;
    this.#onStep(step);
  }
}

/** A request that waits for its answer moves no byte, and is not quiet. */
function isQuiet(counts: DrainCounts): boolean {
  return counts.exchangesOutbound === 0 && counts.outboundQuietMs >= quietMs;
}

const quietMs = 3_000;
/** What resets take to reach their sockets. */
const forcedMs = 500;
