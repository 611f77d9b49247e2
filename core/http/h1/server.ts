/**
 * The server side of an HTTP/1.1 connection: bytes become exchanges, one after the other, that pass
 * the layers behind `handler`. Pipelined requests wait for the response before (RFC 9112 9.3.2).
 *
 * ```
 *        head complete            body complete
 *  HEAD ──────────────▶ BODY ────────────────────▶ WAIT ──▶ (response ended) ──▶ HEAD
 *    │ malformed          │ malformed or timeout                   │ connection: close
 *    ▼                    ▼                                        ▼
 *  LINGER: `linger.ts` has the socket; the answer is written, input is dropped  ◀──┘
 *  GONE: the socket is closed, or belongs to somebody else (101, CONNECT)
 * ```
 */

import { assert } from '../../base/assert.ts';
import type { DeadlineHolder } from '../../base/deadlines.ts';
import { ProxyError } from '../../base/errors.ts';
import type { Conduit, TunnelSide } from '../../io/conduit.ts';
import type { SocketOwner } from '../../io/socket-owner.ts';
import type { ClientConnection, ClientIdentity, Exchange, ExchangeClient } from '../exchange.ts';
import { Framing, type Head } from '../head.ts';
import { markHopByHop } from '../hop-by-hop.ts';
import { Linger } from '../linger.ts';
import type { ServerConnection, ServerContext } from '../server-context.ts';
import { Stash } from '../stash.ts';
import { BodyDecoder, BodyEvent } from './decode-body.ts';
import { decodeRequestHead } from './decode-head.ts';
import { headErrorTraits } from './head-error.ts';
import { ResponseWriter } from './response-writer.ts';

const State = { HEAD: 0, BODY: 1, WAIT: 2, LINGER: 3, GONE: 4 } as const;

