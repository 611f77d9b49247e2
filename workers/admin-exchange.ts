/**
 * Requests on the admin port become calls of one function, and what it returns their responses, in
 * whichever version the client speaks. Small bodies in, large ones out, bounded both ways.
 */

import type { ProxyError } from '../core/base/errors.ts';
import { logStreamsMax } from '../core/base/limits-admin.ts';
import { SendQueue } from '../core/grpc/send-queue.ts';
import type { Exchange, ExchangeUpstream } from '../core/http/exchange.ts';
import { headOfLines } from '../core/http/field-lines.ts';
import { Framing, type Head, Method } from '../core/http/head.ts';
import type { Io } from '../core/io/io.ts';
import { Layer } from '../core/stack/layer.ts';

export interface AdminRequest {
  readonly method: string;
  readonly path: string;
  /** What follows the first `?`; null without one. */
  readonly query: string | null;
  /** Of the first field with this name (lower-case), empty when there is none. */
  readonly field: (name: string) => string;
  readonly body: string;
  /** The client's address. */
  readonly remoteHost: string;
  /** Whom it has proved to be, '' for nobody; null in plaintext. */
  readonly identity: string | null;
}

export interface AdminResponse {
  readonly status: number;
  readonly fields?: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | AdminStream;
}

/** A body that goes on until its client or this process ends. */
export interface AdminStream {
  /** Called once, later than the head goes out. */
  begin(sink: AdminSink): void;
  /** The client takes more. */
  resume(): void;
  end(): void;
}

export interface AdminSink {
  /** So much waits for the client that nothing more should be written until `resume`. */
  readonly isFull: boolean;
  write(text: string): void;
}

export type AdminAnswer = (request: AdminRequest) => Promise<AdminResponse>;

/** The only layer of the admin port's connections, and where their requests go. */
export class AdminLayer extends Layer<Exchange> implements ExchangeUpstream {
  readonly #io: Io;
  readonly #answer: AdminAnswer;
  readonly #streaming = new Set<AdminCall>();

  constructor(io: Io, answer: AdminAnswer) {
    super();
    this.#io = io;
    this.#answer = answer;
  }

  override request(x: Exchange): void {
    const { request } = x;
    const call = new AdminCall(this.#io, x, this.#streaming);
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
    const call = new AdminCall(this.#io, x, this.#streaming);
    call.respond({ status: 400, body: `${error.message}\n` });
  }

  pauseResponse(x: Exchange): void {
    callOf(x).pause();
  }

  resumeResponse(x: Exchange): void {
    callOf(x).resume();
  }

  /** Ends the bodies that have no end of their own. */
  close(): void {
    for (const call of this.#streaming) call.endStream();
  }

  detach(): never {
    throw new Error('the admin port has no tunnels');
  }
}

class AdminCall extends SendQueue implements AdminSink {
  readonly #io: Io;
  readonly #isHead: boolean;
  readonly #request: Omit<AdminRequest, 'body'>;
  /** Null from the end on. */
  #x: Exchange | null;
  readonly #streaming: Set<AdminCall>;
  #body: Buffer = nothing;
  #stream: AdminStream | null = null;
  #isAsked = false;

  constructor(io: Io, x: Exchange, streaming: Set<AdminCall>) {
    super(true);
    this.#streaming = streaming;
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
    if (isStream(body)) {
      this.#beginStream(x, status, fields, body);
      return;
    }
    const bytes = typeof body === 'string' ? Buffer.from(body) : Buffer.from(body);
    let lines = linesOf(fields);
    if (status !== 204) lines += `content-length: ${bytes.length}\r\n`;
    const head = headOfLines(lines);
    head.contentLength = status === 204 ? -1 : bytes.length;
    head.lengthField = status === 204 ? -1 : head.count - 1;
    head.framing = this.#isHead || bytes.length === 0 ? Framing.NONE : Framing.LENGTH;
    this.#sendHead(x, head, status);
    if (!this.#isHead && bytes.length > 0) this.enqueue(bytes);
    this.endAfter();
  }

  get isFull(): boolean {
    return this.#x === null || this.queuedBytes >= streamBytesMax;
  }

  write(text: string): void {
    if (this.#x === null) return;
    this.#io.enter();
    this.enqueue(Buffer.from(text));
    this.#io.leave();
  }

  endStream(): void {
    if (!this.#leaveStream()) return;
    this.#io.enter();
    this.endAfter();
    this.#io.leave();
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
    this.#leaveStream();
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

  protected override drained(): void {
    this.#stream?.resume();
  }

  #beginStream(x: Exchange, status: number, fields: Fields, stream: AdminStream): void {
    const head = headOfLines(linesOf(fields));
    head.framing = this.#isHead ? Framing.NONE : Framing.CHUNKED;
    this.#sendHead(x, head, status);
    if (this.#isHead) {
      this.endAfter();
      return;
    }
    // Who has gone without a word is found out when the next line is written, which may be never.
    if (this.#streaming.size >= logStreamsMax) {
      const [oldest] = this.#streaming;
      oldest.endStream();
    }
    this.#stream = stream;
    this.#streaming.add(this);
    stream.begin(this);
  }

  /** False when there is none. */
  #leaveStream(): boolean {
    const stream = this.#stream;
    if (stream === null) return false;
    this.#stream = null;
    this.#streaming.delete(this);
    stream.end();
    return true;
  }

  #sendHead(x: Exchange, head: Head, status: number): void {
    head.major = 2;
    head.canonicalLine = false;
    head.status = status;
    x.status = status;
    x.response = head;
    x.client?.respond(x);
    x.response = null;
  }

  #respondLater(response: AdminResponse): void {
    this.#io.enter();
    this.respond(response);
    this.#io.leave();
  }
}

function isStream(body: AdminResponse['body']): body is AdminStream {
  return typeof body === 'object' && 'begin' in body;
}

function linesOf(fields: Fields): string {
  let lines = '';
  for (const [name, value] of Object.entries(fields)) lines += `${name}: ${value}\r\n`;
  return lines;
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
  const mark = target.indexOf('?');
  const { peer = '', identity = null } = x.client?.connection ?? {};
  return {
    method: readMethod(head),
    path: mark === -1 ? target : target.slice(0, mark),
    query: mark === -1 ? null : target.slice(mark + 1),
    field: (name) => fields.get(name) ?? '',
    remoteHost: peer.slice(0, peer.lastIndexOf(':')),
    identity: identity === null ? null : identity.name,
  };
}

function readMethod(head: Head): string {
  return head.bytes.toString('latin1', head.methodStart, head.methodEnd);
}

type Fields = Readonly<Record<string, string>>;

const bodyBytesMax = 4 * 1024;
/** What may wait for a client of a body without an end before its source waits too. */
const streamBytesMax = 64 * 1024;
const nothing = Buffer.alloc(0);
