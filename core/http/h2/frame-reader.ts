/**
 * Bytes of one direction of a connection as frames (RFC 9113 4.1). DATA is handed on as it comes,
 * also in parts, so that no payload waits to be whole; every other frame is whole when it is. What
 * a frame means, and whether it may come now, is up to the handler.
 */

import { Stash } from '../stash.ts';
import { loadData } from './frame/data.ts';
import { Flag, FrameHead, FrameType, frameHeadBytes } from './frame/head.ts';
import { Payload } from './frame/payload.ts';

export interface FrameHandler {
  /** The head of a frame, and a Violation when it is too large. False ends the reading. */
  frameHead(frame: FrameHead, violation: number): boolean;
  /** The whole payload of a frame that is not DATA. False ends the reading. */
  frame(frame: FrameHead, bytes: Buffer, start: number, end: number): boolean;
  /** DATA with so much content, beside its padding, begins; or a Violation. False as above. */
  dataBegins(frame: FrameHead, violation: number, contentBytes: number): boolean;
  /** A part of its content, never empty. */
  dataPart(bytes: Buffer, start: number, end: number): boolean;
  /** All of the frame has been read. */
  dataEnds(): boolean;
}

export class FrameReader {
  readonly #handler: FrameHandler;
  readonly #frameBytesMax: number;
  readonly #frame = new FrameHead();
  readonly #payload = new Payload();
  readonly #stash = new Stash();
  /** Of the DATA frame that has begun. */
  #contentLeft = 0;
  #paddingLeft = 0;
  #inData = false;
  #ended = false;

  /** `frameBytesMax` is our SETTINGS_MAX_FRAME_SIZE. */
  constructor(handler: FrameHandler, frameBytesMax: number) {
    this.#handler = handler;
    this.#frameBytesMax = frameBytesMax;
  }

  push(bytes: Buffer, start: number, end: number): void {
    const stash = this.#stash;
    let at = start;
    while (!stash.empty && at < end) at = this.#complete(bytes, at, end);
    if (this.#ended) return;
    at = this.#read(bytes, at, end);
    if (at < end && !this.#ended) stash.append(bytes, at, end);
  }

  /** Whatever else comes is dropped. */
  end(): void {
    this.#ended = true;
    this.#stash.clear();
  }

  /** Nothing of a frame has been read: the connection may end here. */
  get between(): boolean {
    return this.#stash.empty && !this.#inData;
  }

  /**
   * Adds to the part of a frame that came before what it lacks, no more: the frames behind it are
   * read where they are. Returns the offset behind what has been taken.
   */
  #complete(bytes: Buffer, start: number, end: number): number {
    const stash = this.#stash;
    const have = stash.end - stash.start;
    const { type, length } = this.#frame;
    let lacking = frameHeadBytes - have;
    // With its head there the frame has been seen: DATA waits for the length of its padding.
    if (lacking <= 0) lacking = type === FrameType.DATA ? 1 : lacking + length;
    const at = start + Math.min(lacking, end - start);
    stash.append(bytes, start, at);
    const left = this.#read(stash.bytes, stash.start, stash.end);
    if (!this.#ended) stash.consume(left);
    return at;
  }

  /** Returns the offset of what is left. */
  #read(bytes: Buffer, start: number, end: number): number {
    const frame = this.#frame;
    let at = start;
    while (!this.#ended) {
      if (this.#inData) {
        at = this.#readData(bytes, at, end);
        if (this.#inData) return at;
        continue;
      }
      if (end - at < frameHeadBytes) return at;
      const violation = frame.read(bytes, at, this.#frameBytesMax);
      if (!this.#handler.frameHead(frame, violation)) break;
      const payload = at + frameHeadBytes;
      if (frame.type === FrameType.DATA) {
        const begun = this.#beginData(bytes, payload, end);
        if (begun === 0) return at;
        at = begun;
      } else {
        if (end - payload < frame.length) return at;
        at = payload + frame.length;
        if (!this.#handler.frame(frame, bytes, payload, at)) break;
      }
    }
    this.end();
    return end;
  }

  /** Returns the offset of the content, 0 when the length of the padding is not there yet. */
  #beginData(bytes: Buffer, payload: number, end: number): number {
    const frame = this.#frame;
    const content = this.#payload;
    if ((frame.flags & Flag.PADDED) !== 0 && frame.length > 0 && payload === end) return 0;
    const violation = loadData(frame, bytes, payload, content);
    this.#inData = true;
    this.#contentLeft = content.end - content.start;
    this.#paddingLeft = payload + frame.length - content.end;
    if (!this.#handler.dataBegins(frame, violation, this.#contentLeft)) this.end();
    return content.start;
  }

  #readData(bytes: Buffer, start: number, end: number): number {
    let at = start;
    if (this.#contentLeft > 0) {
      const size = Math.min(this.#contentLeft, end - at);
      if (size === 0) return at;
      this.#contentLeft -= size;
      if (!this.#handler.dataPart(bytes, at, at + size)) this.end();
      at += size;
    }
    if (this.#contentLeft > 0) return at;
    const skipped = Math.min(this.#paddingLeft, end - at);
    this.#paddingLeft -= skipped;
    at += skipped;
    if (this.#paddingLeft > 0) return at;
    this.#inData = false;
    if (!this.#ended && !this.#handler.dataEnds()) this.end();
    return at;
  }
}
