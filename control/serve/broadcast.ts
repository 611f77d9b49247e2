/**
 * One state for many streams. What is sent is encoded once, whoever gets it: the whole state for
 * newcomers, and what has changed for all who have the state before. States are immutable. A
 * stream that takes nothing is sent nothing: it keeps the state that it was told last, and gets the
 * difference to the newest when it takes again, so that nothing piles up behind it. If it never
 * does, it is ended.
 */

import { slowStreamMs } from '../../core/base/limits.ts';
import { Timer, type TimerOwner, type TimerWheel } from '../../core/base/timers.ts';
import type { ServerCall } from '../../core/grpc/server-call.ts';
import type { Status } from '../../core/grpc/status.ts';

/** How a state becomes frames. */
export interface StateFrames<State> {
  /** At least one. */
  whole(state: State): readonly Buffer[];
  /** None when they say the same. */
  between(before: State, after: State): readonly Buffer[];
}

export interface BroadcastEnv {
  readonly timers: TimerWheel;
  /** Runs it when the events that are under way are over. */
  readonly soon: (run: () => void) => void;
  readonly onSent: (messages: number) => void;
  readonly onSlow: () => void;
}

/** What is needed of a call. */
export type StateCall = Pick<
  ServerCall<never, unknown>,
  'sendFrame' | 'queuedBytes' | 'congested' | 'isOver' | 'end' | 'abort' | 'onDrain' | 'onCancel'
>;

export class Broadcast<State> {
  readonly #env: BroadcastEnv;
  readonly #frames: StateFrames<State>;
  readonly #onEmpty: () => void;
  readonly #readers = new Set<Reader<State>>();
  #state: State | null = null;
  #whole: readonly Buffer[] | null = null;
  /** The newest difference: most readers have the same state. */
  #change: Change<State> | null = null;
  #isAsked = false;

  /** `onEmpty` is called when the last stream has ended; nothing is to be added after it. */
  constructor(env: BroadcastEnv, frames: StateFrames<State>, onEmpty: () => void) {
    this.#env = env;
    this.#frames = frames;
    this.#onEmpty = onEmpty;
  }

  get size(): number {
    return this.#readers.size;
  }

  /** Null before the first. */
  get state(): State | null {
    return this.#state;
  }

  /** `onEnd` is called once, whoever ends the stream. */
  add(call: StateCall, onEnd: () => void): void {
    const reader: Reader<State> = new Reader(call, this.#env, {
      next: (told) => this.#next(told),
      gone: () => {
        onEnd();
        this.#forget(reader);
      },
    });
    this.#readers.add(reader);
    reader.advance();
  }

  /**
   * Nothing is sent of what says the same; how often it changes is the matter of its source. It
   * goes out in the next turn: within an event that is under way, each of thousands of streams
   * would hold what it is sent until the end of the event.
   */
  update(state: State): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#whole = null;
    if (this.#isAsked) return;
    this.#isAsked = true;
    this.#env.soon(() => this.#sendAll());
  }

  /** Ends all streams with this, after what they have not been told yet. */
  end(status: Status): void {
    for (const reader of Array.from(this.#readers)) reader.end(status);
  }

  #sendAll(): void {
    this.#isAsked = false;
    for (const reader of Array.from(this.#readers)) reader.advance();
  }

  /** What leads on from `told`; null when nothing does. */
  #next(told: State | null): Step<State> | null {
    const state = this.#state;
    if (state === null || told === state) return null;
    if (told === null) {
      this.#whole ??= this.#frames.whole(state);
      return { state, frames: this.#whole };
    }
    let change = this.#change;
    if (change?.before !== told || change.after !== state) {
      change = { before: told, after: state, frames: this.#frames.between(told, state) };
      this.#change = change;
    }
    return { state, frames: change.frames };
  }

  #forget(reader: Reader<State>): void {
    if (this.#readers.delete(reader) && this.#readers.size === 0) this.#onEmpty();
  }
}

interface Change<State> {
  readonly before: State;
  readonly after: State;
  readonly frames: readonly Buffer[];
}

interface Step<State> {
  readonly state: State;
  readonly frames: readonly Buffer[];
}

/** What a reader asks of its broadcast. */
interface Source<State> {
  next(told: State | null): Step<State> | null;
  gone(): void;
}

/** One stream: the state that it was told, and the frames that lead on to the next. */
class Reader<State> implements TimerOwner {
  readonly #call: StateCall;
  readonly #env: BroadcastEnv;
  readonly #source: Source<State>;
  #told: State | null = null;
  #step: Step<State> | null = null;
  /** How many frames of the step have been sent. */
  #sent = 0;
  #slow: Timer | null = null;
  /** Bytes that waited when the timer was armed. */
  #waiting = 0;
  #left = false;

  constructor(call: StateCall, env: BroadcastEnv, source: Source<State>) {
    this.#call = call;
    this.#env = env;
    this.#source = source;
    call.onDrain = () => this.#onDrain();
    call.onCancel = () => this.#leave();
  }

  /** Sends as much as the stream takes now. */
  advance(): void {
    while (!this.#call.congested && !this.#call.isOver) {
      this.#step ??= this.#source.next(this.#told);
      const step = this.#step;
      if (step === null) return;
      if (this.#sent < step.frames.length) {
        this.#call.sendFrame(step.frames[this.#sent]);
        this.#sent += 1;
        this.#env.onSent(1);
      }
      if (this.#sent < step.frames.length) continue;
      this.#told = step.state;
      this.#step = null;
      this.#sent = 0;
    }
    if (this.#call.congested) this.#expectTaking();
  }

  end(status: Status): void {
    this.advance();
    // What its client takes too slowly is the connection's matter now.
    this.#call.onDrain = nothing;
    this.#call.end(status);
    this.#leave();
  }

  /** It has not taken all for long; and if it has taken nothing, it is ended. */
  onTimer(): void {
    if (this.#call.queuedBytes < this.#waiting) {
      this.#expectTaking();
      return;
    }
    this.#leave();
    this.#call.abort();
    this.#env.onSlow();
  }

  #onDrain(): void {
    if (this.#slow !== null) this.#env.timers.cancel(this.#slow);
    this.advance();
  }

  #expectTaking(): void {
    this.#slow ??= new Timer(this);
    if (this.#slow.armed) return;
    this.#waiting = this.#call.queuedBytes;
    this.#env.timers.arm(this.#slow, slowStreamMs);
  }

  #leave(): void {
    if (this.#left) return;
    this.#left = true;
    if (this.#slow !== null) this.#env.timers.cancel(this.#slow);
    this.#source.gone();
  }
}

function nothing(): undefined {}
