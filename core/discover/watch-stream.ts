/**
 * One watch of the control plane, kept open for as long as somebody wants it:
 *
 *   connecting --address--> waiting --message--> live --renewed--> connecting
 *                              |                   |
 *                              +---- end, silence, refused message ----> backing-off --> connecting
 *                              +---- an answer that is final ----> ended
 *
 * It decides when to ask, how long to wait and when to ask again. What a message means, and what
 * was known before a stream ended, is its owner's business: nothing here forgets any of it.
 */

import { backoffMs } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import {
  controlBackoffMaxMs,
  controlBackoffMinMs,
  unknownRetryMaxMs,
  unknownRetryMinMs,
} from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import { Timer, type TimerOwner, type TimerWheel } from '../base/timers.ts';
import type { CallListener } from '../grpc/client-call.ts';
import type { Method } from '../grpc/method.ts';
import { GrpcCode } from '../http/grpc.ts';
import type { ControlCall, ControlChannel } from './control-channel.ts';
import { countFailure, type DiscoveryCounters } from './counters.ts';

export interface StreamLimits {
  /** To the first message of a stream. */
  readonly initialMs: number;
  /** Between messages, before jitter. */
  readonly idleMs: number;
  /** Of a stream as a whole, before jitter. */
  readonly lifetimeMs: number;
}

export interface StreamEnv {
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly random: Random;
  readonly channel: Pick<ControlChannel, 'open' | 'whenUsable'>;
  readonly limits: StreamLimits;
  readonly counters: DiscoveryCounters;
  /** The control plane has said something, whatever it was. */
  readonly onAnswered: () => void;
}

/**
 * What the control plane says without a message. `unknown`: there is no such thing; `unsupported`:
 * it does not know the question; `rejected`: it does not take the question.
 */
export type Answer = 'unknown' | 'unsupported' | 'rejected';

interface StreamOwner<Response> {
  /** `first` of its stream. Returns why the message cannot be taken, or ''. */
  onMessage(message: Response, first: boolean): string;
  /** Returns whether to ask again. */
  onAnswer(answer: Answer): boolean;
}

type StreamPhase = 'connecting' | 'waiting' | 'live' | 'backing-off' | 'ended';

/** What is shown of a stream, whatever it carries. */
export interface StreamView {
  readonly phase: StreamPhase;
  readonly attempts: number;
  readonly error: string | null;
  readonly address: string;
  readonly sinceMs: number;
  readonly confirmedWallMs: number | null;
}

export class WatchStream<Request, Response> implements TimerOwner, StreamView {
  phase: StreamPhase = 'connecting';
  /** Streams that were opened. */
  attempts = 0;
  /** Why the newest stream ended; null after a message. */
  error: string | null = null;
  /** Whom the stream was opened to. */
  address = '';
  /** When it came into its phase. */
  sinceMs: number;

  readonly #env: StreamEnv;
  readonly #method: Method<Request, Response>;
  readonly #request: Request;
  readonly #owner: StreamOwner<Response>;
  readonly #wait = new Timer(this, WAIT);
  readonly #age = new Timer(this, AGE);
  #call: ControlCall | null = null;
  #stopWaiting: (() => void) | null = null;
  #failures = 0;
  #openedMs = 0;
  #unknowns = 0;
  #lastWallMs: number | null = null;

  constructor(
    env: StreamEnv,
    method: Method<Request, Response>,
    request: Request,
    owner: StreamOwner<Response>,
  ) {
    this.#env = env;
    this.#method = method;
    this.#request = request;
    this.#owner = owner;
    this.sinceMs = env.clock.monotonicMs();
  }

  /** When what it told was last known to be true; null before the first message. */
  get confirmedWallMs(): number | null {
    return this.phase === 'live' ? this.#env.clock.wallMs() : this.#lastWallMs;
  }

  start(): void {
    this.#open();
  }

  close(): void {
    this.#leaveStream(false);
    this.#stopWaiting?.();
    this.#stopWaiting = null;
    this.#enter('ended');
  }

  onTimer(timer: Timer): void {
    if (timer.kind === AGE) {
      this.#renew();
      return;
    }
    switch (this.phase) {
      case 'waiting':
        this.#leaveStream(true);
        this.#fail('SILENT', `no message within ${this.#env.limits.initialMs} ms`);
        break;
      case 'live':
        this.#renew();
        break;
      case 'backing-off':
        this.#open();
        break;
      default:
    }
  }

  /** Null while there is nobody to ask. */
  protected openCall(listener: CallListener<Response>): ControlCall | null {
    return this.#env.channel.open(this.#method, this.#request, listener);
  }

