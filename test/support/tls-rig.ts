/**
 * The two roles of `core/tls` over real sockets, with time in the test's hand: a server that takes
 * whatever comes to its port, and connections that are dialled. What becomes of each is an outcome;
 * the peer is the other role, `node:tls`, or bytes.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { type ConnectionOptions, type TLSSocket, connect as tlsConnect } from 'node:tls';
import type { IdentitySnapshot } from '../../api/identity.ts';
import { TimerWheel } from '../../core/base/timers.ts';
import { Io } from '../../core/io/io.ts';
import type { Socket } from '../../core/io/socket.ts';
import { nobody, type SocketOwner } from '../../core/io/socket-owner.ts';
import { TlsContexts } from '../../core/tls/contexts.ts';
import { Handshake, type Peer } from '../../core/tls/handshake.ts';
import { FakeClock } from './fake-clock.ts';
import { untilTurn } from './turns.ts';

/** The end of a handshake, and what the connection brings behind it. */
export class Outcome implements SocketOwner {
  /** Null until it is secured. */
  peer: Peer | null = null;
  socket: Socket | null = null;
  /** Code and detail, `''` while it has not failed. */
  failure = '';
  handshake: Handshake | null = null;
  readonly events: string[] = [];
  received = 0;
  /** Called with each piece, which is otherwise kept. */
  act: ((bytes: Buffer, length: number) => void) | null = null;
  readonly #kept: Buffer[] = [];
  readonly #reads: boolean;

  constructor(reads: boolean) {
    this.#reads = reads;
  }

  get isOver(): boolean {
    return this.peer !== null || this.failure !== '';
  }

  /** Resolves when the handshake is done, whichever way. */
  async settled(): Promise<this> {
    await untilTurn('the end of the handshake', () => this.isOver);
    return this;
  }

  /** The peer, for a handshake that has to succeed. */
  async secured(): Promise<Socket> {
    await this.settled();
    assert.equal(this.failure, '');
    assert.ok(this.socket !== null);
    return this.socket;
  }

  until(event: string): Promise<void> {
    return untilTurn(`${event}; ${this.events.join(' ')}`, () => this.events.includes(event));
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#kept);
  }

  get text(): string {
    return this.bytes.toString('latin1');
  }

  untilText(text: string): Promise<void> {
    return untilTurn(JSON.stringify(text), () => this.text.includes(text));
  }

  take(socket: Socket, peer: Peer): void {
    this.socket = socket;
    this.peer = peer;
    socket.owner = this;
    if (this.#reads) socket.resume();
  }

  onBytes(bytes: Buffer, length: number): void {
    this.received += length;
    if (this.act !== null) this.act(bytes, length);
    else this.#kept.push(Buffer.from(bytes.subarray(0, length)));
  }

  onEnd(): void {
    this.events.push('end');
  }

  onCongested(): void {
    this.events.push('congested');
  }

  onDrain(): void {
    this.events.push('drain');
  }

  onClose(code: string): void {
    this.events.push(code);
  }
}

interface RigOptions {
  /** What the server proves; nobody's by default, and then nothing is accepted in TLS. */
  readonly identity?: IdentitySnapshot;
  readonly protocol?: Buffer;
  /** The first bytes are read before, as detection does. */
  readonly readsFirst?: boolean;
  /** A secured connection is read from at once. Default: true. */
  readonly reads?: boolean;
}

interface DialOptions {
  readonly contexts?: TlsContexts;
  readonly serverName?: string;
  readonly identity?: string;
  readonly protocol?: Buffer | null;
  readonly reads?: boolean;
}

export class TlsRig implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly timers = new TimerWheel(this.clock, this.clock.wakeSource);
  readonly io = new Io(this.clock, new Float64Array(2));
  readonly contexts = new TlsContexts();
  /** In the order in which connections came. */
  readonly accepted: Outcome[] = [];
  readonly #server: Server;
  readonly #peers: TLSSocket[] = [];
  readonly #options: RigOptions;

  private constructor(options: RigOptions) {
    this.#options = options;
    if (options.identity !== undefined) this.contexts.replace(options.identity);
    this.#server = createServer({ pauseOnConnect: true, noDelay: true, allowHalfOpen: true });
    this.#server.on('connection', (socket) => this.#accept(this.io.adopt(socket, nobody, meter)));
  }

