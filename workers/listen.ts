/**
 * A bound port that accepts paused, untouched sockets, and that can stop accepting for a while or
 * for good without losing a client. Who is admitted, and which worker serves, is not decided here.
 *
 * `net.Server` cannot pause. What works is to duplicate the listening descriptor, to close the
 * server, and to listen on the duplicate later: the kernel goes on queueing clients meanwhile.
 * Where no duplicate is to be had, sockets are accepted and held unread, a bounded number.
 *
 * Closing resets whoever is in the backlog, with a request that may have been sent. So nobody new
 * is answered any more, who is connected or about to be is let in, and then it closes. A client
 * that comes meanwhile tries again after a second and is refused, provably unprocessed.
 */

import { BoundSocket, createServer, type Server, Socket } from 'node:net';
import type { Address } from '../api/settings.ts';
import { formatAddress } from '../control/model/address.ts';
import { handshakeMs, heldSocketsMax, listenBacklogMax } from '../core/base/limits.ts';
import { explainListenError } from '../core/base/node-error.ts';
import { systemTurn, Timer, type TimerWheel } from '../core/base/timers.ts';
import { type DescriptorCalls, descriptorCalls } from './descriptor-calls.ts';

export interface BindOptions {
  readonly address: Address;
  /** The setting that names the address, for errors. */
  readonly setting: string;
  /** Lets every worker listen on the same port; the kernel spreads connections. */
  readonly reusePort: boolean;
  /** Main has taken the port for all of its workers. */
  readonly isOurs?: boolean;
  /** Clients that wait to be accepted; the kernel lowers it to net.core.somaxconn. */
  readonly backlog?: number;
  /** Says what is missing before anybody may connect, or nothing. */
  readonly prepare?: (descriptor: number) => string;
}

export interface BoundPort {
  /** With the port that the system chose where 0 was asked for. */
  readonly address: Address;
  readonly setting: string;
  readonly socket: BoundSocket;
  readonly backlog: number;
}

export interface ListenOptions {
  readonly timers: TimerWheel;
  readonly onSocket: (socket: Socket) => void;
  /** Accepting has failed; the listener goes on. */
  readonly onError: (error: Error) => void;
  /** Replaced in tests by some that fail. */
  readonly calls?: DescriptorCalls;
}

export class ListenError extends Error {
  override readonly name = 'ListenError';
}

/**
 * Takes the port without accepting yet; throws a `ListenError` that names the setting. With
 * `reusePort`, main takes it so that the port stays ours, and every worker listens there.
 */
export function bindPort(options: BindOptions): BoundPort {
  const { address, setting, reusePort, isOurs = false, backlog = listenBacklogMax } = options;
  let bound: BoundPort;
  try {
    // A port that is shared on purpose would also be shared with a process that is not ours.
    if (reusePort && !isOurs && address.port !== 0) new BoundSocket({ ...address }).close();
    const socket = new BoundSocket({ ...address, reusePort });
    const { address: host, port } = socket.address();
    bound = { address: { host, port }, setting, socket, backlog };
  } catch (error) {
    throw new ListenError(describeFailure(setting, address, error as NodeJS.ErrnoException));
  }
  const missing = options.prepare?.(bound.socket.fd()) ?? '';
  if (missing === '') return bound;
  bound.socket.close();
  throw new ListenError(`${setting}: ${missing}`);
}

/** Accepts on a port that was bound; resolves when the kernel lets clients in. */
export function listenOn(port: BoundPort, options: ListenOptions): Promise<Listener> {
  const descriptor = port.socket.fd();
  const server = createPausedServer();
  return new Promise((resolve, reject) => {
    server.once('listening', () => {
      resolve(new Listener(options, port, server, descriptor));
    });
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new ListenError(describeFailure(port.setting, port.address, error)));
    });
    // Node takes it only as an argument of its own where it is given a handle or a descriptor.
    server.listen({ handle: port.socket }, port.backlog);
  });
}

export class Listener {
  readonly address: Address;
  readonly #options: ListenOptions;
  readonly #server: Server;
  #descriptor: number;
  readonly #backlog: number;
  /**
   * Owns the duplicate while paused: what no handle owns would outlive a worker that dies, and
   * its part of the clients would wait in a backlog that nobody reads.
   */
  #parked: Socket | null = null;
  #state: 'accepting' | 'paused' | 'holding' | 'closed' = 'accepting';
  readonly #held: Socket[] = [];
  readonly #calls: DescriptorCalls;
  readonly #handshakes = new Timer({ onTimer: () => this.#finish() });
  #accepted = 0;
  /** Set when it stops for good. */
  #onClosed: (() => void) | null = null;

