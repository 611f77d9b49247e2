/**
 * What a socket and the thread that it lives in know of each other: neither imports the other for
 * it. `core/io/io.ts` is the thread, `core/io/socket.ts` the socket.
 */

import type { BulkBuffer, BulkBuffers } from './bulk-buffers.ts';
import type { WriteRequest } from './stream-handle.ts';

export interface ThreadSocket {
  /** Next in the list of sockets that have something to flush. */
  nextDirty: ThreadSocket | null;
  dirty: boolean;
  /** What all events of a turn of the event loop write goes out together, at its end. */
  readonly gathers: boolean;
  /** Writes what is queued; called once at the end of each event, or of each turn. */
  flush(): void;
  reset(): void;
}

export interface SocketThread {
  /** All sockets read into it, except those with a bulk buffer. */
  readonly readBuffer: Buffer;
  readonly cells: Float64Array;
  readonly bulks: BulkBuffers;
  /** The bulk buffer whose bytes are being handed out, while they are. */
  readingBulk: BulkBuffer | null;
  enter(): void;
  leave(): void;
  /** Runs `action` in an event of its own, right after the current one. */
  soon(action: () => void): void;
  markDirty(socket: ThreadSocket): void;
  forget(socket: ThreadSocket): void;
  takeOutput(): Buffer;
  giveOutput(buffer: Buffer): void;
  /** The request for the next write; it is used up only by a write that ends later. */
  writeRequest(): WriteRequest;
  replaceWriteRequest(request: WriteRequest): void;
}
