/**
 * The server: methods with their handlers, and connections that are handed to it as accepted
 * sockets. Listening is up to whoever owns the port.
 */

import type { Socket as NetSocket } from 'node:net';
import { assert } from '../base/assert.ts';
import type { Deadlines } from '../base/deadlines.ts';
import * as limits from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import type { Timer, TimerWheel } from '../base/timers.ts';
import { H2Server } from '../http/h2/server.ts';
import type { H2ServerContext } from '../http/h2/server-context.ts';
import { H2Thread } from '../http/h2/thread.ts';
import type { ServerConnection } from '../http/server-context.ts';
import type { Io } from '../io/io.ts';
import type { Meter, Socket } from '../io/socket.ts';
import { nobody } from '../io/socket-owner.ts';
import { type DoorSecurity, FrontDoor } from './front-door.ts';
import type { Method } from './method.ts';
import { type AnyHandler, Requests, UnkeptExchanges } from './requests.ts';
import type { CallHost, ServerCall } from './server-call.ts';
import { grpcSettings } from './settings.ts';

interface GrpcServerEnv {
  readonly io: Io;
  readonly timers: TimerWheel;
  readonly deadlines: Deadlines;
  readonly random: Random;
  readonly meter: Meter;
}

export interface ServerSecurity extends DoorSecurity {
  /** The paths of methods that need no certificate of the client; all others do. */
  readonly openMethods: ReadonlySet<string>;
}

export interface GrpcServerOptions {
  readonly messageBytesMax?: number;
  readonly callsPerConnectionMax?: number;
  readonly connectionsMax?: number;
  /** A connection without a call; and how long a client may take nothing of what it is sent. */
  readonly clientIdleTimeoutMs?: number;
  /** Without it everybody speaks plaintext and may call everything. */
  readonly security?: ServerSecurity;
  /** A client broke a rule of HTTP/2, for which a call, or its connection, has been ended. */
  readonly onViolation?: (peer: string, text: string) => void;
}

export class GrpcServer implements CallHost {
  readonly messageBytesMax: number;
  /** Calls under way. */
  calls = 0;
  /** Connections that were closed because there were too many. */
  refused = 0;
  readonly #env: GrpcServerEnv;
  readonly #context: H2ServerContext;
  /** For clients that have proved nothing: most methods are not there for them. */
  readonly #strangers: H2ServerContext;
  readonly #security: ServerSecurity | null;
  readonly #connectionsMax: number;
  readonly #connections = new Set<ServerConnection>();
  readonly #handlers = new Map<string, AnyHandler>();
  #heldBytes = 0;

  constructor(env: GrpcServerEnv, options: GrpcServerOptions = {}) {
    const { io, deadlines, random } = env;
    this.#env = env;
    this.messageBytesMax = options.messageBytesMax ?? limits.grpcMessageBytesMax;
    this.#connectionsMax = options.connectionsMax ?? limits.grpcConnectionsMax;
    const settings = grpcSettings(
      options.callsPerConnectionMax ?? limits.grpcCallsPerConnectionMax,
    );
    const { onViolation, security = null } = options;
    this.#security = security;
    const requests = new Requests(this, this.#handlers, null);
    this.#context = {
      identity: null,
      io,
      deadlines,
      random,
      exchanges: new UnkeptExchanges(),
      handler: requests,
      rejects: requests,
      thread: new H2Thread(settings),
      headBytesMax: settings.headBytesMax,
      headFieldsMax: settings.headFieldsMax,
      headTimeoutMs: limits.headTimeoutMs,
      bodyIdleTimeoutMs: limits.bodyIdleTimeoutMs,
      clientIdleTimeoutMs: options.clientIdleTimeoutMs ?? limits.clientIdleTimeoutMs,
      keepAliveIntervalMs: 0,
      keepAliveTimeoutMs: limits.http2KeepAliveTimeoutMs,
      draining: false,
      opened: (connection) => this.#connections.add(connection),
      closed: (connection) => this.#connections.delete(connection),
      violated: (peer, text) => onViolation?.(peer, text),
    };
    const open = security?.openMethods ?? null;
    const strangers = new Requests(this, this.#handlers, open);
    this.#strangers = { ...this.#context, handler: strangers, rejects: strangers };
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** What is held of messages that have not come whole. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  get nowMs(): number {
    return this.#env.io.nowMs;
  }

  /**
   * The handler is called with each call of the method, before any of its messages. A call that has
   * not ended when it returns is announced to the client as taken.
   */
  handle<Request, Response>(
    method: Method<Request, Response>,
    handler: (call: ServerCall<Request, Response>) => void,
  ): void {
    assert(!this.#handlers.has(method.path), `${method.path} has one handler`);
    this.#handlers.set(method.path, { method, handler } as unknown as AnyHandler);
  }

  /** Takes over a connection that was accepted, with half-open allowed, and not touched since. */
  accept(socket: NetSocket): void {
    if (this.#connections.size >= this.#connectionsMax || this.#context.draining) {
      this.refused += 1;
      socket.destroy();
      return;
    }
    // Answers are written once a turn; and calls may rest for days where nobody else would ask.
    socket.setNoDelay(true);
    socket.setKeepAlive(true, limits.grpcTcpKeepAliveMs);
    const { io, meter } = this.#env;
    io.enter();
    const adopted = io.adopt(socket, nobody, meter);
    if (this.#security === null) this.#serve(adopted, true, nothing);
    else this.#admit(adopted, this.#security);
    io.leave();
  }

  /** Asks all clients to leave; calls under way may go on. */
  drain(): void {
    this.#context.draining = true;
    this.#strangers.draining = true;
    this.#env.io.enter();
    for (const connection of this.#connections) connection.closeIdle();
    this.#env.io.leave();
  }

  /** Ends all connections, whatever is under way. */
  close(): void {
    this.#context.draining = true;
    this.#strangers.draining = true;
    this.#env.io.enter();
    for (const connection of this.#connections) connection.closeForced();
    this.#env.io.leave();
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

  hold(bytes: number): boolean {
    this.#heldBytes += bytes;
    return bytes <= 0 || this.#heldBytes <= limits.grpcPartBytesMax;
  }

  ended(): void {
    this.calls -= 1;
  }

  #admit(socket: Socket, security: ServerSecurity): void {
    new FrontDoor(
      {
        io: this.#env.io,
        timers: this.#env.timers,
        security,
        opened: (door) => this.#connections.add(door),
        closed: (door) => this.#connections.delete(door),
        enter: (entered, trusted, first) => this.#serve(entered, trusted, first),
      },
      socket,
    );
  }

  /** By prior knowledge: nothing on the connection says that it is HTTP/2. */
  #serve(socket: Socket, trusted: boolean, first: Buffer | null): void {
    const server = new H2Server(trusted ? this.#context : this.#strangers, socket, null);
    socket.resume();
    if (first !== null && first.length > 0) server.onBytes(first, first.length);
  }
}

const nothing = Buffer.alloc(0);
