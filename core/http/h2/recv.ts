/**
 * What one side of an HTTP/2 connection receives: frames in their legal order, both flow-control
 * windows, settings, pings, and the budgets against floods (RFC 9113). It knows streams by their
 * windows and states only; what becomes of them is up to the connection.
 */

import { Closed } from './closed-streams.ts';
import type { FieldBlock } from './decode-head.ts';
import { H2Code } from './error-code.ts';
import { FieldFragments } from './field-fragments.ts';
import { Floods } from './floods.ts';
import { initialWindowBytes, RecvWindow } from './flow.ts';
import { loadContinuation } from './frame/continuation.ts';
import { Goaway } from './frame/goaway.ts';
import { Flag, type FrameHead, FrameType } from './frame/head.ts';
import { loadHeaders } from './frame/headers.ts';
import { Payload } from './frame/payload.ts';
import { loadPing } from './frame/ping.ts';
import { loadPriority } from './frame/priority.ts';
import { loadRstStream } from './frame/rst-stream.ts';
import { loadSettingsAck, PeerSettings } from './frame/settings.ts';
import { loadWindowUpdate } from './frame/window-update.ts';
import { type FrameHandler, FrameReader } from './frame-reader.ts';
import type { Sender } from './send.ts';
import { recvContent } from './state.ts';
import type { Stream } from './stream.ts';
import type { StreamTable } from './stream-table.ts';
import type { H2Settings } from './thread.ts';
import { Violation, violationTraits } from './violation.ts';

/** The connection. What returns a boolean says whether reading goes on. */
export interface Receiving {
  readonly nowMs: number;
  readonly over: boolean;
  readonly block: FieldBlock;
  readonly sender: Sender;
  readonly streams: StreamTable;
  /** Whether the peer may not speak of this stream yet. */
  isIdle(streamId: number): boolean;
  /** A value of Closed. */
  findClosed(streamId: number): number;
  /** Nothing more is to come of a stream that is gone; false when it was not remembered. */
  forgetClosed(streamId: number): boolean;
  /** A field block begins that goes on in further frames, or ends so. */
  onFragments(begun: boolean): void;
  /** A complete field block for a stream is in `block`. */
  onFields(streamId: number, ends: boolean): boolean;
  /** END_STREAM has come with content. */
  recvEnded(stream: Stream): boolean;
  giveBack(stream: Stream): void;
  onResetByPeer(stream: Stream, code: number): void;
  onSettings(): void;
  onPong(): void;
  onGoaway(lastStreamId: number, code: number): void;
  /** The peer made us reset a stream, or did it itself. */
  blame(): boolean;
  streamViolated(stream: Stream, violation: number): boolean;
  violated(violation: number): false;
  fail(code: number, text: string): false;
}

export class Receiver implements FrameHandler {
  readonly floods = new Floods();
  readonly peerSettings: PeerSettings;
  /** The peer's SETTINGS have come. */
  settled = false;

  readonly #connection: Receiving;
  readonly #settings: H2Settings;
  readonly #reader: FrameReader;
  readonly #window = new RecvWindow();
  readonly #fragments: FieldFragments;
  readonly #payload = new Payload();
  #streamWindowBytes: number;
  /** Whose content is being read; null where it is dropped. */
  #data: Stream | null = null;
  #dataEnds = false;

  constructor(connection: Receiving, settings: H2Settings, isServer: boolean) {
    this.#connection = connection;
    this.#settings = settings;
    this.peerSettings = new PeerSettings(!isServer);
    this.#reader = new FrameReader(this, settings.maxFrameBytes);
    this.#fragments = new FieldFragments(settings.headBytesMax);
    this.#window.reset(settings.initialConnectionWindowBytes);
    // The peer may use the protocol's window until it has seen ours.
    this.#streamWindowBytes = Math.max(settings.initialStreamWindowBytes, initialWindowBytes);
  }

  /** What the peer may send on a new stream. */
  get streamWindowBytes(): number {
    return this.#streamWindowBytes;
  }

  /** A field block has begun and not ended. */
  get inBlock(): boolean {
    return this.#fragments.streamId !== 0;
  }

  push(bytes: Buffer, start: number, end: number): void {
    this.#reader.push(bytes, start, end);
  }

  /** Whatever else comes is dropped. */
  end(): void {
    this.#reader.end();
    this.#data = null;
  }

