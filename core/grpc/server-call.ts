/**
 * One call as its server sees it. What a handler sets on it, it hears; what it sends waits here
 * while the client does not take it, which handlers keep in bounds by `queuedBytes`.
 */

import { assert } from '../base/assert.ts';
import { Timer, type TimerOwner } from '../base/timers.ts';
import type { ClientConnection, Exchange } from '../http/exchange.ts';
import { headOfLines } from '../http/field-lines.ts';
import { H2Code } from '../http/h2/error-code.ts';
import type { Head } from '../http/head.ts';
import { FrameError, frameMessage, MessageReader, prefixBytes } from './frame.ts';
import { decodeMessage, type Method } from './method.ts';
import { SendQueue } from './send-queue.ts';
import { Code, okStatus, type Status, statusLines } from './status.ts';

export interface ServerCall<Request, Response> {
  /** The client, as `10.0.0.1:4321`. */
  readonly peer: string;
  /** Monotonic; Infinity where the client gave none. Once passed, the call ends by itself. */
  readonly deadlineMs: number;
  onMessage: (message: Request) => void;
  /** The client sends nothing more. */
  onHalfClose: () => void;
  /** The client has gone, or the deadline has passed: nothing can be sent any more. */
  onCancel: () => void;
  /** Nothing waits any more. */
  onDrain: () => void;
  /** A field of the request that is the application's; null where there is none. */
  metadata(name: string): string | null;
  send(message: Response): void;
  /** What `frameMessage` made; it may go out on many calls and must not change. */
  sendFrame(frame: Buffer): void;
  /** Bytes sent here that the client's windows or the kernel have not taken yet. */
  readonly queuedBytes: number;
  readonly congested: boolean;
  readonly isOver: boolean;
  /** What has been sent goes out first; nothing comes of the request any more. */
  end(status: Status): void;
  /** Ends it by a reset, RESOURCE_EXHAUSTED: for a client that takes nothing, so no status. */
  abort(): void;
}

/** The server that a call belongs to. */
export interface CallHost {
  readonly nowMs: number;
  readonly messageBytesMax: number;
  enter(): void;
  leave(): void;
  arm(timer: Timer, delayMs: number): void;
  disarm(timer: Timer): void;
  /** Counts what is held of messages that are not whole; false when it is too much. */
  hold(bytes: number): boolean;
  ended(): void;
}

/** A call as its server sees it, whatever its messages are. */
export type AnyCall = IncomingCall<unknown, never>;

