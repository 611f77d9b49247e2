/**
 * What one side of an HTTP/2 connection sends: frames into the socket's output buffer, which goes
 * out once at the end of a turn of the event loop. Content is sent as far as the peer's windows and
 * the kernel allow; what they hold up waits in its stream, and streams take turns when there is
 * room again.
 */

import { assert } from '../../base/assert.ts';
import { h2UnreadBytesMax, hpackTableBytesMax } from '../../base/limits.ts';
import type { Conduit } from '../../io/conduit.ts';
import type { Head } from '../head.ts';
import { blockBytesMax, encodeTrailers } from './encode-head.ts';
import type { Floods } from './floods.ts';
import { initialWindowBytes, SendWindow } from './flow.ts';
import { encodeDataHead } from './frame/data.ts';
import { encodeGoaway } from './frame/goaway.ts';
import { Flag, frameHeadBytes, initialFrameBytes } from './frame/head.ts';
import { encodeHeaders } from './frame/headers.ts';
import { encodePing, pingBytes } from './frame/ping.ts';
import { encodeRstStream } from './frame/rst-stream.ts';
import { encodeSettings, encodeSettingsAck } from './frame/settings.ts';
import { encodeWindowUpdate } from './frame/window-update.ts';
import { HpackEncoder } from './hpack/encode.ts';
import { clientPreface } from './preface.ts';
import { ReadyList } from './schedule.ts';
import { maySend, sendEnd } from './state.ts';
import type { Stream } from './stream.ts';

export class Sender {
  readonly socket: Conduit;
  readonly encoder = new HpackEncoder(hpackTableBytesMax);
  /** For all streams together. */
  readonly window = new SendWindow();

  readonly #ready = new ReadyList();
  readonly #floods: Floods;
  /** The frame that was written last, while its flags may still be changed. */
  #last: Stream | null = null;
  #lastBuffer: Buffer = nothing;
  #lastFlagsAt = 0;
  #lastFlush = 0;

  /** `floods` are told of content, which is what window updates are for. */
  constructor(socket: Conduit, floods: Floods) {
    this.socket = socket;
    this.#floods = floods;
    this.window.reset(initialWindowBytes);
  }

  /** The peer makes us send, and does not read what we send. */
  get unread(): boolean {
    return this.socket.congested && this.socket.waitingBytes > h2UnreadBytesMax;
  }

  preface(): void {
    this.socket.append(clientPreface, 0, clientPreface.length);
  }

  settings(settings: readonly (readonly [setting: number, value: number])[]): void {
    this.#commit(encodeSettings(settings, this.#room(settings.length * 6), this.#at));
  }

  settingsAck(): void {
    this.#commit(encodeSettingsAck(this.#room(0), this.#at));
  }

  ping(bytes: Buffer, from: number, ack: boolean): void {
    this.#commit(encodePing(bytes, from, ack, this.#room(pingBytes), this.#at));
  }

  /** `debug` is short ASCII for whoever looks at the peer's log. */
  goaway(lastStreamId: number, code: number, debug: string): void {
    const out = this.#room(8 + debug.length);
    this.#commit(encodeGoaway(lastStreamId, code, debug, out, this.#at));
  }

  reset(streamId: number, code: number): void {
    this.#commit(encodeRstStream(streamId, code, this.#room(4), this.#at));
  }

  windowUpdate(streamId: number, increment: number): void {
    this.#commit(encodeWindowUpdate(streamId, increment, this.#room(4), this.#at));
  }

  /** Room for a field block of `size` bytes, which begins at `blockStart`; then `headers`. */
  block(size: number): Buffer {
    const frames = 1 + Math.floor(size / initialFrameBytes);
    return this.socket.reserve(size + frames * frameHeadBytes);
  }

  get blockStart(): number {
    return this.socket.outLength + frameHeadBytes;
  }

  /** Frames the block that was written to `out` up to `blockEnd`. */
  headers(stream: Stream, out: Buffer, blockEnd: number, ends: boolean): void {
    assert(blockEnd > 0, 'a field block fits an output buffer');
    assert(maySend(stream.state), 'fields are sent before the end of a stream');
    const at = this.#at;
    const end = encodeHeaders(blockEnd, stream.id, ends, initialFrameBytes, out, at);
    this.#commit(end);
    this.#remember(stream, out, at);
    if (ends) this.#ended(stream);
  }

  /** The frame that was written last stays as it is: the end of its stream comes in another. */
  closeFrame(): void {
    this.#last = null;
  }

