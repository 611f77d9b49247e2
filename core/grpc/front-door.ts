/**
 * The beginning of a connection to a server that can do TLS: its first byte tells whether it is.
 * Inside it is HTTP/2 by prior knowledge, with or without ALPN, as the mesh speaks it.
 */

import type { SecureContext } from 'node:tls';
import { controlHandshakeMs } from '../base/limits.ts';
import { systemTurn, Timer, type TimerOwner, type TimerWheel } from '../base/timers.ts';
import type { ServerConnection } from '../http/server-context.ts';
import type { Io } from '../io/io.ts';
import type { Socket } from '../io/socket.ts';
import type { SocketOwner } from '../io/socket-owner.ts';
import type { TlsContexts } from '../tls/contexts.ts';
import { Handshake, type HandshakeOwner, type Peer } from '../tls/handshake.ts';

export interface DoorSecurity {
  readonly contexts: TlsContexts;
  /** Whether a client from there may speak in plaintext. */
  readonly allowsPlaintext: (host: string) => boolean;
  /** A connection was closed before it was one; `reason` is a sentence without its full stop. */
  readonly onRefused: (peer: string, reason: string) => void;
}

interface FrontDoorOwner {
  readonly io: Io;
  readonly timers: TimerWheel;
  readonly security: DoorSecurity;
  opened(connection: ServerConnection): void;
  closed(connection: ServerConnection): void;
  /**
   * `trusted`: it may call every method. `first` are bytes that were read already; null within TLS,
   * of which none was read. `identity`: whom the client has proved to be there, '' for nobody.
   */
  enter(socket: Socket, trusted: boolean, first: Buffer | null, identity: string): void;
  /** How long the first bytes may take, if not as long as a handshake. */
  readonly firstBytesMs?: number;
  /** Whether a TLS client asks for whom it finds here; null while its hello is not whole. */
  readonly admitsHello?: (bytes: Buffer) => boolean | null;
  /** Who says nothing in time enters instead of being closed, if it may speak in plaintext. */
  readonly awaitsSilent?: boolean;
}

export class FrontDoor implements SocketOwner, TimerOwner, HandshakeOwner, ServerConnection {
  readonly #owner: FrontDoorOwner;
  readonly #socket: Socket;
  readonly #timer = new Timer(this);
  #handshake: Handshake | null = null;
  /** The part of a hello that has come. */
  #hello: Buffer = nothing;
  #over = false;

  constructor(owner: FrontDoorOwner, socket: Socket) {
    this.#owner = owner;
    this.#socket = socket;
    socket.owner = this;
    owner.opened(this);
    owner.timers.arm(this.#timer, owner.firstBytesMs ?? controlHandshakeMs);
    socket.resume();
  }

  closeIdle(): void {
    this.#close('');
  }

  closeForced(): void {
    this.#close('');
  }

  onBytes(bytes: Buffer, length: number): void {
    const first = Buffer.concat([this.#hello, bytes.subarray(0, length)]);
    const { security, io, timers, admitsHello, firstBytesMs } = this.#owner;
    if (first[0] !== tlsFirstByte) {
      if (security.allowsPlaintext(this.#socket.remoteHost)) this.#enter(true, first);
      else this.#close('plaintext is taken from the loopback alone');
      return;
    }
    const context = serverContext(security.contexts);
    if (typeof context === 'string') {
      this.#close(context);
      return;
    }
    const admitted = admitsHello === undefined || admitsHello(first);
    if (admitted === null) {
      this.#hello = first;
      return;
    }
    if (!admitted) {
      this.#close('it asks for another server');
      return;
    }
    timers.cancel(this.#timer);
    const role = { kind: 'server', context, protocol: http2Protocol, first } as const;
    const limits = { io, timers, handshakeTimeoutMs: firstBytesMs ?? controlHandshakeMs };
    this.#handshake = new Handshake(limits, this.#socket, role, this);
  }

  secured(_socket: Socket, peer: Peer): void {
    this.#enter(peer.name !== '', null, peer.name);
  }

  handshakeFailed(_code: string, detail: string): void {
    this.#close(detail);
  }

  onEnd(): void {
    this.#close('');
  }

  onCongested(): void {}

  onDrain(): void {}

  onClose(): void {
    this.#close('');
  }

  /** A thread that was held up for so long hears of the client after its timers. */
  onTimer(): void {
    systemTurn(() => {
      const { awaitsSilent = false, security, io } = this.#owner;
      if (this.#over) return;
      io.enter();
      if (
        awaitsSilent &&
        this.#hello.length === 0 &&
        security.allowsPlaintext(this.#socket.remoteHost)
      ) {
        this.#enter(true, nothing);
      } else {
        this.#close('nothing was sent in time');
      }
      io.leave();
    });
  }

  #enter(trusted: boolean, first: Buffer | null, identity = ''): void {
    this.#leave();
    this.#owner.enter(this.#socket, trusted, first, identity);
  }

  #close(reason: string): void {
    if (this.#over) return;
    const { remoteHost, remotePort } = this.#socket;
    if (reason !== '') this.#owner.security.onRefused(`${remoteHost}:${remotePort}`, reason);
    this.#leave();
    this.#handshake?.abort();
    this.#socket.destroy();
  }

  #leave(): void {
    this.#over = true;
    this.#owner.timers.cancel(this.#timer);
    this.#owner.closed(this);
  }
}

/** A string is why there is none. */
function serverContext(contexts: TlsContexts): SecureContext | string {
  try {
    return contexts.server ?? 'there is no certificate to serve with yet';
  } catch (error) {
    return `the certificate cannot be used: ${(error as Error).message}`;
  }
}

const tlsFirstByte = 0x16;
/** As ALPN has it: a length and its bytes. */
const http2Protocol = Buffer.from('\x02h2', 'latin1');
const nothing = Buffer.alloc(0);
