/**
 * The client of one address: calls share an HTTP/2 connection, which the first call dials, and the
 * next one anew when it has ended. Whether and when to call again is up to whoever calls.
 *
 * ```
 *  idle --call--> connecting --dialled--> ready --GOAWAY, cut, unused--> idle
 *                     |  dial failed: all that wait end, UNAVAILABLE ----^
 * ```
 */

import type { SecureContext } from 'node:tls';
import type { Address } from '../../api/settings.ts';
import { assert } from '../base/assert.ts';
import type { Deadlines } from '../base/deadlines.ts';
import type { ErrorCode } from '../base/errors.ts';
import * as limits from '../base/limits.ts';
import { Timer, type TimerOwner, type TimerWheel } from '../base/timers.ts';
import { H2Client } from '../http/h2/client.ts';
import type { H2ClientContext, H2ClientOwner } from '../http/h2/client-context.ts';
import { H2Code } from '../http/h2/error-code.ts';
import { H2Thread } from '../http/h2/thread.ts';
import { Dial, type DialOwner } from '../io/dial.ts';
import type { Io } from '../io/io.ts';
import type { Meter, Socket } from '../io/socket.ts';
import type { TlsContexts } from '../tls/contexts.ts';
import { Handshake, type HandshakeOwner } from '../tls/handshake.ts';
import {
  type Call,
  type CallListener,
  type CallOwner,
  type ClientCall,
  OutgoingCall,
} from './client-call.ts';
import type { Method } from './method.ts';
import { Responses } from './responses.ts';
import { grpcSettings } from './settings.ts';
import { Code, type Status } from './status.ts';

export interface GrpcClientEnv {
  readonly io: Io;
  readonly timers: TimerWheel;
  readonly deadlines: Deadlines;
  readonly meter: Meter;
}

/** With TLS nothing is sent before the server has proved who it is. Read for each connection. */
export interface ClientSecurity {
  readonly contexts: Pick<TlsContexts, 'client'>;
  /** Who it has to be, which is also what is asked for; null while nobody can say. */
  readonly serverName: () => string | null;
}

export interface GrpcClientOptions {
  /** Without it everything goes in plaintext. */
  readonly security?: ClientSecurity;
  /** The `:authority` of its calls; the address, where there is none. */
  readonly authority?: string;
  readonly connectTimeoutMs?: number;
  /** Silence of the server while calls are under way, after which it is sent a PING. */
  readonly keepAliveIntervalMs?: number;
  readonly keepAliveTimeoutMs?: number;
  /** A connection without a call. */
  readonly idleTimeoutMs?: number;
  readonly messageBytesMax?: number;
  /** Nobody was reached: hears why, beside the calls. Who is not trusted is told by them alone. */
  readonly onConnectFailed?: (detail: string) => void;
}

export interface CallOptions {
  /** From now on. */
  readonly deadlineMs?: number;
  /** Names in lower case, values of printable ASCII. */
  readonly metadata?: Readonly<Record<string, string>>;
}

