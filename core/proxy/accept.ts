/**
 * What a connection is: who it is for, and what it speaks. Who it is for is known at once (a bind
 * port, the inbound listener, CONNECT) or follows from its first bytes (the server name of a
 * ClientHello; HTTP says it with every request). What it speaks is declared or detected.
 *
 * Detection never stalls a protocol in which the server speaks first: when the destination is
 * known and the client is silent for 50 ms, it is dialled, and if its bytes come first the
 * connection is opaque. That connection is used in any case.
 */

import { serverFirstSilenceMs } from '../base/limits.ts';
import { Timer, type TimerOwner } from '../base/timers.ts';
import { createClientHello, type Detected, detectProtocol } from '../detect/detect.ts';
import type { ServerFirstMemory } from '../detect/server-first.ts';
import { H1Server } from '../http/h1/server.ts';
import { H2Server } from '../http/h2/server.ts';
import type { ServerConnection } from '../http/server-context.ts';
import { Stash } from '../http/stash.ts';
import type { Conduit } from '../io/conduit.ts';
import type { SocketOwner } from '../io/socket-owner.ts';
import type { Counters, DetectResult } from './counters.ts';
import type { Direction } from './direction.ts';
import { EarlyDial } from './early-dial.ts';
import { Opaque } from './opaque.ts';
import type { Target, TargetWaiter } from './target.ts';
import type { Targets } from './targets.ts';
import { Tunnel } from './tunnel.ts';

/** What all connections of one direction are accepted with. */
export interface AcceptContext {
  readonly direction: Direction;
  readonly targets: Targets;
  readonly serverFirst: ServerFirstMemory;
  readonly counters: Counters;
}

const timerDetect = 0;
const timerSilence = 1;

export class Accept implements SocketOwner, TimerOwner, TargetWaiter, ServerConnection {
  arrivedMs = 0;
  readonly #context: AcceptContext;
  readonly #direction: Direction;
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
  constructor(context: AcceptContext, socket: Conduit, target: Target | null, first: Buffer) {
    this.#context = context;
    this.#direction = context.direction;
    this.#socket = socket;
    this.#target = target;
    socket.owner = this;
    this.#direction.opened(this);
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
    const what = detectProtocol(bytes, 0, length, hello);
    if ((what === 'HTTP1' || what === 'HTTP2') && this.#early === null) {
      this.#context.counters.detected(resultOf(what));
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
    if (target.protocol === 'opaque') {
      this.#opaque(target);
    } else {
      this.#detect();
      if (this.#over || target.protocol !== 'auto') return;
      if (this.#context.serverFirst.isServerFirst(target.key)) this.#dialEarly(target);
      else this.#awaitSilence();
    }
  }

  #awaitSilence(): void {
    this.#direction.core.timers.arm(this.#silenceTimer, serverFirstSilenceMs);
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
    this.#decide(detectProtocol(bytes, start, end, hello));
  }

  #decide(what: Detected): void {
    const target = this.#target;
    if (what === 'NEED_MORE') {
      if (this.#socket.readEnded) this.onEnd();
      else this.#socket.resume();
      return;
    }
    this.#context.counters.detected(resultOf(what));
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
    return this.#target?.protocol === 'auto' ? 'opaque' : 'http';
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
    const { io } = this.#direction.core;
    this.#early?.givePool(this.#target?.version ?? 'kept', asHttp2);
    const first = length === -1 ? this.#stash.take() : nothing;
    this.#leave();
    io.enter();
    const Server = asHttp2 ? H2Server : H1Server;
    const server = new Server(this.#direction.server, this.#socket, this.#target);
    this.#socket.resume();
    if (length === -1) {
      if (first.length > 0) server.onBytes(first, first.length);
    } else {
      server.onBytes(bytes, length);
    }
    if (this.#socket.readEnded && !this.#socket.destroyed) server.onEnd();
    io.leave();
  }

  #opaque(target: Target): void {
    const early = this.#early;
    const client = { conduit: this.#socket, first: this.#stash.take() };
    this.#leave();
    if (early === null) new Opaque(this.#direction, this.#context.counters, client, target);
    else new Tunnel(this.#direction, early.endpoint, client, early.take());
  }

  #dialEarly(target: Target): void {
    if (this.#earlyDials === earlyDialsMax) return;
    const endpoint = target.refusal === '' ? target.pick(null) : null;
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
    const { core, name } = this.#direction;
    this.#context.counters.detected('read_timeout');
    if (target !== null) {
      this.#context.counters.detectTimedOut(target.authority);
      core.log.warn('proxy', `Protocol detection timed out; taken for ${this.#fallback}`, {
        service: target.authority,
        remedy: 'declare protocol: opaque (or http) for this service in the configuration',
      });
      this.#settle(this.#fallback);
    } else {
      core.log.info('proxy', 'Protocol detection timed out', { direction: name });
      this.#close('nothing was sent in time');
    }
  }

  /** A TLS client learns from an alert that nobody has this name (RFC 6066 section 3). */
  #refuse(): void {
    const { core } = this.#direction;
    core.log.info('proxy', 'Connection refused: unknown service', {
      target: this.#target?.key ?? '',
    });
    core.io.enter();
    this.#socket.write(unrecognizedName, 0, unrecognizedName.length);
    core.io.leave();
    this.#close('');
  }

  #close(reason: string): void {
    if (this.#over) return;
    const { core, name } = this.#direction;
    if (reason !== '') core.log.info('proxy', 'Connection closed', { direction: name, reason });
    this.#early?.abort();
    this.#leave();
    this.#direction.ended();
    this.#socket.destroyWhenWritten();
  }

  #leave(): void {
    if (this.#over) return;
    this.#over = true;
    this.#cancelTimers();
    this.#direction.closed(this);
  }

  #cancelTimers(): void {
    const { timers } = this.#direction.core;
    timers.cancel(this.#detectTimer);
    timers.cancel(this.#silenceTimer);
  }
}

const hello = createClientHello();
const nothing = Buffer.alloc(0);
/** Endpoints that are tried for a client that says nothing. */
const earlyDialsMax = 3;
/** Record of one fatal alert: unrecognized_name (112). */
const unrecognizedName = Buffer.from([0x15, 3, 3, 0, 2, 2, 112]);

function resultOf(what: Detected): DetectResult {
  if (what === 'HTTP1') return 'http/1';
  return what === 'HTTP2' ? 'http/2' : 'not_http';
}
