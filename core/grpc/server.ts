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
import type { Conduit } from '../io/conduit.ts';
import type { Io } from '../io/io.ts';
import type { Meter } from '../io/socket.ts';
import { nobody } from '../io/socket-owner.ts';
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

export interface GrpcServerOptions {
  readonly messageBytesMax?: number;
  readonly callsPerConnectionMax?: number;
  readonly connectionsMax?: number;
  /** A connection without a call; and how long a client may take nothing of what it is sent. */
  readonly clientIdleTimeoutMs?: number;
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
    const requests = new Requests(this, this.#handlers);
    const { onViolation } = options;
    this.#context = {
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
      draining: false,
      opened: (connection) => this.#connections.add(connection),
      closed: (connection) => this.#connections.delete(connection),
      violated: (peer, text) => onViolation?.(peer, text),
    };
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
    this.#serve(io.adopt(socket, nobody, meter));
    io.leave();
  }

  /** Asks all clients to leave; calls under way may go on. */
  drain(): void {
    this.#context.draining = true;
    this.#env.io.enter();
    for (const connection of this.#connections) connection.closeIdle();
    this.#env.io.leave();
  }

  /** Ends all connections, whatever is under way. */
  close(): void {
    this.#context.draining = true;
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

  /** By prior knowledge: nothing on the conduit says that it is HTTP/2. */
  #serve(conduit: Conduit): void {
    new H2Server(this.#context, conduit, null);
    conduit.resume();
  }
}
