/**
 * One stream of an HTTP/2 connection, as far as both of its ends are alike: its state, its windows
 * and what waits to be sent. Streams come from a free list; `open` begins a new life. What its
 * frames mean for an exchange is up to the sides (`server-stream.ts`, `client-stream.ts`).
 */

import type { DeadlineHolder } from '../../base/deadlines.ts';
import type { Head } from '../head.ts';
import { Stash } from '../stash.ts';
import { RecvWindow, SendWindow } from './flow.ts';
import { State } from './state.ts';

/** The connection, as far as streams of either end ask something of it. */
export interface StreamOwner {
  /** False when some of it has to wait, until `onSent`. */
  sendData(stream: Stream, bytes: Buffer, start: number, end: number): boolean;
  sendTrailers(stream: Stream, fields: Head): void;
  sendEnd(stream: Stream): void;
  /** Announces credit for what has been forwarded, in portions; not while the stream is held. */
  giveBack(stream: Stream): void;
  /** Both sides have ended the stream, as it should be. */
  closed(stream: Stream): void;
  /** Ends a stream before its end, because of something that is not the peer's fault. */
  reset(stream: Stream, code: number): void;
}

export abstract class Stream implements DeadlineHolder {
  id = 0;
  state: number = State.IDLE;
  readonly sendWindow = new SendWindow();
  readonly recvWindow = new RecvWindow();
  /** Content that windows or the socket hold up. */
  readonly queue = new Stash();
  /** Our end follows the queue. */
  ending = false;
  /** The end goes out with them. */
  waitingFields: Head | null = null;
  /** The peer's head has come: content may follow it. */
  headed = false;
  /** No credit is given back: whoever takes this stream's content has no room for more. */
  held = false;
  /** Content sent so far. */
  sentBytes = 0;
  /** Declared by content-length and not received yet; -1 where nothing was declared. */
  contentLeft = -1;
  /** The list of streams that could send. */
  isReady = false;
  prevReady: Stream | null = null;
  nextReady: Stream | null = null;

  /** In the list of deadlines: most streams end before they have any. */
  isWatched = false;
  deadlineMs = Number.POSITIVE_INFINITY;
  prevHolder: DeadlineHolder | null = null;
  nextHolder: DeadlineHolder | null = null;

  /** A part of the peer's content, within its window and its declared length. */
  abstract onData(bytes: Buffer, start: number, end: number): void;
  /** The peer has ended the stream. */
  abstract onEnd(): void;
  /** The peer has reset the stream, with an HTTP/2 error code. */
  abstract onReset(code: number): void;
  /** What waited to be sent has been sent: its source may go on. */
  abstract onSent(): void;
  /** We have ended the stream. */
  abstract onEndSent(): void;
  /** The peer has broken a rule of this stream, which we reset for it. */
  abstract onViolation(text: string): void;
  abstract onDeadline(): void;
  /** The connection has ended, and with it the stream. */
  abstract onOver(reason: string): void;

  open(id: number, state: number, sendBytes: number, recvBytes: number): void {
    this.id = id;
    this.state = state;
    this.sendWindow.reset(sendBytes);
    this.recvWindow.reset(recvBytes);
    this.ending = false;
    this.headed = false;
    this.held = false;
    this.sentBytes = 0;
    this.contentLeft = -1;
  }

  /** Lets go of everything that a life has gathered. */
  forget(): void {
    this.state = State.CLOSED;
    this.queue.clear();
    this.waitingFields = null;
    this.deadlineMs = Number.POSITIVE_INFINITY;
  }
}
