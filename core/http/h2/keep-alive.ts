/**
 * Whether the peer is still there: while something is under way and nothing comes from it, it is
 * asked by PING (RFC 9113 6.7), and is gone when it does not answer that in time.
 */

interface KeepAliveTimes {
  /** How long the peer may be silent; 0: it is never asked. */
  readonly keepAliveIntervalMs: number;
  readonly keepAliveTimeoutMs: number;
}

export class KeepAlive {
  readonly #times: KeepAliveTimes;
  #heardMs: number;
  #asked = false;
  /** Answers that are still to come, those included that came too late. */
  #due = 0;

  constructor(times: KeepAliveTimes, nowMs: number) {
    this.#times = times;
    this.#heardMs = nowMs;
  }

  /** Anything has come. */
  heard(nowMs: number): void {
    this.#heardMs = nowMs;
    this.#asked = false;
  }

  /** When to look next from now on. */
  nextLookMs(nowMs: number): number {
    const { keepAliveIntervalMs } = this.#times;
    return keepAliveIntervalMs === 0 ? Number.POSITIVE_INFINITY : nowMs + keepAliveIntervalMs;
  }

  /** Until when to wait after this look; -1: the peer is gone. `ask` sends the PING. */
  look(nowMs: number, ask: (payload: Buffer) => void): number {
    const { keepAliveIntervalMs, keepAliveTimeoutMs } = this.#times;
    const silentMs = nowMs - this.#heardMs;
    if (this.#asked && silentMs >= keepAliveTimeoutMs) return -1;
    if (silentMs < keepAliveIntervalMs) return this.#heardMs + keepAliveIntervalMs;
    this.#asked = true;
    this.#due += 1;
    ask(question);
    return nowMs + keepAliveTimeoutMs;
  }

  /** True when the answer to a PING was to one of these. */
  answered(): boolean {
    if (this.#due === 0) return false;
    this.#due -= 1;
    return true;
  }
}

const question = Buffer.from('alive?  ', 'latin1');
