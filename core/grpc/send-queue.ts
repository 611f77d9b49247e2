/**
 * What a call has to send and cannot yet: frames that windows, the kernel or a connection that is
 * not there hold up. Frames stay as they are, so that one which thousands of calls send exists
 * once; the stream below is handed small pieces, because it copies what it cannot send.
 */

import { grpcQueueBytesMax } from '../base/limits.ts';

export abstract class SendQueue {
  #frames: Buffer[] = none;
  /** The first frame that has not been handed on whole, and how much of it has. */
  #first = 0;
  #at = 0;
  #frameBytes = 0;
  /** The piece that the stream holds. */
  #pieceBytes = 0;
  #blocked: boolean;
  #ending = false;

  /** `open`: pieces can be handed on from the start, else after `unblock`. */
  constructor(open: boolean) {
    this.#blocked = !open;
  }

  /** Bytes that wait, and have not been taken by the peer's windows and the kernel. */
  get queuedBytes(): number {
    return this.#frameBytes + this.#pieceBytes;
  }

  /** Hands a piece to the stream, which may call `block`. */
  protected abstract sendPiece(bytes: Buffer, start: number, end: number): void;
  /** Everything has been handed on, after `endAfter`. */
  protected abstract sendEnd(): void;
  /** Nothing waits any more. */
  protected abstract drained(): void;

  /** False when so much waits already that it is dropped. */
  protected enqueue(frame: Buffer): boolean {
    if (this.#blocked || this.#frameBytes > 0) {
      if (this.#frameBytes + frame.length > grpcQueueBytesMax) return false;
      this.#push(frame, 0);
      return true;
    }
    const at = this.#hand(frame, 0);
    if (at < frame.length) this.#push(frame, at);
    return true;
  }

  /** The end follows what waits. */
  protected endAfter(): void {
    this.#ending = true;
    if (!this.#blocked && this.#frameBytes === 0) this.sendEnd();
  }

  /** The stream takes nothing more for now. */
  protected block(): void {
    this.#blocked = true;
  }

  protected unblock(): void {
    const waited = this.queuedBytes > 0;
    this.#blocked = false;
    this.#pieceBytes = 0;
    this.#handFrames();
    if (this.#isBlocked()) return;
    if (this.#ending) this.sendEnd();
    else if (waited) this.drained();
  }

  /** Nothing of it will be sent. */
  protected clear(): void {
    this.#forgetFrames();
    this.#pieceBytes = 0;
    this.#at = 0;
  }

  #push(frame: Buffer, at: number): void {
    if (this.#frames === none) this.#frames = [];
    if (this.#frameBytes === 0) this.#at = at;
    this.#frames.push(frame);
    this.#frameBytes += frame.length - at;
  }

  #handFrames(): void {
    while (this.#first < this.#frames.length && !this.#blocked) {
      const frame = this.#frames[this.#first];
      const at = this.#hand(frame, this.#at);
      this.#frameBytes -= at - this.#at;
      this.#at = at;
      if (at < frame.length) break;
      this.#at = 0;
      this.#first += 1;
    }
    if (this.#first === this.#frames.length) {
      this.#forgetFrames();
    } else if (this.#first > framesKept) {
      this.#frames.splice(0, this.#first);
      this.#first = 0;
    }
  }

  /** Returns the offset behind what was handed on. */
  #hand(frame: Buffer, from: number): number {
    let at = from;
    while (at < frame.length && !this.#blocked) {
      const end = Math.min(frame.length, at + pieceBytesMax);
      this.sendPiece(frame, at, end);
      if (this.#isBlocked()) this.#pieceBytes = end - at;
      at = end;
    }
    return at;
  }

  /** What `sendPiece` may have changed. */
  #isBlocked(): boolean {
    return this.#blocked;
  }

  #forgetFrames(): void {
    this.#frames = none;
    this.#first = 0;
    this.#frameBytes = 0;
  }
}

const none: Buffer[] = [];
/** A stream may hold twice as much of it. */
const pieceBytesMax = 4 * 1024;
/** Frames that have gone out and keep their place in the list. */
const framesKept = 64;
