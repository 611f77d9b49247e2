/**
 * The server side of an HTTP/2 connection: streams that the client opens become exchanges, and
 * their responses go out as their windows allow. It ends in two steps (RFC 9113 6.8): a first
 * GOAWAY asks the client to open no more, and once the client has surely read it a second one
 * names the last stream; what is under way is answered before the connection closes.
 *
 * ```
 *  OPEN --drain, own answer--> ASKED (GOAWAY 2^31-1, PING) --pong--> LEAVING (GOAWAY last id)
 *    |                           |                                     | no streams left
 *    +------ broken, failed -----+-------------------------------------+-----> over
 * ```
 */

import { ProxyError } from '../../base/errors.ts';
import type { Conduit } from '../../io/conduit.ts';
import type { ClientIdentity, Exchange } from '../exchange.ts';
import { headOfLines } from '../field-lines.ts';
import { grpcTimeoutMs, isGrpc } from '../grpc.ts';
import { type Head, Method } from '../head.ts';
import { Linger } from '../linger.ts';
import type { ServerConnection } from '../server-context.ts';
import { createWebSocketKey } from '../websocket.ts';
import { Closed } from './closed-streams.ts';
import { Connection } from './connection.ts';
import { appendField, decodeRequest, decodeTrailers } from './decode-head.ts';
import { blockBytesMax, encodeFields, encodeResponse } from './encode-head.ts';
import { H2Code } from './error-code.ts';
import { streamIdMax } from './frame/head.ts';
import { Setting } from './frame/settings.ts';
import { headErrorTraits, isAnswered } from './head-error.ts';
import { KeepAlive } from './keep-alive.ts';
import { clientPreface } from './preface.ts';
import type { H2ServerContext } from './server-context.ts';
import { ServerStream, type ServerStreamOwner } from './server-stream.ts';
import { openStream, recvContent, State } from './state.ts';
import type { Stream } from './stream.ts';
import { Violation } from './violation.ts';

const Stage = { OPEN: 0, ASKED: 1, LEAVING: 2 } as const;

export class H2Server extends Connection implements ServerStreamOwner, ServerConnection {
  readonly peer: string;
  readonly fixedTarget: unknown;
  readonly identity: ClientIdentity | null;
  grant: unknown = null;

  protected lastPeerStream = 0;
  readonly #context: H2ServerContext;
  readonly #free: ServerStream[] = [];
  #stage: number = Stage.OPEN;
  /** Streams above it are not processed any more. */
  #lastStream = streamIdMax;
  /** An own answer ends the connection, as Linkerd does it. */
  #leaveSoon = false;
  /** When a client that was asked to leave, and does not say that it has read so, is left. */
  #leaveAtMs = Number.POSITIVE_INFINITY;
  readonly #keepAlive: KeepAlive;
  #prefaceLeft = clientPreface.length;
  #lingering: Linger | null = null;

  /** The bytes that come begin with the client's preface. */
  constructor(context: H2ServerContext, socket: Conduit, fixedTarget: unknown) {
    super(context, socket, true);
    this.#context = context;
    this.#keepAlive = new KeepAlive(context, context.io.nowMs);
    this.peer = `${socket.remoteHost}:${socket.remotePort}`;
    this.fixedTarget = fixedTarget;
    this.identity = context.identity;
    const { settings } = context.thread;
    this.sender.settings([
      [Setting.MAX_CONCURRENT_STREAMS, settings.maxConcurrentStreams],
      [Setting.INITIAL_WINDOW_SIZE, settings.initialStreamWindowBytes],
      [Setting.MAX_FRAME_SIZE, settings.maxFrameBytes],
      [Setting.MAX_HEADER_LIST_SIZE, settings.headBytesMax],
      [Setting.ENABLE_CONNECT_PROTOCOL, 1],
    ]);
    this.widenWindow();
    context.opened(this);
  }

