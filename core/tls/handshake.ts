/**
 * One TLS handshake on a connection, of either role: bounded in time, and done only when the peer
 * has proved who it has to be. Whatever fails closes the connection; there is no way back to
 * plaintext.
 */

import type { SecureContext } from 'node:tls';
import type { ErrorCode } from '../base/errors.ts';
import { systemTurn, Timer, type TimerOwner, type TimerWheel } from '../base/timers.ts';
import type { Io } from '../io/io.ts';
import {
  acceptProtocol,
  type HandshakeReader,
  type SecureHandle,
  wrapSecure,
} from '../io/secure-handle.ts';
import type { Socket } from '../io/socket.ts';
import { nobody, type SocketOwner } from '../io/socket-owner.ts';
import { Aftermath, plainReason } from './aftermath.ts';
import { verifyPeer } from './verify.ts';

/** Who is at the other end of a connection, once it is verified. */
export interface Peer {
  /** The first name that its certificate proves; empty for one without a certificate. */
  readonly name: string;
  /** It took the protocol that was offered, or offered the one that is taken. */
  readonly protocol: boolean;
}

type HandshakeRole =
  | {
      readonly kind: 'server';
      readonly context: SecureContext;
      /** Taken where it is offered, as ALPN has it: its length and its bytes. */
      readonly protocol: Buffer;
      /** What was read from the connection before. */
      readonly first: Buffer;
    }
  | {
      readonly kind: 'client';
      readonly context: SecureContext;
      readonly serverName: string;
      /** Who the server has to prove to be: one of the names of its certificate. */
      readonly identity: string;
      /** What is offered; null for nothing. */
      readonly protocol: Buffer | null;
    };

/** Hears of the outcome, in an event; exactly one of the two, and neither after `abort`. */
export interface HandshakeOwner {
  /** What is read and written is inside of TLS; the connection has no owner and is paused. */
  secured(socket: Socket, peer: Peer): void;
  /** The connection is closed. */
  handshakeFailed(code: ErrorCode, detail: string, failure: HandshakeFailure): void;
}

/** What a metric says of a handshake that failed; the owner itself had no certificate in one. */
export type HandshakeFailure =
  | 'not_certified'
  | 'timeout'
  | 'ended'
  | 'protocol'
  | 'certificate'
  | 'identity';

interface HandshakeContext {
  readonly io: Io;
  readonly timers: TimerWheel;
  readonly handshakeTimeoutMs: number;
}

export class Handshake implements SocketOwner, HandshakeReader, TimerOwner {
  readonly #context: HandshakeContext;
  readonly #owner: HandshakeOwner;
  readonly #socket: Socket;
  readonly #role: HandshakeRole;
  readonly #handle: SecureHandle;
  readonly #timer = new Timer(this);
  #over = false;

  constructor(
    context: HandshakeContext,
    socket: Socket,
    role: HandshakeRole,
    owner: HandshakeOwner,
  ) {
    this.#context = context;
    this.#owner = owner;
    this.#socket = socket;
    this.#role = role;
    socket.owner = this;
    context.timers.arm(this.#timer, context.handshakeTimeoutMs);
    const isServer = role.kind === 'server';
    this.#handle = socket.secure((carrier) => wrapSecure(carrier, role.context, isServer));
    this.#handle.secureReader = this;
    this.#begin();
  }

  /** Closes the connection; nobody is told. */
  abort(): void {
    if (this.#over) return;
    this.#end();
    this.#socket.destroy();
  }

  onSecured(): void {
    if (this.#over) return;
    const { io } = this.#context;
    io.enter();
    try {
      this.#verify();
    } finally {
      io.leave();
    }
  }

  onInsecure(reason: string): void {
    const { io } = this.#context;
    io.enter();
    try {
      this.#fail('protocol', plainReason(reason));
    } finally {
      io.leave();
    }
  }

  /** Bytes come only when it is done, and then to somebody else. */
  onBytes(): void {}

  onEnd(): void {
    this.#fail('ended', 'the connection ended in the middle of the handshake');
  }

  onCongested(): void {}

  onDrain(): void {}

  onClose(code: string): void {
    this.#fail('ended', `${code} in the middle of the handshake`);
  }

  /** A thread that was held up for so long hears of the peer after its timers. */
  onTimer(): void {
    systemTurn(() => {
      if (this.#over) return;
      const { io, handshakeTimeoutMs } = this.#context;
      io.enter();
      this.#fail('timeout', `no handshake within ${handshakeTimeoutMs} ms`);
      io.leave();
    });
  }

  #begin(): void {
    const role = this.#role;
    const handle = this.#handle;
    if (role.kind === 'server') {
      acceptProtocol(handle, role.protocol);
      if (role.first.length > 0) handle.receive(role.first);
      if (!this.#over) this.#socket.resume();
      return;
    }
    handle.setServername(role.serverName);
    if (role.protocol !== null) handle.setALPNProtocols(role.protocol);
    this.#socket.resume();
    handle.start();
  }

  #verify(): void {
    const role = this.#role;
    const verdict = verifyPeer(this.#handle);
    if ('refusal' in verdict) {
      this.#fail('certificate', verdict.refusal);
      return;
    }
    const { names } = verdict;
    if (role.kind === 'client' && !names.includes(role.identity)) {
      this.#fail('identity', `it is ${names.join(', ')}, not ${role.identity}`);
      return;
    }
    const handle = this.#handle;
    this.#end();
    handle.secureReader = new Aftermath(this.#context, this.#socket, handle);
    // What has come with the last of the handshake is for whoever takes it over.
    this.#socket.pause();
    this.#socket.owner = nobody;
    const protocol = typeof handle.getALPNNegotiatedProtocol() === 'string';
    this.#owner.secured(this.#socket, { name: names[0] ?? '', protocol });
  }

  #fail(failure: HandshakeFailure, detail: string): void {
    if (this.#over) return;
    this.#end();
    this.#socket.destroy();
    const code = failure === 'identity' ? 'IDENTITY_MISMATCH' : 'TLS_FAILED';
    this.#owner.handshakeFailed(code, detail, failure);
  }

  #end(): void {
    this.#over = true;
    this.#context.timers.cancel(this.#timer);
  }
}
