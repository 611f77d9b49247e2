/**
 * Our server and client of gRPC on real sockets, with a clock of the test's choice, and grpc-js in
 * both roles. Messages are text, and a message `\xff` is malformed to both codecs.
 */

import { createServer, type Server as NetServer, type Socket as NetSocket } from 'node:net';
import * as grpcJs from '@grpc/grpc-js';
import { type Clock, systemClock } from '../../core/base/clock.ts';
import { Deadlines } from '../../core/base/deadlines.ts';
import { seededRandom } from '../../core/base/random.ts';
import { TimerWheel } from '../../core/base/timers.ts';
import { type CallOptions, GrpcClient, type GrpcClientOptions } from '../../core/grpc/client.ts';
import type { CallListener, ClientCall } from '../../core/grpc/client-call.ts';
import type { MessageCodec, Method } from '../../core/grpc/method.ts';
import { GrpcServer, type GrpcServerOptions } from '../../core/grpc/server.ts';
import { codeName, type Status } from '../../core/grpc/status.ts';
import { Io } from '../../core/io/io.ts';
import type { FakeClock } from './fake-clock.ts';
import { untilTurn } from './turns.ts';

const text: MessageCodec<string> = {
  encode: (message) => Buffer.from(message, 'utf8'),
  decode: (bytes) => (bytes[0] === 0xff ? null : Buffer.from(bytes).toString('utf8')),
};

type TextMethod = Method<string, string>;

function textMethod(name: string): TextMethod {
  return { path: `/test.Text/${name}`, request: text, response: text };
}

export class GrpcRig implements AsyncDisposable {
  readonly timers: TimerWheel;
  readonly io: Io;
  readonly deadlines: Deadlines;
  readonly #clock: Clock;
  readonly #closers: (() => Promise<void> | void)[] = [];

  /** With the system's time, unless given a clock that the test moves. */
  constructor(clock?: FakeClock) {
    this.#clock = clock ?? systemClock;
    this.timers =
      clock === undefined ? new TimerWheel(systemClock) : new TimerWheel(clock, clock.wakeSource);
    this.io = new Io(this.#clock, new Float64Array(8));
    this.deadlines = new Deadlines(this.timers, this.io);
  }

  get env() {
    const { io, timers, deadlines } = this;
    return { io, timers, deadlines, random: seededRandom(1), meter: { readCell: 0, writeCell: 1 } };
  }

  /** A server of ours; `port` is where it listens. */
  async server(options: GrpcServerOptions = {}): Promise<{ server: GrpcServer; port: number }> {
    const server = new GrpcServer(this.env, options);
    const port = await this.listen((socket) => server.accept(socket));
    return { server, port };
  }

  client(port: number, options: GrpcClientOptions = {}): GrpcClient {
    const client = new GrpcClient(this.env, { host: '127.0.0.1', port }, options);
    this.onDispose(() => client.close());
    return client;
  }

  /** Whoever connects is handed to `accept`. */
  async listen(accept: (socket: NetSocket) => void): Promise<number> {
    const listener: NetServer = createServer({ pauseOnConnect: true, allowHalfOpen: true }, accept);
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    this.onDispose(() => new Promise((resolve) => listener.close(() => resolve())));
    return (listener.address() as { port: number }).port;
  }

  /** A server of grpc-js. */
  async jsServer(
    handlers: grpcJs.UntypedServiceImplementation,
    options: grpcJs.ServerOptions = {},
  ): Promise<{ server: grpcJs.Server; port: number }> {
    const server = new grpcJs.Server(options);
    server.addService(textService, handlers);
    const port = await new Promise<number>((resolve, reject) => {
      const insecure = grpcJs.ServerCredentials.createInsecure();
      server.bindAsync('127.0.0.1:0', insecure, (error, bound) => {
        if (error === null) resolve(bound);
        else reject(error);
      });
    });
    this.onDispose(() => server.forceShutdown());
    return { server, port };
  }

  jsClient(
    port: number,
    options: grpcJs.ClientOptions = {},
    credentials = grpcJs.credentials.createInsecure(),
  ): TextClient {
    const client = new JsClient(`127.0.0.1:${port}`, credentials, options);
    this.onDispose(() => client.close());
    return client as unknown as TextClient;
  }

  onDispose(close: () => Promise<void> | void): void {
    this.#closers.push(close);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.io.enter();
    this.io.close();
    this.io.leave();
    for (const close of this.#closers.toReversed()) await close();
    this.io.close();
    this.timers.close();
  }
}

/** A call of our client whose course is kept as lines. */
export class Recorded implements CallListener<string> {
  readonly call: ClientCall<string>;
  readonly events: string[] = [];
  status: Status | null = null;

  constructor(client: GrpcClient, method: TextMethod, options: CallOptions = {}) {
    this.call = client.call(method, this, options);
  }

  onHeaders(): void {
    this.events.push('headers');
  }

  onMessage(message: string): void {
    const shown = message.length > 40 ? `${message.length} characters` : message;
    this.events.push(`message ${shown}`);
  }

  onDrain(): void {
    this.events.push('drain');
  }

  onEnd(status: Status): void {
    if (this.status !== null) throw new Error('a call ends once');
    this.status = status;
    this.events.push(`end ${codeName(status.code)} ${status.message}`.trimEnd());
  }

  until(event: string): Promise<void> {
    const isThere = (): boolean => this.events.some((line) => line.startsWith(event));
    return untilTurn(`${event} among ${this.events.join('; ')}`, isThere);
  }

  /** All that happened, when it has ended. */
  async ended(): Promise<string[]> {
    await this.until('end ');
    return this.events;
  }
}

/** The client of grpc-js, with its own names for the four kinds. */
export interface TextClient extends grpcJs.Client {
  unary(
    request: string,
    metadata: grpcJs.Metadata,
    options: grpcJs.CallOptions,
    callback: grpcJs.requestCallback<string>,
  ): grpcJs.ClientUnaryCall;
  down(
    request: string,
    metadata?: grpcJs.Metadata,
    options?: grpcJs.CallOptions,
  ): grpcJs.ClientReadableStream<string>;
  up(callback: grpcJs.requestCallback<string>): grpcJs.ClientWritableStream<string>;
  both(
    metadata?: grpcJs.Metadata,
    options?: grpcJs.CallOptions,
  ): grpcJs.ClientDuplexStream<string, string>;
}

function definition(name: string, requestStream: boolean, responseStream: boolean) {
  const toBytes = (message: string): Buffer => Buffer.from(message, 'utf8');
  const toText = (bytes: Buffer): string => bytes.toString('utf8');
  return {
    path: `/test.Text/${name}`,
    requestStream,
    responseStream,
    requestSerialize: toBytes,
    requestDeserialize: toText,
    responseSerialize: toBytes,
    responseDeserialize: toText,
  };
}

export const unaryMethod = textMethod('Unary');
export const downMethod = textMethod('Down');
export const upMethod = textMethod('Up');
export const bothMethod = textMethod('Both');

const textService: grpcJs.ServiceDefinition = {
  unary: definition('Unary', false, false),
  down: definition('Down', false, true),
  up: definition('Up', true, false),
  both: definition('Both', true, true),
};

const JsClient = grpcJs.makeGenericClientConstructor(textService, 'test.Text');
