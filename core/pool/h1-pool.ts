/**
 * The HTTP/1.1 connections of one thread to one endpoint: hands a request to an idle connection,
 * the one used last, or opens another up to a bound; requests beyond it wait in order. What is
 * idle for longer than `poolIdleTimeoutMs` ends, sooner than servers usually end it themselves.
 */

import { type ErrorCode, ProxyError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import type { Exchange } from '../http/exchange.ts';
import { H1Client } from '../http/h1/client.ts';
import type { ClientContext, ClientOwner } from '../http/h1/client-context.ts';
import { WaitList } from '../http/wait-list.ts';
import type { DialOwner } from '../io/dial.ts';
import type { Socket } from '../io/socket.ts';
import type { Transport } from '../tls/transport.ts';
import { anchorLeft, type PoolEvents } from './pool-events.ts';

/** What all pools of one direction share. */
export interface H1PoolContext extends ClientContext {
  readonly random: Random;
  readonly connectionsMax: number;
  /** Without a request. */
  readonly idleMax: number;
  readonly waitingMax: number;
}

export class H1Pool implements ClientOwner<H1Client>, DialOwner {
  readonly address: string;
  readonly #context: H1PoolContext;
  readonly #waiting = new WaitList();
  /** The connection that was used last, of those without an exchange. */
  #newestIdle: H1Client | null = null;
  #idle = 0;
  readonly #open = new Set<H1Client>();
  #dialling = 0;
  #retired = false;
  readonly #transport: Transport;
  readonly #events: PoolEvents;

  /** `address`: what the endpoint is called, wherever it is dialled. */
  constructor(context: H1PoolContext, address: string, transport: Transport, events: PoolEvents) {
    this.#context = context;
    this.address = address;
    this.#transport = transport;
    this.#events = events;
  }

  /** Connections, established or being established. */
  get connections(): number {
    return this.#open.size + this.#dialling;
  }

  /** No connection is being established or carries an exchange. */
  get quiet(): boolean {
    return this.connections === this.#idle;
  }

  request(x: Exchange): void {
    // The head outlives this event: it may have to be sent once more, on another connection.
    x.request.hold();
    // After a connection died that had been idle, the other idle ones are no safer.
    const client = x.reused ? null : this.#pick();
    if (client !== null) {
      this.#unlink(client);
      client.send(x);
      return;
    }
    if (this.#waiting.length >= this.#context.waitingMax) {
      const text = `${this.#waiting.length} requests wait for a connection to ${this.address}`;
      this.#context.sink.fail(x, new ProxyError('QUEUE_FULL', `${text} (queueRequestsMax)`));
      return;
    }
    this.#waiting.push(x);
    this.#dialIfNeeded();
  }

  /** Lets go of a request that waits here; false when it does not. */
  cancel(x: Exchange): boolean {
    return this.#waiting.remove(x);
  }

  /** Takes over a connection that was dialled before it was known to be for HTTP. */
  adopt(socket: Socket): void {
    const client = new H1Client(this.#context, this, socket);
    this.#open.add(client);
    client.distrusts = this.#transport.distrusts;
    client.jitter = this.#context.random.float();
    this.idle(client);
  }

  /** Ends what is idle, and everything else when its exchange has ended. */
  retire(): void {
    this.#retired = true;
    this.closeIdle();
  }

  /**
   * Ends what was verified by a trust anchor that has perhaps left, with a request under way only
   * when that was long ago; now and then called.
   */
  renew(): void {
    const { nowMs } = this.#context.io;
    for (const client of this.#open) {
      if (!this.#isDistrusted(client)) continue;
      if (!client.busy) client.close();
      else if (nowMs >= this.#transport.endAtMs(client.distrusts, client.jitter)) {
        this.#events.distrusted();
        client.abort(anchorLeft);
      }
    }
  }

  /** How many connections it has ended. */
  closeIdle(): number {
    const count = this.#idle;
    while (this.#newestIdle !== null) this.#newestIdle.close();
    return count;
  }

  /** A dial has ended without a connection. */
  dialFailed(code: ErrorCode, detail: string): void {
    this.#dialling -= 1;
    if (!this.#events.connectFailed(code, detail)) {
      const x = this.#waiting.shift();
      if (x === null) return;
      this.#context.sink.fail(x, new ProxyError(code, `${this.address}: ${detail}`));
    }
    this.#dialIfNeeded();
  }

  dialled(socket: Socket): void {
    this.#dialling -= 1;
    this.#events.connected();
    this.adopt(socket);
  }

  idle(client: H1Client): void {
    if (this.#isDistrusted(client)) {
      client.close();
      return;
    }
    const x = this.#waiting.shift();
    if (x !== null) {
      client.send(x);
    } else if (this.#retired || this.#idle >= this.#context.idleMax) {
      client.close();
    } else {
      this.#link(client);
    }
  }

  closed(client: H1Client): void {
    this.#open.delete(client);
    if (client.newerIdle !== null || this.#newestIdle === client) this.#unlink(client);
    this.#events.closed();
    this.#dialIfNeeded();
  }

  strayBytes(): void {
    this.#events.violated('bytes that nobody asked for');
  }

  #pick(): H1Client | null {
    while (this.#newestIdle !== null && this.#isDistrusted(this.#newestIdle)) {
      this.#newestIdle.close();
    }
    return this.#newestIdle;
  }

  #isDistrusted({ distrusts, jitter }: H1Client): boolean {
    const transport = this.#transport;
    if (distrusts === transport.distrusts) return false;
    return this.#context.io.nowMs >= transport.replaceAtMs(distrusts, jitter);
  }

  #dialIfNeeded(): void {
    const { connectionsMax } = this.#context;
    while (this.#dialling < this.#waiting.length && this.connections < connectionsMax) {
      this.#dialling += 1;
      this.#transport.dial(this, 'http1');
    }
  }

  #link(client: H1Client): void {
    client.olderIdle = this.#newestIdle;
    if (this.#newestIdle !== null) this.#newestIdle.newerIdle = client;
    this.#newestIdle = client;
    this.#idle += 1;
  }

  #unlink(client: H1Client): void {
    const { newerIdle, olderIdle } = client;
    if (newerIdle === null) this.#newestIdle = olderIdle;
    else newerIdle.olderIdle = olderIdle;
    if (olderIdle !== null) olderIdle.newerIdle = newerIdle;
    client.newerIdle = null;
    client.olderIdle = null;
    this.#idle -= 1;
  }
}
