/**
 * What a connection is: who it is for, and what it speaks. Who it is for is known at once (a bind
 * port, the inbound listener, CONNECT) or follows from its first bytes (the server name of a
 * ClientHello; HTTP says it with every request). What it speaks is declared or detected.
 *
 * Detection never stalls a protocol in which the server speaks first: when the destination is
 * known and the client is silent for 50 ms, it is dialled, and if its bytes come first the
 * connection is opaque. That connection is used in any case.
 */

import type { LogSpan } from '../../api/messages.ts';
import { helloSilenceMs, serverFirstSilenceMs } from '../base/limits.ts';
import { Timer, type TimerOwner } from '../base/timers.ts';
import { createClientHello, type Detected, detectProtocol, isConnect } from '../detect/detect.ts';
import type { ServerFirstMemory } from '../detect/server-first.ts';
import type { ServerConnection } from '../http/server-context.ts';
import { Stash } from '../http/stash.ts';
import type { Conduit } from '../io/conduit.ts';
import type { Socket } from '../io/socket.ts';
import type { SocketOwner } from '../io/socket-owner.ts';
import type { ClientGroup, GroupDirection } from './client-group.ts';
import type { ClientGroups } from './client-groups.ts';
import type { Counters } from './counters.ts';
import { EarlyDial } from './early-dial.ts';
import { clientAddress, connectionSpans } from './log-spans.ts';
import { Opaque } from './opaque.ts';
import { recordClosed, recordEnded, recordRefused } from './record-closed.ts';
import { serveHttp } from './serve-http.ts';
import type { Target, TargetWaiter } from './target.ts';
import type { Targets } from './targets.ts';

/** Takes over connections whose ClientHello names this proxy, with what was read from them. */
export interface Terminator {
  claims(serverName: string): boolean;
  terminate(socket: Socket, target: Target, first: Buffer): void;
}

/** What all connections of one direction are accepted with. */
export interface AcceptContext {
  readonly terminator: Terminator;
  readonly groups: ClientGroups;
  readonly targets: Targets;
  readonly serverFirst: ServerFirstMemory;
  readonly counters: Counters;
}

const timerDetect = 0;
const timerSilence = 1;

export class Accept implements SocketOwner, TimerOwner, TargetWaiter, ServerConnection {
  arrivedMs = 0;
  readonly #context: AcceptContext;
  readonly #direction: GroupDirection;
  /** As whom the client counts, by what is known of it so far. */
  #clients: ClientGroup;
  /**
   * The connection, where TLS for this proxy may begin on it; null where it may not. Until that is
   * known it is not counted as accepted.
   */
  #securable: Socket | null;
  readonly #stash = new Stash();
  readonly #detectTimer = new Timer(this, timerDetect);
  readonly #silenceTimer = new Timer(this, timerSilence);
  readonly #socket: Conduit;
  #target: Target | null;
  #early: EarlyDial | null = null;
  #earlyDials = 0;
  /** The target follows from the server name of a ClientHello. */
  #named = false;
  /** What the bytes are, while the connection that they need is still being dialled. */
  #settled: 'http' | 'http2' | 'opaque' | null = null;
  #over = false;

  /** `first` are bytes that were read from the socket already. */
  constructor(
    context: AcceptContext,
    clients: ClientGroup,
    socket: Conduit,
    target: Target | null,
    first: Buffer,
    securable: Socket | null,
  ) {
    this.#context = context;
    this.#clients = clients;
    this.#direction = clients.direction;
    this.#socket = socket;
    this.#target = target;
    this.#securable = securable;
    socket.owner = this;
    clients.opened(this);
    if (first.length > 0) this.#stash.append(first, 0, first.length);
    if (target === null) this.#detect();
    else this.#await(target);
  }

