/**
 * The client side of one HTTP/1.1 connection to an endpoint: sends one exchange at a time and
 * reads its response. A byte that comes while no response is awaited ends the connection, so that
 * it never becomes part of somebody else's answer (CVE-2026-48931, response queue poisoning).
 *
 * ```
 *  IDLE ──send──▶ HEAD ──head complete──▶ BODY ──complete──▶ IDLE, or the end if not reusable
 *                  │ 101                   │ truncated, malformed: fail and the end
 *                  ▼
 *                 GONE
 * ```
 */

import { assert } from '../../base/assert.ts';
import type { DeadlineHolder } from '../../base/deadlines.ts';
import { type ErrorCode, ProxyError } from '../../base/errors.ts';
import { informationalMax } from '../../base/limits.ts';
import type { TunnelSide } from '../../io/conduit.ts';
import { outputBytes } from '../../io/io.ts';
import type { Socket } from '../../io/socket.ts';
import type { SocketOwner } from '../../io/socket-owner.ts';
import type { Exchange, ExchangeUpstream } from '../exchange.ts';
import { Framing, type Head } from '../head.ts';
import { Stash } from '../stash.ts';
import type { ClientContext, ClientOwner } from './client-context.ts';
import { BodyDecoder, BodyEvent } from './decode-body.ts';
import { decodeResponseHead } from './decode-head.ts';
import { chunkHeaderBytesMax, encodeChunkHeader, encodeRequestHead } from './encode.ts';
import { headErrorTraits } from './head-error.ts';
import { grantsUpgrade } from './upgrade.ts';
import { writeTrailers } from './write-trailers.ts';

const State = { IDLE: 0, HEAD: 1, BODY: 2, GONE: 3 } as const;

export class H1Client implements SocketOwner, ExchangeUpstream, DeadlineHolder {
  readonly socket: Socket;
  deadlineMs = Number.POSITIVE_INFINITY;
  prevHolder: DeadlineHolder | null = null;
  nextHolder: DeadlineHolder | null = null;
  /** Requests that went out here before. */
  served = 0;
  /** Its neighbours among the idle connections of its pool, which keeps them. */
  newerIdle: H1Client | null = null;
  olderIdle: H1Client | null = null;
  /** Its pool keeps these too: how far the endpoint is still trusted. */
  distrusts = 0;
  jitter = 0;

  readonly #context: ClientContext;
  readonly #pool: ClientOwner<H1Client>;
  #stash = Stash.none;
  readonly #body: BodyDecoder;
  #state: number = State.IDLE;
  #x: Exchange | null = null;
  #informational = 0;
  /** Of the current response; the head itself serves other connections meanwhile. */
  #framing = 0;
  #keepAlive = true;
  #scanned = 0;
  #behindUpgrade: Buffer = nothing;
  #chunking = false;

  constructor(context: ClientContext, pool: ClientOwner<H1Client>, socket: Socket) {
    this.#context = context;
    this.#pool = pool;
    this.socket = socket;
    this.#body = new BodyDecoder(context);
    socket.owner = this;
    context.deadlines.add(this);
    socket.resume();
  }