  /** The stream is gone: what is left of its content is dropped. */
  forget(stream: Stream): void {
    if (this.#data === stream) this.#data = null;
  }

  frameHead(frame: FrameHead, violation: number): boolean {
    const { type, flags } = frame;
    if (violation < 0) return this.#connection.violated(violation);
    const begun = this.#fragments.streamId;
    if (begun !== 0 && (type !== FrameType.CONTINUATION || frame.streamId !== begun)) {
      return this.#connection.violated(Violation.CONTINUATION_EXPECTED);
    }
    if (this.settled) return true;
    const settings = type === FrameType.SETTINGS && (flags & Flag.ACK) === 0;
    return settings || this.#connection.violated(Violation.SETTINGS_EXPECTED);
  }

  frame(frame: FrameHead, bytes: Buffer, start: number): boolean {
    switch (frame.type) {
      case FrameType.HEADERS:
        return this.#headers(frame, bytes, start);
      case FrameType.CONTINUATION:
        return this.#continuation(frame, bytes, start);
      case FrameType.WINDOW_UPDATE:
        return this.#windowUpdate(frame, bytes, start);
      case FrameType.RST_STREAM:
        return this.#rstStream(frame, bytes, start);
      case FrameType.SETTINGS:
        return this.#peerSettings(frame, bytes, start);
      case FrameType.PING:
        return this.#ping(frame, bytes, start);
      case FrameType.GOAWAY:
        return this.#goaway(frame, bytes, start);
      case FrameType.PUSH_PROMISE:
        return this.#connection.violated(Violation.PUSH_PROMISE);
      case FrameType.PRIORITY:
        return this.#priority(frame, bytes, start);
      default:
        // RFC 9113 5.5: unknown types are dropped. A flood of them is one all the same.
        return this.#control();
    }
  }

  dataBegins(frame: FrameHead, violation: number, contentBytes: number): boolean {
    const connection = this.#connection;
    if (violation < 0) return connection.violated(violation);
    const { length, streamId } = frame;
    this.#data = null;
    this.#dataEnds = (frame.flags & Flag.END_STREAM) !== 0;
    if (contentBytes > 0) this.floods.filled();
    else if (!this.#dataEnds && !this.floods.empty()) return this.#flooded();
    if (!this.#window.receive(length)) return connection.violated(Violation.WINDOW_CONNECTION);
    const credit = this.#window.giveBack();
    if (credit > 0) connection.sender.windowUpdate(0, credit);
    const stream = connection.streams.find(streamId);
    if (stream === null) return this.#late(streamId);
    if (recvContent(stream.state) < 0)
      return connection.streamViolated(stream, Violation.STREAM_CLOSED);
    if (!stream.headed) return connection.streamViolated(stream, Violation.CONTENT_BEFORE_HEAD);
    if (!stream.recvWindow.receive(length)) {
      return connection.streamViolated(stream, Violation.WINDOW_STREAM);
    }
    this.#data = stream;
    return true;
  }

  dataPart(bytes: Buffer, start: number, end: number): boolean {
    const stream = this.#data;
    if (stream === null) return true;
    if (stream.contentLeft >= 0) {
      stream.contentLeft -= end - start;
      if (stream.contentLeft < 0) {
        return this.#connection.streamViolated(stream, Violation.CONTENT_LENGTH);
      }
    }
    stream.onData(bytes, start, end);
    return !this.#connection.over;
  }

  dataEnds(): boolean {
    const stream = this.#data;
    if (stream === null) return true;
    this.#data = null;
    if (this.#dataEnds) return this.#connection.recvEnded(stream);
    this.#connection.giveBack(stream);
    return true;
  }

  /** A frame for a stream that we do not know, or do not know any more. */
  #late(streamId: number): boolean {
    const connection = this.#connection;
    if (connection.isIdle(streamId)) return connection.violated(Violation.STREAM_IDLE);
    if (connection.findClosed(streamId) === Closed.RESET_BY_US) return true;
    return this.#resetLate(streamId, H2Code.STREAM_CLOSED);
  }

  /** The peer makes us reset what is no stream any more. */
  #resetLate(streamId: number, code: number): boolean {
    this.#connection.sender.reset(streamId, code);
    return this.#connection.blame() && this.#control();
  }

  #headers(frame: FrameHead, bytes: Buffer, at: number): boolean {
    const connection = this.#connection;
    const payload = this.#payload;
    const violation = loadHeaders(frame, bytes, at, payload);
    if (violation < 0) return connection.violated(violation);
    const ends = (frame.flags & Flag.END_STREAM) !== 0;
    if ((frame.flags & Flag.END_HEADERS) === 0) {
      this.#fragments.begin(frame.streamId, ends);
      connection.onFragments(true);
      return this.#fragments.append(bytes, payload.start, payload.end) || this.#flooded();
    }
    this.floods.filled();
    return this.#fields(frame.streamId, bytes, payload.start, payload.end, ends);
  }

  #continuation(frame: FrameHead, bytes: Buffer, at: number): boolean {
    const connection = this.#connection;
    const fragments = this.#fragments;
    if (fragments.streamId === 0) return connection.violated(Violation.CONTINUATION_UNEXPECTED);
    const payload = this.#payload;
    const violation = loadContinuation(frame, at, payload);
    if (violation < 0) return connection.violated(violation);
    if (!fragments.append(bytes, payload.start, payload.end)) return this.#flooded();
    if ((frame.flags & Flag.END_HEADERS) === 0) return true;
    const { streamId, ends, bytes: joined, length } = fragments;
    fragments.end();
    connection.onFragments(false);
    return this.#fields(streamId, joined, 0, length, ends);
  }

