/**
 * The client side of an HTTP/2 connection to an endpoint: each exchange gets a stream, as many at
 * once as the endpoint allows. What an endpoint has provably not processed can be sent elsewhere:
 * a stream that it refused, and those above the last one that its GOAWAY names (RFC 9113 6.8, 8.7).
 */

import { assert } from '../../base/assert.ts';
import type { Conduit } from '../../io/conduit.ts';
import type { Layer } from '../../stack/layer.ts';
import type { Exchange } from '../exchange.ts';
import { Framing } from '../head.ts';
import { origProtoLine } from '../orig-proto.ts';
import type { H2ClientContext, H2ClientOwner } from './client-context.ts';
import { ClientStream, type ClientStreamOwner } from './client-stream.ts';
import { Closed } from './closed-streams.ts';
import { Connection } from './connection.ts';
import { decodeResponse, decodeTrailers } from './decode-head.ts';
import { blockBytesMax, encodeFields, encodeRequest } from './encode-head.ts';
import { H2Code, h2CodeName } from './error-code.ts';
import { streamIdMax } from './frame/head.ts';
import { Setting } from './frame/settings.ts';
import { headErrorTraits } from './head-error.ts';
import { KeepAlive } from './keep-alive.ts';
import { recvContent, State } from './state.ts';
import type { Stream } from './stream.ts';
import { Violation } from './violation.ts';

export class H2Client extends Connection implements ClientStreamOwner {
  /** Requests that went out here before. */
  served = 0;
  /** What the endpoint's GOAWAY said; -1 before there is one. */
  goawayCode = -1;
  /** The pool opens no more streams here; those that are there end in their time. */
  #retired = false;
  protected readonly lastPeerStream = 0;
  readonly #context: H2ClientContext;
  readonly #owner: H2ClientOwner<H2Client>;
  readonly #free: ClientStream[] = [];
  #nextStream = 1;
  #goneAway = false;
  readonly #keepAlive: KeepAlive;
  /** The endpoint has sent something. */
  #heard = false;

  constructor(context: H2ClientContext, owner: H2ClientOwner<H2Client>, socket: Conduit) {
    super(context, socket, false);
    this.#context = context;
    this.#owner = owner;
    this.#keepAlive = new KeepAlive(context, context.io.nowMs);
    const { settings } = context.thread;
    this.sender.preface();
    this.sender.settings([
      [Setting.ENABLE_PUSH, 0],
      [Setting.INITIAL_WINDOW_SIZE, settings.initialStreamWindowBytes],
      [Setting.MAX_FRAME_SIZE, settings.maxFrameBytes],
      [Setting.MAX_HEADER_LIST_SIZE, settings.headBytesMax],
    ]);
    this.widenWindow();
    socket.resume();
  }

  get sink(): Layer<Exchange> {
    return this.#context.sink;
  }

  get address(): string {
    return this.#owner.address;
  }

  get responseTimeoutMs(): number {
    return this.#context.responseTimeoutMs;
  }

  /** Requests under way. */
  get active(): number {
    return this.streams.size;
  }

  /** The endpoint does not read what it has been sent. */
  get isStalled(): boolean {
    return this.sender.unread;
  }

  /** How many more requests it takes now. */
  get room(): number {
    if (this.isLeaving || this.isStalled) return 0;
    const max = this.receiver.settled
      ? this.receiver.peerSettings.concurrentStreamsMax
      : unsettledStreamsMax;
    return max - this.streams.size;
  }

  /** Whether a stream may become a tunnel (RFC 8441 3); null before the endpoint has said it. */
  get takesUpgrades(): boolean | null {
    const { settled, peerSettings } = this.receiver;
    return settled ? peerSettings.connectProtocol : null;
  }

  /** No request will go out here any more. */
  get isLeaving(): boolean {
    return this.over || this.#retired || this.#goneAway || this.#nextStream > streamIdMax;
  }

