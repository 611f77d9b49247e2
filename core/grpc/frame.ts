/**
 * Messages on the wire: a byte that says whether it is compressed, four with its length, then the
 * message ("Length-Prefixed-Message" of "gRPC over HTTP2"). The reader takes them from content in
 * whatever pieces it comes, and holds no more than has come.
 */

import type { MessageCodec } from './method.ts';

/** In front of each message. */
export const prefixBytes = 5;

/** The bytes of a message as they are sent; may be sent on many calls. */
export function frameMessage<Message>(codec: MessageCodec<Message>, message: Message): Buffer {
  const bytes = codec.encode(message);
  const frame = Buffer.allocUnsafeSlow(prefixBytes + bytes.length);
  frame[0] = 0;
  frame.writeUInt32BE(bytes.length, 1);
  frame.set(bytes, prefixBytes);
  return frame;
}

/** Why what came is no message that we take; negative, unlike an offset. */
export const FrameError = { COMPRESSED: -1, FLAG: -2, TOO_LARGE: -3 } as const;

export class MessageReader {
  readonly #bytesMax: number;
  #prefixLeft = prefixBytes;
  #flag = 0;
  #length = 0;
  #part: Buffer | null = null;
  #filled = 0;
  #whole: Buffer | null = null;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Nothing of a message has come that is not whole. */
  get empty(): boolean {
    return this.#prefixLeft === prefixBytes;
  }

  /** What is held of a message that is not whole. */
  get heldBytes(): number {
    return this.#part === null ? 0 : this.#part.length;
  }

  /**
   * Reads `bytes[at, end)` up to the end of a message, which `take` has then. Returns the offset
   * behind what was read, or a FrameError, after which nothing more is to be read.
   */
  read(bytes: Buffer, start: number, end: number): number {
    let at = start;
    for (; this.#prefixLeft > 0; at++) {
      if (at === end) return at;
      const byte = bytes[at];
      if (this.#prefixLeft === prefixBytes) this.#flag = byte;
      else this.#length = this.#length * 256 + byte;
      this.#prefixLeft -= 1;
      if (this.#prefixLeft === 0) {
        const error = this.#check();
        if (error !== 0) return error;
      }
    }
    const size = Math.min(end - at, this.#length - this.#filled);
    if (this.#part === null || this.#part.length < this.#filled + size) this.#grow(size);
    if (this.#part !== null) bytes.copy(this.#part, this.#filled, at, at + size);
    this.#filled += size;
    if (this.#filled === this.#length) this.#complete();
    return at + size;
  }

  /** The message that is whole now, or null; it belongs to the caller. */
  take(): Buffer | null {
    const whole = this.#whole;
    this.#whole = null;
    return whole;
  }

  #check(): number {
    if (this.#flag === 1) return FrameError.COMPRESSED;
    if (this.#flag !== 0) return FrameError.FLAG;
    return this.#length > this.#bytesMax ? FrameError.TOO_LARGE : 0;
  }

  /** A length is but a claim: room is made for what has come, and doubled. */
  #grow(size: number): void {
    const needed = this.#filled + size;
    const room = needed === this.#length ? needed : Math.max(partBytesMin, needed * 2);
    const grown = Buffer.allocUnsafeSlow(Math.min(this.#length, room));
    this.#part?.copy(grown, 0, 0, this.#filled);
    this.#part = grown;
  }

  #complete(): void {
    this.#whole = this.#part ?? nothing;
    this.#part = null;
    this.#filled = 0;
    this.#length = 0;
    this.#prefixLeft = prefixBytes;
  }
}

const partBytesMin = 1024;
const nothing = Buffer.alloc(0);