  static async start(options: RigOptions = {}): Promise<TlsRig> {
    const rig = new TlsRig(options);
    rig.#server.listen(0, '127.0.0.1', 4096);
    await once(rig.#server, 'listening');
    return rig;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Number `index` of the connections that came, once it is there. */
  async outcome(index = 0): Promise<Outcome> {
    await untilTurn(`connection ${index}`, () => this.accepted.length > index);
    return this.accepted[index];
  }

  /** Our client; `contexts` are the server's own unless others are given. */
  dial(port: number, options: DialOptions = {}): Outcome {
    const { contexts = this.contexts, reads = true, protocol = null } = options;
    const { serverName = contexts.name, identity = serverName } = options;
    const outcome = new Outcome(reads);
    const { client } = contexts;
    assert.ok(client !== null);
    const role: ConstructorParameters<typeof Handshake>[2] = {
      kind: 'client',
      context: client,
      serverName,
      identity,
      protocol,
    };
    const connector = {
      onConnect: (socket: Socket) => this.#shake(socket, role, outcome),
      onConnectError: (code: string) => {
        outcome.failure = code;
      },
    };
    this.io.connect({ host: '127.0.0.1', port }, nobody, meter, connector);
    return outcome;
  }

  /** A client of Node's, which says in `failure` why it ended. */
  connect(options: ConnectionOptions = {}): Promise<NodePeer> {
    return settle(this.begin(options));
  }

  /** The same without waiting. */
  begin(options: ConnectionOptions): TLSSocket {
    // Unknown to the types, and yet an option.
    const halfOpen = { allowHalfOpen: true };
    const settled: ConnectionOptions = {
      port: this.port,
      host: '127.0.0.1',
      servername: this.contexts.name,
      checkServerIdentity: () => undefined,
      ...options,
      ...halfOpen,
    };
    const socket = tlsConnect(settled);
    this.#peers.push(socket);
    return socket;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const peer of this.#peers) peer.destroy();
    for (const { handshake } of this.accepted) handshake?.abort();
    this.io.close();
    this.timers.close();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(socket: Socket): void {
    const outcome = new Outcome(this.#options.reads ?? true);
    this.accepted.push(outcome);
    const { server } = this.contexts;
    const { protocol = transportProtocol } = this.#options;
    if (server === null) {
      outcome.failure = 'nobody to be';
      socket.destroy();
      return;
    }
    const begin = (first: Buffer) =>
      this.#shake(socket, { kind: 'server', context: server, protocol, first }, outcome);
    if (this.#options.readsFirst !== true) {
      begin(Buffer.alloc(0));
      return;
    }
    socket.owner = new FirstBytes(socket, begin);
    socket.resume();
  }

  #shake(socket: Socket, role: ConstructorParameters<typeof Handshake>[2], outcome: Outcome): void {
    const context = { io: this.io, timers: this.timers, handshakeTimeoutMs };
    outcome.socket = socket;
    outcome.handshake = new Handshake(context, socket, role, {
      secured: (same, peer) => outcome.take(same, peer),
      handshakeFailed: (code, detail) => {
        outcome.failure = `${code}: ${detail}`;
      },
    });
  }
}

/** Gives the first read to a handshake. */
class FirstBytes implements SocketOwner {
  readonly #socket: Socket;
  readonly #begin: (first: Buffer) => void;

  constructor(socket: Socket, begin: (first: Buffer) => void) {
    this.#socket = socket;
    this.#begin = begin;
  }

  onBytes(bytes: Buffer, length: number): void {
    const first = Buffer.from(bytes.subarray(0, length));
    this.#socket.pause();
    this.#begin(first);
  }

  onEnd(): void {
    this.#socket.destroy();
  }

  onCongested(): void {}
  onDrain(): void {}
  onClose(): void {}
}

interface NodePeer {
  readonly socket: TLSSocket;
  /** The code, or the text, of the error that ended the handshake; '' for one that is done. */
  readonly failure: string;
}

/** Waits for the end of Node's handshake; later errors are ignored. */
async function settle(socket: TLSSocket): Promise<NodePeer> {
  const failure = await new Promise<string>((resolve) => {
    socket.once('secureConnect', () => resolve(''));
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.once('close', () => resolve('closed'));
  });
  socket.on('error', () => {});
  return { socket, failure };
}

export const handshakeTimeoutMs = 10_000;
/** ALPN's form of `transport.l5d.io/v1`. */
export const transportProtocol = Buffer.from('\x13transport.l5d.io/v1', 'latin1');
const meter = { readCell: 0, writeCell: 1 };