  override onBytes(bytes: Buffer, length: number): void {
    this.#keepAlive.heard(this.nowMs);
    let at = 0;
    for (; this.#prefaceLeft > 0 && at < length; at++) {
      if (bytes[at] !== clientPreface[clientPreface.length - this.#prefaceLeft]) {
        this.fail(H2Code.PROTOCOL_ERROR, 'no connection preface (RFC 9113 3.4)');
        return;
      }
      this.#prefaceLeft -= 1;
    }
    this.receiver.push(bytes, at, length);
  }

  closeIdle(): void {
    this.#leave();
  }

  closeForced(reason = 'the proxy is shutting down'): void {
    this.#lingering?.force();
    this.broken(reason);
  }

  sendHead(stream: Stream, head: Head, added: string): void {
    const { sender } = this;
    if (this.over || stream.state === State.CLOSED) return;
    const own = added === '' ? null : this.#context.thread.headOf(added);
    const out = sender.block(blockBytesMax(head) + (own === null ? 0 : blockBytesMax(own)));
    let end = encodeResponse(sender.encoder, head, out, sender.blockStart);
    if (own !== null) end = encodeFields(sender.encoder, own, out, end);
    sender.headers(stream, out, end, false);
    if (this.#leaveSoon || this.#context.draining) this.#leave();
  }

  sendOwn(stream: Stream, x: Exchange): void {
    const { syntheticBody: text } = x;
    const head = headOfLines(`${x.syntheticFields}content-length: ${text.length}\r\n`);
    head.status = x.status;
    if (x.closing) this.#leaveSoon = true;
    this.sendHead(stream, head, '');
    if (text === '' || x.request.method === Method.HEAD) return;
    const body = Buffer.from(text, 'latin1');
    this.sendData(stream, body, 0, body.length);
  }

  cancel(x: Exchange): void {
    this.#context.handler.cancel(x);
  }

  give(x: Exchange): void {
    this.#context.exchanges.give(x);
  }

  expectBody(stream: Stream): void {
    this.watch(stream, this.nowMs + this.#context.bodyIdleTimeoutMs);
  }

  expectTaking(stream: Stream): void {
    this.watch(stream, this.nowMs + this.#context.clientIdleTimeoutMs);
  }

  timeOut(stream: ServerStream, x: Exchange): void {
    const { bodyIdleTimeoutMs, rejects } = this.#context;
    const text = `no byte of the body for ${bodyIdleTimeoutMs} ms (bodyIdleTimeoutMs)`;
    const error = new ProxyError('REQUEST_TIMEOUT', text);
    if (x.responseStarted) {
      stream.drop(error, H2Code.CANCEL);
      this.reset(stream, H2Code.CANCEL);
    } else {
      rejects.cancel(x);
      rejects.fail(x, error);
    }
  }

  isIdle(streamId: number): boolean {
    return streamId > this.lastPeerStream || streamId % 2 === 0;
  }

  onFields(streamId: number, ends: boolean): boolean {
    const stream = this.streams.find(streamId) as ServerStream | null;
    if (stream !== null) return this.#trailers(stream, ends);
    if (streamId % 2 === 0) return this.violated(Violation.STREAM_ID);
    return streamId > this.lastPeerStream
      ? this.#request(streamId, ends)
      : this.#lateFields(streamId);
  }

  onGoaway(): void {
    this.#leave();
  }

  onPong(): void {
    // Whoever answers an earlier PING may not have read the GOAWAY yet.
    if (!this.#keepAlive.answered() && this.#stage === Stage.ASKED) this.#left();
  }

  #left(): void {
    this.#stage = Stage.LEAVING;
    this.#lastStream = this.lastPeerStream;
    this.sender.goaway(this.lastPeerStream, H2Code.NO_ERROR, '');
    this.#finishIfDone();
  }

  protected onStreamClosed(stream: Stream): void {
    this.#free.push(stream as ServerStream);
    if (this.over || this.streams.size > 0) return;
    this.rest();
    this.#finishIfDone();
  }

  /** Requests have deadlines of their own. */
  protected quietDeadline(): number {
    const { io, clientIdleTimeoutMs } = this.#context;
    if (this.#stage === Stage.ASKED) return this.#leaveAtMs;
    if (this.streams.size > 0) return this.#keepAlive.nextLookMs(io.nowMs);
    return io.nowMs + clientIdleTimeoutMs;
  }

  /** Nothing was asked for too long, or the client did not answer our PING. */
  protected onQuiet(): void {
    if (this.#stage === Stage.ASKED) this.#left();
    else if (this.streams.size === 0) this.#leave();
    else this.#lookAfter();
  }

  /** Whether a client that waits for answers is still there. */
  #lookAfter(): void {
    const untilMs = this.#keepAlive.look(this.nowMs, (payload) => {
      this.sender.ping(payload, 0, false);
    });
    if (untilMs !== -1) this.deadlineMs = untilMs;
    else {
      const { keepAliveTimeoutMs } = this.#context;
      this.broken(`no answer to PING for ${keepAliveTimeoutMs} ms (http2ServerKeepAliveTimeoutMs)`);
    }
  }

  protected onOver(reason: string, told: boolean): void {
    if (reason !== '' && told) this.#context.violated(this.peer, reason);
    if (told && !this.socket.destroyed) {
      this.#lingering = new Linger(this.#context, this.socket, () => this.#gone());
    } else {
      this.socket.reset();
      this.#gone();
    }
  }

  #request(streamId: number, ends: boolean): boolean {
    const { exchanges, io, thread, random } = this.#context;
    const x = exchanges.take();
    const result = decodeRequest(this.decoder, this.block, thread.settings, ends, x.request);
    if (result < 0) {
      exchanges.give(x);
      return this.violated(result);
    }
    this.lastPeerStream = streamId;
    const stream = this.#free.pop() ?? new ServerStream(this);
    this.open(stream, streamId, openStream(State.IDLE, 'peer', ends));
    this.rest();
    stream.attach(x);
    const tooMany = this.streams.size > thread.settings.maxConcurrentStreams;
    if (tooMany || streamId > this.#lastStream || this.sender.unread) {
      const { STREAMS_MAX, ANSWERS_UNREAD } = Violation;
      stream.release();
      return this.streamViolated(stream, this.sender.unread ? ANSWERS_UNREAD : STREAMS_MAX);
    }
    x.startedMs = io.nowMs;
    x.requestEnded = ends;
    x.isGrpc = isGrpc(x.request);
    if (x.isGrpc) x.deadlineMs = io.nowMs + grpcTimeoutMs(x.request);
    if (result > 0) return this.#refused(stream, x, result);
    stream.contentLeft = x.request.contentLength;
    if (ends && stream.contentLeft > 0) {
      stream.release();
      return this.streamViolated(stream, Violation.CONTENT_LENGTH);
    }
    if (x.request.upgrade) appendField(x.request, 'sec-websocket-key', createWebSocketKey(random));
    stream.begin();
    this.#context.handler.request(x);
    return !this.over;
  }

  /** Too large a head is answered; a malformed one ends its stream. */
  #refused(stream: ServerStream, x: Exchange, result: number): boolean {
    const { error, text } = headErrorTraits(result);
    if (isAnswered(result)) {
      this.#context.rejects.fail(x, new ProxyError(error, text));
      return !this.over;
    }
    stream.release();
    this.#context.violated(this.peer, text);
    return this.refuse(stream, H2Code.PROTOCOL_ERROR, text);
  }

  #trailers(stream: ServerStream, ends: boolean): boolean {
    const { head, settings } = this.#context.thread;
    const result = decodeTrailers(this.decoder, this.block, settings, head);
    if (result < 0) return this.violated(result);
    if (recvContent(stream.state) < 0) return this.streamViolated(stream, Violation.STREAM_CLOSED);
    if (!ends) return this.streamViolated(stream, Violation.FIELDS_WITHOUT_END);
    if (result > 0) {
      return this.refuse(stream, H2Code.PROTOCOL_ERROR, headErrorTraits(result).text);
    }
    if (stream.contentLeft <= 0 && head.count > head.droppedCount) stream.onTrailers(head);
    return this.recvEnded(stream);
  }

  /** Fields of a stream that has ended: the table needs them, nobody else. */
  #lateFields(streamId: number): boolean {
    const { head, settings } = this.#context.thread;
    const result = decodeTrailers(this.decoder, this.block, settings, head);
    if (result < 0) return this.violated(result);
    switch (this.findClosed(streamId)) {
      case Closed.RESET_BY_US:
        return true;
      case Closed.ENDED:
        return this.violated(Violation.FIELDS_BEHIND_END);
      default:
        return this.violated(Violation.STREAM_ID);
    }
  }

  /** The first step toward the end. */
  #leave(): void {
    if (this.over || this.#stage !== Stage.OPEN) return;
    this.#stage = Stage.ASKED;
    this.sender.goaway(streamIdMax, H2Code.NO_ERROR, '');
    this.sender.ping(pingPayload, 0, false);
    this.#leaveAtMs = this.nowMs + this.#context.headTimeoutMs;
    this.rest();
  }

  #finishIfDone(): void {
    if (this.#stage === Stage.LEAVING && this.streams.size === 0) this.finish();
  }

  #gone(): void {
    this.#context.closed(this, true);
  }
}

const pingPayload = Buffer.from('leaving ', 'latin1');
