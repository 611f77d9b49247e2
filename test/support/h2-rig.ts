/**
 * HTTP/2 connections of the proxy by themselves: one end is the proxy's, over a real socket, with
 * a clock and layers that the test drives; the other end is frames. What the proxy's end tells the
 * layers, and what those tell it, is kept as lines.
 */

import { createServer, type Socket as NetSocket } from 'node:net';
import { Deadlines } from '../../core/base/deadlines.ts';
import type { ProxyError } from '../../core/base/errors.ts';
import * as limits from '../../core/base/limits.ts';
import { type Random, seededRandom } from '../../core/base/random.ts';
import { TimerWheel } from '../../core/base/timers.ts';
import {
  type Exchange,
  type ExchangeClient,
  Exchanges,
  type ExchangeUpstream,
} from '../../core/http/exchange.ts';
import { decodeRequestHead, decodeResponseHead } from '../../core/http/h1/decode-head.ts';
import { H2Client } from '../../core/http/h2/client.ts';
import type { H2ClientContext, H2ClientOwner } from '../../core/http/h2/client-context.ts';
import { H2Server } from '../../core/http/h2/server.ts';
import type { H2ServerContext } from '../../core/http/h2/server-context.ts';
import { type H2Settings, H2Thread } from '../../core/http/h2/thread.ts';
import { Head } from '../../core/http/head.ts';
import { markHopByHop } from '../../core/http/hop-by-hop.ts';
import { Io } from '../../core/io/io.ts';
import { nobody } from '../../core/io/socket-owner.ts';
import { Layer } from '../../core/stack/layer.ts';
import { FakeClock } from './fake-clock.ts';
import { FrameWire } from './frame-wire.ts';
import { clientPreface } from './h2-frames.ts';
import { untilTurn } from './turns.ts';
import { dial, startOrigin } from './wire.ts';

/** What connections of either side share. */
class Rig implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly timers = new TimerWheel(this.clock, this.clock.wakeSource);
  readonly io = new Io(this.clock, new Float64Array(8));
  readonly deadlines = new Deadlines(this.timers, this.io);
  readonly exchanges = new Exchanges();
  readonly random: Random = seededRandom(1);
  readonly thread: H2Thread;
  /** One line for each thing that layers are told. */
  readonly events: string[] = [];
  readonly #closers: (() => Promise<void> | void)[] = [];

  constructor(settings: Partial<H2Settings> = {}) {
    this.thread = new H2Thread({ ...h2Settings, ...settings });
  }

  /** Runs `act` as an event: what it writes goes out at its end. */
  run(act: () => void): void {
    this.io.enter();
    act();
    this.io.leave();
  }

  /** All that were told since the last call. */
  take(): string[] {
    return this.events.splice(0);
  }

  until(event: string): Promise<void> {
    return untilTurn(event, () => this.events.some((line) => line.startsWith(event)));
  }

  onDispose(close: () => Promise<void> | void): void {
    this.#closers.push(close);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.io.close();
    for (const close of this.#closers) await close();
    this.timers.close();
  }
}

/** Connections of clients. Requests are kept, and answered by the test. */
export class ServerRig extends Rig {
  readonly requests: Exchange[] = [];
  readonly servers: H2Server[] = [];
  readonly context: H2ServerContext;
  readonly #listener = createServer({ pauseOnConnect: true, allowHalfOpen: true });

  constructor(settings: Partial<H2Settings> = {}, more: Partial<H2ServerContext> = {}) {
    super(settings);
    const handler = new Handler(this);
    this.context = {
      io: this.io,
      deadlines: this.deadlines,
      exchanges: this.exchanges,
      handler,
      rejects: handler,
      headBytesMax: this.thread.settings.headBytesMax,
      headFieldsMax: this.thread.settings.headFieldsMax,
      headTimeoutMs: 10_000,
      bodyIdleTimeoutMs: 30_000,
      clientIdleTimeoutMs: 300_000,
      keepAliveIntervalMs: 10_000,
      keepAliveTimeoutMs: 3_000,
      identity: null,
      draining: false,
      thread: this.thread,
      random: this.random,
      opened: () => {},
      closed: () => this.events.push('closed'),
      violated: (_peer, text) => this.events.push(`violated: ${text}`),
      ...more,
    };
  }

