/**
 * What the connections of one thread share: the read buffer, output buffers, bulk buffers, the
 * lists of sockets to flush at the end of an event or of a turn, and the clock reading of an event.
 */

import { type Socket as NetSocket, connect as netConnect } from 'node:net';
import type { Address } from '../../api/settings.ts';
import type { Clock } from '../base/clock.ts';
import { headBytesMax, readBytes } from '../base/limits.ts';
import { nodeErrorCode } from '../base/node-error.ts';
import { systemTurn } from '../base/timers.ts';
import { type BulkBuffer, BulkBuffers } from './bulk-buffers.ts';
import { type Meter, Socket } from './socket.ts';
import type { SocketOwner } from './socket-owner.ts';
import type { SocketThread, ThreadSocket } from './socket-thread.ts';
import { newWriteRequest, verifyStreamHandle, type WriteRequest } from './stream-handle.ts';
import type { Tune } from './tcp-options.ts';

export interface Connector {
  onConnect(socket: Socket): void;
  /** With the system's error name. Not called after `abort`. */
  onConnectError(code: string): void;
}

/** A connection attempt that can be given up. */
export interface Attempt {
  abort(): void;
}

/** A head of the largest size fits, also with what we add to it; so does a full read. */
export const outputBytes = Math.max(readBytes, headBytesMax) + 16 * 1024;

export class Io implements SocketThread {
  readonly readBuffer = Buffer.allocUnsafeSlow(readBytes);
  readonly cells: Float64Array;
  readonly bulks = new BulkBuffers();
  /** Monotonic milliseconds when the current event began. */
  nowMs: number;
  readingBulk: BulkBuffer | null = null;

  readonly #clock: Clock;
  readonly #sockets = new Set<ThreadSocket>();
  readonly #outputs: Buffer[] = [];
  readonly #leave = (): void => this.#leaveSoon();
  #depth = 0;
  #soonAsked = false;
  #soon: (() => void)[] = [];
  #dirty: ThreadSocket | null = null;
  /** Those that gather. */
  #gathered: ThreadSocket | null = null;
  #gatheredCount = 0;
  #turnAsked = false;
  readonly #turned = (): void => this.#endTurn();
  #writeRequest: WriteRequest = newWriteRequest();

  /** `cells` are the thread's metric cells; sockets count their bytes there. */
  constructor(clock: Clock, cells: Float64Array) {
    const missing = verifyStreamHandle();
    if (missing !== '') throw new Error(missing);
    this.#clock = clock;
    this.cells = cells;
    this.nowMs = clock.monotonicMs();
  }

  /** Takes over a connection that was accepted and not touched since. It starts paused. */
  adopt(socket: NetSocket, owner: SocketOwner, meter: Meter): Socket {
    const adopted = new Socket(this, socket, owner, meter);
    this.#sockets.add(adopted);
    return adopted;
  }

  /** Dials an address (no name). The socket that it hands over starts paused. */
  connect(
    address: Address,
    owner: SocketOwner,
    meter: Meter,
    connector: Connector,
    tune: Tune | null = null,
  ): Attempt {
    const { host, port } = address;
    const socket = netConnect({ host, port, noDelay: true, allowHalfOpen: true });
    let over = false;
    socket.on('error', (error) => {
      if (over) return;
      over = true;
      this.enter();
      connector.onConnectError(nodeErrorCode(error));
      this.leave();
    });
    socket.on('connect', () => {
      if (over) return;
      over = true;
      tune?.(socket);
      this.enter();
      connector.onConnect(this.adopt(socket, owner, meter));
      this.leave();
    });
    return {
      abort: () => {
        over = true;
        socket.destroy();
      },
    };
  }

  /** An event begins: what is written during it goes out at its end, together. */
  enter(): void {
    if (this.#depth === 0) this.nowMs = this.#clock.monotonicMs();
    this.#depth += 1;
  }

  leave(): void {
    if (this.#depth === 1) this.#flush();
    // Also within an event that writes to thousands: each would have an output buffer by its end.
    if (this.#gatheredCount >= outputsKept) this.#flushGathered();
    this.#depth -= 1;
  }

  soon(action: () => void): void {
    this.#soon.push(action);
    this.#askSoon();
  }

  markDirty(socket: ThreadSocket): void {
    socket.dirty = true;
    if (socket.gathers) {
      if (!this.#turnAsked) systemTurn(this.#turned);
      this.#turnAsked = true;
      socket.nextDirty = this.#gathered;
      this.#gathered = socket;
      this.#gatheredCount += 1;
      return;
    }
    socket.nextDirty = this.#dirty;
    this.#dirty = socket;
    if (this.#depth === 0) this.#askSoon();
  }

  forget(socket: ThreadSocket): void {
    this.#sockets.delete(socket);
  }

  takeOutput(): Buffer {
    return this.#outputs.pop() ?? Buffer.allocUnsafeSlow(outputBytes);
  }

  giveOutput(buffer: Buffer): void {
    // Backlogs are written from buffers of other sizes.
    if (buffer.length !== outputBytes || this.#outputs.length === outputsKept) return;
    this.#outputs.push(buffer);
  }

  writeRequest(): WriteRequest {
    return this.#writeRequest;
  }

  replaceWriteRequest(request: WriteRequest): void {
    this.#writeRequest = request;
  }

  /** Resets every connection of the thread. */
  close(): void {
    for (const socket of this.#sockets) socket.reset();
  }

  /** All sockets that were ready in this turn have been read from. */
  #endTurn(): void {
    this.#turnAsked = false;
    this.enter();
    this.#flushGathered();
    this.leave();
  }

  #flush(): void {
    while (this.#dirty !== null) {
      const socket = this.#dirty;
      this.#dirty = socket.nextDirty;
      flush(socket);
    }
  }

  #flushGathered(): void {
    while (this.#gathered !== null) {
      const socket = this.#gathered;
      this.#gathered = socket.nextDirty;
      flush(socket);
    }
    this.#gatheredCount = 0;
  }

  #askSoon(): void {
    if (this.#soonAsked) return;
    this.#soonAsked = true;
    queueMicrotask(this.#leave);
  }

  #leaveSoon(): void {
    this.#soonAsked = false;
    this.enter();
    const actions = this.#soon;
    if (actions.length !== 0) {
      this.#soon = [];
      for (const action of actions) action();
    }
    this.leave();
  }
}

function flush(socket: ThreadSocket): void {
  socket.nextDirty = null;
  socket.dirty = false;
  socket.flush();
}

/** Output buffers kept for the next turn; when more are in use what they hold goes out. */
const outputsKept = 64;
