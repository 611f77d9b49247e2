/**
 * One HTTP/2 connection, as far as both of its ends are alike: its streams, and the ways in which
 * they and the connection itself end (RFC 9113). Frames are `recv.ts` and `send.ts`; whether
 * streams are requests to us or ours is up to the sides (`server.ts`, `client.ts`).
 *
 * The socket is always read: pausing it would stop all streams and their window updates, and two
 * proxies that did it would wait for each other. A stream that cannot be forwarded gets no credit.
 */

import type { DeadlineHolder, Deadlines } from '../../base/deadlines.ts';
import { hpackTableBytesMax } from '../../base/limits.ts';
import type { Conduit } from '../../io/conduit.ts';
import type { Io } from '../../io/io.ts';
import type { SocketOwner } from '../../io/socket-owner.ts';
import type { Head } from '../head.ts';
import { ClosedStreams } from './closed-streams.ts';
import type { FieldBlock } from './decode-head.ts';
import { H2Code, h2CodeName } from './error-code.ts';
import { initialWindowBytes } from './flow.ts';
import { HpackDecoder } from './hpack/decode.ts';
import { Receiver, type Receiving } from './recv.ts';
import { Sender } from './send.ts';
import { recvContent, recvEnd, State } from './state.ts';
import type { Stream, StreamOwner } from './stream.ts';
import { StreamConduit } from './stream-conduit.ts';
import { StreamTable } from './stream-table.ts';
import type { H2Thread } from './thread.ts';
import { Violation, violationTraits } from './violation.ts';

/** What both kinds of connections are made with. */
export interface H2Context {
  readonly io: Io;
  readonly deadlines: Deadlines;
  readonly thread: H2Thread;
  /** How long SETTINGS, or the rest of a field block, may take. */
  readonly headTimeoutMs: number;
}

export abstract class Connection implements SocketOwner, Receiving, StreamOwner, DeadlineHolder {
  readonly socket: Conduit;
  deadlineMs: number;
  prevHolder: DeadlineHolder | null = null;
  nextHolder: DeadlineHolder | null = null;

  readonly sender: Sender;
  readonly streams = new StreamTable();
  readonly block: FieldBlock;
  /** Nothing more is read or sent. */
  over = false;

  protected readonly receiver: Receiver;
  protected readonly decoder = new HpackDecoder(hpackTableBytesMax);
  readonly #context: H2Context;
  readonly #closed = new ClosedStreams();

  constructor(context: H2Context, socket: Conduit, isServer: boolean) {
    const { settings, fields } = context.thread;
    this.#context = context;
    this.socket = socket;
    this.receiver = new Receiver(this, settings, isServer);
    this.sender = new Sender(socket, this.receiver.floods);
    this.block = { bytes: fields, start: 0, end: 0, out: fields };
    this.deadlineMs = context.io.nowMs + context.headTimeoutMs;
    socket.owner = this;
    socket.gathers = true;
    context.deadlines.add(this);
  }

  abstract onFields(streamId: number, ends: boolean): boolean;
  abstract isIdle(streamId: number): boolean;
  abstract onGoaway(lastStreamId: number, code: number): void;
  abstract onPong(): void;
  /** The last stream of the peer that may have been processed. */
  protected abstract readonly lastPeerStream: number;
  /** A stream has left `streams` and can be used again. */
  protected abstract onStreamClosed(stream: Stream): void;
  /** How long the connection may be quiet from now on: a point in time. */
  protected abstract quietDeadline(): number;
  /** It has been quiet for so long. */
  protected abstract onQuiet(): void;
  /**
   * The connection is over and its streams have heard it. `told`: the peer has been sent a GOAWAY
   * that says why, so that the socket should not be closed before it has gone out.
   */
  protected abstract onOver(reason: string, told: boolean): void;

  get remoteHost(): string {
    return this.socket.remoteHost;
  }

  get remotePort(): number {
    return this.socket.remotePort;
  }

  get nowMs(): number {
    return this.#context.io.nowMs;
  }

  onBytes(bytes: Buffer, length: number): void {
    this.receiver.push(bytes, 0, length);
  }

  onEnd(): void {
    this.broken('the connection was closed');
  }

  onCongested(): void {}

  onDrain(): void {
    this.sender.pump();
  }

  onClose(code: string): void {
    this.broken(code);
  }

  onDeadline(): void {
    const { settled, inBlock } = this.receiver;
    if (!settled) this.fail(H2Code.SETTINGS_TIMEOUT, 'no SETTINGS in time');
    else if (!inBlock) this.onQuiet();
    else this.fail(H2Code.ENHANCE_YOUR_CALM, 'a field block did not end in time');
  }

  /** The rest of the block has so long. */
  onFragments(begun: boolean): void {
    if (begun) this.deadlineMs = this.nowMs + this.#context.headTimeoutMs;
    else this.rest();
  }

  onSettings(): void {
    this.rest();
  }

