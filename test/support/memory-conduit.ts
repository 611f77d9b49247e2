/**
 * A connection in memory, for fuzzers that cannot wait for a socket: what is written is handed on
 * at the end of an event, unless the kernel is said to take nothing.
 */

import type { Conduit } from '../../core/io/conduit.ts';
import { outputBytes } from '../../core/io/io.ts';
import { nobody, type SocketOwner } from '../../core/io/socket-owner.ts';

export class MemoryConduit implements Conduit {
  readonly remoteHost = '10.0.0.1';
  readonly remotePort = 4321;
  congested = false;
  destroyed = false;
  readEnded = false;
  writeEnded = false;
  reading = false;
  flushes = 0;
  gathers = false;
  outLength = 0;
  /** The kernel takes what is written next and then nothing more, until `drain`. */
  stalls = false;
  readonly #out = Buffer.alloc(outputBytes);
  readonly #written: (bytes: Buffer) => void;
  #backlog: Buffer[] = [];
  #owner: SocketOwner = nobody;
  #closes = false;

  constructor(written: (bytes: Buffer) => void) {
    this.#written = written;
  }

  set owner(owner: SocketOwner) {
    this.#owner = owner;
  }

  get waitingBytes(): number {
    return this.#backlog.reduce((sum, { length }) => sum + length, this.outLength);
  }

  /** Bytes have arrived; they are overwritten as soon as their owner has seen them. */
  push(bytes: Buffer): void {
    if (this.destroyed) return;
    const read = Buffer.from(bytes);
    this.#owner.onBytes(read, read.length);
    read.fill(0xee);
  }

  /** The peer has sent its last byte. */
  pushEnd(): void {
    if (this.destroyed || this.readEnded) return;
    this.readEnded = true;
    this.#owner.onEnd();
  }

  /** The kernel has taken everything. */
  drain(): void {
    this.stalls = false;
    if (!this.congested) return;
    this.congested = false;
    for (const bytes of this.#backlog.splice(0)) this.#written(bytes);
    this.flush();
    if (this.#closes) this.destroy();
    else if (!this.destroyed && !this.writeEnded) this.#owner.onDrain();
  }

  pause(): void {
    this.reading = false;
  }

  resume(): void {
    this.reading = true;
  }

  reserve(size: number): Buffer {
    if (this.writeEnded) throw new Error('nothing is written after the end');
    if (this.#out.length - this.outLength < size) this.#spill();
    return this.#out;
  }

  commit(end: number): void {
    this.outLength = end;
  }

  write(bytes: Buffer, start: number, end: number): void {
    this.append(bytes, start, end);
  }

  append(bytes: Buffer, start: number, end: number): void {
    if (this.destroyed) return;
    for (let at = start; at < end; ) {
      if (this.outLength === this.#out.length) this.#spill();
      const size = Math.min(end - at, this.#out.length - this.outLength);
      bytes.copy(this.#out, this.outLength, at, at + size);
      this.outLength += size;
      at += size;
    }
  }

  writeLatin1(text: string): void {
    this.append(Buffer.from(text, 'latin1'), 0, text.length);
  }

  flush(): void {
    if (this.destroyed || this.congested || this.outLength === 0) return;
    this.#written(Buffer.from(this.#out.subarray(0, this.outLength)));
    this.outLength = 0;
    this.flushes += 1;
    if (!this.stalls) return;
    this.congested = true;
    this.#owner.onCongested();
  }

  end(): void {
    this.flush();
    this.writeEnded = true;
  }

  destroyWhenWritten(): void {
    if (this.destroyed) return;
    this.flush();
    this.writeEnded = true;
    this.#owner = nobody;
    if (this.congested) this.#closes = true;
    else this.destroy();
  }

  destroy(): void {
    this.destroyed = true;
    this.#owner = nobody;
    this.#backlog = [];
    this.outLength = 0;
  }

  reset(): void {
    this.destroy();
  }

  #spill(): void {
    this.flush();
    if (this.outLength === 0) return;
    this.#backlog.push(Buffer.from(this.#out.subarray(0, this.outLength)));
    this.outLength = 0;
    this.flushes += 1;
  }
}
