/**
 * What a peer may do to TLS behind the handshake. Breaking a rule ends the connection, by OpenSSL.
 * Keeping to the rules without saying anything is for us to end: each KeyUpdate (RFC 8446 4.6.3)
 * costs new keys, and one that asks for an answer gets it also when the peer reads nothing, so that
 * answers would pile up. OpenSSL bounds neither, and tells nobody of them; so connections are
 * looked at from time to time, by what they have read and what they have not sent.
 */

import {
  secureRecordBytesMax,
  secureSilentBytesMax,
  secureUnsentBytesMax,
  secureWatchMs,
} from '../base/limits.ts';
import { Timer, type TimerOwner, type TimerWheel } from '../base/timers.ts';
import type { Io } from '../io/io.ts';
import type { HandshakeReader, SecureHandle } from '../io/secure-handle.ts';
import type { Socket } from '../io/socket.ts';

interface AftermathContext {
  readonly io: Io;
  readonly timers: TimerWheel;
}

export class Aftermath implements HandshakeReader, TimerOwner {
  readonly #context: AftermathContext;
  readonly #socket: Socket;
  readonly #handle: SecureHandle;
  readonly #timer = new Timer(this);
  /** Of the carrier and inside of TLS, at the last look. */
  #carried: number;
  #revealed: number;
  /** What was read beyond what records without padding need for what they bring. */
  #silentBytes = 0;

  constructor(context: AftermathContext, socket: Socket, handle: SecureHandle) {
    this.#context = context;
    this.#socket = socket;
    this.#handle = handle;
    this.#carried = handle.carrier.bytesRead ?? 0;
    this.#revealed = handle.revealedBytes;
    this.#watch();
  }

  onSecured(): void {}

  onInsecure(reason: string): void {
    this.#fail(`EPROTO, ${plainReason(reason)}`);
  }

  onTimer(): void {
    if (this.#socket.destroyed) return;
    const { io } = this.#context;
    io.enter();
    const problem = this.#look();
    if (problem === '') this.#watch();
    else this.#fail(`EPROTO, ${problem}`);
    io.leave();
  }

  /** All of a thread at the same moments: an idle thread wakes up once for them. */
  #watch(): void {
    const { timers, io } = this.#context;
    timers.arm(this.#timer, secureWatchMs - (io.nowMs % secureWatchMs));
  }

  #look(): string {
    const carried = (this.#handle.carrier.bytesRead ?? 0) - this.#carried;
    const revealed = this.#handle.revealedBytes - this.#revealed;
    this.#carried += carried;
    this.#revealed += revealed;
    const silent = this.#silentBytes + carried - revealed * secureRecordBytesMax;
    this.#silentBytes = Math.max(0, silent);
    if (this.#silentBytes > secureSilentBytesMax) return 'KeyUpdates or empty records without end';
    const unsent = this.#handle.writeQueueSize ?? 0;
    return unsent > secureUnsentBytesMax ? 'it reads none of the KeyUpdates that it asks for' : '';
  }

  #fail(code: string): void {
    const { io } = this.#context;
    io.enter();
    this.#socket.fail(code);
    io.leave();
  }
}

/** OpenSSL's text without the thread, the library and the place in its source. */
export function plainReason(text: string): string {
  const [, reason = text] = /error:[0-9A-F]+:[^:]*:[^:]*:([^:]+)/.exec(text) ?? [];
  return reason.trim();
}
