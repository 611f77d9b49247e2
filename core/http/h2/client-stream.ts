/**
 * One request to an endpoint on an HTTP/2 connection, and its response: events of an exchange
 * become the stream's frames, and the other way round.
 */

import { assert } from '../../base/assert.ts';
import { type ErrorCode, ProxyError } from '../../base/errors.ts';
import { informationalMax } from '../../base/limits.ts';
import type { Layer } from '../../stack/layer.ts';
import type { Exchange, ExchangeUpstream } from '../exchange.ts';
import { type Head, Method } from '../head.ts';
import { H2Code, h2CodeName } from './error-code.ts';
import { State } from './state.ts';
import { Stream } from './stream.ts';

/** The connection. */
export interface ClientStreamOwner {
  readonly sink: Layer<Exchange>;
  readonly address: string;
  readonly nowMs: number;
  readonly responseTimeoutMs: number;
  /** False when some of it has to wait. */
  sendData(stream: Stream, bytes: Buffer, start: number, end: number): boolean;
  sendTrailers(stream: Stream, fields: Head): void;
  sendEnd(stream: Stream): void;
  /** The next sign of the response has so long. */
  expectResponse(stream: Stream): void;
  giveBack(stream: Stream): void;
  closed(stream: Stream): void;
  reset(stream: Stream, code: number): void;
}

export class ClientStream extends Stream implements ExchangeUpstream {
  readonly connection: ClientStreamOwner;
  #x: Exchange | null = null;
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
    this.connection.expectResponse(this);
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
    this.contentLeft = declaredContent(head, x.request.method);
    x.response = head;
    x.status = head.status;
    x.respondedMs = this.connection.nowMs;
    this.connection.expectResponse(this);
    this.connection.sink.response(x);
    x.response = null;
    return '';
  }

  /** Fields behind the content. */
  onTrailers(fields: Head): void {
    const x = this.#x;
    if (x === null) return;
    if (fields.count > fields.droppedCount) x.client?.trailers(x, fields);
  }

  onData(bytes: Buffer, start: number, end: number): void {
    const x = this.#x;
    if (x === null) return;
    this.connection.expectResponse(this);
    x.client?.data(x, bytes, start, end);
  }

  onEnd(): void {
    const x = this.#x;
    if (x === null) return;
    this.#detach(x);
    this.deadlineMs = Number.POSITIVE_INFINITY;
    // What is left of the request would be read by nobody.
    if (this.state !== State.CLOSED) this.connection.reset(this, H2Code.CANCEL);
    this.connection.sink.end(x);
  }

  onReset(code: number): void {
    const x = this.#x;
    if (x === null) return;
    x.resetCode = code;
    if (code === H2Code.REFUSED_STREAM) this.fail('UPSTREAM_REFUSED', 'REFUSED_STREAM');
    else this.fail(this.#cutCode(), `the stream was reset with ${h2CodeName(code)}`);
  }

  onViolation(text: string): void {
    this.fail('UPSTREAM_MALFORMED', text);
  }

  onOver(reason: string): void {
    this.fail(this.#cutCode(), reason);
  }

  onDeadline(): void {
    const limit = `${this.connection.responseTimeoutMs} ms (responseTimeoutMs)`;
    if (this.held) this.fail('CLIENT_GONE', `it took nothing of the response for ${limit}`);
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
    const x = this.#x;
    if (x !== null && x.client !== null) x.client.resumeRequest(x);
  }

  onEndSent(): void {
    if (this.state === State.CLOSED) this.connection.closed(this);
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