export class IncomingCall<Request, Response>
  extends SendQueue
  implements ServerCall<Request, Response>, TimerOwner
{
  readonly deadlineMs: number;
  onMessage: (message: Request) => void = nothing;
  onHalfClose: () => void = nothing;
  onCancel: () => void = nothing;
  onDrain: () => void = nothing;
  readonly #host: CallHost;
  readonly #method: Method<Request, Response>;
  readonly #connection: ClientConnection;
  readonly #metadata: string;
  readonly #timer: Timer | null;
  #reader: MessageReader | null = null;
  /** Of `#reader`, as far as the server has been told. */
  #heldBytes = 0;
  /** Null from the end on. */
  #x: Exchange | null;
  /** What it ends with when everything has been sent. */
  #status: Status | null = null;

  constructor(host: CallHost, method: Method<Request, Response>, x: Exchange, metadata: string) {
    super(true);
    const { client } = x;
    assert(client !== null, 'a request has a client');
    this.#host = host;
    this.#method = method;
    this.#x = x;
    this.#connection = client.connection;
    this.#metadata = metadata;
    this.deadlineMs = x.deadlineMs;
    this.#timer = x.deadlineMs === Number.POSITIVE_INFINITY ? null : new Timer(this);
    if (this.#timer !== null) host.arm(this.#timer, x.deadlineMs - host.nowMs);
  }

  get peer(): string {
    return this.#connection.peer;
  }

  get congested(): boolean {
    return this.queuedBytes > 0;
  }

  /** Ended, by whichever side: nothing can be sent any more. */
  get isOver(): boolean {
    return this.#x === null || this.#status !== null;
  }

  metadata(name: string): string | null {
    const start = this.#metadata.indexOf(`\n${name}: `);
    if (start < 0) return null;
    const at = start + name.length + 3;
    return this.#metadata.slice(at, this.#metadata.indexOf('\n', at));
  }

  send(message: Response): void {
    if (!this.isOver) this.sendFrame(frameMessage(this.#method.response, message));
  }

  sendFrame(frame: Buffer): void {
    if (this.isOver) return;
    if (frame.length - prefixBytes > this.#host.messageBytesMax) {
      const message = `the answer is larger than ${this.#host.messageBytesMax} bytes`;
      this.end({ code: Code.RESOURCE_EXHAUSTED, message });
      this.onCancel();
      return;
    }
    // An event within one: of thousands of calls the first are written before the last come.
    this.#host.enter();
    this.begin();
    if (!this.enqueue(frame)) {
      const text = `${this.queuedBytes} bytes wait for the client to read them`;
      this.#give(Code.RESOURCE_EXHAUSTED, text);
    }
    this.#host.leave();
  }

  end(status: Status): void {
    if (this.isOver) return;
    this.#host.enter();
    this.#status = status;
    this.#forgetRequest();
    this.endAfter();
    this.#host.leave();
  }

  abort(): void {
    const x = this.#x;
    if (x === null) return;
    this.#host.enter();
    this.#forget();
    x.resetCode = H2Code.ENHANCE_YOUR_CALM;
    x.client?.abort(x);
    this.#host.leave();
  }

  /** Tells the client that its call is being worked on. */
  begin(): void {
    const x = this.#x;
    if (x === null || x.responseStarted) return;
    respond(x, acceptedHead);
  }

  onTimer(): void {
    this.#host.enter();
    this.#give(Code.DEADLINE_EXCEEDED, 'the deadline of the call has passed');
    this.#host.leave();
  }

  onData(bytes: Buffer, start: number, end: number): void {
    if (this.isOver) return;
    this.#reader ??= new MessageReader(this.#host.messageBytesMax);
    const reader = this.#reader;
    for (let at = start; at < end && !this.isOver; ) {
      at = reader.read(bytes, at, end);
      if (at < 0) {
        this.#refuse(at);
        return;
      }
      const whole = reader.take();
      if (whole !== null) this.#deliver(whole);
    }
    if (this.#hold()) return;
    this.#give(Code.RESOURCE_EXHAUSTED, 'too many large messages are on their way');
  }

  onEnd(): void {
    if (this.isOver) return;
    if (this.#reader !== null && !this.#reader.empty) {
      this.#give(Code.INTERNAL, 'the request ended inside of a message');
      return;
    }
    this.#reader = null;
    this.onHalfClose();
  }

  /** The client has gone. */
  onGone(): void {
    if (this.#x === null) return;
    const ended = this.#status !== null;
    this.#forget();
    if (!ended) this.onCancel();
  }

  pause(): void {
    this.block();
  }

  resume(): void {
    this.unblock();
  }

  protected override sendPiece(bytes: Buffer, start: number, end: number): void {
    const x = this.#x;
    x?.client?.data(x, bytes, start, end);
  }

  protected override sendEnd(): void {
    const x = this.#x;
    const status = this.#status;
    if (x === null || status === null) return;
    this.#forget();
    finish(x, status);
  }

  protected override drained(): void {
    if (!this.isOver) this.onDrain();
  }

  #deliver(whole: Buffer): void {
    const message = decodeMessage(this.#method.request, whole);
    if (message === null) this.#give(Code.INVALID_ARGUMENT, 'a message is malformed');
    else this.onMessage(message);
  }

  #refuse(error: number): void {
    switch (error) {
      case FrameError.COMPRESSED:
        this.#give(Code.UNIMPLEMENTED, 'compressed messages are not taken');
        break;
      case FrameError.TOO_LARGE: {
        const { messageBytesMax } = this.#host;
        this.#give(Code.RESOURCE_EXHAUSTED, `a message has more than ${messageBytesMax} bytes`);
        break;
      }
      default:
        this.#give(Code.INTERNAL, 'the request is no sequence of messages');
    }
  }

  /** Ends it in place of the handler, at once. */
  #give(code: number, message: string): void {
    const x = this.#x;
    if (x === null) return;
    const ended = this.#status !== null;
    this.#forget();
    finish(x, { code, message });
    if (!ended) this.onCancel();
  }

  #forgetRequest(): void {
    this.#reader = null;
    this.#hold();
  }

  /** Tells the server what is held of a message now; false when that is too much. */
  #hold(): boolean {
    const before = this.#heldBytes;
    this.#heldBytes = this.#reader === null ? 0 : this.#reader.heldBytes;
    return before === this.#heldBytes || this.#host.hold(this.#heldBytes - before);
  }

  #forget(): void {
    this.#x = null;
    this.#forgetRequest();
    this.clear();
    if (this.#timer !== null) this.#host.disarm(this.#timer);
    this.#host.ended();
  }
}

/** Ends the exchange with a status: in the head where nothing has been sent, else behind it. */
export function finish(x: Exchange, status: Status): void {
  const { client } = x;
  assert(client !== null, 'a request has a client until it ends');
  const isOk = status.code === Code.OK && status.message === '';
  if (!x.responseStarted) {
    const head = headOfLines(`${acceptedLines}${statusLines(status)}`);
    head.status = 200;
    respond(x, head);
  } else {
    client.trailers(x, isOk ? okTrailers : headOfLines(statusLines(status)));
  }
  client.end(x);
}

export function respond(x: Exchange, head: Head): void {
  x.response = head;
  x.status = head.status;
  x.client?.respond(x);
  x.response = null;
}

function nothing(): undefined {}

const acceptedLines = 'content-type: application/grpc\r\ngrpc-accept-encoding: identity\r\n';
const acceptedHead = headOfLines(acceptedLines);
acceptedHead.status = 200;
const okTrailers = headOfLines(statusLines(okStatus));
