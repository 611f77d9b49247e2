/**
 * A stream of HTTP/2 that has become a tunnel (RFC 9113 8.5, RFC 8441), with the face of a TCP
 * connection: content in and out, END_STREAM for FIN, RST_STREAM for a reset. What the peer sends
 * while nobody reads is kept, no more than a window of it.
 */

import { assert } from '../../base/assert.ts';
import type { Conduit } from '../../io/conduit.ts';
import { nobody, type SocketOwner } from '../../io/socket-owner.ts';
import type { SocketThread, ThreadSocket } from '../../io/socket-thread.ts';
import { Stash } from '../stash.ts';
import { H2Code } from './error-code.ts';
import { maySend } from './state.ts';
import type { Stream, StreamOwner } from './stream.ts';

/** The connection of the stream. */
interface ConduitConnection extends StreamOwner {
  readonly remoteHost: string;
  readonly remotePort: number;
}

export class StreamConduit implements Conduit, ThreadSocket {
  congested = false;
  destroyed = false;
  readEnded = false;
  writeEnded = false;
  flushes = 0;
  gathers = false;
  dirty = false;
  nextDirty: ThreadSocket | null = null;

  readonly #thread: SocketThread;
  readonly #connection: ConduitConnection;
  readonly #stream: Stream;
  readonly #unread = new Stash();
  #owner: SocketOwner = nobody;
  #reading = false;
  #out: Buffer | null = null;
  #outLength = 0;

  /** It starts paused. `ended`: the peer has sent its last byte. */
  constructor(thread: SocketThread, connection: ConduitConnection, stream: Stream, ended: boolean) {
    this.#thread = thread;
    this.#connection = connection;
    this.#stream = stream;
    this.readEnded = ended;
    stream.held = true;
    stream.deadlineMs = Number.POSITIVE_INFINITY;
  }

  get remoteHost(): string {
    return this.#connection.remoteHost;
  }

  get remotePort(): number {
    return this.#connection.remotePort;
  }

  get reading(): boolean {
    return this.#reading;
  }

  get waitingBytes(): number {
    const { queue } = this.#stream;
    return this.#outLength + queue.end - queue.start;
  }

  set owner(owner: SocketOwner) {
    this.#owner = owner;
  }

  pause(): void {
    this.#reading = false;
    this.#stream.held = true;
  }

  resume(): void {
    if (this.#reading || this.destroyed) return;
    this.#reading = true;
    this.#stream.held = false;
    this.#connection.giveBack(this.#stream);
    if (!this.#unread.empty) this.#thread.soon(() => this.#catchUp());
  }

  reserve(size: number): Buffer {
    assert(!this.writeEnded, 'nothing is written after the end');
    if (this.#out !== null && this.#out.length - this.#outLength < size) this.flush();
    this.#out ??= this.#thread.takeOutput();
    return this.#out;
  }

  get outLength(): number {
    return this.#outLength;
  }

  commit(end: number): void {
    this.#outLength = end;
    if (!this.dirty) this.#thread.markDirty(this);
  }

  write(bytes: Buffer, start: number, end: number): void {
    this.append(bytes, start, end);
  }

  append(bytes: Buffer, start: number, end: number): void {
    if (this.destroyed) return;
    this.flush();
    this.#send(bytes, start, end);
  }

  writeLatin1(text: string): void {
    if (this.destroyed) return;
    const out = this.reserve(text.length);
    this.commit(this.#outLength + out.write(text, this.#outLength, 'latin1'));
  }

  flush(): void {
    const out = this.#out;
    if (out === null || this.destroyed) return;
    this.#out = null;
    this.flushes += 1;
    const length = this.#outLength;
    this.#outLength = 0;
    this.#send(out, 0, length);
    this.#thread.giveOutput(out);
  }

  end(): void {
    if (this.writeEnded || this.destroyed) return;
    this.flush();
    this.writeEnded = true;
    this.#connection.sendEnd(this.#stream);
  }

  /** What is queued goes out by itself; whoever still sends to us is told to stop. */
  destroyWhenWritten(): void {
    if (this.destroyed) return;
    this.end();
    this.#over();
    if (!this.readEnded) this.#stream.held = false;
  }

  destroy(): void {
    this.#close(H2Code.CANCEL);
  }

  reset(): void {
    this.#close(H2Code.CONNECT_ERROR);
  }

  /** From the stream: content, its end, room to send, its reset, the end of the connection. */
  received(bytes: Buffer, start: number, end: number): void {
    if (this.destroyed) return;
    if (!this.#reading || !this.#unread.empty) this.#unread.append(bytes, start, end);
    else this.#deliver(bytes, start, end);
  }

  ended(): void {
    this.readEnded = true;
    if (this.#unread.empty && !this.destroyed) this.#owner.onEnd();
  }

  sent(): void {
    if (this.destroyed) return;
    this.congested = false;
    if (maySend(this.#stream.state)) this.#owner.onDrain();
  }

  closed(code: string): void {
    if (this.destroyed) return;
    const owner = this.#owner;
    this.#over();
    owner.onClose(code);
  }

  #send(bytes: Buffer, start: number, end: number): void {
    if (start === end || this.#connection.sendData(this.#stream, bytes, start, end)) return;
    if (this.congested) return;
    this.congested = true;
    this.#owner.onCongested();
  }

  /** What came while nobody read, then its end. */
  #catchUp(): void {
    const { bytes, start, end } = this.#unread;
    if (!this.#reading || this.destroyed || this.#unread.empty) return;
    this.#unread.clear();
    this.#deliver(bytes, start, end);
    if (this.readEnded && !this.destroyed && this.#unread.empty) this.#owner.onEnd();
  }

  /** Owners read from the start of a buffer. */
  #deliver(bytes: Buffer, start: number, end: number): void {
    this.#owner.onBytes(start === 0 ? bytes : bytes.subarray(start, end), end - start);
  }

  #close(code: number): void {
    if (this.destroyed) return;
    this.#over();
    this.#connection.reset(this.#stream, code);
  }

  #over(): void {
    this.destroyed = true;
    this.#reading = false;
    this.#owner = nobody;
    if (this.#out !== null) this.#thread.giveOutput(this.#out);
    this.#out = null;
    this.#outLength = 0;
    this.#unread.clear();
  }
}
