/**
 * What a TLS connection has decrypted after it was paused: all that one read of the kernel held is
 * decrypted at once, so that is the most that there can be.
 */

export class HeldReads {
  #bytes: Buffer | null = null;
  #ended = false;

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