export class H1Server
  implements SocketOwner, ExchangeClient, ClientConnection, DeadlineHolder, ServerConnection
{
  readonly socket: Conduit;
  readonly connection = this;
  readonly fixedTarget: unknown;
  readonly identity: ClientIdentity | null;
  grant: unknown = null;
  deadlineMs: number;
  prevHolder: DeadlineHolder | null = null;
  nextHolder: DeadlineHolder | null = null;

  readonly #context: ServerContext;
  #stash = Stash.none;
  readonly #writer: ResponseWriter;
  #state: number = State.HEAD;
  #x: Exchange | null = null;
  #body: BodyDecoder | null = null;
  #processing = false;
  #close = false;
  #headBegun = false;
  #lingering: Linger | null = null;

  constructor(context: ServerContext, socket: Conduit, fixedTarget: unknown) {
    this.#context = context;
    this.socket = socket;
    this.#writer = new ResponseWriter(socket);
    this.fixedTarget = fixedTarget;
    this.identity = context.identity;
    socket.owner = this;
    this.deadlineMs = context.io.nowMs + context.clientIdleTimeoutMs;
    context.deadlines.add(this);
    context.opened(this);
  }

  get peer(): string {
    return `${this.socket.remoteHost}:${this.socket.remotePort}`;
  }

  onBytes(bytes: Buffer, length: number): void {
    if (!this.#stash.empty) {
      this.#stash = this.#stash.append(bytes, 0, length);
      this.#processStash();
      return;
    }
    const at = this.#process(bytes, 0, length);
    if (at < length && this.#state <= State.WAIT)
      this.#stash = this.#stash.append(bytes, at, length);
    this.#pauseWhileWaiting();
  }

  onEnd(): void {
    switch (this.#state) {
      case State.WAIT:
        // A client may half-close after its last request and still read (RFC 9112 section 9.6).
        this.#close = true;
        return;
      case State.HEAD:
        if (this.#stash.empty) this.#closeNow();
        else this.#reject(new ProxyError('BAD_REQUEST', 'the head ends early'));
        return;
      default:
        this.#reject(new ProxyError('BODY_FRAMING', 'the body ends early'));
    }
  }

  onCongested(): void {
    const x = this.#x;
    if (x !== null && x.upstream !== null) x.upstream.pauseResponse(x);
  }

  onDrain(): void {
    const x = this.#x;
    if (this.#state === State.HEAD) this.#goOn();
    else if (x !== null && x.upstream !== null) x.upstream.resumeResponse(x);
  }

  onClose(): void {
    this.#dropExchange();
    this.#forget();
  }

  onDeadline(): void {
    const { headTimeoutMs, bodyIdleTimeoutMs } = this.#context;
    if (this.#state === State.HEAD) {
      if (!this.#headBegun) this.#closeNow();
      else this.#timeOut(`the head took longer than ${headTimeoutMs} ms (headTimeoutMs)`);
    } else if (this.#state === State.BODY) {
      // While nothing is read it is the endpoint that is slow, and that has its own limit.
      if (!this.socket.reading) this.#expectBody();
      else this.#timeOut(`no byte of the body for ${bodyIdleTimeoutMs} ms (bodyIdleTimeoutMs)`);
    }
  }

  pauseRequest(): void {
    this.socket.pause();
  }

  resumeRequest(): void {
    if (this.#state !== State.BODY) return;
    this.#expectBody();
    this.socket.resume();
  }

  /** Ends the connection if nothing is in progress; the drain calls it. */
  closeIdle(): void {
    if (this.#state === State.HEAD && this.#stash.empty) this.#closeNow();
  }

  closeForced(): void {
    this.#lingering?.force();
    this.#dropExchange();
    this.socket.reset();
    this.#forget();
  }

  respond(x: Exchange): void {
    const head = x.response;
    if (this.#context.draining || x.closing) this.#close = true;
    // The rest of an unfinished request would be read as the next one: the connection ends.
    if (!x.requestEnded && (head === null || head.status >= 300)) this.#close = true;
    this.#close = this.#writer.respond(x, this.#close);
  }

  informational(x: Exchange): void {
    this.#writer.informational(x);
  }

  data(x: Exchange, bytes: Buffer, start: number, end: number): void {
    this.#writer.data(x, bytes, start, end);
    if (this.socket.congested) x.upstream?.pauseResponse(x);
  }

  trailers(_x: Exchange, fields: Head): void {
    this.#writer.trailers(fields);
  }

  end(x: Exchange): void {
    this.#writer.end();
    if (!x.requestEnded) this.#close = true;
    this.#release(x);
    if (this.#close || this.socket.destroyed) {
      this.#linger();
      return;
    }
    this.#state = State.HEAD;
    this.deadlineMs = this.#context.io.nowMs + this.#context.clientIdleTimeoutMs;
    if (!this.#processing) this.#goOn();
  }

  abort(x: Exchange): void {
    this.#release(x);
    if (!this.#writer.framed) {
      this.socket.flush();
      this.socket.reset();
    }
    this.#closeNow();
  }

  establish(x: Exchange): TunnelSide {
    this.socket.writeLatin1('HTTP/1.1 200 Connection Established\r\n\r\n');
    return this.detach(x);
  }

  /** With the bytes that came behind the request. */
  detach(x: Exchange): TunnelSide {
    const first = this.#stash.take();
    this.#release(x);
    this.#forget(false);
    return { conduit: this.socket, first };
  }

  /** The next request's turn; not before a client that does not read has its last response. */
  #goOn(): void {
    if (!this.#stash.empty) this.#processStash();
    if (this.#state === State.HEAD && !this.socket.congested) this.socket.resume();
    else if (this.#state === State.BODY && this.#x?.upstream != null) this.socket.resume();
  }

  #processStash(): void {
    const stash = this.#stash;
    const at = this.#process(stash.bytes, stash.start, stash.end);
    if (this.#state <= State.WAIT) stash.consume(at);
    else stash.clear();
    this.#pauseWhileWaiting();
  }

  /** What comes behind a complete request is read when its response has ended. */
  #pauseWhileWaiting(): void {
    if (this.#stash.empty) return;
    if (this.#state === State.WAIT || this.socket.congested) this.socket.pause();
  }

  /** Takes as many steps as bytes and state allow; returns the offset of what is left. */
  #process(bytes: Buffer, start: number, end: number): number {
    this.#processing = true;
    let at = start;
    for (;;) {
      if (this.#state === State.HEAD && at < end && !this.socket.congested) {
        const after = this.#headStep(bytes, at, end);
        if (after === at) break;
        at = after;
      } else if (this.#state === State.BODY) {
        const body = this.#body as BodyDecoder;
        const goesOn = this.#bodyStep(body, bytes, at, end);
        at = body.position;
        if (!goesOn) break;
      } else {
        break;
      }
    }
    this.#processing = false;
    return at;
  }

  #headStep(bytes: Buffer, start: number, end: number): number {
    const context = this.#context;
    const x = this.#x ?? context.exchanges.take();
    this.#x = x;
    const after = decodeRequestHead(bytes, start, end, context, x.request);
    if (after > 0) {
      this.#headBegun = false;
      this.#begin(x);
      return after;
    }
    if (after < 0) {
      const traits = headErrorTraits(after);
      this.#reject(new ProxyError(traits.error, `${traits.text}, at byte ${x.request.errorAt}`));
    } else if (!this.#headBegun) {
      this.#headBegun = true;
      this.deadlineMs = context.io.nowMs + context.headTimeoutMs;
    }
    return start;
  }

  #begin(x: Exchange): void {
    const context = this.#context;
    const head = x.request;
    x.client = this;
    x.startedMs = context.io.nowMs;
    this.#close = !head.keepAlive;
    markHopByHop(head, true);
    if (head.framing === Framing.NONE) {
      x.requestEnded = true;
      this.#state = State.WAIT;
      this.deadlineMs = Number.POSITIVE_INFINITY;
    } else {
      this.#body ??= new BodyDecoder(context);
      this.#body.reset(head.framing, head.contentLength);
      this.#state = State.BODY;
      this.#expectBody();
    }
    context.handler.request(x);
  }

  #bodyStep(body: BodyDecoder, bytes: Buffer, start: number, end: number): boolean {
    const x = this.#x as Exchange;
    switch (body.next(bytes, start, end)) {
      case BodyEvent.DATA:
        this.#expectBody();
        this.#requestData(x, bytes, body.dataStart, body.dataEnd);
        return true;
      case BodyEvent.TRAILERS:
        x.requestTrailers = body.trailers;
        if (x.upstream !== null) x.upstream.trailers(x, x.requestTrailers);
        return true;
      case BodyEvent.END:
        this.#requestEnded(x);
        return true;
      case BodyEvent.ERROR: {
        const { error, text } = headErrorTraits(body.error);
        this.#reject(new ProxyError(error === 'BAD_REQUEST' ? 'BODY_FRAMING' : error, text));
        return false;
      }
      default:
        return false;
    }
  }

  #expectBody(): void {
    this.deadlineMs = this.#context.io.nowMs + this.#context.bodyIdleTimeoutMs;
  }

  #requestData(x: Exchange, bytes: Buffer, start: number, end: number): void {
    const kept = x.keepBody(bytes, start, end);
    if (x.upstream !== null) {
      x.upstream.data(x, bytes, start, end);
      return;
    }
    assert(kept, 'what came before the endpoint was known fits the replay buffer');
    this.socket.pause();
  }

  #timeOut(detail: string): void {
    this.#reject(new ProxyError('REQUEST_TIMEOUT', detail));
  }

  #requestEnded(x: Exchange): void {
    x.requestEnded = true;
    this.#state = State.WAIT;
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.socket.resume();
    if (x.upstream !== null) x.upstream.end(x);
  }

  /** A request that cannot be read to its end gets an answer if none has begun. */
  #reject(error: ProxyError): void {
    const x = this.#x ?? this.#context.exchanges.take();
    this.#x = x;
    const dispatched = this.#state !== State.HEAD;
    this.#close = true;
    if (x.responseStarted) {
      x.error ??= error;
      this.#context.handler.cancel(x);
      this.abort(x);
      return;
    }
    if (dispatched) {
      this.#context.rejects.cancel(x);
    } else {
      x.client = this;
      x.startedMs = this.#context.io.nowMs;
      x.request.clear(x.request.bytes, 0);
    }
    this.#state = State.WAIT;
    x.closing = true;
    this.#context.rejects.fail(x, error);
  }

  /** The client went away; whoever works on its request is told. */
  #dropExchange(): void {
    const x = this.#x;
    if (x === null) return;
    if (this.#state === State.BODY || this.#state === State.WAIT) {
      x.error ??= new ProxyError('CLIENT_GONE');
      this.#context.handler.cancel(x);
    }
    this.#release(x);
  }

  #release(x: Exchange): void {
    if (this.#x !== x) return;
    this.#x = null;
    this.#context.exchanges.give(x);
  }

  #linger(): void {
    this.#state = State.LINGER;
    this.#stash.clear();
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.#lingering = new Linger(this.#context, this.socket, () => this.#forget());
  }

  #closeNow(): void {
    if (this.#state === State.HEAD) this.#dropExchange();
    this.socket.destroyWhenWritten();
    if (this.socket.destroyed) this.#forget();
    else this.#linger();
  }

  #forget(gone = true): void {
    if (this.#state === State.GONE) return;
    this.#state = State.GONE;
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.#context.deadlines.remove(this);
    this.#context.closed(this, gone);
  }
}