  #fields(streamId: number, bytes: Buffer, start: number, end: number, ends: boolean): boolean {
    const { block } = this.#connection;
    block.bytes = bytes;
    block.start = start;
    block.end = end;
    return this.#connection.onFields(streamId, ends);
  }

  #windowUpdate(frame: FrameHead, bytes: Buffer, at: number): boolean {
    const connection = this.#connection;
    const { streamId } = frame;
    const increment = loadWindowUpdate(frame, bytes, at);
    const stream = connection.streams.find(streamId);
    if (increment < 0) {
      if (increment !== Violation.WINDOW_UPDATE_ZERO) return connection.violated(increment);
      if (stream !== null) return connection.streamViolated(stream, increment);
    }
    if (!this.floods.windowUpdate(connection.nowMs)) return this.#flooded();
    if (streamId === 0) {
      if (!connection.sender.window.grow(increment))
        return connection.violated(Violation.WINDOW_OVERFLOW);
      connection.sender.pump();
    } else if (stream === null) {
      return connection.isIdle(streamId) ? connection.violated(Violation.STREAM_IDLE) : true;
    } else {
      if (!stream.sendWindow.grow(increment)) {
        return connection.streamViolated(stream, Violation.STREAM_WINDOW_OVERFLOW);
      }
      connection.sender.windowGrew(stream);
      connection.sender.pump();
    }
    return !connection.over;
  }

  #rstStream(frame: FrameHead, bytes: Buffer, at: number): boolean {
    const connection = this.#connection;
    const code = loadRstStream(frame, bytes, at);
    if (code < 0) return connection.violated(code);
    const stream = connection.streams.find(frame.streamId);
    if (stream === null) {
      if (connection.isIdle(frame.streamId)) return connection.violated(Violation.STREAM_IDLE);
      // It may cross the stream's end, or our own reset: each stream has one that is free.
      return connection.forgetClosed(frame.streamId) || this.#control();
    }
    connection.onResetByPeer(stream, code);
    return connection.blame();
  }

  #peerSettings(frame: FrameHead, bytes: Buffer, at: number): boolean {
    const connection = this.#connection;
    if ((frame.flags & Flag.ACK) !== 0) {
      const violation = loadSettingsAck(frame);
      if (violation < 0) return connection.violated(violation);
      this.#streamWindowBytes = this.#settings.initialStreamWindowBytes;
      return this.#control();
    }
    const { peerSettings: peer } = this;
    const { sender, streams } = connection;
    const windowBytes = peer.windowBytes;
    const violation = peer.load(frame, bytes, at);
    if (violation < 0) return connection.violated(violation);
    sender.encoder.setPeerMax(peer.headerTableBytesLeast);
    sender.encoder.setPeerMax(peer.headerTableBytes);
    sender.settingsAck();
    this.settled = true;
    if (peer.windowBytes !== windowBytes) {
      const open = streams.list();
      for (const { sendWindow } of open) {
        if (!sendWindow.grow(peer.windowBytes - windowBytes)) {
          return connection.violated(Violation.WINDOW_OVERFLOW);
        }
      }
      // Behind all of them, and in turns: what is sent now may end streams.
      for (const stream of open) sender.windowGrew(stream);
      sender.pump();
    }
    connection.onSettings();
    return this.#control();
  }

  #ping(frame: FrameHead, bytes: Buffer, at: number): boolean {
    const violation = loadPing(frame);
    if (violation < 0) return this.#connection.violated(violation);
    if ((frame.flags & Flag.ACK) === 0) this.#connection.sender.ping(bytes, at, true);
    else this.#connection.onPong();
    return this.#control();
  }

  #goaway(frame: FrameHead, bytes: Buffer, at: number): boolean {
    const goaway = new Goaway();
    const violation = goaway.load(frame, bytes, at);
    if (violation < 0) return this.#connection.violated(violation);
    this.#connection.onGoaway(goaway.lastStreamId, goaway.code);
    return this.#control();
  }

  #priority(frame: FrameHead, bytes: Buffer, at: number): boolean {
    const connection = this.#connection;
    const violation = loadPriority(frame, bytes, at);
    if (violation === 0) return this.#control();
    if (violationTraits(violation).scope === 'connection') return connection.violated(violation);
    const stream = connection.streams.find(frame.streamId);
    if (stream !== null) return connection.streamViolated(stream, violation);
    // RFC 9113 6.4: a stream that has not begun cannot be reset.
    if (connection.isIdle(frame.streamId)) return connection.violated(violation);
    return this.#resetLate(frame.streamId, violationTraits(violation).code);
  }

  /** A stream has been reset before its end, in some way by the peer's doing. */
  countReset(): boolean {
    return this.floods.reset(this.#connection.nowMs) || this.#flooded();
  }

  /** A frame that costs its sender next to nothing. */
  #control(): boolean {
    const connection = this.#connection;
    if (connection.over) return false;
    const affordable = this.floods.control(connection.nowMs) && !connection.sender.unread;
    return affordable || this.#flooded();
  }

  #flooded(): false {
    return this.#connection.fail(H2Code.ENHANCE_YOUR_CALM, 'too many frames that lead nowhere');
  }
}
