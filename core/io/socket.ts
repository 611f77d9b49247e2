/**
 * A TCP connection as the proxy sees it: bytes in by callback, bytes out by copying into an output
 * buffer that is written once at the end of the event. It owns the descriptor and back-pressure;
 * what the bytes mean, and when a connection has waited too long, is its owner's business.
 *
 * It drives Node's stream handle instead of `net.Socket`: two objects and a microsecond less per
 * write, one read buffer for a thread. Only `core/io/stream-handle.ts` knows the private names.
 */

import type { Socket as NetSocket } from 'node:net';
import { assert } from '../base/assert.ts';
import { systemErrorName } from '../base/node-error.ts';
import type { BulkBuffer } from './bulk-buffers.ts';
import { BulkReads } from './bulk-reads.ts';
import { endOfFile, HeldReads } from './held-reads.ts';
import { plainHost } from './ip-text.ts';
import type { SecureHandle } from './secure-handle.ts';
import { nobody, type SocketOwner } from './socket-owner.ts';
import type { SocketThread, ThreadSocket } from './socket-thread.ts';
import {
  detachHandle,
  newShutdownRequest,
  newWriteRequest,
  readCount,
  type StreamHandle,
  startReader,
  stopReader,
  wroteLater,
} from './stream-handle.ts';

/** Metric cells that count a connection's bytes. */
export interface Meter {
  readonly readCell: number;
  readonly writeCell: number;
}

export class Socket implements ThreadSocket {
  readonly remoteHost: string;
  readonly remotePort: number;
  /** What is written is not taken as fast as it comes: stop producing. */
  congested = false;
  destroyed = false;
  /** The peer has sent its last byte. */
  readEnded = false;
  /** `end` was called; nothing may be written any more. */
  writeEnded = false;
  nextDirty: ThreadSocket | null = null;
  dirty = false;
  /** Where its bytes count. */
  meter: Meter;
  /** For a connection that many others write to in a turn: one write in place of one for each. */
  gathers = false;
  /** Grows whenever the output buffer is given away: what was encoded before is out of reach. */
  flushes = 0;

  readonly #io: SocketThread;
  #owner: SocketOwner;
  #handle: StreamHandle;
  #reading = false;
  #shut = false;
  /** The kernel has been asked to send the last byte and has not said yet that it did. */
  #shutting = false;
  #destroyWhenWritten = false;
  /** The handle has not said yet that it took the last write; it takes no other until then. */
  #writing = false;
  /** The handle encrypts: then each write is heard of later, however fast the kernel is. */
  #secure: HeldReads | null = null;
  #out: Buffer | null = null;
  #outLength = 0;
  /** The output buffer that the kernel is still reading from. */
  #inFlight: Buffer | null = null;
  #inFlightBulk: BulkBuffer | null = null;
  #backlog: Buffer[] = [];
  readonly #reads: BulkReads;

