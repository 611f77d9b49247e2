/**
 * One request to an endpoint on an HTTP/2 connection, and its response: events of an exchange
 * become the stream's frames, and the other way round.
 */

import { assert } from '../../base/assert.ts';
import { type ErrorCode, ProxyError } from '../../base/errors.ts';
import { informationalMax } from '../../base/limits.ts';
import type { TunnelSide } from '../../io/conduit.ts';
import type { Layer } from '../../stack/layer.ts';
import type { Exchange, ExchangeUpstream } from '../exchange.ts';
import { GrpcStatus, grpcStatusOf, isGrpc } from '../grpc.ts';
import { Framing, type Head, Method } from '../head.ts';
import { takeOrigProto } from '../orig-proto.ts';
import { upgradeFields } from '../websocket.ts';
import { H2Code, h2CodeName } from './error-code.ts';
import { State } from './state.ts';
import { Stream, type StreamOwner } from './stream.ts';
import type { StreamConduit } from './stream-conduit.ts';

/** The connection. */
export interface ClientStreamOwner extends StreamOwner {
  readonly sink: Layer<Exchange>;
  readonly address: string;
  readonly nowMs: number;
  readonly responseTimeoutMs: number;
  createConduit(stream: Stream, ended: boolean): StreamConduit;
  /** The next sign of the response has so long. */
  expectResponse(stream: Stream, x: Exchange): void;
}

export class ClientStream extends Stream implements ExchangeUpstream {
  readonly connection: ClientStreamOwner;
  #x: Exchange | null = null;
  /** What the stream has become. */
  #tunnel: StreamConduit | null = null;
  #informational = 0;

  constructor(connection: ClientStreamOwner) {
    super();
    this.connection = connection;
  }

  get method(): number {
    return this.#x === null ? Method.OTHER : this.#x.request.method;
  }

  attach(x: Exchange): void {
    this.#x = x;
    this.#informational = 0;
    x.upstream = this;
  }

  data(x: Exchange, bytes: Buffer, start: number, end: number): void {
    this.connection.expectResponse(this, x);
    if (!this.connection.sendData(this, bytes, start, end)) x.client?.pauseRequest(x);
  }

  trailers(_x: Exchange, fields: Head): void {
    this.connection.sendTrailers(this, fields);
  }

  end(_x: Exchange): void {
    this.connection.sendEnd(this);
  }

