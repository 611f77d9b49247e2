/**
 * Joins two connections so that each one's bytes go to the other, with back-pressure and half
 * close: after one side's last byte the other direction goes on. No timers: an idle tunnel costs
 * its two descriptors and this object.
 */

import type { Conduit } from './conduit.ts';
import type { Io } from './io.ts';
import type { SocketOwner } from './socket-owner.ts';

/** Called once, with the system's error name, or '' after both sides ended orderly. */
type SpliceEnd = (code: string) => void;

export class Splice {
  readonly #client: Side;
  readonly #server: Side;
  readonly #ended: SpliceEnd;
  #over = false;

  /** `ended` may be called before this returns. What was written before to either goes first. */
  constructor(io: Io, client: Conduit, server: Conduit, ended: SpliceEnd) {
    this.#ended = ended;
    this.#client = new Side(this, client, server);
    this.#server = new Side(this, server, client);
    io.enter();
    client.owner = this.#client;
    server.owner = this.#server;
    this.#client.begin();
    this.#server.begin();
    io.leave();
  }

  /** Resets both sides; the drain calls it when time is up. */
  reset(): void {
    this.finish('ECONNABORTED');
  }

  /** One of the sides has nothing more to do. */
  sideEnded(): void {
    if (this.#client.done && this.#server.done) this.finish('');
  }

  finish(code: string): void {
    if (this.#over) return;
    this.#over = true;
    const { socket: client } = this.#client;
    const { socket: server } = this.#server;
    if (code === '') {
      client.destroyWhenWritten();
      server.destroyWhenWritten();
    } else {
      client.reset();
      server.reset();
    }
    this.#ended(code);
  }
}

class Side implements SocketOwner {
  readonly socket: Conduit;
  readonly #splice: Splice;
  readonly #other: Conduit;

  constructor(splice: Splice, socket: Conduit, other: Conduit) {
    this.#splice = splice;
    this.socket = socket;
    this.#other = other;
  }

  get done(): boolean {
    return this.socket.readEnded && this.#other.writeEnded;
  }

  /** The socket may have ended, or the other one be full, before the two were joined. */
  begin(): void {
    if (this.socket.readEnded) this.onEnd();
    else if (this.#other.congested) this.socket.pause();
    else this.socket.resume();
  }

  onBytes(bytes: Buffer, length: number): void {
    this.#other.write(bytes, 0, length);
  }

  onEnd(): void {
    this.#other.end();
    this.#splice.sideEnded();
  }

  onCongested(): void {
    this.#other.pause();
  }

  onDrain(): void {
    this.#other.resume();
  }

  onClose(code: string): void {
    this.#splice.finish(code);
  }
}
