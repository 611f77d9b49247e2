/**
 * The connection to an endpoint that is dialled while its client is still silent. Whoever speaks
 * first decides what becomes of it; it is never thrown away while it is of use.
 */

import { connectErrorCode } from '../base/node-error.ts';
import { Timer, type TimerOwner } from '../base/timers.ts';
import { Stash } from '../http/h1/stash.ts';
import type { Attempt, Connector } from '../io/io.ts';
import type { Socket, SocketOwner } from '../io/socket.ts';
import type { Core } from './core.ts';
import type { Endpoint } from './endpoint.ts';
import type { TunnelSide } from './tunnel.ts';

export interface EarlyDialOwner {
  /** The endpoint has sent bytes, or its end, before the client has sent any. */
  serverSpoke(early: EarlyDial): void;
  earlyFailed(): void;
}

export class EarlyDial implements Connector, SocketOwner, TimerOwner {
  readonly endpoint: Endpoint;
  readonly #core: Core;
  readonly #owner: EarlyDialOwner;
  readonly #timer = new Timer(this);
  readonly #stash = new Stash();
  readonly #attempt: Attempt;
  #socket: Socket | null = null;
  #forPool = false;

  constructor(core: Core, endpoint: Endpoint, owner: EarlyDialOwner) {
    this.#core = core;
    this.endpoint = endpoint;
    this.#owner = owner;
    core.timers.arm(this.#timer, core.settings.connectTimeoutMs);
    this.#attempt = core.io.connect(endpoint, this, endpoint.meter, this);
  }

  /** The client speaks HTTP: the connection, now or when it is there, serves its requests. */
  givePool(): void {
    this.#forPool = true;
    const socket = this.#socket;
    if (socket === null) return;
    this.#socket = null;
    this.endpoint.opened();
    this.endpoint.pool.adopt(socket);
  }

  /** The connection with what the endpoint has sent so far. */
  take(): TunnelSide {
    return { socket: this.#socket as Socket, first: this.#stash.take() };
  }

  /** Null, and given up, while there is no connection yet. */
  takeIfConnected(): TunnelSide | null {
    if (this.#socket !== null) return this.take();
    this.abort();
    return null;
  }

  abort(): void {
    this.#core.timers.cancel(this.#timer);
    this.#attempt.abort();
    this.#socket?.destroy();
    this.#socket = null;
  }

  onConnect(socket: Socket): void {
    this.#core.timers.cancel(this.#timer);
    this.#core.slots.connectSucceeded(this.endpoint.slot);
    this.#socket = socket;
    if (this.#forPool) this.givePool();
    else socket.resume();
  }

  onConnectError(code: string): void {
    this.#core.timers.cancel(this.#timer);
    this.endpoint.connectFailed(connectErrorCode(code));
    if (!this.#forPool) this.#owner.earlyFailed();
  }

  onTimer(): void {
    this.#core.io.enter();
    this.abort();
    this.endpoint.connectFailed('CONNECT_TIMEOUT');
    if (!this.#forPool) this.#owner.earlyFailed();
    this.#core.io.leave();
  }

  onBytes(bytes: Buffer, length: number): void {
    this.#stash.append(bytes, 0, length);
    this.#socket?.pause();
    this.#owner.serverSpoke(this);
  }

  onEnd(): void {
    this.#owner.serverSpoke(this);
  }

  onCongested(): void {}

  onDrain(): void {}

  onClose(): void {
    this.#socket = null;
    this.#owner.earlyFailed();
  }
}
