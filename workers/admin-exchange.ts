/**
 * Requests on the admin port become calls of one function, and what it returns their responses, in
 * whichever version the client speaks. Small bodies in, large ones out, bounded both ways.
 */

import type { ProxyError } from '../core/base/errors.ts';
import { SendQueue } from '../core/grpc/send-queue.ts';
import type { Exchange, ExchangeUpstream } from '../core/http/exchange.ts';
import { headOfLines } from '../core/http/field-lines.ts';
import { Framing, type Head, Method } from '../core/http/head.ts';
import type { Io } from '../core/io/io.ts';
import { Layer } from '../core/stack/layer.ts';

export interface AdminRequest {
  readonly method: string;
  readonly path: string;
  /** Of the first field with this name (lower-case), empty when there is none. */
  readonly field: (name: string) => string;
  readonly body: string;
  /** The client's address. */
  readonly remoteHost: string;
}

export interface AdminResponse {
  readonly status: number;
  readonly fields?: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

export type AdminAnswer = (request: AdminRequest) => Promise<AdminResponse>;

/** The only layer of the admin port's connections, and where their requests go. */
export class AdminLayer extends Layer<Exchange> implements ExchangeUpstream {
  readonly #io: Io;
  readonly #answer: AdminAnswer;

  constructor(io: Io, answer: AdminAnswer) {
    super();
    this.#io = io;
    this.#answer = answer;
  }

  override request(x: Exchange): void {
    const { request } = x;
    const call = new AdminCall(this.#io, x);
    x.target = call;
    x.upstream = this;
    x.bodyWhole = false;
    if (request.framing === Framing.LENGTH && request.contentLength > bodyBytesMax) call.refuse();
    else if (x.requestEnded) call.ask(this.#answer);
  }

  data(x: Exchange, bytes: Buffer, start: number, end: number): void {
    callOf(x).onBody(bytes, start, end);
  }

  trailers(): void {}

  override end(x: Exchange): void {
    callOf(x).ask(this.#answer);
  }

  override cancel(x: Exchange): void {
    if (x.upstream !== null) callOf(x).forget();
  }

  /** A request whose head we do not take. */
  override fail(x: Exchange, error: ProxyError): void {
    x.closing = true;
    new AdminCall(this.#io, x).respond({ status: 400, body: `${error.message}\n` });
  }

  pauseResponse(x: Exchange): void {
    callOf(x).pause();
  }

  resumeResponse(x: Exchange): void {
    callOf(x).resume();
  }

  detach(): never {
    throw new Error('the admin port has no tunnels');
  }
}

class AdminCall extends SendQueue {
  readonly #io: Io;
  readonly #isHead: boolean;
  readonly #request: Omit<AdminRequest, 'body'>;
  /** Null from the end on. */
  #x: Exchange | null;
  #body: Buffer = nothing;
  #isAsked = false;

  constructor(io: Io, x: Exchange) {
    super(true);
    this.#io = io;
    this.#x = x;
    this.#request = readRequest(x);
    this.#isHead = x.request.method === Method.HEAD;
  }

  onBody(bytes: Buffer, start: number, end: number): void {
    if (this.#x === null || this.#isAsked) return;
    this.#body = Buffer.concat([this.#body, bytes.subarray(start, end)]);
    if (this.#body.length > bodyBytesMax) this.refuse();
  }

  ask(answer: AdminAnswer): void {
    if (this.#x === null || this.#isAsked) return;
    this.#isAsked = true;
    const body = this.#body.toString('latin1');
    answer({ ...this.#request, body }).then(
      (response) => this.#respondLater(response),
      () => this.#respondLater({ status: 500, body: 'unexpected error\n' }),
    );
  }

  refuse(): void {
    this.#isAsked = true;
    if (this.#x !== null) this.#x.closing = true;
    this.respond({ status: 413, body: `a body of at most ${bodyBytesMax} bytes is taken\n` });
  }

  respond({ status, fields = {}, body }: AdminResponse): void {
    const x = this.#x;
    if (x === null) return;
    const bytes = typeof body === 'string' ? Buffer.from(body) : Buffer.from(body);
    let lines = '';
    for (const [name, value] of Object.entries(fields)) lines += `${name}: ${value}\r\n`;
    if (status !== 204) lines += `content-length: ${bytes.length}\r\n`;
    const head = headOfLines(lines);
    head.major = 2;
    head.canonicalLine = false;
    head.contentLength = status === 204 ? -1 : bytes.length;
    head.lengthField = status === 204 ? -1 : head.count - 1;
    head.status = status;
    head.framing = this.#isHead || bytes.length === 0 ? Framing.NONE : Framing.LENGTH;
    x.status = status;
    x.response = head;
    x.client?.respond(x);
    x.response = null;
    if (!this.#isHead && bytes.length > 0) this.enqueue(bytes);
    this.endAfter();
  }

  pause(): void {
    this.block();
  }

  resume(): void {
    this.unblock();
  }

  /** The client has gone. */
  forget(): void {
    this.#x = null;
    this.clear();
  }

  protected override sendPiece(bytes: Buffer, start: number, end: number): void {
    const x = this.#x;
    x?.client?.data(x, bytes, start, end);
  }

  protected override sendEnd(): void {
    const x = this.#x;
    this.forget();
    x?.client?.end(x);
  }

  protected override drained(): void {}

  #respondLater(response: AdminResponse): void {
    this.#io.enter();
    this.respond(response);
    this.#io.leave();
  }
}

function callOf(x: Exchange): AdminCall {
  return x.target as AdminCall;
}

/** The head is the connection's, and gone when the answer is asked for. */
function readRequest(x: Exchange): Omit<AdminRequest, 'body'> {
  const { request: head } = x;
  const text = (start: number, end: number): string => head.bytes.toString('latin1', start, end);
  const fields = new Map<string, string>();
  for (let index = 0; index < head.count; index++) {
    const [nameStart, nameEnd, start, end] = head.fields.subarray(index * 4, index * 4 + 4);
    const name = text(nameStart, nameEnd).toLowerCase();
    if (!fields.has(name)) fields.set(name, text(start, end));
  }
  if (!fields.has('host')) fields.set('host', head.authority());
  const target = head.pathStart === -1 ? '/' : text(head.pathStart, head.targetEnd);
  const peer = x.client?.connection.peer ?? '';
  return {
    method: readMethod(head),
    path: target.split('?', 1)[0],
    field: (name) => fields.get(name) ?? '',
    remoteHost: peer.slice(0, peer.lastIndexOf(':')),
  };
}

function readMethod(head: Head): string {
  return head.bytes.toString('latin1', head.methodStart, head.methodEnd);
}

const bodyBytesMax = 4 * 1024;
const nothing = Buffer.alloc(0);
