/**
 * One inbound connection that begins with a transport header: the client has said which port of
 * this host it means, and what it speaks. It may mean the one that this proxy serves: whoever has
 * an identity in the mesh could otherwise reach every port of the host.
 */

import { Timer, type TimerOwner } from '../../base/timers.ts';
import type { ServerConnection } from '../../http/server-context.ts';
import { Stash } from '../../http/stash.ts';
import type { Socket } from '../../io/socket.ts';
import type { SocketOwner } from '../../io/socket-owner.ts';
import { decodeTransportHeader, type TransportHeader } from '../../tls/transport-header.ts';
import type { ClientGroup } from '../client-group.ts';
import type { Counters, DirectRefusal } from '../counters.ts';
import { Opaque } from '../opaque.ts';
import { serveHttp } from '../serve-http.ts';
import type { Target } from '../target.ts';

export class Direct implements SocketOwner, TimerOwner, ServerConnection {
  readonly #clients: ClientGroup;
  readonly #counters: Counters;
  readonly #socket: Socket;
  readonly #target: Target;
  readonly #timer = new Timer(this);
  #stash = Stash.none;
  #over = false;

  constructor(clients: ClientGroup, counters: Counters, socket: Socket, target: Target) {
    this.#clients = clients;
    this.#counters = counters;
    this.#socket = socket;
    this.#target = target;
    socket.owner = this;
    clients.opened(this);
    target.holders += 1;
    const { timers, settings } = clients.direction.core;
    timers.arm(this.#timer, settings.detectTimeoutMs);
    if (clients.name === '') this.#refuse('no_client_identity', noIdentity, showCertificate);
    else if (socket.readEnded) this.onEnd();
    else socket.resume();
  }

  /** It is bounded in time. */
  closeIdle(): void {}

  closeForced(): void {
    this.#close();
  }

  onBytes(bytes: Buffer, length: number): void {
    if (this.#stash.empty) {
      if (!this.#look(bytes, 0, length)) this.#stash = this.#stash.append(bytes, 0, length);
      return;
    }
    const stash = this.#stash.append(bytes, 0, length);
    this.#look(stash.bytes, stash.start, stash.end);
  }

  onEnd(): void {
    this.#refuse('ended', 'the connection ended before its transport header', '');
  }

  onCongested(): void {}

  onDrain(): void {}

  onClose(code: string): void {
    this.#refuse('ended', `${code} before the transport header`, '');
  }

  onTimer(): void {
    const { io, settings } = this.#clients.direction.core;
    io.enter();
    this.#refuse('timeout', `no transport header within ${settings.detectTimeoutMs} ms`, '');
    io.leave();
  }

  /** False when there are not enough bytes yet. */
  #look(bytes: Buffer, start: number, end: number): boolean {
    const decoded = decodeTransportHeader(bytes, start, end);
    if (decoded === 'NEED_MORE') return false;
    if ('malformed' in decoded) {
      this.#refuse('malformed', `no transport header: ${decoded.malformed}`, '');
    } else {
      this.#direct(decoded.header, bytes, decoded.end, end);
    }
    return true;
  }

  #direct(header: TransportHeader, bytes: Buffer, start: number, end: number): void {
    const declared = this.#clients.direction.core.settings.inboundTo?.port ?? 0;
    if (header.name !== '') {
      const reason = `${header.name} is behind a gateway, which this proxy is not`;
      this.#refuse('gateway', reason, 'dial the endpoints of the service themselves');
    } else if (header.port !== declared) {
      const reason = `port ${header.port} is not declared; this proxy serves ${declared} alone`;
      this.#refuse('port_not_declared', reason, 'start what listens there by heddle run as well');
    } else {
      this.#go(header, Buffer.from(bytes.subarray(start, end)));
    }
  }

  /** There is nothing to be detected: what is not said to be HTTP is opaque. */
  #go(header: TransportHeader, first: Buffer): void {
    const clients = this.#clients;
    const socket = this.#socket;
    const target = this.#target;
    this.#leave();
    this.#counters.directed(header.session);
    if (header.session === null) {
      new Opaque(clients, this.#counters, { conduit: socket, first }, target);
    } else {
      serveHttp(clients, socket, target, header.session, first, first.length);
    }
  }

  #refuse(kind: DirectRefusal, reason: string, remedy: string): void {
    if (this.#over) return;
    const { core, name } = this.#clients.direction;
    this.#counters.directRefused(kind);
    const fields = {
      direction: name,
      client: `${this.#socket.remoteHost}:${this.#socket.remotePort}`,
      identity: this.#clients.name,
      reason,
    };
    if (remedy === '') core.log.info('heddle::proxy', 'Connection closed', fields);
    else core.log.warn('heddle::proxy', 'Connection closed', { ...fields, remedy });
    this.#close();
  }

  #close(): void {
    if (this.#over) return;
    this.#leave();
    this.#clients.ended();
    this.#socket.destroyWhenWritten();
  }

  #leave(): void {
    if (this.#over) return;
    this.#over = true;
    this.#stash = Stash.none;
    this.#target.holders -= 1;
    this.#clients.direction.core.timers.cancel(this.#timer);
    this.#clients.closed(this);
  }
}

const noIdentity = 'a transport header is for clients that prove an identity';
const showCertificate = 'let the client show its certificate of the mesh';
