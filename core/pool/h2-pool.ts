/**
 * The HTTP/2 connections of one thread to one endpoint. Requests share connections; another one is
 * opened when each has `streamsPerConnection` under way, so that the endpoint can spread them over
 * its threads, and when the endpoint takes no more. A connection that has come of age is replaced.
 */

import type { Address } from '../../api/settings.ts';
import { type ErrorCode, ProxyError } from '../base/errors.ts';
import { h2StalledConnectionsMax } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import type { TimerWheel } from '../base/timers.ts';
import type { Exchange } from '../http/exchange.ts';
import { H2Client } from '../http/h2/client.ts';
import type { H2ClientContext } from '../http/h2/client-context.ts';
import { WaitList } from '../http/wait-list.ts';
import type { Meter, Socket } from '../io/socket.ts';
import { Dial, type DialOwner } from './dial.ts';
import type { PoolEvents } from './pool-events.ts';

/** What all pools of one direction share. */
export interface H2PoolContext
  extends Omit<H2ClientContext<H2Client>, 'address' | 'changed' | 'closed' | 'violated'> {
  readonly timers: TimerWheel;
  readonly random: Random;
  readonly connectTimeoutMs: number;
  readonly connectionsMax: number;
  readonly streamsPerConnection: number;
  readonly connectionAgeMs: number;
  readonly waitingMax: number;
}

interface Member {
  readonly client: H2Client;
  readonly oldAtMs: number;
}

export class H2Pool implements DialOwner {
  readonly #context: H2PoolContext;
  readonly #client: H2ClientContext<H2Client>;
  readonly #address: Address;
  readonly #text: string;
  readonly #meter: Meter;
  readonly #events: PoolEvents;
  readonly #members: Member[] = [];
  readonly #waiting = new WaitList();
  #dialling = 0;
  #retired = false;

  constructor(context: H2PoolContext, address: Address, meter: Meter, events: PoolEvents) {
    this.#context = context;
    this.#address = address;
    this.#meter = meter;
    this.#events = events;
    this.#text = `${address.host}:${address.port}`;
    this.#client = {
      ...context,
      address: this.#text,
      changed: () => this.#drain(),
      closed: (client) => this.#onClosed(client),
      violated: (text) => events.violated(text),
    };
  }

  /** Connections, established or being established. */
  get connections(): number {
    return this.#members.length + this.#dialling;
  }

  /** No connection is being established or carries an exchange. */
  get quiet(): boolean {
    return this.#dialling === 0 && this.#members.every(({ client }) => client.active === 0);
  }

  request(x: Exchange): void {
    // The head outlives this event: it may have to be sent once more, on another connection.
    x.request.hold();
    const client = this.#pick();
    if (client !== null) {
      client.send(x);
      if (client.active >= this.#context.streamsPerConnection) this.#dialAnother();
      return;
    }
    if (this.#waiting.length >= this.#context.waitingMax) {
      const text = `${this.#waiting.length} requests wait for a connection to ${this.#text}`;
      this.#context.sink.fail(x, new ProxyError('QUEUE_FULL', `${text} (queueRequestsMax)`));
      return;
    }
    this.#waiting.push(x);
    this.#dialAnother();
  }

  /** Lets go of a request that waits here; false when it does not. */
  cancel(x: Exchange): boolean {
    const waited = this.#waiting.remove(x);
    if (waited) this.#retireIfDone();
    return waited;
  }

  /** Ends what is idle, and everything else when its last exchange has ended; first what waits. */
  retire(): void {
    this.#retired = true;
    this.#retireIfDone();
  }

  dialFailed(code: ErrorCode, detail: string): void {
    this.#dialling -= 1;
    this.#events.connectFailed(code);
    // Others may still be served by a connection that is there.
    if (this.#members.some(({ client }) => !client.isLeaving)) return;
    for (let x = this.#waiting.shift(); x !== null; x = this.#waiting.shift()) {
      this.#context.sink.fail(x, new ProxyError(code, `${this.#text}: ${detail}`));
    }
  }

  dialled(socket: Socket): void {
    this.#dialling -= 1;
    this.#events.connected();
    this.adopt(socket);
  }

  /** Takes over a connection that was dialled before it was known to be for HTTP. */
  adopt(socket: Socket): void {
    const { io, random, connectionAgeMs } = this.#context;
    const jitter = 1 - ageJitter * random.float();
    const client = new H2Client(this.#client, socket);
    this.#members.push({ client, oldAtMs: io.nowMs + connectionAgeMs * jitter });
    this.#drain();
  }

  /**
   * The connection with the fewest requests under way, of those that take another. An old one
   * serves until one that is not old can take its place.
   */
  #pick(): H2Client | null {
    const { nowMs } = this.#context.io;
    let best: H2Client | null = null;
    let bestOld: H2Client | null = null;
    for (const { client, oldAtMs } of this.#members) {
      if (client.room <= 0) continue;
      if (nowMs < oldAtMs) best = lessBusy(best, client);
      else bestOld = lessBusy(bestOld, client);
    }
    if (bestOld === null) return best;
    if (best === null) this.#dialAnother();
    else this.#retireMembers(nowMs);
    return best ?? bestOld;
  }

  /** Sends what waits, as far as there is room. */
  #drain(): void {
    while (this.#waiting.length > 0) {
      const client = this.#pick();
      if (client === null) {
        this.#dialAnother();
        return;
      }
      client.send(this.#waiting.shift() as Exchange);
    }
    this.#retireIfDone();
  }

  #retireIfDone(): void {
    if (this.#retired && this.#waiting.length === 0) this.#retireMembers(Number.POSITIVE_INFINITY);
  }

  /** Those that are old at `nowMs`. From the end: who is idle leaves the list at once. */
  #retireMembers(nowMs: number): void {
    for (let at = this.#members.length - 1; at >= 0; at--) {
      const { client, oldAtMs } = this.#members[at];
      if (nowMs >= oldAtMs) client.retire();
    }
  }

  /** One at a time: a burst of requests is not a burst of connections. */
  #dialAnother(): void {
    if (this.#dialling > 0 || (this.#retired && this.#waiting.length === 0)) return;
    if (this.#members.length >= this.#context.connectionsMax) return;
    const stalled = this.#members.filter(({ client }) => client.isStalled);
    if (stalled.length >= h2StalledConnectionsMax) return;
    this.#dialling += 1;
    new Dial(this.#context, this, this.#address, this.#meter);
  }

  #onClosed(client: H2Client): void {
    const at = this.#members.findIndex((member) => member.client === client);
    if (at !== -1) this.#members.splice(at, 1);
    this.#events.closed();
    if (this.#waiting.length > 0) this.#dialAnother();
  }
}

function lessBusy(best: H2Client | null, client: H2Client): H2Client {
  return best === null || client.active < best.active ? client : best;
}

/** So much of the age is by chance: connections that began together do not end together. */
const ageJitter = 0.1;