export class GrpcClient
  implements H2ClientOwner<H2Client>, DialOwner, HandshakeOwner, CallOwner, TimerOwner
{
  readonly address: string;
  readonly authority: string;
  readonly messageBytesMax: number;
  readonly responses = responses;
  readonly #env: GrpcClientEnv;
  readonly #endpoint: Address;
  readonly #context: H2ClientContext & { keepAliveIntervalMs: number };
  readonly #dialContext: { io: Io; timers: TimerWheel; connectTimeoutMs: number };
  /** Goes off when the first of those that wait has waited too long. */
  readonly #timer = new Timer(this);
  readonly #calls = new Set<Call>();
  /** For a connection, or for room on it; in their order. */
  #waiting: Call[] = [];
  readonly #onConnectFailed: GrpcClientOptions['onConnectFailed'];
  readonly #security: ClientSecurity | null;
  #dial: Dial | Handshake | null = null;
  #connection: H2Client | null = null;
  #closed = false;

  constructor(env: GrpcClientEnv, address: Address, options: GrpcClientOptions = {}) {
    const { io, timers, deadlines } = env;
    this.#env = env;
    this.#endpoint = address;
    const host = address.host.includes(':') ? `[${address.host}]` : address.host;
    this.address = `${host}:${address.port}`;
    this.authority = options.authority ?? this.address;
    this.messageBytesMax = options.messageBytesMax ?? limits.grpcMessageBytesMax;
    const connectTimeoutMs = options.connectTimeoutMs ?? limits.connectTimeoutMs;
    this.#dialContext = { io, timers, connectTimeoutMs };
    this.#security = options.security ?? null;
    this.#onConnectFailed = options.onConnectFailed;
    thread ??= new H2Thread(grpcSettings(0));
    this.#context = {
      io,
      deadlines,
      thread,
      sink: responses,
      headTimeoutMs: limits.headTimeoutMs,
      responseTimeoutMs: limits.responseTimeoutMs,
      idleTimeoutMs: options.idleTimeoutMs ?? limits.http2IdleTimeoutMs,
      keepAliveIntervalMs: options.keepAliveIntervalMs ?? limits.http2KeepAliveIntervalMs,
      keepAliveTimeoutMs: options.keepAliveTimeoutMs ?? limits.http2KeepAliveTimeoutMs,
    };
  }

  get state(): 'idle' | 'connecting' | 'ready' | 'closed' {
    if (this.#closed) return 'closed';
    if (this.#connection !== null) return 'ready';
    return this.#dial === null ? 'idle' : 'connecting';
  }

  get activeCalls(): number {
    return this.#calls.size;
  }

  get nowMs(): number {
    return this.#env.io.nowMs;
  }

  /** The listener hears nothing before this returns. */
  call<Request, Response>(
    method: Method<Request, Response>,
    listener: CallListener<Response>,
    options: CallOptions = {},
  ): ClientCall<Request> {
    const { io } = this.#env;
    io.enter();
    const lines = linesOf(options.metadata);
    const deadlineMs = io.nowMs + (options.deadlineMs ?? Number.POSITIVE_INFINITY);
    const call = new OutgoingCall(this, method, listener, lines, deadlineMs);
    this.#place(call as unknown as Call);
    io.leave();
    return call;
  }

  /** One message each way. What arrives with another status than OK is not trusted. */
  unary<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    options: CallOptions = {},
  ): Promise<{ message: Response | null; status: Status }> {
    return new Promise((resolve) => {
      let message: Response | null = null;
      let count = 0;
      const onMessage = (one: Response): void => {
        message = one;
        count += 1;
      };
      const onEnd = (status: Status): void => {
        const isOk = status.code === Code.OK;
        if (!isOk || count === 1) resolve({ message: isOk ? message : null, status });
        else {
          const text = `${this.address}: ${count} messages in answer to a call that has one`;
          resolve({ message: null, status: { code: Code.INTERNAL, message: text } });
        }
      };
      const call = this.call(method, { onMessage, onEnd }, options);
      call.send(request);
      call.end();
    });
  }

  /** Cancels all calls and ends the connection. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const { io } = this.#env;
    io.enter();
    this.#dial?.abort();
    this.#dial = null;
    for (const call of this.#calls) call.cancel();
    this.#connection?.retire();
    this.#connection = null;
    io.leave();
  }

  dialled(socket: Socket): void {
    if (this.#security === null) this.secured(socket);
    else this.#dial = this.#shakeHands(socket, this.#security);
  }

  secured(socket: Socket): void {
    this.#dial = null;
    this.#connection = new H2Client(this.#context, this, socket);
    this.#sendWaiting();
  }

  dialFailed(_code: ErrorCode, detail: string): void {
    this.#onConnectFailed?.(detail);
    this.#failed(detail);
  }

  handshakeFailed(_code: ErrorCode, detail: string): void {
    this.#failed(`TLS: ${detail}`);
  }

  changed(connection: H2Client): void {
    if (connection !== this.#connection) return;
    if (connection.isLeaving) {
      this.#connection = null;
      if (connection.goawayCode === H2Code.ENHANCE_YOUR_CALM) this.#calmDown();
    }
    this.#sendWaiting();
  }

  closed(connection: H2Client): void {
    this.changed(connection);
  }

  /** The calls that it concerned have been told. */
  violated(): void {}

  ended(call: Call): void {
    this.#calls.delete(call);
    const at = this.#waiting.indexOf(call);
    if (at >= 0) this.#waiting.splice(at, 1);
  }

  enter(): void {
    this.#env.io.enter();
  }

  leave(): void {
    this.#env.io.leave();
  }

  arm(timer: Timer, delayMs: number): void {
    this.#env.timers.arm(timer, delayMs);
  }

  disarm(timer: Timer): void {
    this.#env.timers.cancel(timer);
  }

  onTimer(): void {
    const { io } = this.#env;
    io.enter();
    const now = io.nowMs;
    const late = this.#waiting.filter((call) => call.waitUntilMs <= now);
    this.#failAll(late, `no room for another call for ${limits.grpcWaitMs} ms`);
    this.#watchWaiting();
    io.leave();
  }

  #place(call: Call): void {
    if (this.#closed) {
      this.#env.io.soon(() => this.#failAll([call], 'the client was closed'));
      return;
    }
    this.#calls.add(call);
    const connection = this.#connection;
    if (connection !== null && connection.room > 0) {
      connection.send(call.begin());
      return;
    }
    if (this.#waiting.length >= limits.grpcWaitingMax) {
      const text = `${limits.grpcWaitingMax} calls wait already`;
      this.#env.io.soon(() => this.#failAll([call], text));
      return;
    }
    call.waitUntilMs = this.nowMs + limits.grpcWaitMs;
    this.#waiting.push(call);
    if (connection === null) this.#connect();
    this.#watchWaiting();
  }

  #connect(): void {
    if (this.#dial !== null || this.#closed) return;
    this.#dial = new Dial(this.#dialContext, this, this.#endpoint, this.#env.meter);
  }

  /** Null when there is nobody to be trusted; those who wait have been told. */
  #shakeHands(socket: Socket, security: ClientSecurity): Handshake | null {
    const { io, timers } = this.#env;
    const context = this.#contextOf(security);
    const serverName = security.serverName();
    if (typeof context === 'string' || serverName === null) {
      socket.destroy();
      const reason = typeof context === 'string' ? context : noAnchor;
      this.handshakeFailed('TLS_FAILED', reason);
      return null;
    }
    const role = {
      kind: 'client',
      context,
      serverName,
      identity: serverName,
      protocol: null,
    } as const;
    const handshakeTimeoutMs = limits.controlHandshakeMs;
    return new Handshake({ io, timers, handshakeTimeoutMs }, socket, role, this);
  }

  /** A string is why there is none. */
  #contextOf({ contexts }: ClientSecurity): SecureContext | string {
    try {
      return contexts.client ?? noAnchor;
    } catch (error) {
      return (error as Error).message;
    }
  }

  #sendWaiting(): void {
    while (this.#waiting.length > 0) {
      const connection = this.#connection;
      if (connection === null) {
        this.#connect();
        return;
      }
      if (connection.room <= 0) return;
      const call = this.#waiting.shift();
      assert(call !== undefined, 'one waits');
      connection.send(call.begin());
    }
  }

  /**
   * Servers of grpc-go leave a client whose PINGs come more often than every five minutes, unless
   * they are told to put up with it; gRPC (A8) has clients ask half as often then.
   */
  #calmDown(): void {
    const doubled = this.#context.keepAliveIntervalMs * 2;
    this.#context.keepAliveIntervalMs = Math.min(doubled, limits.grpcKeepAliveIntervalMsMax);
  }

  #watchWaiting(): void {
    if (this.#waiting.length === 0 || this.#timer.armed) return;
    this.arm(this.#timer, this.#waiting[0].waitUntilMs - this.nowMs);
  }

  #failed(detail: string): void {
    this.#dial = null;
    this.#failAll(this.#waiting.splice(0), detail);
  }

  #failAll(calls: readonly Call[], detail: string): void {
    for (const call of calls) call.fail(Code.UNAVAILABLE, `${this.address}: ${detail}`);
  }
}

/** What our own code asks for: anything else than a field is a mistake of ours. */
function linesOf(metadata: Readonly<Record<string, string>> = {}): string {
  let lines = '';
  for (const [name, value] of Object.entries(metadata)) {
    assert(fieldName.test(name) && fieldValue.test(value), `${name} is metadata`);
    lines += `${name}: ${value}\r\n`;
  }
  return lines;
}

const noAnchor = 'there is no trust anchor to verify it by yet';
const fieldName = /^[0-9a-z_.-]+$/;
const fieldValue = /^(?:[!-~](?:[ -~]*[!-~])?)?$/;
const responses = new Responses();
/** For all clients of a thread: what it holds lasts for an event. */
let thread: H2Thread | null = null;
