/**
 * Connecting to an endpoint that has an identity: the connection, the handshake in which it proves
 * to be who it has to be, and the transport header. Whatever fails ends the dial; nothing is ever
 * sent in plaintext.
 *
 * ```
 *  CERTIFICATE ──ours is there──▶ CONNECTION ──▶ HANDSHAKE ──▶ header, dialled
 *       │ not in time                  ▲ a trust anchor left │ meanwhile
 *       ▼                              └──────────────────────┘
 *  NOT_CERTIFIED
 * ```
 *
 * Connection and handshake together have `connectTimeoutMs`, and so has the wait before them.
 */

import type { SecureContext } from 'node:tls';
import type { Address } from '../../api/settings.ts';
import type { ErrorCode } from '../base/errors.ts';
import { Timer, type TimerOwner, type TimerWheel } from '../base/timers.ts';
import { Dial, type DialOwner } from '../io/dial.ts';
import type { Io } from '../io/io.ts';
import type { Meter, Socket } from '../io/socket.ts';
import type { Tune } from '../io/tcp-options.ts';
import type { CertificateWaiter, TlsContexts } from './contexts.ts';
import { Handshake, type HandshakeOwner, type Peer } from './handshake.ts';
import { encodeTransportHeader, type Session, transportProtocol } from './transport-header.ts';

export interface SecureDialContext {
  readonly io: Io;
  readonly timers: TimerWheel;
  readonly connectTimeoutMs: number;
  readonly tune?: Tune | null;
  readonly tls: TlsContexts;
  /** This process is to have a certificate, sooner or later. */
  readonly hasIdentity: boolean;
}

export interface TransportTraits {
  /** What is dialled. */
  readonly address: Address;
  /** Who has to answer there; empty for nobody in particular, in plaintext. */
  readonly identity: string;
  readonly serverName: string;
  /** What the transport header names; null where none is sent. */
  readonly header: { readonly port: number; readonly name: string } | null;
}

/** What can be given up, and then tells nobody. */
export interface Dialling {
  abort(): void;
}

export class SecureDial implements DialOwner, HandshakeOwner, CertificateWaiter, TimerOwner {
  readonly #context: SecureDialContext;
  readonly #owner: DialOwner;
  readonly #traits: TransportTraits;
  readonly #session: Session;
  readonly #meter: Meter;
  readonly #timer = new Timer(this);
  #step: Dialling | null = null;
  #startMs = 0;
  #distrusts = 0;
  #over = false;

  constructor(
    context: SecureDialContext,
    owner: DialOwner,
    traits: TransportTraits,
    session: Session,
    meter: Meter,
  ) {
    this.#context = context;
    this.#owner = owner;
    this.#traits = traits;
    this.#session = session;
    this.#meter = meter;
    if (context.tls.certified) this.#connect();
    else if (context.hasIdentity) this.#awaitCertificate();
    else context.io.soon(() => this.#fail('NOT_CERTIFIED', this.#explainNobody()));
  }

  abort(): void {
    if (this.#over) return;
    this.#end();
    this.#step?.abort();
  }

  certified(): void {
    this.#context.timers.cancel(this.#timer);
    this.#connect();
  }

  onTimer(): void {
    const { io, connectTimeoutMs } = this.#context;
    io.enter();
    this.#fail('NOT_CERTIFIED', `none after ${connectTimeoutMs} ms (connectTimeoutMs)`);
    io.leave();
  }

  dialled(socket: Socket): void {
    const { io, timers, tls, connectTimeoutMs } = this.#context;
    const client = this.#findContext();
    if (typeof client === 'string') {
      socket.destroy();
      this.#fail('NOT_CERTIFIED', client);
      return;
    }
    const handshakeTimeoutMs = Math.max(1, this.#startMs + connectTimeoutMs - io.nowMs);
    const { serverName, identity, header } = this.#traits;
    const protocol = header === null ? null : transportProtocol;
    this.#distrusts = tls.distrusts;
    this.#step = new Handshake(
      { io, timers, handshakeTimeoutMs },
      socket,
      { kind: 'client', context: client, serverName, identity, protocol },
      this,
    );
  }

  dialFailed(code: ErrorCode, detail: string): void {
    this.#fail(code, detail);
  }

  secured(socket: Socket, peer: Peer): void {
    if (this.#distrusts !== this.#context.tls.distrusts) {
      socket.destroy();
      this.#connect();
      return;
    }
    const { header } = this.#traits;
    if (header !== null) {
      // Behind such a port nobody could tell who the bytes are for.
      if (!peer.protocol) {
        socket.destroy();
        this.#fail('TLS_FAILED', 'it takes no transport header (transport.l5d.io/v1)');
        return;
      }
      const bytes = encodeTransportHeader({ ...header, session: this.#session });
      socket.write(bytes, 0, bytes.length);
    }
    this.#end();
    this.#owner.dialled(socket);
  }

  /** A peer that is silent for so long is one that could not be connected to. */
  handshakeFailed(code: ErrorCode, detail: string): void {
    const { io, connectTimeoutMs } = this.#context;
    const isLate = io.nowMs - this.#startMs >= connectTimeoutMs;
    if (isLate) this.#fail('CONNECT_TIMEOUT', `${detail} (connectTimeoutMs)`);
    else this.#fail(code, detail);
  }

  /** A string is why there is none. */
  #findContext(): SecureContext | string {
    try {
      return this.#context.tls.client ?? 'nobody is trusted any more';
    } catch (error) {
      return (error as Error).message;
    }
  }

  #awaitCertificate(): void {
    const { tls, timers, connectTimeoutMs } = this.#context;
    tls.await(this);
    timers.arm(this.#timer, connectTimeoutMs);
  }

  #connect(): void {
    this.#startMs = this.#context.io.nowMs;
    this.#step = new Dial(this.#context, this, this.#traits.address, this.#meter);
  }

  #explainNobody(): string {
    const { identity } = this.#traits;
    return `it has to prove to be ${identity}, and this proxy has no identity (proxy.identity)`;
  }

  #fail(code: ErrorCode, detail: string): void {
    if (this.#over) return;
    this.#end();
    const { host, port } = this.#traits.address;
    this.#owner.dialFailed(code, `${detail}, at ${host}:${port}`);
  }

  #end(): void {
    this.#over = true;
    this.#context.timers.cancel(this.#timer);
    this.#context.tls.forget(this);
  }
}
