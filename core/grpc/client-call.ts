/**
 * One call of a client: messages become the content of a request, and what comes back becomes
 * messages and a status. Whatever goes wrong on the way is a status too, which names the address.
 */

import { assert } from '../base/assert.ts';
import type { ProxyError } from '../base/errors.ts';
import { Timer, type TimerOwner } from '../base/timers.ts';
import { Exchange, type ExchangeClient } from '../http/exchange.ts';
import { GrpcStatus, isGrpc } from '../http/grpc.ts';
import { Framing, type Head, Method as HttpMethod } from '../http/head.ts';
import { FrameError, frameMessage, MessageReader, prefixBytes } from './frame.ts';
import { decodeMessage, type Method } from './method.ts';
import { SendQueue } from './send-queue.ts';
import { emptyHead } from './settings.ts';
import { Code, codeOfHttp, codeOfReset, messageOf, type Status } from './status.ts';

/** Who makes a call. */
export interface CallListener<Response> {
  onMessage(message: Response): void;
  /** Exactly once, and the last. */
  onEnd(status: Status): void;
  /** The server has taken the call. */
  onHeaders?(): void;
  /** What `queuedBytes` counted has gone out. */
  onDrain?(): void;
}

export interface ClientCall<Request> {
  send(message: Request): void;
  /** No more messages follow. */
  end(): void;
  /** The listener hears of its end, CANCELLED, before this returns. */
  cancel(): void;
  /** Bytes sent here that the server's windows or the kernel have not taken yet. */
  readonly queuedBytes: number;
}

/** The client that a call belongs to. */
export interface CallOwner {
  readonly address: string;
  readonly authority: string;
  readonly nowMs: number;
  readonly messageBytesMax: number;
  /** Leads what comes of an exchange to the call that is its target. */
  readonly responses: ExchangeClient;
  enter(): void;
  leave(): void;
  arm(timer: Timer, delayMs: number): void;
  disarm(timer: Timer): void;
  /** The call has ended. */
  ended(call: Call): void;
}

/** A call as its client sees it, whatever its messages are. */
export type Call = OutgoingCall<never, unknown>;

