/**
 * One connection to the inbound port itself, not redirected there: only a peer of the mesh that
 * says by a transport header which port it means has any business with it. Whatever else comes is
 * closed; nobody could tell where it should go.
 */

import { Timer, type TimerOwner } from '../../base/timers.ts';
import { createClientHello, detectProtocol } from '../../detect/detect.ts';
import type { ServerConnection } from '../../http/server-context.ts';
import { Stash } from '../../http/stash.ts';
import type { Socket } from '../../io/socket.ts';
import type { SocketOwner } from '../../io/socket-owner.ts';
import type { ClientGroup } from '../client-group.ts';
import type { Counters } from '../counters.ts';
import { recordRefused } from '../record-closed.ts';

interface DirectTerminator {
  readonly counters: Counters;
  claims(serverName: string): boolean;
  terminateDirect(socket: Socket, localHost: string, first: Buffer): void;
}

export class AcceptDirect implements SocketOwner, TimerOwner, ServerConnection {
  readonly #terminator: DirectTerminator;
  readonly #clients: ClientGroup;
  readonly #socket: Socket;
  readonly #localHost: string;
  readonly #timer = new Timer(this);
  readonly #stash = new Stash();
  #over = false;

  constructor(
    terminator: DirectTerminator,
    clients: ClientGroup,
    socket: Socket,
    localHost: string,
  ) {
    this.#terminator = terminator;
    this.#clients = clients;
    this.#socket = socket;
    this.#localHost = localHost;
    socket.owner = this;
    clients.opened(this);
    const { timers, settings } = clients.direction.core;
    timers.arm(this.#timer, settings.detectTimeoutMs);
    socket.resume();
  }

  closeIdle(): void {
    if (this.#stash.empty) this.#close();
  }

  closeForced(): void {
    this.#close();
  }

  onBytes(bytes: Buffer, length: number): void {
    this.#stash.append(bytes, 0, length);
    const { bytes: all, start, end } = this.#stash;
    const what = detectProtocol(all, start, end, hello);
    if (what === 'NEED_MORE') return;
    const { sni } = hello;
    const { core } = this.#clients.direction;
    if (what !== 'TLS') this.#refuse('it is not TLS');
    else if (core.settings.identity === '') this.#refuse('this proxy has no identity');
    else if (sni === null || !this.#terminator.claims(sni)) {
      this.#refuse(`its server name is ${sni ?? 'missing'}, not that of this proxy`);
    } else {
      const first = this.#stash.take();
      this.#leave();
      this.#terminator.terminateDirect(this.#socket, this.#localHost, first);
    }
  }

  onEnd(): void {
    this.#refuse('it ended before its ClientHello');
  }

  onCongested(): void {}

  onDrain(): void {}

  onClose(): void {
    this.#close();
  }

  onTimer(): void {
    const { io, settings } = this.#clients.direction.core;
    io.enter();
    this.#refuse(`no ClientHello within ${settings.detectTimeoutMs} ms`);
    io.leave();
  }

  #refuse(reason: string): void {
    this.#terminator.counters.arrivalRefused('not_direct');
    const error = `the inbound port itself is for peers of the mesh, and ${reason}`;
    recordRefused(this.#clients, this.#socket, null, error);
    this.#close();
  }

  #close(): void {
    if (this.#over) return;
    this.#leave();
    this.#clients.accepted();
    this.#clients.ended();
    this.#socket.reset();
  }

  #leave(): void {
    if (this.#over) return;
    this.#over = true;
    this.#clients.direction.core.timers.cancel(this.#timer);
    this.#clients.closed(this);
  }
}

const hello = createClientHello();
