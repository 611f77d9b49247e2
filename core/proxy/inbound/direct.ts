/**
 * One inbound connection that begins with a transport header: the client has said which port of
 * this host it means, and what it speaks. Where `inboundTo` says what this proxy serves it may mean
 * that alone: whoever has an identity in the mesh could otherwise reach every port of the host. In
 * a pod it may mean every port but our own, under its policy, as if it had been redirected.
 */

import type { Address } from '../../../api/settings.ts';
import { Timer, type TimerOwner } from '../../base/timers.ts';
import type { ServerConnection } from '../../http/server-context.ts';
import { Stash } from '../../http/stash.ts';
import type { Socket } from '../../io/socket.ts';
import type { SocketOwner } from '../../io/socket-owner.ts';
import { decodeTransportHeader, type TransportHeader } from '../../tls/transport-header.ts';
import type { ClientGroup } from '../client-group.ts';
import type { Counters, DirectRefusal } from '../counters.ts';
import type { Gateway } from '../gateway.ts';
import { Opaque } from '../opaque.ts';
import { isOwnPort } from '../own-listeners.ts';
import { recordClosed } from '../record-closed.ts';
import { serveHttp } from '../serve-http.ts';
import type { Target, TargetWaiter } from '../target.ts';

/** Finds what a transport header names. */
export interface LocalTargets {
  readonly counters: Counters;
  /** Null when there is no room for another target. */
  find(address: Address): Target | null;
  /** Null: this proxy is no gateway. */
  readonly gateway: Gateway | null;
}

export class Direct implements SocketOwner, TimerOwner, TargetWaiter, ServerConnection {
  arrivedMs = 0;
  readonly #targets: LocalTargets;
  readonly #clients: ClientGroup;
  readonly #socket: Socket;
  /** What the inbound port is for, or what the header has named. */
  #target: Target | null;
  readonly #localHost: string;
  readonly #timer = new Timer(this);
  #stash = Stash.none;
  #header: TransportHeader | null = null;
  /** What came behind the header. */
  #first: Buffer | null = null;
  #over = false;

  constructor(
    targets: LocalTargets,
    clients: ClientGroup,
    socket: Socket,
    target: Target | null,
    localHost: string,
  ) {
    this.#targets = targets;
    this.#clients = clients;
    this.#localHost = localHost;
    this.#socket = socket;
    this.#target = target;
    socket.owner = this;
    clients.opened(this);
    if (target !== null) target.holders += 1;
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

  /** The target that the header named is known, or was not in time. */
  onTarget(target: Target): void {
    if (this.#over) return;
    if (target.known) this.#go(target);
    else this.#refuse('undiscovered', `what ${target.key} is was not learned in time`, '');
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
    if (header.name === '' ? !this.#isFor(header.port) : !this.#mayPass(header.name)) return;
    const target = this.#target as Target;
    this.#header = header;
    this.#first = Buffer.from(bytes.subarray(start, end));
    const { timers, io } = this.#clients.direction.core;
    // Requests wait by themselves, for what they are for.
    if (target.known || (header.session !== null && header.name === '')) {
      this.#go(target);
      return;
    }
    timers.cancel(this.#timer);
    this.#socket.pause();
    this.arrivedMs = io.nowMs;
    target.waiters.push(this);
  }

  /** Whether there is a target for this port; says why there is none. */
  #isFor(port: number): boolean {
    const { settings } = this.#clients.direction.core;
    if (this.#target !== null) {
      const declared = settings.inboundTo?.port ?? portOf(this.#target);
      if (port === declared) return true;
      const reason = `port ${port} is not declared; this connection is for ${declared} alone`;
      this.#refuse('port_not_declared', reason, 'start what listens there by heddle run as well');
      return false;
    }
    if (isOwnPort(settings, port)) {
      this.#refuse('own_port', `port ${port} is one of this proxy's own`, '');
      return false;
    }
    this.#target = this.#targets.find({ host: this.#localHost, port });
    if (this.#target === null) {
      this.#refuse('no_room', noRoom, '');
      return false;
    }
    this.#target.holders += 1;
    return true;
  }

  /** A gateway goes by the policy of its own port, and by nothing else here. */
  #mayPass(name: string): boolean {
    const { inbound } = this.#clients.direction.core.settings;
    if (this.#targets.gateway === null || inbound === null) {
      const reason = `${name} is behind a gateway, which this proxy is not`;
      this.#refuse('gateway', reason, 'dial the endpoints of the service themselves');
      return false;
    }
    const host = this.#localHost === '' ? inbound.host : this.#localHost;
    const own = this.#targets.find({ host, port: inbound.port });
    if (own === null) {
      this.#refuse('no_room', noRoom, '');
      return false;
    }
    if (this.#target !== null) this.#target.holders -= 1;
    this.#target = own;
    own.holders += 1;
    return true;
  }

  /** There is nothing to be detected: what is not said to be HTTP is opaque. */
  #go(target: Target): void {
    const clients = this.#clients;
    const socket = this.#socket;
    const header = this.#header as TransportHeader;
    const { session, port, name } = header;
    const { counters, gateway } = this.#targets;
    const first = this.#first ?? Buffer.alloc(0);
    // Whom the policy does not let in gets its answer from the port itself.
    const passes =
      name !== '' &&
      target.refusal === '' &&
      target.access?.letsIn(clients, socket.remoteHost, session !== null) !== false;
    this.#leave();
    if (passes && gateway !== null) {
      if (gateway.enter(clients, socket, header, first, target)) return;
      this.#report('no_room', noRoom, '');
      clients.ended();
      socket.destroyWhenWritten();
      return;
    }
    counters.directed(session, port);
    if (session === null) {
      new Opaque(clients, counters, { conduit: socket, first }, target);
    } else {
      serveHttp(clients, socket, target, session, first, first.length);
    }
  }

  #refuse(kind: DirectRefusal, reason: string, remedy: string): void {
    if (this.#over) return;
    this.#report(kind, reason, remedy);
    this.#close();
  }

  #report(kind: DirectRefusal, reason: string, remedy: string): void {
    const clients = this.#clients;
    const { name: identity } = clients;
    this.#targets.counters.directRefused(kind);
    const more = { identity, ...(remedy !== '' && { remedy }) };
    const level = remedy === '' ? 'info' : 'warn';
    recordClosed(clients, this.#socket, this.#target, reason, more, level);
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
    if (this.#target !== null) this.#target.holders -= 1;
    this.#clients.direction.core.timers.cancel(this.#timer);
    this.#clients.closed(this);
  }
}

function portOf({ key }: Target): number {
  return Number(key.slice(key.lastIndexOf(':') + 1));
}

const noRoom = 'too many services are in use (targetsMax)';
const noIdentity = 'a transport header is for clients that prove an identity';
const showCertificate = 'let the client show its certificate of the mesh';
