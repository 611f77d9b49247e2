/**
 * A message body as events, from bytes that may be split anywhere: by length, in chunks, or until
 * the connection closes (RFC 9112 6 and 7). Chunk extensions are read and never forwarded.
 */

import { assert } from '../../base/assert.ts';
import { chunkExtensionBytesMax, chunkLineBytesMax } from '../../base/limits.ts';
import { CR, HTAB, hexValues, LF, SP, tokenBytes } from '../byte-class.ts';
import { Framing, type Head } from '../head.ts';
import type { HeadLimits } from './decode-head.ts';
import { HeadError } from './head-error.ts';
import { TrailerSection } from './trailers.ts';

/** What `next` returns. */
export const BodyEvent = {
  /** More bytes are needed; all that were given are consumed. */
  NEED_MORE: 0,
  /** `dataStart`..`dataEnd` of the given bytes are content. */
  DATA: 1,
  /** The trailers are complete; `trailers` has them. Only where there are any to forward. */
  TRAILERS: 2,
  END: 3,
  /** The body is malformed; `error` is a HeadError, for good. */
  ERROR: 4,
} as const;

/**
 * One object serves many bodies: `reset`, then `next` until it returns NEED_MORE, END or ERROR,
 * each time from `position` on. An event may need no bytes: the end of a body follows its last data
 * also when nothing is left to give.
 */
export class BodyDecoder {
  /** Where the next call goes on. */
  position = 0;
  dataStart = 0;
  dataEnd = 0;
  error = 0;

  #state = stateDone;
  /** Content bytes left, of the body or of the chunk. */
  #left = 0;
  #digits = 0;
  #lineBytes = 0;
  #extensionBytes = 0;
  #trailers: TrailerSection | null = null;
  readonly #limits: HeadLimits;

  constructor(limits: HeadLimits) {
    this.#limits = limits;
  }

  reset(framing: number, contentLength: number): void {
    this.position = 0;
    this.error = 0;
    this.#left = 0;
    this.#extensionBytes = 0;
    if (framing === Framing.LENGTH) {
      assert(contentLength >= 0, 'a body by length has one');
      this.#left = contentLength;
      this.#state = stateLength;
    } else if (framing === Framing.CHUNKED) {
      this.#beginSize();
    } else {
      this.#state = framing === Framing.CLOSE ? stateClose : stateDone;
    }
  }

