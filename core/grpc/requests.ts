/** Requests on the connections of a server become calls, and their content the calls' messages. */

import type { ProxyError } from '../base/errors.ts';
import { Exchange, Exchanges, type ExchangeUpstream } from '../http/exchange.ts';
import { headOfLines } from '../http/field-lines.ts';
import { type Head, Method as HttpMethod } from '../http/head.ts';
import { Known } from '../http/known-fields.ts';
import { Layer } from '../stack/layer.ts';
import type { Method } from './method.ts';
import { type AnyCall, type CallHost, finish, IncomingCall, respond } from './server-call.ts';
import { emptyHead } from './settings.ts';
import { Code } from './status.ts';

/** What is done with the calls of one method. */
export interface AnyHandler {
  readonly method: Method<unknown, never>;
  handler(call: AnyCall): void;
}

/** Of a server: what calls ask of it, and their number. */
interface Host extends CallHost {
  calls: number;
}

/** The only layer of a server's connections, and where their requests go. */
export class Requests extends Layer<Exchange> implements ExchangeUpstream {
  readonly #host: Host;
  readonly #handlers: ReadonlyMap<string, AnyHandler>;
  readonly #open: ReadonlySet<string> | null;

  /** `open` are the paths that may be called; null for all of them. */
  constructor(
    host: Host,
    handlers: ReadonlyMap<string, AnyHandler>,
    open: ReadonlySet<string> | null,
  ) {
    super();
    this.#host = host;
    this.#handlers = handlers;
    this.#open = open;
  }

  override request(x: Exchange): void {
    const { request } = x;
    if (!x.isGrpc || request.method !== HttpMethod.POST || request.upgrade) {
      refuse(x, x.isGrpc ? 405 : 415);
      return;
    }
    const path = request.bytes.toString('latin1', request.targetStart, request.targetEnd);
    const entry = this.#handlers.get(path);
    if (entry === undefined) {
      finish(x, { code: Code.UNIMPLEMENTED, message: `there is no method ${path} here` });
      return;
    }
    if (this.#open !== null && !this.#open.has(path)) {
      const message = `${path} needs a certificate of the mesh, and this connection came without`;
      finish(x, { code: Code.UNAUTHENTICATED, message });
      return;
    }
    const call = new IncomingCall(this.#host, entry.method, x, metadataOf(request));
    emptyHead(request);
    // The content is for the call alone, and not kept to be sent again.
    x.bodyWhole = false;
    x.target = call;
    x.upstream = this;
    this.#host.calls += 1;
    entry.handler(call);
    if (call.isOver) return;
    call.begin();
    if (x.requestEnded) call.onEnd();
  }

  override cancel(x: Exchange): void {
    if (x.upstream !== null) callOf(x).onGone();
  }

  /** A request whose head we do not take. */
  override fail(x: Exchange, error: ProxyError): void {
    const isLarge = error.code === 'HEAD_TOO_LARGE' || error.code === 'TOO_MANY_FIELDS';
    const code = isLarge ? Code.RESOURCE_EXHAUSTED : Code.INVALID_ARGUMENT;
    finish(x, { code, message: error.message });
  }

  data(x: Exchange, bytes: Buffer, start: number, end: number): void {
    callOf(x).onData(bytes, start, end);
  }

  /** Of a client's, which have no meaning in gRPC. */
  trailers(): void {}

  override end(x: Exchange): void {
    callOf(x).onEnd();
  }

  pauseResponse(x: Exchange): void {
    callOf(x).pause();
  }

  resumeResponse(x: Exchange): void {
    callOf(x).resume();
  }

  detach(): never {
    throw new Error('a call is no tunnel');
  }
}

/** Exchanges that are not used again: calls live long, and their heads have been emptied. */
export class UnkeptExchanges extends Exchanges {
  override take(): Exchange {
    this.inUse += 1;
    return new Exchange();
  }

  override give(x: Exchange): void {
    this.inUse -= 1;
    x.reset();
  }
}

function callOf(x: Exchange): AnyCall {
  return x.target as AnyCall;
}

/** The fields that are the application's, as lines; '' for most calls. */
function metadataOf(head: Head): string {
  const { bytes, fields, count, known } = head;
  let lines = '';
  for (let index = 0; index < count; index++) {
    if (known[index] !== 0 && ((1 << known[index]) & protocolFields) !== 0) continue;
    const at = index * 4;
    const name = bytes.toString('latin1', fields[at], fields[at + 1]);
    if (name === 'grpc-encoding' || name === 'grpc-accept-encoding') continue;
    lines += `\n${name}: ${head.valueOf(index)}`;
  }
  return lines === '' ? '' : `${lines}\n`;
}

/** A request that is no call of gRPC is answered in terms of HTTP. */
function refuse(x: Exchange, status: number): void {
  const head = headOfLines('content-length: 0\r\n');
  head.status = status;
  respond(x, head);
  x.client?.end(x);
}

const protocolFields =
  (1 << Known.TE) |
  (1 << Known.CONTENT_TYPE) |
  (1 << Known.GRPC_TIMEOUT) |
  (1 << Known.HOST) |
  (1 << Known.CONTENT_LENGTH);