  closeIdle(): void {
    if (this.#stash.empty) this.#close('');
  }

  closeForced(): void {
    this.#close('');
  }

  onTarget(target: Target): void {
    target.holders -= 1;
    if (this.#over) return;
    if (!target.known) this.#close('discovery took too long');
    else if (!this.#named) this.#go(target);
    else if (target.absent) this.#refuse();
    else this.#opaque(target);
  }

  onBytes(bytes: Buffer, length: number): void {
    if (!this.#stash.empty) {
      this.#stash.append(bytes, 0, length);
      this.#look();
      return;
    }
    const what = this.#detectIn(bytes, 0, length);
    if ((what === 'HTTP1' || what === 'HTTP2') && this.#early === null) {
      this.#context.counters.detected(what);
      if (this.#target !== null) this.#context.serverFirst.clear(this.#target.key);
      this.#http(what === 'HTTP2', bytes, length);
      return;
    }
    this.#stash.append(bytes, 0, length);
    this.#decide(what);
  }

  /** A client that sends nothing may still wait for what the server says first. */
  onEnd(): void {
    if (this.#stash.empty && this.#early === null) this.#close('');
    else if (this.#target === null) this.#close('the connection ended before it said what it is');
    else this.#settle(this.#fallback);
  }

  onCongested(): void {}

  onDrain(): void {}

  onClose(): void {
    this.#close('');
  }

  onTimer(timer: Timer): void {
    if (this.#over) return;
    const { io } = this.#direction.core;
    io.enter();
    if (timer.kind === timerSilence) this.#dialEarly(this.#target as Target);
    else this.#timeOut();
    io.leave();
  }

  dialConnected(): void {
    if (this.#settled !== null) this.#settle(this.#settled);
  }

  /** Another endpoint may be there for the client that is still silent. */
  dialFailed(): void {
    this.#early = null;
    if (this.#settled !== null) this.#settle(this.#settled);
    else this.#awaitSilence();
  }

  /** The endpoint's bytes came before the client's: opaque, and remembered. */
  serverSpoke(): void {
    const target = this.#target as Target;
    this.#context.serverFirst.remember(target.key);
    this.#context.counters.serverFirst(target.authority);
    this.#opaque(target);
  }

  serverEnded(): void {
    this.#opaque(this.#target as Target);
  }

  #await(target: Target): void {
    target.holders += 1;
    if (target.known) {
      this.onTarget(target);
      return;
    }
    this.#socket.pause();
    this.arrivedMs = this.#direction.core.io.nowMs;
    target.waiters.push(this);
  }

  #go(target: Target): void {
    this.#target = target;
    const mayBeSecure = this.#securable !== null;
    if (target.protocol === 'opaque' && !mayBeSecure) {
      this.#opaque(target);
      return;
    }
    this.#detect();
    if (this.#over || (target.protocol !== 'auto' && target.protocol !== 'opaque')) return;
    // A peer in the mesh would get in plaintext what the server says first.
    if (!mayBeSecure && this.#context.serverFirst.isServerFirst(target.key)) {
      this.#dialEarly(target);
    } else {
      this.#awaitSilence();
    }
  }

  #awaitSilence(): void {
    const silenceMs = this.#securable === null ? serverFirstSilenceMs : helloSilenceMs;
    this.#direction.core.timers.arm(this.#silenceTimer, silenceMs);
  }

  #detect(): void {
    const { timers, settings } = this.#direction.core;
    timers.arm(this.#detectTimer, settings.detectTimeoutMs);
    if (!this.#stash.empty) this.#look();
    else if (this.#socket.readEnded) this.onEnd();
    else this.#socket.resume();
  }

  #look(): void {
    const { bytes, start, end } = this.#stash;
    this.#decide(this.#detectIn(bytes, start, end));
  }

  /** What is declared to be opaque may still be TLS for this proxy. */
  #detectIn(bytes: Buffer, start: number, end: number): Detected {
    if (this.#target?.protocol === 'opaque' && bytes[start] !== tlsFirstByte) return 'OPAQUE';
    const what = detectProtocol(bytes, start, end, hello);
    // What was redirected asks somebody else for a tunnel.
    return this.#target?.redirected && isConnect(what, bytes, start) ? 'OPAQUE' : what;
  }

  #decide(what: Detected): void {
    const target = this.#target;
    if (what === 'NEED_MORE') {
      if (this.#socket.readEnded) this.onEnd();
      else this.#socket.resume();
      return;
    }
    if (what === 'TLS' && this.#securable !== null && target !== null) {
      const { sni } = hello;
      if (sni !== null && this.#context.terminator.claims(sni)) {
        this.#terminate(this.#securable, target);
        return;
      }
      if (sni !== null) this.#pass(this.#securable, sni);
    }
    this.#context.counters.detected(what);
    if (target !== null && what !== 'OPAQUE') this.#context.serverFirst.clear(target.key);
    if (what === 'HTTP1') this.#settle('http');
    else if (what === 'HTTP2') this.#settle('http2');
    else if (target !== null) this.#settle(this.#fallback);
    else if (what === 'TLS' && hello.sni !== null) this.#byServerName(hello.sni);
    else if (what === 'TLS') this.#close('a ClientHello without a server name');
    // Nobody knows where these bytes should go; as malformed HTTP they get an answer that says so.
    else this.#settle('http');
  }

  /** What bytes are that nothing else can be made of: HTTP answers them where it is declared. */
  get #fallback(): 'http' | 'opaque' {
    const protocol = this.#target?.protocol;
    return protocol === 'auto' || protocol === 'opaque' ? 'opaque' : 'http';
  }

  #terminate(socket: Socket, target: Target): void {
    const first = this.#stash.take();
    this.#early?.abort();
    this.#securable = null;
    this.#leave();
    this.#context.terminator.terminate(socket, target, first);
  }

  /** TLS for somebody else: whether the target takes it is up to the target. */
  #pass(socket: Socket, sni: string): void {
    this.#clients.closed(this);
    this.#clients = this.#context.groups.passing(sni);
    this.#clients.opened(this);
    socket.meter = this.#clients.cells;
  }

  #byServerName(name: string): void {
    const target = this.#context.targets.find('sni', name);
    if (target === null) {
      this.#close('too many services are in use (targetsMax)');
      return;
    }
    this.#target = target;
    this.#named = true;
    this.#direction.core.timers.cancel(this.#detectTimer);
    this.#await(target);
  }

  /** A connection that is being dialled is used in any case, so it is waited for. */
  #settle(kind: 'http' | 'http2' | 'opaque'): void {
    if (this.#early !== null && !this.#early.connected) {
      this.#settled = kind;
      this.#cancelTimers();
      this.#socket.pause();
    } else if (kind === 'opaque') {
      this.#opaque(this.#target as Target);
    } else {
      this.#http(kind === 'http2', this.#stash.bytes, -1);
    }
  }

  /** `length` is -1 when the first bytes are in the stash. */
  #http(asHttp2: boolean, bytes: Buffer, length: number): void {
    this.#early?.givePool(this.#target?.version ?? 'kept', asHttp2);
    const first = length === -1 ? this.#stash.take() : nothing;
    const clients = this.#clients;
    this.#leave();
    const version = asHttp2 ? 'http2' : 'http1';
    if (length === -1) serveHttp(clients, this.#socket, this.#target, version, first, first.length);
    else serveHttp(clients, this.#socket, this.#target, version, bytes, length);
  }

  #opaque(target: Target): void {
    const early = this.#early;
    const client = { conduit: this.#socket, first: this.#stash.take() };
    this.#leave();
    new Opaque(this.#clients, this.#context.counters, client, target, early);
  }

  #dialEarly(target: Target): void {
    if (this.#earlyDials === earlyDialsMax) return;
    const { access, refusal } = target;
    const mayCome = access?.letsIn(this.#clients, this.#socket.remoteHost, false) !== false;
    const endpoint = refusal === '' && mayCome ? target.pick(null) : null;
    if (endpoint === null || endpoint.refusal !== '') {
      if (endpoint !== null) this.#direction.core.slots.releasePermit(endpoint.slot);
      this.#awaitSilence();
      return;
    }
    this.#earlyDials += 1;
    this.#early = new EarlyDial(this.#direction.core, endpoint, this);
  }

  #timeOut(): void {
    const target = this.#target;
    const { core } = this.#direction;
    this.#context.counters.detected(null);
    if (target?.protocol === 'opaque') {
      this.#settle('opaque');
    } else if (target !== null) {
      this.#context.counters.detectTimedOut(target.authority);
      const message = `Protocol detection timed out; taken for ${this.#fallback}`;
      const fields = { service: target.authority, remedy: declareProtocol };
      core.log.warn('heddle::proxy', message, fields, this.#spans);
      this.#settle(this.#fallback);
    } else {
      this.#close('nothing was sent in time');
    }
  }

  /** A TLS client learns from an alert that nobody has this name (RFC 6066 section 3). */
  #refuse(): void {
    const { core } = this.#direction;
    recordRefused(this.#clients, this.#socket, this.#target, 'no service of this name is known');
    core.io.enter();
    this.#socket.write(unrecognizedName, 0, unrecognizedName.length);
    core.io.leave();
    this.#close('');
  }

  #close(reason: string): void {
    if (this.#over) return;
    if (reason === '') recordEnded(this.#clients, this.#socket);
    else recordClosed(this.#clients, this.#socket, this.#target, reason);
    this.#early?.abort();
    this.#leave();
    this.#clients.ended();
    this.#socket.destroyWhenWritten();
  }

  #leave(): void {
    if (this.#over) return;
    this.#over = true;
    this.#cancelTimers();
    this.#clients.closed(this);
    if (this.#securable !== null) this.#clients.accepted();
  }

  get #spans(): LogSpan[] {
    return connectionSpans(this.#clients, clientAddress(this.#socket), this.#target);
  }

  #cancelTimers(): void {
    const { timers } = this.#direction.core;
    timers.cancel(this.#detectTimer);
    timers.cancel(this.#silenceTimer);
  }
}

const hello = createClientHello();
const nothing = Buffer.alloc(0);
const declareProtocol = 'declare protocol: opaque (or http) for this service in the configuration';
/** The content type of a handshake record. */
const tlsFirstByte = 0x16;
/** Endpoints that are tried for a client that says nothing. */
const earlyDialsMax = 3;
/** Record of one fatal alert: unrecognized_name (112). */
const unrecognizedName = Buffer.from([0x15, 3, 3, 0, 2, 2, 112]);