  /** Sends the head and what is there of the body; the rest follows by `data`. */
  send(x: Exchange): void {
    assert(this.#state === State.IDLE, 'one exchange at a time');
    const { socket } = this;
    const head = x.request;
    x.upstream = this;
    x.reused = this.served > 0;
    x.attemptMs = this.#context.io.nowMs;
    this.served += 1;
    this.#x = x;
    this.#state = State.HEAD;
    this.#informational = 0;
    this.#chunking = head.framing === Framing.CHUNKED;
    this.deadlineMs = x.attemptMs + this.#context.responseTimeoutMs;
    const out = socket.reserve(outputBytes - 1);
    const { authorityOverride: override, defaultAuthority } = x;
    const host = defaultAuthority === '' || override !== '' ? '' : `host: ${defaultAuthority}\r\n`;
    const extra = host + x.extraFields;
    const end = encodeRequestHead(head, out, socket.outLength, extra, override);
    assert(end > 0, 'a request head fits an output buffer');
    socket.commit(end);
    if (head.framing === Framing.NONE) return;
    if (x.bodyLength > 0 && x.body !== null) this.data(x, x.body, 0, x.bodyLength);
    if (!x.requestEnded) {
      x.client?.resumeRequest(x);
      return;
    }
    if (x.requestTrailers !== null) this.trailers(x, x.requestTrailers);
    this.end(x);
  }

  data(x: Exchange, bytes: Buffer, start: number, end: number): void {
    this.deadlineMs = this.#context.io.nowMs + this.#context.responseTimeoutMs;
    if (this.socket.writeEnded) return;
    if (this.#chunking) {
      const out = this.socket.reserve(chunkHeaderBytesMax);
      this.socket.commit(encodeChunkHeader(end - start, out, this.socket.outLength));
    }
    this.socket.write(bytes, start, end);
    if (this.#chunking) this.socket.writeLatin1('\r\n');
    if (this.socket.congested) x.client?.pauseRequest(x);
  }

  trailers(_x: Exchange, fields: Head): void {
    if (!this.#chunking) return;
    writeTrailers(this.socket, fields);
    this.#chunking = false;
  }

  end(_x: Exchange): void {
    if (this.#chunking) this.socket.writeLatin1('0\r\n\r\n');
    this.#chunking = false;
  }

  cancel(x: Exchange): void {
    if (this.#x !== x) return;
    this.#x = null;
    x.upstream = null;
    this.#gone();
    this.socket.destroy();
  }

  pauseResponse(): void {
    this.socket.pause();
  }

  resumeResponse(): void {
    this.socket.resume();
  }

  onBytes(bytes: Buffer, length: number): void {
    if (this.#x === null) {
      this.#pool.strayBytes();
      this.close();
      return;
    }
    if (!this.#stash.empty) {
      this.#stash = this.#stash.append(bytes, 0, length);
      const stash = this.#stash;
      const at = this.#process(stash.bytes, stash.start, stash.end);
      if (this.#state !== State.GONE) stash.consume(at);
      return;
    }
    const at = this.#process(bytes, 0, length);
    if (at < length && this.#state !== State.GONE)
      this.#stash = this.#stash.append(bytes, at, length);
  }

  onEnd(): void {
    if (this.#state === State.BODY && this.#framing === Framing.CLOSE) this.#complete(0, 0);
    else this.#broken('the connection was closed');
  }

  onCongested(): void {
    const x = this.#x;
    if (x !== null && x.client !== null) x.client.pauseRequest(x);
  }

  onDrain(): void {
    const x = this.#x;
    if (x !== null && x.client !== null) x.client.resumeRequest(x);
  }

  onClose(code: string): void {
    this.#broken(code);
  }

  onDeadline(): void {
    if (this.#x === null) {
      this.close();
      return;
    }
    const limit = `${this.#context.responseTimeoutMs} ms (responseTimeoutMs)`;
    if (this.socket.reading) this.#fail('RESPONSE_TIMEOUT', `nothing for ${limit}`);
    else this.#fail('CLIENT_GONE', `it took nothing of the response for ${limit}`);
  }

  get busy(): boolean {
    return this.#x !== null;
  }

  /** Ends a connection in the middle of what is in progress. */
  abort(reason: string): void {
    this.#broken(reason);
  }

  /** Ends an idle connection. */
  close(): void {
    assert(this.#x === null, 'nothing is in progress');
    if (this.#state === State.GONE) return;
    this.#gone();
    this.socket.destroy();
  }

  /** With the bytes that came behind the 101. */
  detach(x: Exchange): TunnelSide {
    assert(this.#x === x, 'the exchange is in progress here');
    const first = this.#behindUpgrade;
    this.#stash.clear();
    this.#x = null;
    x.upstream = null;
    this.#gone();
    return { conduit: this.socket, first };
  }

  #process(bytes: Buffer, start: number, end: number): number {
    let at = start;
    while (this.#state === State.HEAD && at < end) {
      const after = this.#headStep(bytes, at, end);
      if (after === at) return at;
      at = after;
    }
    const body = this.#body;
    while (this.#state === State.BODY) {
      const event = body.next(bytes, at, end);
      at = body.position;
      if (event === BodyEvent.NEED_MORE) break;
      this.#bodyEvent(event, bytes, at, end);
    }
    return at;
  }

  #headStep(bytes: Buffer, start: number, end: number): number {
    const x = this.#x as Exchange;
    const head = this.#context.head;
    head.scanned = this.#scanned;
    const after = decodeResponseHead(bytes, start, end, this.#context, x.request.method, head);
    this.#scanned = head.scanned;
    if (after === 0) return start;
    if (after < 0) {
      const traits = headErrorTraits(after);
      this.#fail(traits.upstream, traits.text);
      return start;
    }
    if (head.status === 101) {
      this.#upgrade(x, bytes, after, end);
      return end;
    }
    if (head.status < 200) return this.#informationalHead(x, head) ? after : start;
    x.response = head;
    x.status = head.status;
    x.respondedMs = this.#context.io.nowMs;
    this.#framing = head.framing;
    this.#keepAlive = head.keepAlive;
    this.#body.reset(head.framing, head.contentLength);
    this.#state = State.BODY;
    this.deadlineMs = x.respondedMs + this.#context.responseTimeoutMs;
    this.#context.sink.response(x);
    x.response = null;
    return after;
  }

  #informationalHead(x: Exchange, head: Head): boolean {
    this.#informational += 1;
    if (this.#informational > informationalMax) {
      this.#fail('UPSTREAM_MALFORMED', `more than ${informationalMax} informational responses`);
      return false;
    }
    x.response = head;
    this.#context.sink.informational(x);
    x.response = null;
    return true;
  }

  /** Only an upgrade that was asked for may turn the connection into a tunnel (CVE-2024-23326). */
  #upgrade(x: Exchange, bytes: Buffer, after: number, end: number): void {
    if (!grantsUpgrade(x.request, this.#context.head)) {
      this.#fail('UPSTREAM_MALFORMED', 'status 101 to an upgrade that was not asked for');
      return;
    }
    this.#behindUpgrade = Buffer.from(bytes.subarray(after, end));
    x.response = this.#context.head;
    x.status = 101;
    x.respondedMs = this.#context.io.nowMs;
    this.#context.sink.response(x);
    x.response = null;
    this.#context.sink.end(x);
  }

  #bodyEvent(event: number, bytes: Buffer, at: number, end: number): void {
    const x = this.#x as Exchange;
    const body = this.#body;
    if (event === BodyEvent.DATA) {
      this.deadlineMs = this.#context.io.nowMs + this.#context.responseTimeoutMs;
      x.client?.data(x, bytes, body.dataStart, body.dataEnd);
    } else if (event === BodyEvent.TRAILERS) {
      x.client?.trailers(x, body.trailers);
    } else if (event === BodyEvent.END) {
      this.#complete(at, end);
    } else {
      this.#fail('UPSTREAM_MALFORMED', headErrorTraits(body.error).text);
    }
  }

  /** The response is complete. Bytes behind it belong to nobody: no reuse then. */
  #complete(at: number, end: number): void {
    const x = this.#x as Exchange;
    this.#x = null;
    x.upstream = null;
    const clean = at === end && x.requestEnded && this.#keepAlive && !this.socket.readEnded;
    if (clean) {
      this.#state = State.IDLE;
      this.deadlineMs = this.#context.io.nowMs + this.#context.poolIdleTimeoutMs;
      this.socket.resume();
      this.#pool.idle(this);
    } else {
      // What is left of the request, if anything is, would be read by nobody.
      this.#gone();
      this.socket.destroy();
    }
    this.#context.sink.end(x);
  }

  #broken(reason: string): void {
    if (this.#x === null) {
      this.close();
      return;
    }
    const silent = this.#state === State.HEAD && this.#informational === 0 && this.#stash.empty;
    this.#fail(silent ? 'UPSTREAM_RESET' : 'UPSTREAM_TRUNCATED', reason);
  }

  #fail(code: ErrorCode, detail: string): void {
    const x = this.#x as Exchange;
    this.#x = null;
    x.upstream = null;
    this.#gone();
    this.socket.destroy();
    this.#context.sink.fail(x, new ProxyError(code, `${this.#pool.address}: ${detail}`));
  }

  #gone(): void {
    this.#state = State.GONE;
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.#context.deadlines.remove(this);
    this.#pool.closed(this);
  }
}

const nothing = Buffer.alloc(0);
