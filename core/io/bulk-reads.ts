/**
 * What a connection reads into. The handle reads into the buffer that its read callback returned
 * last: as a rule the one that all connections of the thread share. A connection that fills it
 * twice in a row gets a larger one of its own, whose bytes go out without a copy; a few small reads
 * take it back.
 */

import { bulkReadBytes, readBytes } from '../base/limits.ts';
import type { BulkBuffer } from './bulk-buffers.ts';
import type { SocketThread } from './socket-thread.ts';

export class BulkReads {
  /** The connection's own buffer, while it has one. */
  own: BulkBuffer | null = null;
  readonly #io: SocketThread;
  #streak = 0;

  constructor(io: SocketThread) {
    this.#io = io;
  }

  /** What the next read goes into if that changes, after one of `count` bytes. */
  next(count: number): Buffer | undefined {
    if (this.own === null) {
      this.#streak = count === readBytes ? this.#streak + 1 : 0;
      return this.#streak < 2 ? undefined : this.#switch(true);
    }
    this.#streak = count < smallReadBytes ? this.#streak + 1 : 0;
    if (this.#streak === 8) return this.#switch(false);
    // Whoever resumes this connection need not know that a write still refers to what it read.
    return this.own.pinned ? this.#switch(true) : undefined;
  }

  release(): void {
    const bulk = this.own;
    if (bulk === null) return;
    this.own = null;
    // Its bytes may still be in use in this event, but no write may refer to them from now on.
    if (this.#io.readingBulk === bulk) this.#io.readingBulk = null;
    this.#io.bulks.give(bulk);
  }

  #switch(bulk: boolean): Buffer {
    this.release();
    this.#streak = 0;
    if (bulk) this.own = this.#io.bulks.take();
    return this.own === null ? this.#io.readBuffer : this.own.bytes;
  }
}

const smallReadBytes = bulkReadBytes / 16;
