/**
 * The life of `heddle run` from the start of its proxy to its own end: what happens in which order,
 * and how long it may take. Knows no process, no socket and no signal's name: it is told what
 * happened, and says what is to be done by `LifeSteps`.
 *
 * ```
 * starting --ready, or waited--> running --signal--> withdrawing --heard, 500 ms--> settling
 *     |                             |                     |                            | 300 ms
 *     | signal                      |                     | again a signal: it is      v
 *     |                             |                     +------ passed on -------> ending
 *     |                             |                     |                            |
 *     +-----------------------------+--- the application has ended, by itself or so ---+
 *                                   v
 *                                closing --the proxy has ended, all have heard--> done
 * ```
 *
 * From the first signal, or the application's end, all of it has `graceMs`: then the application is
 * killed, and the proxy once the application has ended.
 */

import { assert, unreachable } from '../../core/base/assert.ts';
import { Timer, type TimerOwner, type TimerWheel } from '../../core/base/timers.ts';

/** What a process has ended with, and what ours is to end with. */
export type End = { readonly code: number } | { readonly signal: NodeJS.Signals };

/** What is to be done now; none of it may call back before it returns. */
interface LifeSteps {
  /** `late`: the proxy is not ready, and was waited for. */
  startApplication(late: boolean): void;
  /** Takes the endpoint back, for good. False: nobody has been told of it, there is none. */
  withdraw(): boolean;
  passOn(signal: NodeJS.Signals): void;
  killApplication(): void;
  /** In order; called again, it is to hurry. */
  closeProxy(): void;
  killProxy(): void;
  finish(end: End): void;
}

interface LifeOptions {
  /** How long the application waits for a proxy that is ready. */
  readonly waitMs: number;
  readonly graceMs: number;
}

type LifeState =
  | 'starting'
  | 'running'
  | 'withdrawing'
  | 'settling'
  | 'ending'
  | 'closing'
  | 'done';

export class Life implements TimerOwner {
  readonly #options: LifeOptions;
  readonly #timers: TimerWheel;
  readonly #steps: LifeSteps;
  readonly #stepTimer = new Timer(this);
  readonly #graceTimer = new Timer(this);
  #state: LifeState = 'starting';
  /** What is passed on when all have heard. */
  #signal: NodeJS.Signals = 'SIGTERM';
  #end: End | null = null;
  #graceIsOver = false;
  #hasProxy = true;
  #isHeard = true;

  constructor(options: LifeOptions, timers: TimerWheel, steps: LifeSteps) {
    this.#options = options;
    this.#timers = timers;
    this.#steps = steps;
    timers.arm(this.#stepTimer, options.waitMs);
  }

  get state(): LifeState {
    return this.#state;
  }

  /** The proxy serves. Later ones, after it was started again, change nothing here. */
  ready(): void {
    if (this.#state === 'starting') this.#run(false);
  }

  /** The proxy can never serve, or the application cannot be started. */
  failed(code: number): void {
    if (this.#state === 'starting' || this.#state === 'running') this.#close({ code });
  }

  signalled(signal: NodeJS.Signals): void {
    switch (this.#state) {
      case 'starting':
        this.#close({ signal });
        break;
      case 'running':
        this.#signal = signal;
        this.#limit();
        if (this.#withdraw()) this.#enter('withdrawing', withdrawMs);
        else this.#passOn(signal);
        break;
      case 'withdrawing':
      case 'settling':
      case 'ending':
        this.#passOn(signal);
        break;
      case 'closing':
        this.#steps.closeProxy();
        break;
      case 'done':
        break;
      default:
        unreachable(this.#state);
    }
  }

  /** Everyone who was told of the endpoint has confirmed that it is gone. */
  withdrawn(): void {
    this.#isHeard = true;
    if (this.#state === 'withdrawing') this.#enter('settling', settleMs);
    else if (this.#state === 'closing') this.#finishIfOver();
  }

  applicationEnded(end: End): void {
    switch (this.#state) {
      case 'running':
        this.#withdraw();
        this.#close(end);
        break;
      case 'withdrawing':
      case 'settling':
      case 'ending':
        this.#close(end);
        break;
      // It was given up.
      case 'closing':
      case 'done':
        break;
      default:
        assert(this.#state !== 'starting', 'what has not started does not end');
    }
  }

  /** There is no process of the proxy, and none will be started any more. */
  proxyEnded(): void {
    this.#hasProxy = false;
    if (this.#state === 'closing') this.#finishIfOver();
  }

  onTimer(timer: Timer): void {
    if (timer === this.#graceTimer) this.#force();
    else this.#stepIsOver();
  }

  #stepIsOver(): void {
    switch (this.#state) {
      case 'starting':
        this.#run(true);
        break;
      case 'withdrawing':
        this.#enter('settling', settleMs);
        break;
      case 'settling':
        this.#passOn(this.#signal);
        break;
      case 'closing':
        this.#isHeard = true;
        this.#finishIfOver();
        break;
      default:
        assert(false, `nothing is waited for while ${this.#state}`);
    }
  }

  /** The grace is over; and once more when what was killed does not end. */
  #force(): void {
    const again = this.#graceIsOver;
    this.#graceIsOver = true;
    if (this.#state === 'closing') {
      if (again) this.#finish();
      else this.#killProxy();
      return;
    }
    if (again) {
      this.#close({ signal: 'SIGKILL' });
      return;
    }
    this.#timers.cancel(this.#stepTimer);
    this.#state = 'ending';
    this.#steps.killApplication();
    this.#timers.arm(this.#graceTimer, killedMs);
  }

  #run(late: boolean): void {
    this.#timers.cancel(this.#stepTimer);
    this.#state = 'running';
    this.#steps.startApplication(late);
  }

  #withdraw(): boolean {
    this.#isHeard = !this.#steps.withdraw();
    return !this.#isHeard;
  }

  #passOn(signal: NodeJS.Signals): void {
    this.#timers.cancel(this.#stepTimer);
    this.#state = 'ending';
    this.#steps.passOn(signal);
  }

  #close(end: End): void {
    this.#limit();
    this.#end = end;
    this.#enter('closing', withdrawMs);
    this.#steps.closeProxy();
    if (this.#graceIsOver) this.#killProxy();
    this.#finishIfOver();
  }

  #killProxy(): void {
    this.#steps.killProxy();
    this.#timers.arm(this.#graceTimer, killedMs);
  }

  #finishIfOver(): void {
    if (this.#state === 'closing' && !this.#hasProxy && this.#isHeard) this.#finish();
  }

  #finish(): void {
    assert(this.#end !== null, 'whoever closes says what to end with');
    this.#timers.cancel(this.#stepTimer);
    this.#timers.cancel(this.#graceTimer);
    this.#state = 'done';
    this.#steps.finish(this.#end);
  }

  #limit(): void {
    if (!this.#graceTimer.armed) this.#timers.arm(this.#graceTimer, this.#options.graceMs);
  }

  #enter(state: LifeState, limitMs: number): void {
    this.#state = state;
    this.#timers.arm(this.#stepTimer, limitMs);
  }
}

const withdrawMs = 500;
/** From a control plane that has heard to the workers of the callers. */
const settleMs = 300;
/** What the kernel takes to end what was killed; a process in its hands may take longer. */
const killedMs = 2_000;