  /** Sends the head and what is there of the body; the rest follows by the stream's `data`. */
  send(x: Exchange): void {
    assert(this.room > 0, 'there is room for a request');
    const { sender } = this;
    const head = x.request;
    const ends = isWhole(x) && !head.upgrade;
    const stream = this.#free.pop() ?? new ClientStream(this);
    x.reused = this.served > 0;
    x.attemptMs = this.nowMs;
    this.served += 1;
    this.open(stream, this.#nextStream, State.OPEN);
    this.#nextStream += 2;
    stream.attach(x);
    // No later than it was: requests that keep coming are no sign of life.
    if (!this.isExpecting) this.deadlineMs = Math.min(this.deadlineMs, this.quietDeadline());
    this.expectResponse(stream, x);
    const proto = x.origProto === -1 ? '' : origProtoLine(x.origProto);
    const lines = proto + x.extraFields;
    const own = lines === '' ? null : this.#context.thread.headOf(lines);
    const ownBytes = own === null ? 0 : blockBytesMax(own);
    const { defaultAuthority, authorityOverride: override } = x;
    const nameBytes = defaultAuthority.length + override.length;
    const out = sender.block(blockBytesMax(head) + nameBytes + ownBytes);
    const { encoder, blockStart } = sender;
    let end = encodeRequest(encoder, head, defaultAuthority, out, blockStart, override);
    if (own !== null) end = encodeFields(sender.encoder, own, out, end);
    sender.headers(stream, out, end, ends);
    // Servers of gRPC wait for the end where it was, in DATA.
    sender.closeFrame();
    if (ends || head.upgrade) return;
    if (x.bodyLength > 0 && x.body !== null) stream.data(x, x.body, 0, x.bodyLength);
    if (!x.requestEnded) {
      if (stream.queue.empty) x.client?.resumeRequest(x);
      return;
    }
    if (x.requestTrailers !== null) sender.trailers(stream, x.requestTrailers);
    sender.end(stream);
  }

  /** Ends the connection when its last request has ended. */
  retire(): void {
    this.#retired = true;
    if (this.streams.size === 0) this.#leave();
  }

  /** Ends the connection in the middle of its requests. */
  abort(reason: string): void {
    this.broken(reason);
  }

  expectResponse(stream: Stream, x: Exchange): void {
    // How long a gRPC call may take is said by its caller; a dead endpoint answers no PING.
    const limitMs = x.isGrpc ? x.deadlineMs : this.nowMs + this.#context.responseTimeoutMs;
    if (limitMs !== Number.POSITIVE_INFINITY) this.watch(stream, limitMs);
  }

  override onBytes(bytes: Buffer, length: number): void {
    this.#keepAlive.heard(this.nowMs);
    if (!this.#heard && isHttp1(bytes, length)) {
      this.broken('it answered in HTTP/1; declare protocol: http1 for its service');
      return;
    }
    this.#heard = true;
    super.onBytes(bytes, length);
  }

  isIdle(streamId: number): boolean {
    return streamId >= this.#nextStream || streamId % 2 === 0;
  }

  /** Those that have been forgotten we may have reset, long ago. */
  override findClosed(streamId: number): number {
    return super.findClosed(streamId) || Closed.RESET_BY_US;
  }

  onFields(streamId: number, ends: boolean): boolean {
    const stream = this.streams.find(streamId) as ClientStream | null;
    if (stream === null) return this.#lateFields(streamId);
    if (stream.headed) return this.#trailers(stream, ends);
    const { head, settings } = this.#context.thread;
    const result = decodeResponse(this.decoder, this.block, settings, stream.method, ends, head);
    if (result < 0) return this.violated(result);
    if (recvContent(stream.state) < 0) return this.streamViolated(stream, Violation.STREAM_CLOSED);
    if (result > 0) return this.#malformed(stream, result);
    const wrong = stream.onHead(head, ends);
    if (wrong !== '') return this.refuse(stream, H2Code.PROTOCOL_ERROR, wrong);
    // The client may have gone with the head.
    return ends && stream.state !== State.CLOSED ? this.recvEnded(stream) : !this.over;
  }

  /** Each stream that is reset was a request of ours, so that there is no flood of them. */
  override blame(): boolean {
    return !this.over;
  }

  onGoaway(lastStreamId: number, code: number): void {
    this.#goneAway = true;
    this.goawayCode = code;
    for (const stream of this.streams.list()) {
      if (stream.id <= lastStreamId) continue;
      (stream as ClientStream).fail('UPSTREAM_REFUSED', `GOAWAY with ${h2CodeName(code)}`);
      this.reset(stream, H2Code.CANCEL);
    }
    this.#owner.changed(this);
    if (this.streams.size === 0) this.#leave();
  }

  override onDrain(): void {
    super.onDrain();
    if (!this.over) this.#owner.changed(this);
  }

  onPong(): void {}

  override onSettings(): void {
    super.onSettings();
    this.#owner.changed(this);
  }

  /** An endpoint that answers may take long over it, but not be silent to PING. */
  protected quietDeadline(): number {
    if (this.streams.size > 0) return this.#keepAlive.nextLookMs(this.nowMs);
    return this.nowMs + this.#context.idleTimeoutMs;
  }

  protected onStreamClosed(stream: Stream): void {
    this.#free.push(stream as ClientStream);
    if (this.over) return;
    if (this.streams.size === 0) {
      if (this.isLeaving) {
        this.#leave();
        return;
      }
      this.rest();
    }
    this.#owner.changed(this);
  }

  /** Unused for too long; or nothing came for a while although something should. */
  protected onQuiet(): void {
    if (this.streams.size === 0) {
      this.#leave();
      return;
    }
    const untilMs = this.#keepAlive.look(this.nowMs, (payload) => {
      this.sender.ping(payload, 0, false);
    });
    if (untilMs !== -1) this.deadlineMs = untilMs;
    else {
      const { keepAliveTimeoutMs } = this.#context;
      this.broken(`no answer to PING for ${keepAliveTimeoutMs} ms (http2KeepAliveTimeoutMs)`);
    }
  }

  protected onOver(reason: string, told: boolean): void {
    if (reason !== '' && told) this.#owner.violated(reason);
    // Who does not read need not be told, and neither we nor the kernel wait for it.
    if (told && !this.socket.congested) this.socket.destroyWhenWritten();
    else this.socket.reset();
    this.#owner.closed(this);
  }

  #leave(): void {
    if (this.over) return;
    this.sender.goaway(0, H2Code.NO_ERROR, '');
    this.finish();
  }

  #trailers(stream: ClientStream, ends: boolean): boolean {
    const { head, settings } = this.#context.thread;
    const result = decodeTrailers(this.decoder, this.block, settings, head);
    if (result < 0) return this.violated(result);
    if (recvContent(stream.state) < 0) return this.streamViolated(stream, Violation.STREAM_CLOSED);
    if (result > 0) return this.#malformed(stream, result);
    if (!ends) return this.streamViolated(stream, Violation.FIELDS_WITHOUT_END);
    if (stream.contentLeft <= 0) stream.onTrailers(head);
    return stream.state === State.CLOSED ? !this.over : this.recvEnded(stream);
  }

  #malformed(stream: ClientStream, result: number): boolean {
    const { error, text } = headErrorTraits(result);
    this.#owner.violated(text);
    const code = error === 'BAD_REQUEST' ? 'UPSTREAM_MALFORMED' : 'UPSTREAM_HEAD_TOO_LARGE';
    stream.fail(code, text);
    this.reset(stream, H2Code.PROTOCOL_ERROR);
    return this.blame();
  }

  /** The response to something that nobody waits for: the table needs it. */
  #lateFields(streamId: number): boolean {
    const { head, settings } = this.#context.thread;
    const result = decodeTrailers(this.decoder, this.block, settings, head);
    if (result < 0) return this.violated(result);
    if (this.isIdle(streamId)) return this.violated(Violation.STREAM_IDLE);
    const ended = this.findClosed(streamId) === Closed.ENDED;
    return !ended || this.violated(Violation.FIELDS_BEHIND_END);
  }
}

/** A status line; or a page without any, by which HTTP/0.9 is told that it cannot be served. */
function isHttp1(bytes: Buffer, length: number): boolean {
  return bytes[0] === LESS_THAN || bytes.toString('latin1', 0, Math.min(length, 5)) === 'HTTP/';
}

/** Nothing follows the head, not even its end. */
function isWhole(x: Exchange): boolean {
  return x.requestEnded && x.request.framing === Framing.NONE && x.requestTrailers === null;
}

/** Streams that are opened before the endpoint has said how many (RFC 9113 6.5.2). */
const unsettledStreamsMax = 100;
const LESS_THAN = 0x3c;
