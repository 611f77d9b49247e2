/**
 * The connection to an endpoint that is dialled while its client is still silent. Whoever speaks
 * first decides what becomes of it; it is never thrown away while it is of use.
 */

import type { ErrorCode } from '../base/errors.ts';
import { Stash } from '../http/stash.ts';
import type { TunnelSide } from '../io/conduit.ts';
import type { DialOwner } from '../io/dial.ts';
import type { Socket } from '../io/socket.ts';
import type { SocketOwner } from '../io/socket-owner.ts';
import type { UpstreamVersion } from '../pool/pools.ts';
import type { Dialling } from '../tls/secure-dial.ts';
import type { Core } from './core.ts';
import type { Endpoint } from './endpoint.ts';

/** Each is called in an event; the owner may take or give away the connection in all but failed. */
interface EarlyDialOwner {
  dialConnected(early: EarlyDial): void;
  /** There is no connection, or none any more. */
  dialFailed(): void;
  /** The endpoint has sent bytes before the client's were enough to tell what it speaks. */
  serverSpoke(early: EarlyDial): void;
  /** The endpoint has sent its last byte, and none before. */
  serverEnded(early: EarlyDial): void;
}

export class EarlyDial implements DialOwner, SocketOwner {
  readonly endpoint: Endpoint;
  readonly #core: Core;
  readonly #owner: EarlyDialOwner;
  readonly #stash = new Stash();
  readonly #dial: Dialling;
  #distrusts = 0;
  #socket: Socket | null = null;

  constructor(core: Core, endpoint: Endpoint, owner: EarlyDialOwner) {
    this.#core = core;
    this.endpoint = endpoint;
    this.#owner = owner;
    this.#dial = endpoint.pools.dial(this);
  }

  get connected(): boolean {
    return this.#socket !== null;
  }

  /** Of the transport, when the connection came about. */
  get distrusts(): number {
    return this.#distrusts;
  }

  /** The client speaks HTTP: the connection serves its requests, if it is fit for that. */
  givePool(version: UpstreamVersion, clientHttp2: boolean): void {
    const { endpoint } = this;
    const socket = this.#takeSocket();
    const trusted = this.#distrusts === endpoint.transport.distrusts;
    if (!trusted || !endpoint.adopt(socket, version, clientHttp2)) socket.destroy();
  }

  /** The connection with what the endpoint has sent so far. */
  take(): TunnelSide {
    return { conduit: this.#takeSocket(), first: this.#stash.take() };
  }

  abort(): void {
    this.#dial.abort();
    this.#core.slots.releasePermit(this.endpoint.slot);
    this.#socket?.destroy();
    this.#socket = null;
  }

  dialled(socket: Socket): void {
    socket.owner = this;
    this.#core.slots.connectSucceeded(this.endpoint.slot);
    this.#socket = socket;
    this.#distrusts = this.endpoint.transport.distrusts;
    this.#owner.dialConnected(this);
    this.#socket?.resume();
  }

  dialFailed(code: ErrorCode, detail: string): void {
    this.endpoint.connectFailed(code, detail);
    this.#owner.dialFailed();
  }

  onBytes(bytes: Buffer, length: number): void {
    this.#stash.append(bytes, 0, length);
    this.#socket?.pause();
    this.#owner.serverSpoke(this);
  }

  onEnd(): void {
    this.#owner.serverEnded(this);
  }

  onCongested(): void {}

  onDrain(): void {}

  onClose(): void {
    this.#socket = null;
    this.#owner.dialFailed();
  }

  #takeSocket(): Socket {
    const socket = this.#socket as Socket;
    this.#socket = null;
    return socket;
  }
}
