/**
 * One request of a client on an HTTP/2 connection, and its response: the stream's frames become
 * events of an exchange, and the other way round. It lives on until its last byte has been sent,
 * when the exchange has long ended.
 */

import { assert } from '../../base/assert.ts';
import { ProxyError } from '../../base/errors.ts';
import type { TunnelSide } from '../../io/conduit.ts';
import type { ClientConnection, Exchange, ExchangeClient } from '../exchange.ts';
import { Head, Method } from '../head.ts';
import { dropNamed } from '../websocket.ts';
import { H2Code } from './error-code.ts';
import { maySend, State } from './state.ts';
import { Stream, type StreamOwner } from './stream.ts';
import type { StreamConduit } from './stream-conduit.ts';

/** The connection. */
export interface ServerStreamOwner extends StreamOwner, ClientConnection {
  /** `added`: complete field lines behind those of the head. */
  sendHead(stream: Stream, head: Head, added: string): void;
  /** An answer of our own. */
  sendOwn(stream: Stream, x: Exchange): void;
  /** The next byte of the request has so long. */
  expectBody(stream: Stream): void;
  /** The client has so long to take some of the response. */
  expectTaking(stream: Stream): void;
  cancel(x: Exchange): void;
  give(x: Exchange): void;
  createConduit(stream: Stream, ended: boolean): StreamConduit;
  /** The rest of the request does not come. */
  timeOut(stream: ServerStream, x: Exchange): void;
}

export class ServerStream extends Stream implements ExchangeClient {
  readonly connection: ServerStreamOwner;
  #x: Exchange | null = null;
  /** What the stream has become. */
  #tunnel: StreamConduit | null = null;
  #sentBefore = 0;

  constructor(connection: ServerStreamOwner) {
    super();
    this.connection = connection;
  }

  /** The exchange that this stream is for; the stream has been opened. */
  attach(x: Exchange): void {
    this.#x = x;
    this.headed = true;
    x.client = this;
  }

  /** The request may go on its way. */
  begin(): void {
    this.#expect();
  }

  /** Gives the exchange back; whoever works on it has ended or has been told. */
  release(): void {
    const x = this.#x;
    if (x === null) return;
    this.#x = null;
    this.connection.give(x);
  }

  informational(x: Exchange): void {
    if (x.response !== null) this.connection.sendHead(this, x.response, '');
  }

  respond(x: Exchange): void {
    x.responseStarted = true;
    const head = x.response;
    if (head === null) {
      this.connection.sendOwn(this, x);
      return;
    }
    if (head.status === 101) {
      // RFC 8441 4 and 5: the same success is 200 here, and nobody asked for an accept.
      head.status = 200;
      dropNamed(head, 'sec-websocket-accept');
    }
    this.connection.sendHead(this, head, x.addedFields);
  }

  data(x: Exchange, bytes: Buffer, start: number, end: number): void {
    x.responseBytes += end - start;
    if (this.connection.sendData(this, bytes, start, end)) return;
    x.upstream?.pauseResponse(x);
    this.#sentBefore = this.sentBytes;
    this.connection.expectTaking(this);
  }

  trailers(_x: Exchange, fields: Head): void {
    this.connection.sendTrailers(this, fields);
  }

  end(_x: Exchange): void {
    this.release();
    if (maySend(this.state)) this.connection.sendEnd(this);
    else this.onEndSent();
  }

  establish(x: Exchange): TunnelSide {
    const head = new Head();
    head.status = 200;
    this.connection.sendHead(this, head, '');
    return this.detach(x);
  }

  /** With what the client has sent already. */
  detach(x: Exchange): TunnelSide {
    const first = x.body === null ? nothing : Buffer.from(x.body.subarray(0, x.bodyLength));
    const conduit = this.connection.createConduit(this, x.requestEnded);
    this.#tunnel = conduit;
    this.release();
    return { conduit, first };
  }

  abort(x: Exchange): void {
    const code = x.resetCode === -1 ? H2Code.INTERNAL_ERROR : x.resetCode;
    this.release();
    this.connection.reset(this, code);
  }

  pauseRequest(): void {
    this.held = true;
  }

