/**
 * The end of a client connection after its last response. Closing at once while input is unread
 * would make the kernel reset the connection and the client lose the answer (RFC 9112 section
 * 9.6): our half is closed, what still comes is dropped for a while, and a client that does not
 * read what was written gets some time for it.
 */

import type { DeadlineHolder, Deadlines } from '../base/deadlines.ts';
import { lingerBytesMax, lingerTimeoutMs } from '../base/limits.ts';
import type { Conduit } from '../io/conduit.ts';
import type { Io } from '../io/io.ts';
import type { SocketOwner } from '../io/socket-owner.ts';

/** What it needs of the context of a server connection. */
interface LingerContext {
  readonly io: Io;
  readonly deadlines: Deadlines;
  readonly clientIdleTimeoutMs: number;
}

export class Linger implements SocketOwner, DeadlineHolder {
  deadlineMs: number;
  prevHolder: DeadlineHolder | null = null;
  nextHolder: DeadlineHolder | null = null;

  readonly #context: LingerContext;
  readonly #socket: Conduit;
  readonly #over: () => void;
  #dropped = 0;
  #extended = false;

  /** `over` is called when the socket is closed. */
  constructor(context: LingerContext, socket: Conduit, over: () => void) {
    this.#context = context;
    this.#socket = socket;
    this.#over = over;
    this.deadlineMs = context.io.nowMs + lingerTimeoutMs;
    context.deadlines.add(this);
    socket.owner = this;
    socket.end();
    if (socket.readEnded) this.onEnd();
    else socket.resume();
  }

  onBytes(_bytes: Buffer, length: number): void {
    this.#dropped += length;
    if (this.#dropped > lingerBytesMax) this.onEnd();
  }

  onEnd(): void {
    this.#socket.destroyWhenWritten();
    if (this.#socket.destroyed) this.onClose();
  }

  onCongested(): void {}

  onDrain(): void {}

  onClose(): void {
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.#context.deadlines.remove(this);
    this.#over();
  }

  onDeadline(): void {
    const socket = this.#socket;
    if (socket.congested && !socket.destroyed && !this.#extended) {
      this.#extended = true;
      this.deadlineMs = this.#context.io.nowMs + this.#context.clientIdleTimeoutMs;
      return;
    }
    socket.destroy();
    this.onClose();
  }

  /** Ends it now; what is unread is lost. */
  force(): void {
    this.#socket.reset();
    this.onClose();
  }
}
