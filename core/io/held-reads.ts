/**
 * What a TLS connection has decrypted after it was paused: all that one read of the kernel held is
 * decrypted at once, so that is the most that there can be. And whether its end is one: whoever
 * can end the connection below can cut off what the peer sent, but cannot say in its name that
 * this was all (RFC 8446, 6.1).
 */

import type { SecureHandle } from './secure-handle.ts';
import { readCount } from './stream-handle.ts';

export class HeldReads {
  readonly #handle: SecureHandle;
  #bytes: Buffer | null = null;
  #ended = false;

  constructor(handle: SecureHandle) {
    this.#handle = handle;
  }

  /**
   * `readCount`, but an end that the peer has not told is a reset. The handle says the same in both
   * cases. Only the end of the carrier has stopped its reading, and a paused one reads nothing.
   */
  count(reading: boolean): number {
    const count = readCount();
    if (count > 0) this.#handle.revealedBytes += count;
    if (count !== endOfFile || !reading) return count;
    return this.#handle.carrier.readStart() === readsAlready ? count : connectionReset;
  }

  get empty(): boolean {
    return this.#bytes === null && !this.#ended;
  }

  /** Keeps what a read of `count` brought; false for a failure, which is not for later. */
  hold(buffer: Buffer, count: number): boolean {
    if (count < 0) {
      this.#ended = count === endOfFile;
      return this.#ended;
    }
    const piece = buffer.subarray(0, count);
    this.#bytes = this.#bytes === null ? Buffer.from(piece) : Buffer.concat([this.#bytes, piece]);
    return true;
  }

  /** Moves as much into `buffer` as fits; 0 when there is nothing any more. */
  take(buffer: Buffer): number {
    const bytes = this.#bytes;
    if (bytes === null) return 0;
    const count = bytes.copy(buffer);
    this.#bytes = count < bytes.length ? bytes.subarray(count) : null;
    return count;
  }

  /** True once, behind all bytes. */
  takeEnd(): boolean {
    const ended = this.#ended;
    this.#ended = false;
    return ended;
  }
}

/** libuv's UV_EOF. */
export const endOfFile = -4095;
/** Of `uv_read_start`, UV_EALREADY; and UV_ECONNRESET. */
const readsAlready = -114;
const connectionReset = -104;