  resumeRequest(): void {
    this.held = false;
    this.connection.giveBack(this);
    this.#expect();
  }

  onData(bytes: Buffer, start: number, end: number): void {
    const x = this.#x;
    if (this.#tunnel !== null) this.#tunnel.received(bytes, start, end);
    // The response is complete; what is left of the request is of no use to anybody.
    if (x === null) return;
    this.#expect();
    const kept = x.keepBody(bytes, start, end);
    if (x.upstream !== null && !isTunnel(x)) {
      x.upstream.data(x, bytes, start, end);
    } else {
      assert(kept, 'what came before the endpoint was known fits the replay buffer');
      this.held = true;
    }
  }

  onTrailers(fields: Head): void {
    const x = this.#x;
    if (x === null) return;
    x.requestTrailers = fields.copyFields();
    if (x.upstream !== null) x.upstream.trailers(x, x.requestTrailers);
  }

  onEnd(): void {
    const x = this.#x;
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.#tunnel?.ended();
    if (x === null) return;
    x.requestEnded = true;
    if (x.upstream !== null) x.upstream.end(x);
  }

  onReset(code: number): void {
    this.#tunnel?.closed('ECONNRESET');
    const reason = code === H2Code.NO_ERROR ? H2Code.CANCEL : code;
    this.drop(new ProxyError('CLIENT_GONE'), reason);
  }

  onViolation(text: string): void {
    this.#tunnel?.closed('EPROTO');
    this.drop(new ProxyError('BAD_REQUEST', text), H2Code.CANCEL);
  }

  onOver(reason: string): void {
    this.#tunnel?.closed('ECONNRESET');
    this.drop(new ProxyError('CLIENT_GONE', reason), H2Code.CANCEL);
  }

  /** The client will not have the response; `code` is for whoever works on it. */
  drop(error: ProxyError, code: number): void {
    const x = this.#x;
    if (x === null) return;
    x.error ??= error;
    x.resetCode = code;
    this.connection.cancel(x);
    this.release();
  }

  onSent(): void {
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.#tunnel?.sent();
    this.#expect();
    const x = this.#x;
    if (x !== null && x.upstream !== null) x.upstream.resumeResponse(x);
  }

  /** A response that is complete makes the rest of its request pointless (RFC 9113 8.1). */
  onEndSent(): void {
    // Trailers end the stream, and `end` follows them.
    if (this.#x !== null) return;
    if (this.state === State.CLOSED) this.connection.closed(this);
    // The other direction of a tunnel goes on.
    else if (this.#tunnel === null || this.#tunnel.destroyed)
      this.connection.reset(this, H2Code.NO_ERROR);
  }

  /** No byte of the body, although there was room for it; or none of the response was taken. */
  onDeadline(): void {
    const x = this.#x;
    // Nobody knows when a tunnel is idle.
    if (this.#tunnel !== null) return;
    if (!this.queue.empty) {
      const moves = this.sentBytes !== this.#sentBefore;
      this.#sentBefore = this.sentBytes;
      if (moves) {
        this.connection.expectTaking(this);
        return;
      }
      this.drop(new ProxyError('CLIENT_GONE', 'it took nothing of the response'), H2Code.CANCEL);
      this.connection.reset(this, H2Code.CANCEL);
    } else if (x !== null && isAwaited(x)) {
      if (this.held) this.#expect();
      else this.connection.timeOut(this, x);
    }
  }

  override forget(): void {
    assert(this.#x === null, 'an exchange is given back before its stream');
    this.#tunnel = null;
    super.forget();
  }

  /** The next part of the body has so long. */
  #expect(): void {
    const x = this.#x;
    if (x !== null && isAwaited(x)) this.connection.expectBody(this);
  }
}

/**
 * The body has a time limit. Not so what may be a conversation: a gRPC call, or a request that is
 * being answered already; how long its sides think is their business.
 */
function isAwaited(x: Exchange): boolean {
  return !(x.requestEnded || x.isGrpc || x.responseStarted || isTunnel(x));
}

/** What follows the head is for nobody until the tunnel is there. */
function isTunnel(x: Exchange): boolean {
  return x.request.upgrade || x.request.method === Method.CONNECT;
}

const nothing = Buffer.alloc(0);