  #open(): void {
    this.#enter('connecting');
    let call: ControlCall | null = null;
    let first = true;
    // What comes before `open` has returned, or after the next one, is told apart by `over`.
    let over = false;
    this.#stopWaiting = null;
    const isCurrent = (): boolean => !over && (call === null || call === this.#call);
    const opened = this.openCall({
      onMessage: (message) => {
        if (!isCurrent()) return;
        this.#receive(message, first);
        first = false;
      },
      onEnd: (status) => {
        if (!isCurrent()) return;
        over = true;
        this.#finish(status.code, status.message);
      },
    });
    if (opened === null) {
      this.#stopWaiting = this.#env.channel.whenUsable(() => this.#open());
      return;
    }
    call = opened;
    this.attempts += 1;
    this.#openedMs = this.#env.clock.monotonicMs();
    this.#env.counters.streamsOpened += 1;
    this.address = opened.address;
    if (over) return;
    this.#call = opened;
    this.#enter('waiting');
    const { timers, limits } = this.#env;
    timers.arm(this.#wait, limits.initialMs);
    timers.arm(this.#age, this.#early(limits.lifetimeMs));
  }

  #receive(message: Response, first: boolean): void {
    this.#env.onAnswered();
    const refusal = this.#owner.onMessage(message, first);
    // The owner may have closed us.
    if (this.#call === null) return;
    if (refusal !== '') {
      this.#leaveStream(false);
      this.#fail('REFUSED', refusal);
      return;
    }
    this.#unknowns = 0;
    this.error = null;
    if (this.phase !== 'live') this.#enter('live');
    this.#env.timers.arm(this.#wait, this.#early(this.#env.limits.idleMs));
  }

  #finish(code: number, message: string): void {
    this.#call = null;
    this.#leaveStream(false);
    const answer = answers.get(code);
    const name = names[code] ?? `code ${code}`;
    if (answer === undefined) {
      this.#fail(name, message === '' ? name : `${name}: ${message}`);
      return;
    }
    if (answer !== 'unsupported') this.#env.onAnswered();
    const again = this.#owner.onAnswer(answer);
    // The owner may have closed us.
    if (this.#isEnded()) return;
    countFailure(this.#env.counters, name);
    this.error = message === '' ? name : `${name}: ${message}`;
    if (!again) {
      this.#enter('ended');
      return;
    }
    this.#unknowns += 1;
    this.#enter('backing-off');
    this.#env.timers.arm(this.#wait, backoffMs(unknownRetry, this.#unknowns, this.#env.random));
  }

  #fail(reason: string, error: string): void {
    countFailure(this.#env.counters, reason);
    this.error = error;
    // A message is no success yet: it may be what ends each stream.
    const ageMs = this.#env.clock.monotonicMs() - this.#openedMs;
    this.#failures = ageMs > controlBackoffMaxMs ? 1 : this.#failures + 1;
    this.#enter('backing-off');
    this.#env.timers.arm(this.#wait, backoffMs(backoff, this.#failures, this.#env.random));
  }

  /** Asks anew without a pause: nothing has failed. */
  #renew(): void {
    this.#leaveStream(false);
    this.#open();
  }

  #leaveStream(silent: boolean): void {
    if (this.phase === 'live') this.#lastWallMs = this.#env.clock.wallMs();
    this.#env.timers.cancel(this.#wait);
    this.#env.timers.cancel(this.#age);
    const call = this.#call;
    this.#call = null;
    call?.cancel(silent);
  }

  /** Up to a tenth, so that streams of the same age are not renewed in step. */
  #early(limitMs: number): number {
    return limitMs * (1 - this.#env.random.float() / 10);
  }

  #enter(phase: StreamPhase): void {
    this.phase = phase;
    this.sinceMs = this.#env.clock.monotonicMs();
  }

  #isEnded(): boolean {
    return this.phase === 'ended';
  }
}

const WAIT = 0;
const AGE = 1;

const answers = new Map<number, Answer>([
  [GrpcCode.NOT_FOUND, 'unknown'],
  [GrpcCode.UNIMPLEMENTED, 'unsupported'],
  [GrpcCode.INVALID_ARGUMENT, 'rejected'],
  [GrpcCode.FAILED_PRECONDITION, 'rejected'],
]);
const names = Object.keys(GrpcCode);
const backoff = { minMs: controlBackoffMinMs, maxMs: controlBackoffMaxMs };
const unknownRetry = { minMs: unknownRetryMinMs, maxMs: unknownRetryMaxMs };