  /** The client's end of a connection; nothing has been sent on it. */
  async connect(): Promise<FrameWire> {
    if (!this.#listener.listening) await this.#listen();
    const { port } = this.#listener.address() as { port: number };
    const wire = new FrameWire(await dial(port));
    this.onDispose(() => wire.destroy());
    return wire;
  }

  /** Sends the head of a response, given as HTTP/1.1 writes it. */
  respond(x: Exchange, text: string): void {
    const bytes = Buffer.from(text, 'latin1');
    const head = new Head();
    const end = decodeResponseHead(bytes, 0, bytes.length, h2Settings, x.request.method, head);
    if (end !== bytes.length) throw new Error(`no response head: ${end}`);
    markHopByHop(head, false);
    x.response = head;
    x.status = head.status;
    if (head.status < 200) x.client?.informational(x);
    else x.client?.respond(x);
    x.response = null;
  }

  send(x: Exchange, content: string): void {
    const bytes = Buffer.from(content, 'latin1');
    x.client?.data(x, bytes, 0, bytes.length);
  }

  #listen(): Promise<void> {
    this.#listener.on('connection', (socket: NetSocket) => {
      this.run(() => {
        const adopted = this.io.adopt(socket, nobody, meter);
        this.servers.push(new H2Server(this.context, adopted, null));
        adopted.resume();
      });
    });
    this.onDispose(() => new Promise((resolve) => this.#listener.close(() => resolve())));
    return new Promise((resolve) => {
      this.#listener.listen(0, '127.0.0.1', resolve);
    });
  }
}

/** Stands for all layers of the proxy: keeps requests, and answers errors with their status. */
class Handler extends Layer<Exchange> implements ExchangeUpstream {
  readonly #rig: ServerRig;

  constructor(rig: ServerRig) {
    super();
    this.#rig = rig;
  }

  override request(x: Exchange): void {
    this.#rig.requests.push(x);
    x.request.hold();
    x.upstream = this;
    this.#tell(`request ${showHead(x.request)}${x.requestEnded ? ' ends' : ''}`);
  }

  override cancel(x: Exchange): void {
    x.upstream = null;
    this.#tell(`cancel ${x.error?.code} ${x.resetCode}`);
  }

  override fail(x: Exchange, error: ProxyError): void {
    this.#tell(`fail ${error.code}`);
    x.status = 400;
    x.syntheticFields = `heddle-error: ${error.code}\r\n`;
    x.client?.respond(x);
    x.client?.end(x);
  }

  data(_x: Exchange, bytes: Buffer, start: number, end: number): void {
    this.#tell(`data ${bytes.toString('latin1', start, end)}`);
  }

  trailers(_x: Exchange, fields: Head): void {
    this.#tell(`trailers ${showHead(fields)}`);
  }

  override end(_x: Exchange): void {
    this.#tell('end');
  }

  pauseResponse(): void {
    this.#tell('pause');
  }

  resumeResponse(): void {
    this.#tell('resume');
  }

  detach(): never {
    throw new Error('no tunnels here');
  }

  #tell(event: string): void {
    this.#rig.events.push(event);
  }
}

/** Connections to an endpoint. Responses are kept as lines. */
export class ClientRig extends Rig implements H2ClientOwner<H2Client> {
  readonly address = 'endpoint';
  readonly context: H2ClientContext;

  constructor(settings: Partial<H2Settings> = {}) {
    super(settings);
    this.context = {
      io: this.io,
      deadlines: this.deadlines,
      thread: this.thread,
      sink: new Sink(this),
      headTimeoutMs: 10_000,
      responseTimeoutMs: 300_000,
      idleTimeoutMs: 60_000,
      keepAliveIntervalMs: 10_000,
      keepAliveTimeoutMs: 3_000,
    };
  }