  findClosed(streamId: number): number {
    return this.#closed.find(streamId);
  }

  forgetClosed(streamId: number): boolean {
    return this.#closed.remove(streamId);
  }

  onResetByPeer(stream: Stream, code: number): void {
    stream.onReset(code);
    this.#forget(stream, false);
  }

  recvEnded(stream: Stream): boolean {
    if (stream.contentLeft > 0) return this.streamViolated(stream, Violation.CONTENT_LENGTH);
    stream.state = recvEnd(stream.state);
    stream.onEnd();
    if (stream.state === State.CLOSED) this.closed(stream);
    return !this.over;
  }

  giveBack(stream: Stream): void {
    if (stream.held || recvContent(stream.state) < 0 || this.over) return;
    const credit = stream.recvWindow.giveBack();
    if (credit > 0) this.sender.windowUpdate(stream.id, credit);
  }

  /** From now on the stream's own deadline is looked at. */
  watch(stream: Stream, deadlineMs: number): void {
    stream.deadlineMs = deadlineMs;
    if (stream.isWatched) return;
    stream.isWatched = true;
    this.#context.deadlines.add(stream);
  }

  /** From now on the connection may be quiet, unless something is due that cannot wait. */
  protected rest(): void {
    if (!this.isExpecting) this.deadlineMs = this.quietDeadline();
  }

  /** SETTINGS, or the rest of a field block, have to come soon. */
  protected get isExpecting(): boolean {
    const { settled, inBlock } = this.receiver;
    return !settled || inBlock;
  }

  /** The window of the connection is ours from the start; SETTINGS do not speak of it. */
  protected widenWindow(): void {
    const { initialConnectionWindowBytes } = this.#context.thread.settings;
    const increment = initialConnectionWindowBytes - initialWindowBytes;
    if (increment > 0) this.sender.windowUpdate(0, increment);
  }

  /** A new stream with this side's windows, in `state`. */
  protected open(stream: Stream, id: number, state: number): void {
    const { peerSettings, streamWindowBytes } = this.receiver;
    stream.open(id, state, peerSettings.windowBytes, streamWindowBytes);
    this.streams.add(stream);
  }

  closed(stream: Stream): void {
    this.receiver.floods.streamEnded();
    this.#forget(stream, false);
  }

  /** The stream as a tunnel; `ended`: the peer has sent its last byte. */
  createConduit(stream: Stream, ended: boolean): StreamConduit {
    return new StreamConduit(this.#context.io, this, stream, ended);
  }

  sendData(stream: Stream, bytes: Buffer, start: number, end: number): boolean {
    return this.over || this.sender.data(stream, bytes, start, end);
  }

  sendTrailers(stream: Stream, fields: Head): void {
    if (!this.over) this.sender.trailers(stream, fields);
  }

  sendEnd(stream: Stream): void {
    if (!this.over) this.sender.end(stream);
  }

  reset(stream: Stream, code: number): void {
    if (stream.state === State.CLOSED) return;
    if (!this.over) this.sender.reset(stream.id, code);
    this.#forget(stream, true);
  }

  /** Resets a stream for the peer's fault; false when that has become too frequent. */
  streamViolated(stream: Stream, violation: number): boolean {
    const { code, text } = violationTraits(violation);
    return this.refuse(stream, code, text);
  }

  protected refuse(stream: Stream, code: number, text: string): boolean {
    stream.onViolation(text);
    this.reset(stream, code);
    return this.blame();
  }

  blame(): boolean {
    return this.receiver.countReset();
  }

  /** A rule of the connection was broken. */
  violated(violation: number): false {
    const { code, text } = violationTraits(violation);
    return this.fail(code, text);
  }

  /** Tells the peer why and ends the connection. */
  fail(code: number, text: string): false {
    if (!this.over) {
      this.sender.goaway(this.lastPeerStream, code, text);
      this.#end(`${h2CodeName(code)}: ${text}`, true);
    }
    return false;
  }

  /** The peer has gone, or the socket is of no use any more. */
  protected broken(reason: string): void {
    if (!this.over) this.#end(reason, false);
  }

  /** Orderly: nothing is under way. */
  protected finish(): void {
    if (!this.over) this.#end('', true);
  }

  #end(reason: string, told: boolean): void {
    this.over = true;
    this.receiver.end();
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.#context.deadlines.remove(this);
    for (const stream of this.streams.list()) {
      stream.onOver(reason);
      this.#forget(stream, false);
    }
    this.onOver(reason, told);
  }

  #forget(stream: Stream, resetByUs: boolean): void {
    if (!this.streams.remove(stream)) return;
    this.receiver.forget(stream);
    this.#closed.add(stream.id, resetByUs);
    this.sender.forget(stream);
    if (stream.isWatched) this.#context.deadlines.remove(stream);
    stream.isWatched = false;
    stream.forget();
    this.onStreamClosed(stream);
  }
}