  next(bytes: Buffer, start: number, end: number): number {
    switch (this.#state) {
      case stateDone:
        this.position = start;
        return BodyEvent.END;
      case stateLength:
        if (this.#left === 0) return this.#finish(start);
        return this.#data(start, end);
      case stateClose:
        this.#left = Number.MAX_SAFE_INTEGER;
        return this.#data(start, end);
      case stateTrailers:
        return this.#trailerBytes(bytes, start, end);
      case stateFailed:
        this.position = start;
        return BodyEvent.ERROR;
      default:
        return this.#chunk(bytes, start, end);
    }
  }

  /** The trailer section, good until the next body. */
  get trailers(): Head {
    assert(this.#trailers !== null, 'there are trailers');
    return this.#trailers.fields;
  }

  #data(start: number, end: number): number {
    this.position = start;
    if (start === end) return BodyEvent.NEED_MORE;
    this.dataStart = start;
    this.dataEnd = Math.min(end, start + this.#left);
    this.#left -= this.dataEnd - start;
    this.position = this.dataEnd;
    return BodyEvent.DATA;
  }

  /** The lines between the chunks' data, up to the next data, the trailers or the end. */
  #chunk(bytes: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end) {
      const byte = bytes[at];
      switch (this.#state) {
        case stateSize: {
          const error = this.#sizeByte(byte);
          if (error < 0) return this.#fail(at, error);
          break;
        }
        case stateExtension:
        case stateQuoted:
        case stateEscaped: {
          const error = this.#extensionByte(byte);
          if (error < 0) return this.#fail(at, error);
          break;
        }
        case stateSizeLf:
          if (byte !== LF) return this.#fail(at, HeadError.CHUNK_LINE);
          this.#state = this.#left === 0 ? stateLast : stateData;
          break;
        case stateData:
          if (this.#left > 0) return this.#data(at, end);
          if (byte !== CR) return this.#fail(at, HeadError.CHUNK_END);
          this.#state = stateDataLf;
          break;
        case stateDataLf:
          if (byte !== LF) return this.#fail(at, HeadError.CHUNK_END);
          this.#beginSize();
          break;
        case stateLast:
          if (byte !== CR) return this.#beginTrailers(bytes, at, end);
          this.#state = stateLastLf;
          break;
        default:
          assert(this.#state === stateLastLf, 'every state of a chunked body is listed');
          if (byte !== LF) return this.#fail(at, HeadError.BARE_CR);
          return this.#finish(at + 1);
      }
      at++;
    }
    this.position = at;
    return BodyEvent.NEED_MORE;
  }

  #beginSize(): void {
    this.#state = stateSize;
    this.#left = 0;
    this.#digits = 0;
    this.#lineBytes = 0;
  }

  #sizeByte(byte: number): number {
    const value = hexValues[byte];
    if (value !== 255) {
      if (++this.#digits > sizeDigitsMax) return HeadError.CHUNK_SIZE;
      this.#left = this.#left * 16 + value;
      return this.#left > Number.MAX_SAFE_INTEGER ? HeadError.CHUNK_SIZE : 0;
    }
    if (this.#digits === 0) return HeadError.CHUNK_SIZE;
    if (byte === CR) this.#state = stateSizeLf;
    else if (byte === SEMICOLON) {
      this.#lineBytes = this.#digits;
      this.#state = stateExtension;
      return this.#countExtension();
    } else return byte === LF ? HeadError.CHUNK_LINE : HeadError.CHUNK_SIZE;
    return 0;
  }

  /** A quoted string ends before its line does, so that no parser sees another line end. */
  #extensionByte(byte: number): number {
    if (this.#state === stateExtension) {
      if (byte === CR) {
        this.#state = stateSizeLf;
        return 0;
      }
      if (byte === QUOTE) this.#state = stateQuoted;
      else if (tokenBytes[byte] === 0 && !isExtensionMark(byte)) return HeadError.CHUNK_EXTENSION;
    } else {
      if ((byte < SP && byte !== HTAB) || byte === 0x7f) return HeadError.CHUNK_EXTENSION;
      if (this.#state === stateEscaped) this.#state = stateQuoted;
      else if (byte === BACKSLASH) this.#state = stateEscaped;
      else if (byte === QUOTE) this.#state = stateExtension;
    }
    return this.#countExtension();
  }

  #countExtension(): number {
    const over =
      ++this.#lineBytes > chunkLineBytesMax || ++this.#extensionBytes > chunkExtensionBytesMax;
    return over ? HeadError.CHUNK_EXTENSIONS_TOO_LARGE : 0;
  }

  #beginTrailers(bytes: Buffer, start: number, end: number): number {
    this.#trailers ??= new TrailerSection(this.#limits);
    this.#trailers.reset();
    this.#state = stateTrailers;
    return this.#trailerBytes(bytes, start, end);
  }

  #trailerBytes(bytes: Buffer, start: number, end: number): number {
    const trailers = this.#trailers as TrailerSection;
    const result = trailers.push(bytes, start, end);
    if (result < 0) return this.#fail(start, result);
    if (result === 0) {
      this.position = end;
      return BodyEvent.NEED_MORE;
    }
    const { count, droppedCount } = trailers.fields;
    if (count === droppedCount) return this.#finish(result);
    this.#state = stateDone;
    this.position = result;
    return BodyEvent.TRAILERS;
  }

  #finish(position: number): number {
    this.#state = stateDone;
    this.position = position;
    return BodyEvent.END;
  }

  #fail(at: number, error: number): number {
    this.#state = stateFailed;
    this.position = at;
    this.error = error;
    return BodyEvent.ERROR;
  }
}

function isExtensionMark(byte: number): boolean {
  return byte === SEMICOLON || byte === EQUALS || byte === SP || byte === HTAB;
}

const stateDone = 0;
const stateLength = 1;
const stateClose = 2;
const stateSize = 3;
const stateExtension = 4;
const stateQuoted = 5;
const stateEscaped = 6;
const stateSizeLf = 7;
const stateData = 8;
const stateDataLf = 9;
const stateLast = 10;
const stateLastLf = 11;
const stateTrailers = 12;
const stateFailed = 13;

const sizeDigitsMax = 16;
const QUOTE = 0x22;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;