export class OutgoingCall<Request, Response>
  extends SendQueue
  implements ClientCall<Request>, TimerOwner
{
  /** Until when it may wait for a connection, or for room on it. */
  waitUntilMs = 0;
  readonly #owner: CallOwner;
  readonly #method: Method<Request, Response>;
  readonly #listener: CallListener<Response>;
  readonly #lines: string;
  readonly #deadlineMs: number;
  readonly #timeoutMs: number;
  readonly #timer: Timer | null;
  #reader: MessageReader | null = null;
  /** Null until there is a connection, and from the end on. */
  #x: Exchange | null = null;
  #over = false;
  #halfClosed = false;
  #message = '';

  /** `lines`: fields of the caller's own, complete; `deadlineMs`: monotonic. */
  constructor(
    owner: CallOwner,
    method: Method<Request, Response>,
    listener: CallListener<Response>,
    lines: string,
    deadlineMs: number,
  ) {
    super(false);
    this.#owner = owner;
    this.#method = method;
    this.#listener = listener;
    this.#lines = lines;
    this.#deadlineMs = deadlineMs;
    this.#timeoutMs = Math.round(deadlineMs - owner.nowMs);
    this.#timer = deadlineMs === Number.POSITIVE_INFINITY ? null : new Timer(this);
    if (this.#timer !== null) owner.arm(this.#timer, deadlineMs - owner.nowMs);
  }

  get isOver(): boolean {
    return this.#over;
  }

  /** The exchange to send; there is a connection now. */
  begin(): Exchange {
    assert(this.#x === null && !this.#over, 'a call begins once');
    const x = new Exchange();
    const bytes = Buffer.from(`POST${this.#method.path}`, 'latin1');
    const head = x.request;
    emptyHead(head);
    head.clear(bytes, 0);
    head.end = bytes.length;
    head.major = 2;
    head.minor = 0;
    head.method = HttpMethod.POST;
    head.methodEnd = 4;
    head.targetStart = 4;
    head.targetEnd = bytes.length;
    head.pathStart = 4;
    head.framing = Framing.CHUNKED;
    x.client = this.#owner.responses;
    x.target = this;
    x.isGrpc = true;
    x.startedMs = this.#owner.nowMs;
    x.defaultAuthority = this.#owner.authority;
    x.extraFields = this.#fieldLines();
    this.#x = x;
    return x;
  }

  send(message: Request): void {
    if (this.#over) return;
    assert(!this.#halfClosed, 'no message follows the end');
    const frame = frameMessage(this.#method.request, message);
    const { messageBytesMax } = this.#owner;
    if (frame.length - prefixBytes > messageBytesMax) {
      this.#give(Code.RESOURCE_EXHAUSTED, `the request is larger than ${messageBytesMax} bytes`);
      return;
    }
    this.#owner.enter();
    if (!this.enqueue(frame)) {
      this.#give(Code.RESOURCE_EXHAUSTED, `it does not read: ${this.queuedBytes} bytes wait`);
    }
    this.#owner.leave();
  }

  end(): void {
    if (this.#over || this.#halfClosed) return;
    this.#halfClosed = true;
    this.#owner.enter();
    this.endAfter();
    this.#owner.leave();
  }

  cancel(): void {
    this.#owner.enter();
    this.#give(Code.CANCELLED, 'cancelled by the caller');
    this.#owner.leave();
  }

  /** It has ended, and the listener hears how. */
  fail(code: number, message: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#x = null;
    this.#reader = null;
    this.clear();
    if (this.#timer !== null) this.#owner.disarm(this.#timer);
    this.#owner.ended(this as unknown as Call);
    this.#listener.onEnd({ code, message });
  }

  onTimer(): void {
    this.#owner.enter();
    this.#give(Code.DEADLINE_EXCEEDED, `no end within ${this.#timeoutMs} ms, its deadline`);
    this.#owner.leave();
  }

  onHead(x: Exchange, head: Head): void {
    if (!isGrpc(head)) {
      this.#give(codeOfHttp(head.status), `no gRPC in the answer, HTTP status ${head.status}`);
    } else if (x.grpcStatus !== GrpcStatus.MISSING) {
      this.#message = messageOf(head);
    } else if (head.status !== 200) {
      this.#give(codeOfHttp(head.status), `HTTP status ${head.status}`);
    } else {
      this.#listener.onHeaders?.();
    }
  }

  onData(bytes: Buffer, start: number, end: number): void {
    this.#reader ??= new MessageReader(this.#owner.messageBytesMax);
    const reader = this.#reader;
    for (let at = start; at < end && !this.#over; ) {
      at = reader.read(bytes, at, end);
      if (at < 0) {
        this.#refuse(at);
        return;
      }
      const whole = reader.take();
      if (whole !== null) this.#deliver(whole);
    }
  }

  onTrailers(fields: Head): void {
    this.#message = messageOf(fields);
  }

  onEnd(x: Exchange): void {
    const code = x.grpcStatus;
    if (code === GrpcStatus.MISSING) {
      this.fail(Code.UNKNOWN, this.#text('the answer ended without grpc-status'));
    } else if (code === Code.OK && this.#reader !== null && !this.#reader.empty) {
      this.fail(Code.INTERNAL, this.#text('the answer ended inside of a message'));
    } else {
      this.fail(code, this.#message);
    }
  }

  onFail(x: Exchange, error: ProxyError): void {
    this.fail(codeOfError(error, x.resetCode), error.detail);
  }

  pause(): void {
    this.block();
  }

  resume(): void {
    this.unblock();
  }

  protected override sendPiece(bytes: Buffer, start: number, end: number): void {
    const x = this.#x;
    x?.upstream?.data(x, bytes, start, end);
  }

  protected override sendEnd(): void {
    const x = this.#x;
    x?.upstream?.end(x);
  }

  protected override drained(): void {
    if (!this.#over) this.#listener.onDrain?.();
  }

  #fieldLines(): string {
    const own = 'te: trailers\r\ncontent-type: application/grpc\r\ngrpc-accept-encoding: identity';
    const timeout =
      this.#timer === null
        ? ''
        : `grpc-timeout: ${timeoutText(this.#deadlineMs - this.#owner.nowMs)}\r\n`;
    return `${own}\r\n${timeout}${this.#lines}`;
  }

  #deliver(whole: Buffer): void {
    const message = decodeMessage(this.#method.response, whole);
    if (message === null) this.#give(Code.INTERNAL, 'a message of the answer is malformed');
    else this.#listener.onMessage(message);
  }

  #refuse(error: number): void {
    switch (error) {
      case FrameError.COMPRESSED:
        this.#give(Code.UNIMPLEMENTED, 'the answer is compressed, which was not asked for');
        break;
      case FrameError.TOO_LARGE: {
        const { messageBytesMax } = this.#owner;
        this.#give(Code.RESOURCE_EXHAUSTED, `a message has more than ${messageBytesMax} bytes`);
        break;
      }
      default:
        this.#give(Code.INTERNAL, 'the answer is no sequence of messages');
    }
  }

  /** Ends it from our side. */
  #give(code: number, detail: string): void {
    if (this.#over) return;
    const x = this.#x;
    x?.upstream?.cancel(x);
    this.fail(code, this.#text(detail));
  }

  #text(detail: string): string {
    return `${this.#owner.address}: ${detail}`;
  }
}

/** At most eight digits, "gRPC over HTTP2"; rounded up, so that a server is never the first. */
function timeoutText(leftMs: number): string {
  const ms = Math.max(1, Math.ceil(leftMs));
  if (ms < 1e8) return `${ms}m`;
  return `${Math.min(Math.ceil(ms / 1000), 99_999_999)}S`;
}

function codeOfError(error: ProxyError, resetCode: number): number {
  switch (error.code) {
    case 'UPSTREAM_MALFORMED':
      return Code.INTERNAL;
    case 'UPSTREAM_HEAD_TOO_LARGE':
      return Code.RESOURCE_EXHAUSTED;
    default:
      return resetCode === -1 ? Code.UNAVAILABLE : codeOfReset(resetCode);
  }
}