  cancel(x: Exchange): void {
    if (this.#x !== x) return;
    this.#detach(x);
    this.connection.reset(this, x.resetCode === -1 ? H2Code.CANCEL : x.resetCode);
  }

  detach(x: Exchange): TunnelSide {
    const conduit = this.connection.createConduit(this, this.state === State.HALF_REMOTE);
    this.#tunnel = conduit;
    this.#detach(x);
    return { conduit, first: nothing };
  }

  pauseResponse(): void {
    this.held = true;
  }

  resumeResponse(): void {
    this.held = false;
    this.connection.giveBack(this);
  }

  /** A response head; `ends` where it has no content. Returns what is wrong with it, or ''. */
  onHead(head: Head, ends: boolean): string {
    const x = this.#x;
    if (x === null) return '';
    assert(!this.headed, 'what follows the head are trailers');
    takeOrigProto(head);
    if (head.status < 200) {
      this.#informational += 1;
      if (ends) return 'an informational response ended the stream (RFC 9113 8.1)';
      if (this.#informational > informationalMax) {
        return `more than ${informationalMax} informational responses`;
      }
      x.response = head;
      this.connection.sink.informational(x);
      x.response = null;
      return '';
    }
    this.headed = true;
    if (x.request.upgrade && head.status < 300) {
      this.#upgraded(x, head);
      return '';
    }
    this.contentLeft = declaredContent(head, x.request.method);
    if (isGrpc(head)) x.grpcStatus = grpcStatusOf(head, GrpcStatus.MISSING);
    x.response = head;
    x.status = head.status;
    x.respondedMs = this.connection.nowMs;
    this.connection.expectResponse(this, x);
    this.connection.sink.response(x);
    x.response = null;
    return '';
  }

  /** Fields behind the content. */
  onTrailers(fields: Head): void {
    const x = this.#x;
    if (x === null) return;
    x.grpcStatus = grpcStatusOf(fields, x.grpcStatus);
    if (fields.count > fields.droppedCount) x.client?.trailers(x, fields);
  }

  onData(bytes: Buffer, start: number, end: number): void {
    const x = this.#x;
    if (this.#tunnel !== null) this.#tunnel.received(bytes, start, end);
    if (x === null) return;
    this.connection.expectResponse(this, x);
    x.client?.data(x, bytes, start, end);
  }

  onEnd(): void {
    const x = this.#x;
    this.#tunnel?.ended();
    if (x === null) return;
    this.#detach(x);
    this.deadlineMs = Number.POSITIVE_INFINITY;
    // What is left of the request would be read by nobody.
    if (this.state !== State.CLOSED) this.connection.reset(this, H2Code.CANCEL);
    this.connection.sink.end(x);
  }

  onReset(code: number): void {
    this.#tunnel?.closed('ECONNRESET');
    const x = this.#x;
    if (x === null) return;
    if (code === H2Code.NO_ERROR && this.#mayBeWhole(x)) {
      this.onEnd();
      return;
    }
    // With NO_ERROR there are clients that take the response for whole.
    x.resetCode = code === H2Code.NO_ERROR ? H2Code.INTERNAL_ERROR : code;
    if (code === H2Code.REFUSED_STREAM) this.fail('UPSTREAM_REFUSED', 'REFUSED_STREAM');
    else this.fail(this.#cutCode(), `the stream was reset with ${h2CodeName(code)}`);
  }

  onViolation(text: string): void {
    this.#tunnel?.closed('EPROTO');
    this.fail('UPSTREAM_MALFORMED', text);
  }

  onOver(reason: string): void {
    this.#tunnel?.closed('ECONNRESET');
    this.fail(this.#cutCode(), reason);
  }

  onDeadline(): void {
    // Nobody knows when a tunnel is idle.
    if (this.#tunnel !== null) return;
    const limit = `${this.connection.responseTimeoutMs} ms (responseTimeoutMs)`;
    const x = this.#x;
    if (x !== null && this.connection.nowMs >= x.deadlineMs) {
      this.fail('DEADLINE_EXCEEDED', `${Math.round(x.deadlineMs - x.startedMs)} ms (grpc-timeout)`);
    } else if (this.held) this.fail('CLIENT_GONE', `it took nothing of the response for ${limit}`);
    else this.fail('RESPONSE_TIMEOUT', `nothing for ${limit}`);
    this.connection.reset(this, H2Code.CANCEL);
  }

  /** The exchange learns that there is no response, or not the rest of it. */
  fail(code: ErrorCode, detail: string): void {
    const x = this.#x;
    if (x === null) return;
    this.#detach(x);
    this.connection.sink.fail(x, new ProxyError(code, `${this.connection.address}: ${detail}`));
  }

  onSent(): void {
    this.#tunnel?.sent();
    const x = this.#x;
    if (x !== null && x.client !== null) x.client.resumeRequest(x);
  }

  onEndSent(): void {
    if (this.state === State.CLOSED) this.connection.closed(this);
  }

  override forget(): void {
    this.#tunnel = null;
    super.forget();
  }

  /**
   * RFC 9113, 8.1: NO_ERROR comes behind a whole response. node:http2 says so in place of
   * END_STREAM, whenever the last content had to wait for a window; hyper, curl and nghttp2 take
   * that for the end. What was declared, a length or the status of gRPC, must still have come.
   */
  #mayBeWhole(x: Exchange): boolean {
    const declared = this.contentLeft > 0 || x.grpcStatus === GrpcStatus.MISSING;
    return this.headed && this.#tunnel === null && !declared;
  }

  /** The success of RFC 8441, told as HTTP/1.1 does it; each side has its own way to say so. */
  #upgraded(x: Exchange, head: Head): void {
    head.status = 101;
    head.upgrade = true;
    head.framing = Framing.NONE;
    head.contentLength = -1;
    x.syntheticFields = x.request.major === 1 ? upgradeFields(x.request) : '';
    x.response = head;
    x.status = 101;
    x.respondedMs = this.connection.nowMs;
    this.connection.sink.response(x);
    x.response = null;
    this.connection.sink.end(x);
  }

  #detach(x: Exchange): void {
    this.#x = null;
    x.upstream = null;
  }

  #cutCode(): ErrorCode {
    return this.headed ? 'UPSTREAM_TRUNCATED' : 'UPSTREAM_RESET';
  }
}

/** The length that the content has to have; -1 where any will do. */
function declaredContent(head: Head, method: number): number {
  const { status } = head;
  if (method === Method.HEAD || status === 204 || status === 304) return 0;
  return head.contentLength;
}

const nothing = Buffer.alloc(0);
