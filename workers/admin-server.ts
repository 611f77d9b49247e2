/**
 * The connections of the admin port: plaintext or TLS, HTTP/1 or HTTP/2, told apart by their first
 * bytes, on our own codecs: `node:http` would cost 6 MB of private memory and a third of the start
 * time, for a few requests a minute. What is answered is in `admin.ts`.
 */

import type { Socket as NetSocket } from 'node:net';
import type { Clock } from '../core/base/clock.ts';
import { Deadlines } from '../core/base/deadlines.ts';
import { headTimeoutMs, http2KeepAliveTimeoutMs } from '../core/base/limits.ts';
import { adminConnectionsMax, adminDetectMs, adminIdleMs } from '../core/base/limits-admin.ts';
import { systemRandom } from '../core/base/random.ts';
import { Timer, type TimerOwner, type TimerWheel } from '../core/base/timers.ts';
import { createClientHello, detectProtocol } from '../core/detect/detect.ts';
import { type DoorSecurity, FrontDoor } from '../core/grpc/front-door.ts';
import { UnkeptExchanges } from '../core/grpc/requests.ts';
import { grpcSettings } from '../core/grpc/settings.ts';
import { H1Server } from '../core/http/h1/server.ts';
import { H2Server } from '../core/http/h2/server.ts';
import type { H2ServerContext } from '../core/http/h2/server-context.ts';
import { H2Thread } from '../core/http/h2/thread.ts';
import type { ServerConnection } from '../core/http/server-context.ts';
import type { Conduit } from '../core/io/conduit.ts';
import { Io } from '../core/io/io.ts';
import type { Socket } from '../core/io/socket.ts';
import { nobody, type SocketOwner } from '../core/io/socket-owner.ts';
import type { TlsContexts } from '../core/tls/contexts.ts';
import { type AdminAnswer, AdminLayer } from './admin-exchange.ts';

interface AdminServerOptions {
  readonly clock: Clock;
  readonly timers: TimerWheel;
  /** Who this proxy proves to be in TLS; without a certificate it serves plaintext alone. */
  readonly tls: TlsContexts;
  readonly answer: AdminAnswer;
  /** One more name that TLS clients may ask for, beside that of the certificate; or empty. */
  readonly serverName?: string;
  /** A connection is over; the error is empty where it ended like any. */
  readonly onClosed?: (client: Conduit, error: string) => void;
}

export interface AdminServer {
  accept(socket: NetSocket): void;
  /** What is being answered is answered first. */
  close(): void;
}

export function createAdminServer(options: AdminServerOptions): AdminServer {
  return new Server(options);
}

class Server implements AdminServer {
  readonly #io: Io;
  readonly #timers: TimerWheel;
  readonly #connections = new Set<ServerConnection>();
  readonly #context: H2ServerContext;
  readonly #security: DoorSecurity;
  readonly #layer: AdminLayer;
  readonly #serverName: string;
  readonly #tls: TlsContexts;
  readonly #onClosed: AdminServerOptions['onClosed'];