  /** The proxy's end and the endpoint's, on which nothing has been read or sent. */
  async connect(): Promise<{ client: H2Client; server: FrameWire }> {
    const origin = await startOrigin();
    this.onDispose(() => origin.close());
    const client = await new Promise<H2Client>((resolve, reject) => {
      this.io.connect({ host: '127.0.0.1', port: origin.port }, nobody, meter, {
        onConnect: (socket) => resolve(new H2Client(this.context, this, socket)),
        onConnectError: reject,
      });
    });
    return { client, server: new FrameWire(await origin.accept(), clientPreface.length) };
  }

  /** A request whose head is given as HTTP/1.1 writes it; its body follows unless it has none. */
  exchange(text: string): Exchange {
    const x = this.exchanges.take();
    const bytes = Buffer.from(text, 'latin1');
    const end = decodeRequestHead(bytes, 0, bytes.length, h2Settings, x.request);
    if (end !== bytes.length) throw new Error(`no request head: ${end}`);
    markHopByHop(x.request, true);
    x.client = new Caller(this.events);
    x.requestEnded = x.request.framing === 0;
    return x;
  }

  changed(client: H2Client): void {
    this.events.push(`room ${client.room}`);
  }

  closed(): void {
    this.events.push('closed');
  }

  violated(text: string): void {
    this.events.push(`violated: ${text}`);
  }
}

/** Where responses come out of the connection. */
class Sink extends Layer<Exchange> {
  readonly #rig: Rig;

  constructor(rig: Rig) {
    super();
    this.#rig = rig;
  }

  override informational(x: Exchange): void {
    this.#rig.events.push(`informational ${x.response?.status}`);
  }

  override response(x: Exchange): void {
    this.#rig.events.push(`response ${x.status} ${showHead(x.response)}`.trimEnd());
  }

  override end(x: Exchange): void {
    this.#rig.events.push('end');
    this.#rig.exchanges.give(x);
  }

  override fail(x: Exchange, error: ProxyError): void {
    this.#rig.events.push(`fail ${error.code}: ${error.detail}`);
    this.#rig.exchanges.give(x);
  }
}

/** The client of an exchange. */
class Caller implements ExchangeClient {
  readonly connection = { identity: null, peer: 'caller', fixedTarget: null, grant: null };
  readonly #events: string[];

  constructor(events: string[]) {
    this.#events = events;
  }

  informational(): void {}
  respond(): void {}
  end(): void {}
  abort(): void {}

  establish(): never {
    throw new Error('no tunnels here');
  }

  detach(): never {
    throw new Error('no tunnels here');
  }

  data(_x: Exchange, bytes: Buffer, start: number, end: number): void {
    this.#events.push(`data ${bytes.toString('latin1', start, end)}`);
  }

  trailers(_x: Exchange, fields: Head): void {
    this.#events.push(`trailers ${showHead(fields)}`);
  }

  pauseRequest(): void {
    this.#events.push('pause');
  }

  resumeRequest(): void {
    this.#events.push('resume');
  }
}

/** `GET web /a x=y`; what is dropped is left out. */
function showHead(head: Head | null): string {
  if (head === null) return '';
  const text = (start: number, end: number): string => head.bytes.toString('latin1', start, end);
  const parts: string[] = [];
  if (head.methodEnd > head.methodStart) {
    parts.push(text(head.methodStart, head.methodEnd), head.authority());
    parts.push(text(head.targetStart, head.targetEnd));
  }
  for (let index = 0; index < head.count; index++) {
    const at = index * 4;
    if (head.dropped[index] === 1) continue;
    parts.push(`${text(head.fields[at], head.fields[at + 1])}=${head.valueOf(index)}`);
  }
  return parts.join(' ');
}

const meter = { readCell: 0, writeCell: 1 };
const h2Settings: H2Settings = {
  headBytesMax: limits.headBytesMax,
  headFieldsMax: limits.headFieldsMax,
  initialStreamWindowBytes: limits.http2InitialStreamWindowBytes,
  initialConnectionWindowBytes: limits.http2InitialConnectionWindowBytes,
  maxConcurrentStreams: limits.http2ConcurrentStreamsMax,
  maxFrameBytes: limits.http2MaxFrameBytes,
};
