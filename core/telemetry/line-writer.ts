/**
 * Writes lines to a descriptor that may be slow, without ever holding up the thread: one write at
 * a time, a bounded buffer behind it, and what does not fit is dropped and counted. Node's own
 * stderr is not used because its writes to pipes and files are synchronous: the owner passes a
 * function that writes in the thread pool to the descriptor (`fs.write`).
 */

import { logBufferBytesMax } from '../base/limits.ts';

export type LineStream = 'log' | 'access';

/** Writes some of the bytes and says how many, or the error. */
type WriteBytes = (bytes: Uint8Array, done: (error: Error | null, written: number) => void) => void;

export class LineWriter {
  readonly #writeBytes: WriteBytes;
  readonly #dropped: (stream: LineStream, lines: number) => void;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #writing = false;
  #idle: (() => void)[] = [];

  constructor(writeBytes: WriteBytes, dropped: (stream: LineStream, lines: number) => void) {
    this.#writeBytes = writeBytes;
    this.#dropped = dropped;
  }

  /** Takes whole lines, each with its line feed. */
  write(stream: LineStream, lines: string): void {
    const bytes = Buffer.from(lines);
    if (this.#waitingBytes + bytes.length > logBufferBytesMax) {
      this.#dropped(stream, countLines(bytes));
      return;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (!this.#writing) this.#writeNext();
  }

  /** Resolves when everything has been written; who ends the process bounds the wait. */
  idle(): Promise<void> {
    if (!this.#writing) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#idle.push(resolve);
    return promise;
  }

  #writeNext(): void {
    const bytes = this.#waiting.length === 1 ? this.#waiting[0] : Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#writing = bytes.length !== 0;
    if (this.#writing) {
      this.#writeRest(bytes);
      return;
    }
    const idle = this.#idle;
    this.#idle = [];
    for (const resolve of idle) resolve();
  }

  /** A failed write (a reader that is gone, EAGAIN) drops its lines; the next ones are tried. */
  #writeRest(bytes: Buffer): void {
    this.#writeBytes(bytes, (error, written) => {
      const failed = error !== null || written === 0;
      const taken = failed ? bytes.length : written;
      if (failed) this.#dropped('log', countLines(bytes));
      this.#waitingBytes -= taken;
      if (taken < bytes.length) this.#writeRest(bytes.subarray(taken));
      else this.#writeNext();
    });
  }
}

function countLines(bytes: Uint8Array): number {
  let lines = 0;
  for (const byte of bytes) if (byte === lineFeed) lines += 1;
  return lines;
}

const lineFeed = 0x0a;
