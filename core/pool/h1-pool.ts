/**
 * The HTTP/1.1 connections of one thread to one endpoint: hands a request to an idle connection,
 * the one used last, or opens another up to a bound; requests beyond it wait in order. What is
 * idle for longer than `poolIdleTimeoutMs` ends, sooner than servers usually end it themselves.
 */

import type { Address } from '../../api/settings.ts';
import { type ErrorCode, ProxyError } from '../base/errors.ts';
import { connectErrorCode } from '../base/node-error.ts';
import { Timer, type TimerOwner, type TimerWheel } from '../base/timers.ts';
import type { Exchange } from '../http/exchange.ts';
import { H1Client } from '../http/h1/client.ts';
import type { ClientContext } from '../http/h1/client-context.ts';
import { WaitList } from '../http/wait-list.ts';
import type { Attempt, Connector } from '../io/io.ts';
import { type Meter, nobody, type Socket } from '../io/socket.ts';

/** What all pools of one direction share. */
export interface PoolContext
  extends Omit<ClientContext<H1Client>, 'address' | 'idle' | 'closed' | 'strayBytes'> {
  readonly timers: TimerWheel;
  readonly connectTimeoutMs: number;
  readonly connectionsMax: number;
  readonly waitingMax: number;
}

/** What the owner of the endpoint wants to know. */
export interface PoolEvents {
  connected(): void;
  /** True when another attempt may do better at once. */
  connectFailed(code: ErrorCode): boolean;
  /** A connection has ended. */
  closed(): void;
  strayBytes(): void;
}

export class H1Pool {
  readonly #context: PoolContext;
  readonly #client: ClientContext<H1Client>;
  readonly #address: Address;
  readonly #text: string;
  readonly #meter: Meter;
  readonly #events: PoolEvents;
  readonly #idle: H1Client[] = [];
  readonly #waiting = new WaitList();
  readonly #dials = new Set<Dial>();
  #open = 0;
  #retired = false;

  constructor(context: PoolContext, address: Address, meter: Meter, events: PoolEvents) {
    this.#context = context;
    this.#address = address;
    this.#meter = meter;
    this.#events = events;
    this.#text = `${address.host}:${address.port}`;
    this.#client = {
      ...context,
      address: this.#text,
      idle: (client) => this.#onIdle(client),
      closed: (client) => this.#onClosed(client),
      strayBytes: () => events.strayBytes(),
    };
  }

  /** Connections, established or being established. */
  get connections(): number {
    return this.#open + this.#dials.size;
  }

  /** No connection is being established or carries an exchange. */
  get quiet(): boolean {
    return this.connections === this.#idle.length;
  }

  request(x: Exchange): void {
    // The head outlives this event: it may have to be sent once more, on another connection.
    x.request.hold();
    // After a connection died that had been idle, the other idle ones are no safer.
    const client = x.reused ? undefined : this.#idle.pop();
    if (client !== undefined) {
      client.send(x);
      return;
    }
    if (this.#waiting.length >= this.#context.waitingMax) {
      const text = `${this.#waiting.length} requests wait for a connection to ${this.#text}`;
      this.#context.sink.fail(x, new ProxyError('QUEUE_FULL', `${text} (queueRequestsMax)`));
      return;
    }
    this.#waiting.push(x);
    this.#dialIfNeeded();
  }

  /** Lets go of a request that waits here or is on its way. */
  cancel(x: Exchange): void {
    if (!this.#waiting.remove(x) && x.upstream !== null) x.upstream.cancel(x);
  }

  /** Takes over a connection that was dialled before it was known to be for HTTP. */
  adopt(socket: Socket): void {
    this.#open += 1;
    this.#onIdle(new H1Client(this.#client, socket));
  }

  /** Ends what is idle, and everything else when its exchange has ended. */
  retire(): void {
    this.#retired = true;
    this.closeIdle();
  }

  /** How many connections it has ended. */
  closeIdle(): number {
    const count = this.#idle.length;
    while (this.#idle.length > 0) this.#idle[this.#idle.length - 1].close();
    return count;
  }

  /** The dial that ended without a connection. */
  dialFailed(dial: Dial, code: ErrorCode, detail: string): void {
    this.#dials.delete(dial);
    if (!this.#events.connectFailed(code)) {
      const x = this.#waiting.shift();
      if (x === null) return;
      this.#context.sink.fail(x, new ProxyError(code, `${this.#text}: ${detail}`));
    }
    this.#dialIfNeeded();
  }

  dialled(dial: Dial, socket: Socket): void {
    this.#dials.delete(dial);
    this.#events.connected();
    this.adopt(socket);
  }

  #dialIfNeeded(): void {
    const { connectionsMax } = this.#context;
    while (this.#dials.size < this.#waiting.length && this.connections < connectionsMax) {
      this.#dials.add(new Dial(this.#context, this, this.#address, this.#meter));
    }
  }

  #onIdle(client: H1Client): void {
    const x = this.#waiting.shift();
    if (x !== null) {
      client.send(x);
    } else if (this.#retired) {
      client.close();
    } else {
      this.#idle.push(client);
    }
  }

  #onClosed(client: H1Client): void {
    this.#open -= 1;
    const at = this.#idle.lastIndexOf(client);
    if (at !== -1) this.#idle.splice(at, 1);
    this.#events.closed();
    this.#dialIfNeeded();
  }
}

/** One attempt to connect, bounded in time. */
class Dial implements Connector, TimerOwner {
  readonly #context: PoolContext;
  readonly #pool: H1Pool;
  readonly #timer = new Timer(this);
  readonly #attempt: Attempt;

  constructor(context: PoolContext, pool: H1Pool, address: Address, meter: Meter) {
    this.#context = context;
    this.#pool = pool;
    context.timers.arm(this.#timer, context.connectTimeoutMs);
    this.#attempt = context.io.connect(address, nobody, meter, this);
  }

  onConnect(socket: Socket): void {
    this.#context.timers.cancel(this.#timer);
    this.#pool.dialled(this, socket);
  }

  onConnectError(code: string): void {
    this.#context.timers.cancel(this.#timer);
    this.#pool.dialFailed(this, connectErrorCode(code), code);
  }

  onTimer(): void {
    const { io, connectTimeoutMs } = this.#context;
    this.#attempt.abort();
    io.enter();
    const text = `no connection after ${connectTimeoutMs} ms (connectTimeoutMs)`;
    this.#pool.dialFailed(this, 'CONNECT_TIMEOUT', text);
    io.leave();
  }
}