  /** `server` listens; `listenOn` makes it. */
  constructor(options: ListenOptions, port: BoundPort, server: Server, descriptor: number) {
    this.#options = options;
    this.address = port.address;
    this.#backlog = port.backlog;
    this.#server = server;
    this.#descriptor = descriptor;
    this.#calls = options.calls ?? descriptorCalls;
    server.removeAllListeners('error');
    server.on('error', (error) => options.onError(error));
    server.on('connection', (socket) => this.#onSocket(socket));
  }

  /** Clients wait in the backlog until `resume`; when it is full their TCP tries again. */
  pause(): void {
    if (this.#state !== 'accepting') return;
    const copy = this.#calls.duplicate(this.#descriptor);
    if (copy === null) {
      this.#state = 'holding';
      return;
    }
    this.#state = 'paused';
    this.#descriptor = copy;
    this.#parked = new Socket({ fd: copy, readable: false, writable: false });
    this.#server.close();
  }

  /** Accepts again, first what was held; false when no descriptor is left to do so. */
  resume(): boolean {
    if (this.#parked !== null) {
      const copy = this.#calls.duplicate(this.#descriptor);
      if (copy === null) return false;
      this.#state = 'accepting';
      this.#descriptor = copy;
      this.#server.listen({ fd: copy }, this.#backlog);
      this.#parked.destroy();
      this.#parked = null;
    } else if (this.#state === 'holding') {
      this.#state = 'accepting';
      // One of them may pause again: the rest then stay held.
      while (this.#held.length > 0 && this.#isAccepting()) {
        const socket = this.#held.shift();
        if (socket !== undefined) this.#options.onSocket(socket);
      }
    }
    return true;
  }

  /**
   * Lets in who is connected or about to be, then closes and says so. While it is paused they wait
   * for `resume`. Where new clients cannot be kept away, it closes when nobody comes for a moment.
   */
  stop(onClosed: () => void): void {
    if (this.#onClosed !== null || this.#state === 'closed') return;
    this.#onClosed = onClosed;
    const isRefusing = this.#calls.refuseNewClients(this.#descriptor);
    if (isRefusing) this.#options.timers.arm(this.#handshakes, handshakeMs);
    else this.#finish();
  }

  /** Ends accepting at once; clients in the backlog are reset by the kernel. */
  close(): void {
    if (this.#state === 'closed') return;
    this.#options.timers.cancel(this.#handshakes);
    if (this.#parked !== null) this.#parked.destroy();
    else this.#server.close();
    this.#parked = null;
    this.#state = 'closed';
    for (const socket of this.#held.splice(0)) socket.destroy();
    this.#onClosed?.();
  }

  /**
   * Closes after two turns without a client: the first may end before it has looked at the port.
   * While it is paused, only if nobody waits.
   */
  #finish(turnsLeft = turnsMax, quietTurns = 0): void {
    if (this.#state === 'accepting') {
      const before = this.#accepted;
      systemTurn(() => {
        const quiet = this.#accepted === before ? quietTurns + 1 : 0;
        if (this.#isAccepting() && (quiet === 2 || turnsLeft === 0)) this.close();
        else this.#finish(turnsLeft - 1, quiet);
      });
    } else if (this.#state !== 'closed') {
      const isWaitedFor = this.#held.length > 0 || this.#calls.hasWaitingClients(this.#descriptor);
      if (isWaitedFor) this.#options.timers.arm(this.#handshakes, handshakeMs);
      else this.close();
    }
  }

  #isAccepting(): boolean {
    return this.#state === 'accepting';
  }

  #onSocket(socket: Socket): void {
    this.#accepted += 1;
    if (this.#state === 'accepting') this.#options.onSocket(socket);
    else if (this.#state === 'holding' && this.#held.length < heldSocketsMax) {
      this.#held.push(socket);
    } else socket.destroy();
  }
}

/** Half-open: a client that has sent its request and closed its side still gets an answer. */
function createPausedServer(): Server {
  return createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
}

function describeFailure(setting: string, address: Address, error: NodeJS.ErrnoException): string {
  const reason = explainListenError(error, () => 'another process');
  return `${setting}: cannot listen on ${formatAddress(address)}: ${reason}`;
}

/** A full backlog, if a turn takes one of it; a port that is never quiet closes all the same. */
const turnsMax = listenBacklogMax;
