/**
 * A bound port that accepts paused, untouched sockets and that can stop accepting for a while
 * without losing its backlog. Who is admitted, and which worker serves, is not decided here.
 *
 * `net.Server` cannot pause. What works is to duplicate the listening descriptor, to close the
 * server, and to listen on the duplicate later: the kernel goes on queueing clients meanwhile.
 * Where no duplicate is to be had, sockets are accepted and held unread, a bounded number.
 */

import { closeSync } from 'node:fs';
import { BoundSocket, createServer, type Server, type Socket } from 'node:net';
import type { Address } from '../api/settings.ts';
import { heldSocketsMax } from '../core/base/limits.ts';
import { duplicateDescriptor } from './duplicate.ts';

export interface ListenOptions {
  readonly address: Address;
  /** The setting that names the address, for errors. */
  readonly setting: string;
  /** Lets every worker listen on the same port; the kernel spreads connections. */
  readonly reusePort: boolean;
  readonly onSocket: (socket: Socket) => void;
  /** Accepting has failed; the listener goes on. */
  readonly onError: (error: Error) => void;
  /** Replaced in tests by one that fails. */
  readonly duplicate?: (descriptor: number) => number | null;
}

export class ListenError extends Error {
  override readonly name = 'ListenError';
}

/** Resolves when the port accepts; rejects with a `ListenError` that names the setting. */
export async function openListener(options: ListenOptions): Promise<Listener> {
  let bound: BoundSocket;
  try {
    bound = new BoundSocket({ ...options.address, reusePort: options.reusePort });
  } catch (error) {
    throw new ListenError(describeFailure(options, error as NodeJS.ErrnoException));
  }
  const { address, port } = bound.address();
  const descriptor = bound.fd();
  // Half-open: a client that has sent all of its request and closed its side still gets an answer.
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
  await new Promise<void>((resolve, reject) => {
    server.once('listening', resolve);
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new ListenError(describeFailure(options, error))),
    );
    server.listen({ handle: bound, backlog });
  });
  return new Listener(options, { host: address, port }, server, descriptor);
}

export class Listener {
  readonly address: Address;
  readonly #options: ListenOptions;
  readonly #server: Server;
  /** Of the listening socket, ours or, while paused by it, the duplicate. */
  #descriptor: number;
  #state: 'accepting' | 'paused' | 'holding' | 'closed' = 'accepting';
  readonly #held: Socket[] = [];

  /** `server` listens; `openListener` makes it. */
  constructor(options: ListenOptions, address: Address, server: Server, descriptor: number) {
    this.#options = options;
    this.address = address;
    this.#server = server;
    this.#descriptor = descriptor;
    server.removeAllListeners('error');
    server.on('error', (error) => options.onError(error));
    server.on('connection', (socket) => this.#onSocket(socket));
  }

  /** Clients wait in the backlog until `resume`; when it is full their TCP tries again. */
  pause(): void {
    if (this.#state !== 'accepting') return;
    const copy = (this.#options.duplicate ?? duplicateDescriptor)(this.#descriptor);
    if (copy === null) {
      this.#state = 'holding';
      return;
    }
    this.#state = 'paused';
    this.#descriptor = copy;
    this.#server.close();
  }

  /** Accepts again; what was held comes first. */
  resume(): void {
    if (this.#state === 'paused') {
      this.#state = 'accepting';
      this.#server.listen({ fd: this.#descriptor, backlog });
    } else if (this.#state === 'holding') {
      this.#state = 'accepting';
      // One of them may pause again: the rest then stay held.
      while (this.#held.length > 0 && this.#isAccepting()) {
        const socket = this.#held.shift();
        if (socket !== undefined) this.#options.onSocket(socket);
      }
    }
  }

  /** Ends accepting; clients in the backlog are reset by the kernel. */
  close(): void {
    if (this.#state === 'closed') return;
    if (this.#state === 'paused') closeSync(this.#descriptor);
    else this.#server.close();
    this.#state = 'closed';
    for (const socket of this.#held.splice(0)) socket.destroy();
  }

  #isAccepting(): boolean {
    return this.#state === 'accepting';
  }

  #onSocket(socket: Socket): void {
    if (this.#state === 'accepting') this.#options.onSocket(socket);
    else if (this.#state === 'holding' && this.#held.length < heldSocketsMax) {
      this.#held.push(socket);
    } else socket.destroy();
  }
}

function describeFailure(options: ListenOptions, error: NodeJS.ErrnoException): string {
  const { host, port } = options.address;
  const place = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return `${options.setting}: cannot listen on ${place}: ${explain(error)}`;
}

function explain(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return 'another process has this port (EADDRINUSE); name another one or stop that process';
    case 'EADDRNOTAVAIL':
      return 'no interface of this machine has this address (EADDRNOTAVAIL)';
    case 'EACCES':
      return 'ports below 1024 need a privilege (EACCES); name a higher one';
    default:
      return error.message;
  }
}

/** The kernel lowers it to net.core.somaxconn. */
const backlog = 4096;