  /** Takes over the descriptor of `socket`, which ends as an object. It starts paused. */
  constructor(io: SocketThread, socket: NetSocket, owner: SocketOwner, meter: Meter) {
    this.#io = io;
    this.meter = meter;
    this.#reads = new BulkReads(io);
    this.#owner = owner;
    this.remoteHost = plainHost(socket.remoteAddress ?? '');
    this.remotePort = socket.remotePort ?? 0;
    this.#handle = detachHandle(socket);
    startReader(this.#handle, this, io.readBuffer);
  }

  set owner(owner: SocketOwner) {
    this.#owner = owner;
  }

  /**
   * From here on, what is read and written is inside of TLS, which `wrap` puts over the handle.
   * Nothing has been written before; what was read before is given to what `wrap` returns.
   */
  secure(wrap: (handle: StreamHandle) => SecureHandle): SecureHandle {
    assert(!this.destroyed && !this.#writing && this.#out === null, 'nothing was written');
    this.pause();
    stopReader(this.#handle);
    const handle = wrap(this.#handle);
    this.#handle = handle;
    this.#secure = new HeldReads(handle);
    this.#reads.release();
    startReader(handle, this, this.#io.readBuffer);
    return handle;
  }

  get reading(): boolean {
    return this.#reading;
  }

  /** Bytes handed to `write` that the kernel has not taken. */
  get waitingBytes(): number {
    let waiting = this.#outLength + (this.#writing ? (this.#handle.writeQueueSize ?? 0) : 0);
    for (const buffer of this.#backlog) waiting += buffer.length;
    return waiting;
  }

  resume(): void {
    if (this.#reading || this.destroyed || this.readEnded) return;
    this.#reading = true;
    const held = this.#secure;
    if (held === null || held.empty) this.#handle.readStart();
    else this.#io.soon(() => this.#readHeld(held));
  }

  pause(): void {
    if (!this.#reading || this.destroyed) return;
    this.#reading = false;
    this.#handle.readStop();
  }

  /**
   * Room for `size` bytes in the output buffer, to encode in place: write at `outLength`, then
   * call `commit`. `size` is at most `outputBytes` of core/io/io.ts.
   */
  reserve(size: number): Buffer {
    assert(!this.writeEnded, 'nothing is written after the end');
    if (this.#out !== null && this.#out.length - this.#outLength < size) this.#spill();
    this.#out ??= this.#io.takeOutput();
    assert(this.#out.length - this.#outLength >= size, 'a reservation fits an output buffer');
    return this.#out;
  }

  get outLength(): number {
    return this.#outLength;
  }

  /** The output buffer is filled up to `end`. */
  commit(end: number): void {
    this.#outLength = end;
    if (!this.dirty) this.#io.markDirty(this);
  }

  /** Queues `bytes[start, end)`: a copy, but large parts of a bulk buffer are written in place. */
  write(bytes: Buffer, start: number, end: number): void {
    if (this.destroyed) return;
    assert(!this.writeEnded, 'nothing is written after the end');
    const bulk = this.#io.readingBulk;
    if (bulk !== null && bulk.bytes === bytes && end - start >= directWriteBytesMin) {
      if (!this.#writing && !bulk.pinned) {
        this.flush();
        if (!this.#writing) {
          this.#send(bytes.subarray(start, end), null, bulk);
          return;
        }
      }
    }
    this.append(bytes, start, end);
  }

  /** Queues a copy of `bytes[start, end)`. */
  append(bytes: Buffer, start: number, end: number): void {
    if (this.destroyed) return;
    assert(!this.writeEnded, 'nothing is written after the end');
    let at = start;
    while (at < end) {
      this.#out ??= this.#io.takeOutput();
      if (this.#out.length === this.#outLength) {
        this.#spill();
        continue;
      }
      const size = Math.min(end - at, this.#out.length - this.#outLength);
      bytes.copy(this.#out, this.#outLength, at, at + size);
      this.#outLength += size;
      at += size;
    }
    if (!this.dirty) this.#io.markDirty(this);
  }

  /** Queues text whose characters are all below 256. */
  writeLatin1(text: string): void {
    if (this.destroyed) return;
    const out = this.reserve(text.length);
    this.commit(this.#outLength + out.write(text, this.#outLength, 'latin1'));
  }

  /** Sends what is queued, then the last byte (FIN). Reading goes on. */
  end(): void {
    if (this.writeEnded || this.destroyed) return;
    this.writeEnded = true;
    this.flush();
    this.#shutWhenWritten();
  }

  /** Sends what is queued, then closes. The owner hears nothing more. */
  destroyWhenWritten(): void {
    if (this.destroyed) return;
    this.writeEnded = true;
    this.#owner = nobody;
    this.pause();
    this.flush();
    if (this.#writing) this.#destroyWhenWritten = true;
    else this.#finish();
  }

  /** Closes at once; what is queued is lost. The owner hears nothing more. */
  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.#reading = false;
    this.#owner = nobody;
    stopReader(this.#handle);
    this.#handle.close();
    this.#dropOutput();
    this.#reads.release();
    this.#io.forget(this);
  }

  /**
   * Closes with a reset, so that the peer does not take what it has for complete; without one if
   * the last byte is just being sent, because then it is.
   */
  reset(): void {
    if (this.destroyed) return;
    if (!this.#shutting) this.#handle.reset?.();
    this.destroy();
  }

  /** Writes what is queued; `Io` calls it once at the end of each event, or of each turn. */
  flush(): void {
    if (this.destroyed || this.#writing) return;
    const out = this.#out;
    if (out === null || this.#outLength === 0) return;
    const length = this.#outLength;
    this.#out = null;
    this.#outLength = 0;
    this.flushes += 1;
    this.#send(out.subarray(0, length), out, null);
  }

  /** Either in an output buffer, which then is given back, or in the bulk buffer just read. */
  #send(bytes: Buffer, buffer: Buffer | null, bulk: BulkBuffer | null): void {
    this.#io.cells[this.meter.writeCell] += bytes.length;
    const request = this.#io.writeRequest();
    const error = this.#handle.writeBuffer(request, bytes);
    if (error === 0 && wroteLater()) {
      this.#writing = true;
      this.#inFlight = buffer;
      this.#inFlightBulk = bulk;
      if (bulk !== null) bulk.pinned = true;
      this.#io.replaceWriteRequest(newWriteRequest());
      request.oncomplete = (status: number) => this.#onWritten(status);
      if (bulk !== null || this.#secure === null) this.#congest();
      return;
    }
    if (buffer !== null) this.#io.giveOutput(buffer);
    if (error !== 0) this.#failSoon(error);
  }

  #congest(): void {
    if (this.congested) return;
    this.congested = true;
    this.#owner.onCongested();
  }

  #onWritten(status: number): void {
    if (this.#inFlight !== null) this.#io.giveOutput(this.#inFlight);
    if (this.#inFlightBulk !== null) this.#io.bulks.unpin(this.#inFlightBulk);
    this.#inFlight = null;
    this.#inFlightBulk = null;
    if (this.destroyed) return;
    this.#writing = false;
    this.#io.enter();
    if (status < 0) this.fail(systemErrorName(status));
    else this.#goOnWriting();
    this.#io.leave();
  }

  /** What has waited goes out in its order; the owner hears of it when all of it was taken. */
  #goOnWriting(): void {
    while (!this.#writing && !this.destroyed) {
      const next = this.#backlog.shift();
      if (next === undefined) break;
      this.#send(next, next, null);
    }
    this.flush();
    if (this.destroyed || this.#backlog.length > 0) return;
    if (this.#writing && (this.#secure === null || this.#inFlightBulk !== null)) return;
    if (this.writeEnded) {
      if (this.#writing) return;
      if (this.#destroyWhenWritten) this.#finish();
      else this.#shutWhenWritten();
    } else if (this.congested) {
      this.congested = false;
      this.#owner.onDrain();
    }
  }

  /** The output buffer is full while the kernel takes nothing: its bytes join the backlog. */
  #spill(): void {
    this.flush();
    if (this.#out === null || this.#outLength === 0) return;
    this.#backlog.push(Buffer.from(this.#out.subarray(0, this.#outLength)));
    this.#outLength = 0;
    this.flushes += 1;
    this.#congest();
  }

  #shutWhenWritten(): void {
    if (this.#writing || this.#shut || this.destroyed) return;
    this.#shut = true;
    const request = newShutdownRequest(() => {
      this.#shutting = false;
    });
    this.#shutting = this.#handle.shutdown(request) === 0;
  }

  /** Everything is written. Inside of TLS the peer is told that nothing was cut off. */
  #finish(): void {
    if (this.#secure !== null) this.#shutWhenWritten();
    this.destroy();
  }

  /** The handle has read, or failed to; returns the buffer for its next reads if it changes. */
  onRead(): Buffer | undefined {
    const held = this.#secure;
    const count = held === null ? readCount() : held.count(this.#reading);
    if (count === 0 || this.destroyed) return undefined;
    if (held !== null && !(this.#reading && held.empty)) {
      if (held.hold(this.#io.readBuffer, count)) return undefined;
    }
    this.#io.enter();
    if (count > 0) {
      this.#io.cells[this.meter.readCell] += count;
      const bulk = this.#reads.own;
      this.#io.readingBulk = bulk;
      this.#owner.onBytes(bulk === null ? this.#io.readBuffer : bulk.bytes, count);
      this.#io.readingBulk = null;
    } else if (count === endOfFile) {
      this.#endReading();
    } else {
      this.fail(systemErrorName(count));
    }
    this.#io.leave();
    return this.destroyed || count < 0 ? undefined : this.#reads.next(count);
  }

  #readHeld(held: HeldReads): void {
    const { readBuffer } = this.#io;
    while (this.#reading) {
      const count = held.take(readBuffer);
      if (count === 0) break;
      this.#io.cells[this.meter.readCell] += count;
      this.#owner.onBytes(readBuffer, count);
    }
    if (!this.#reading) return;
    if (held.takeEnd()) this.#endReading();
    else this.#handle.readStart();
  }

  #endReading(): void {
    this.readEnded = true;
    this.#reading = false;
    this.#owner.onEnd();
  }

  /** The owner is in the middle of something: it hears of the failure in an event of its own. */
  #failSoon(status: number): void {
    this.#io.soon(() => this.fail(systemErrorName(status)));
  }

  /** Closes at once, and the owner hears why. */
  fail(code: string): void {
    if (this.destroyed) return;
    const owner = this.#owner;
    this.destroy();
    owner.onClose(code);
  }

  #dropOutput(): void {
    if (this.#out !== null) this.#io.giveOutput(this.#out);
    this.#out = null;
    this.#outLength = 0;
    this.#backlog = [];
  }
}

/** Below this a copy is cheaper than a system call of its own. */
const directWriteBytesMin = 16 * 1024;