  constructor(options: AdminServerOptions) {
    const { clock, timers, tls, answer, serverName = '', onClosed } = options;
    this.#onClosed = onClosed;
    const io = new Io(clock, new Float64Array(2));
    this.#io = io;
    this.#timers = timers;
    this.#serverName = serverName;
    this.#tls = tls;
    this.#security = { contexts: tls, allowsPlaintext: () => true, onRefused: () => undefined };
    const layer = new AdminLayer(io, answer);
    this.#layer = layer;
    const settings = grpcSettings(streamsMax);
    this.#context = {
      io,
      deadlines: new Deadlines(timers, io),
      random: systemRandom(),
      exchanges: new UnkeptExchanges(),
      handler: layer,
      rejects: layer,
      thread: new H2Thread(settings),
      headBytesMax: settings.headBytesMax,
      headFieldsMax: settings.headFieldsMax,
      headTimeoutMs,
      bodyIdleTimeoutMs: adminIdleMs,
      clientIdleTimeoutMs: adminIdleMs,
      keepAliveIntervalMs: 0,
      keepAliveTimeoutMs: http2KeepAliveTimeoutMs,
      identity: null,
      draining: false,
      opened: (connection) => this.#connections.add(connection),
      closed: (connection, gone) => {
        this.#connections.delete(connection);
        if (gone && connection.socket !== undefined) onClosed?.(connection.socket, '');
      },
      violated: () => undefined,
    };
  }

  accept(socket: NetSocket): void {
    if (this.#connections.size >= adminConnectionsMax || this.#context.draining) {
      socket.destroy();
      return;
    }
    const io = this.#io;
    io.enter();
    new FrontDoor(
      {
        io,
        timers: this.#timers,
        security: this.#security,
        opened: (door) => this.#connections.add(door),
        closed: (door) => this.#connections.delete(door),
        enter: (entered, _trusted, first, identity) => {
          const context = first === null ? this.#contextOf(identity) : this.#context;
          new Beginning(context, this.#timers, entered, first, this.#onClosed);
        },
        firstBytesMs: adminDetectMs,
        awaitsSilent: true,
        admitsHello: (bytes) => this.#admitsHello(bytes),
      },
      io.adopt(socket, nobody, { readCell: 0, writeCell: 1 }),
    );
    io.leave();
  }

  /** For the connection of a client that is known by TLS. */
  #contextOf(name: string): H2ServerContext {
    const all = this.#context;
    return {
      ...all,
      identity: { name, line: '' },
      get draining() {
        return all.draining;
      },
    };
  }

  /** Who names nobody knows the address alone. */
  #admitsHello(bytes: Buffer): boolean | null {
    const what = detectProtocol(bytes, 0, bytes.length, hello);
    if (what === 'NEED_MORE') return null;
    if (what !== 'TLS') return false;
    const { sni } = hello;
    return sni === null || sni === this.#tls.name || sni === this.#serverName;
  }

  close(): void {
    this.#context.draining = true;
    this.#layer.close();
    this.#io.enter();
    for (const connection of this.#connections) connection.closeIdle();
    this.#io.leave();
  }
}

/**
 * Until enough has come to tell the versions of HTTP apart, or so much time has gone that a client
 * which has begun to ask in plaintext, or is silent, is taken for one of HTTP/1, and one of TLS for
 * one of HTTP/2. What is no HTTP is closed.
 */
class Beginning implements SocketOwner, ServerConnection, TimerOwner {
  readonly #context: H2ServerContext;
  readonly #timers: TimerWheel;
  readonly #timer = new Timer(this);
  readonly #usual: typeof H1Server | typeof H2Server;
  readonly #socket: Socket;
  readonly #onClosed: AdminServerOptions['onClosed'];
  #bytes: Buffer;

  constructor(
    context: H2ServerContext,
    timers: TimerWheel,
    socket: Socket,
    first: Buffer | null,
    onClosed: AdminServerOptions['onClosed'],
  ) {
    this.#onClosed = onClosed;
    this.#context = context;
    this.#timers = timers;
    this.#socket = socket;
    this.#bytes = first ?? nothing;
    this.#usual = first === null ? H2Server : H1Server;
    socket.owner = this;
    context.opened(this);
    timers.arm(this.#timer, adminDetectMs);
    this.#look();
    if (!socket.destroyed) socket.resume();
  }

  closeIdle(): void {
    this.closeForced();
  }

  closeForced(): void {
    this.#leave(true);
    this.#socket.destroy();
  }

  onBytes(bytes: Buffer, length: number): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes.subarray(0, length)]);
    this.#look();
  }

  onEnd(): void {
    this.closeForced();
  }

  onCongested(): void {}

  onDrain(): void {}

  onClose(): void {
    this.#leave(true);
  }

  onTimer(): void {
    const { io } = this.#context;
    io.enter();
    this.#serve(this.#usual);
    io.leave();
  }

  #look(): void {
    const bytes = this.#bytes;
    const what = detectProtocol(bytes, 0, bytes.length, hello);
    if (what === 'HTTP2') this.#serve(H2Server);
    else if (what === 'HTTP1') this.#serve(H1Server);
    else if (what !== 'NEED_MORE') this.#refuse();
  }

  #refuse(): void {
    this.#onClosed?.(this.#socket, 'the admin port speaks HTTP alone');
    this.closeForced();
  }

  #serve(Version: typeof H1Server | typeof H2Server): void {
    const bytes = this.#bytes;
    this.#leave(false);
    const server = new Version(this.#context, this.#socket, null);
    if (bytes.length > 0) server.onBytes(bytes, bytes.length);
  }

  #leave(gone: boolean): void {
    this.#timers.cancel(this.#timer);
    this.#context.closed(this, gone);
  }
}

/** Read at once. */
const hello = createClientHello();
const nothing = Buffer.alloc(0);
const streamsMax = 16;