  /** Content of a stream; false when some of it has to wait, until `stream.onSent`. */
  data(stream: Stream, bytes: Buffer, start: number, end: number): boolean {
    if (!maySend(stream.state)) return true;
    assert(!stream.ending, 'nothing follows the end of a stream');
    let at = start;
    while (at < end && stream.queue.empty) {
      const size = this.#allowance(stream, end - at);
      if (size === 0) break;
      this.#dataFrame(stream, bytes, at, size);
      at += size;
    }
    if (at === end) return true;
    stream.queue.append(bytes, at, end);
    if (stream.sendWindow.available > 0) this.#ready.add(stream);
    return false;
  }

  /** No more content follows. */
  end(stream: Stream): void {
    if (!maySend(stream.state) || stream.ending) return;
    if (stream.queue.empty) this.#sendEnd(stream);
    else stream.ending = true;
  }

  /** Fields behind the content, and with them its end. */
  trailers(stream: Stream, fields: Head): void {
    if (!maySend(stream.state)) return;
    if (stream.queue.empty) {
      this.#sendTrailers(stream, fields);
      return;
    }
    stream.ending = true;
    stream.waitingFields = fields.copyFields();
  }

  /** The peer allows more on this stream; `pump` sends it in its turn. */
  windowGrew(stream: Stream): void {
    if (!stream.queue.empty && stream.sendWindow.available > 0) this.#ready.add(stream);
  }

  /** Sends what waits, a frame from each stream in turn, as far as windows and kernel allow. */
  pump(): void {
    while (this.window.available > 0 && !this.socket.congested && !this.socket.destroyed) {
      const stream = this.#ready.shift();
      if (stream === null) return;
      const { queue } = stream;
      const size = this.#allowance(stream, queue.end - queue.start);
      if (size === 0) continue;
      this.#dataFrame(stream, queue.bytes, queue.start, size);
      queue.consume(queue.start + size);
      if (!queue.empty) {
        if (stream.sendWindow.available > 0) this.#ready.add(stream);
      } else if (!stream.ending) {
        stream.onSent();
      } else if (stream.waitingFields === null) {
        this.#sendEnd(stream);
      } else {
        this.#sendTrailers(stream, stream.waitingFields);
      }
    }
  }

  /** The stream is gone: nothing of it waits any more. */
  forget(stream: Stream): void {
    this.#ready.remove(stream);
    if (this.#last === stream) this.#last = null;
  }

  /** Where the next frame begins. */
  get #at(): number {
    return this.socket.outLength;
  }

  #room(payload: number): Buffer {
    return this.socket.reserve(frameHeadBytes + payload);
  }

  #commit(end: number): void {
    assert(end > 0, 'a frame fits the room that was reserved for it');
    this.socket.commit(end);
  }

  #allowance(stream: Stream, size: number): number {
    if (this.socket.congested) return 0;
    const allowed = Math.min(stream.sendWindow.available, this.window.available);
    return Math.max(0, Math.min(size, allowed, initialFrameBytes));
  }

  #dataFrame(stream: Stream, bytes: Buffer, start: number, size: number): void {
    const { socket } = this;
    stream.sendWindow.take(size);
    stream.sentBytes += size;
    this.window.take(size);
    const out = this.#room(0);
    const at = this.#at;
    this.#commit(encodeDataHead(size, stream.id, false, out, at));
    this.#remember(stream, out, at);
    socket.append(bytes, start, start + size);
    this.#floods.dataSent();
  }

  /** The end of a stream often comes before its last frame has gone out. */
  #remember(stream: Stream, out: Buffer, at: number): void {
    this.#last = stream;
    this.#lastBuffer = out;
    this.#lastFlagsAt = at + flagsOffset;
    this.#lastFlush = this.socket.flushes;
  }

  #sendEnd(stream: Stream): void {
    if (this.#last === stream && this.#lastFlush === this.socket.flushes) {
      this.#lastBuffer[this.#lastFlagsAt] |= Flag.END_STREAM;
    } else {
      this.#commit(encodeDataHead(0, stream.id, true, this.#room(0), this.#at));
    }
    this.#ended(stream);
  }

  #sendTrailers(stream: Stream, fields: Head): void {
    const out = this.block(blockBytesMax(fields));
    this.headers(stream, out, encodeTrailers(this.encoder, fields, out, this.blockStart), true);
  }

  #ended(stream: Stream): void {
    stream.state = sendEnd(stream.state);
    stream.ending = false;
    stream.waitingFields = null;
    stream.onEndSent();
  }
}

const nothing = Buffer.alloc(0);
const flagsOffset = 4;
