/**
 * The HTTP/2 connections of one thread to one endpoint. Requests share connections; another one is
 * opened when each has `streamsPerConnection` under way, so that the endpoint can spread them over
 * its threads, and when the endpoint takes no more. A connection that has come of age is replaced.
 */

import { type ErrorCode, ProxyError } from '../base/errors.ts';
import { h2StalledConnectionsMax } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import type { Exchange } from '../http/exchange.ts';
import { H2Client } from '../http/h2/client.ts';
import type { H2ClientContext, H2ClientOwner } from '../http/h2/client-context.ts';
import { WaitList } from '../http/wait-list.ts';
import type { DialOwner } from '../io/dial.ts';
import type { Socket } from '../io/socket.ts';
import type { Transport } from '../tls/transport.ts';
import { anchorLeft, type PoolEvents } from './pool-events.ts';

/** What all pools of one direction share. */
export interface H2PoolContext extends H2ClientContext {
  readonly random: Random;
  readonly connectionsMax: number;
  readonly streamsPerConnection: number;
  readonly connectionAgeMs: number;
  readonly waitingMax: number;
}

interface Member {
  readonly client: H2Client;
  readonly oldAtMs: number;
  /** Of the transport, when the endpoint proved who it is. */
  readonly distrusts: number;
  readonly jitter: number;
}

export class H2Pool implements H2ClientOwner<H2Client>, DialOwner {
  readonly address: string;
  readonly #context: H2PoolContext;
  readonly #transport: Transport;
  readonly #events: PoolEvents;
  readonly #members: Member[] = [];
  readonly #waiting = new WaitList();
  #dialling = 0;
  #retired = false;

  /** `address`: what the endpoint is called, wherever it is dialled. */
  constructor(context: H2PoolContext, address: string, transport: Transport, events: PoolEvents) {
    this.#context = context;
    this.address = address;
    this.#transport = transport;
    this.#events = events;
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
    const client = this.#pick(x.request.upgrade);
    if (client !== null) {
      this.#send(client, x);
      if (client.active >= this.#context.streamsPerConnection) this.#dialAnother();
      return;
    }
    if (this.#waiting.length >= this.#context.waitingMax) {
      const text = `${this.#waiting.length} requests wait for a connection to ${this.address}`;
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

  /**
   * Replaces what was verified by a trust anchor that has perhaps left, and ends it when that was
   * long ago; now and then called.
   */
  renew(): void {
    const { nowMs } = this.#context.io;
    for (let at = this.#members.length - 1; at >= 0; at--) {
      const member = this.#members[at];
      const { distrusts, jitter } = member;
      if (nowMs < this.#transport.replaceAtMs(distrusts, jitter)) continue;
      if (nowMs >= this.#transport.endAtMs(distrusts, jitter) && member.client.active > 0) {
        this.#events.distrusted();
        member.client.abort(anchorLeft);
        continue;
      }
      const isUnused = member.client.active === 0;
      if (isUnused || this.#isDistrusted(member)) member.client.retire();
      else this.#dialAnother();
    }
  }

  /** How many connections it has ended. */
  closeIdle(): number {
    const before = this.#members.length;
    for (let at = before - 1; at >= 0; at--) {
      const { client } = this.#members[at];
      if (client.active === 0) client.retire();
    }
    return before - this.#members.length;
  }

  dialFailed(code: ErrorCode, detail: string): void {
    this.#dialling -= 1;
    if (this.#events.connectFailed(code, detail)) {
      this.#drain();
      return;
    }
    // Others may still be served by a connection that is there.
    if (this.#members.some(({ client }) => !client.isLeaving)) return;
    for (let x = this.#waiting.shift(); x !== null; x = this.#waiting.shift()) {
      this.#context.sink.fail(x, new ProxyError(code, `${this.address}: ${detail}`));
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
    const jitter = random.float();
    const client = new H2Client(this.#context, this, socket);
    const oldAtMs = io.nowMs + connectionAgeMs * (1 - ageJitter * jitter);
    this.#members.push({ client, oldAtMs, distrusts: this.#transport.distrusts, jitter });
    this.#drain();
  }

  /** Room has come, or gone: then what waits may need another connection. */
  changed(): void {
    this.#drain();
  }

  closed(client: H2Client): void {
    const at = this.#members.findIndex((member) => member.client === client);
    if (at !== -1) this.#members.splice(at, 1);
    this.#events.closed();
    if (this.#waiting.length > 0) this.#dialAnother();
  }

  violated(text: string): void {
    this.#events.violated(text);
  }

  #send(client: H2Client, x: Exchange): void {
    if (x.request.upgrade && client.takesUpgrades !== true) {
      this.#context.sink.fail(x, new ProxyError('UPGRADE_REFUSED', this.address));
      return;
    }
    client.send(x);
    // It may have to be sent once more, on another connection. Held only now: HPACK reads faster
    // from where all heads of the thread are decoded than from a buffer that it has not seen yet.
    x.request.hold();
  }

  /**
   * The connection with the fewest requests under way, of those that take another. One that is old
   * serves until there is a younger one to serve in its place.
   */
  #pick(upgrade: boolean): H2Client | null {
    const { nowMs } = this.#context.io;
    const { distrusts } = this.#transport;
    let young: H2Client | null = null;
    let old: H2Client | null = null;
    for (const member of this.#members) {
      const { client } = member;
      if (client.room <= 0 || (upgrade && client.takesUpgrades === null)) continue;
      if (member.distrusts !== distrusts && this.#isDistrusted(member)) continue;
      if (nowMs >= this.#oldAtMs(member)) old = lessUsed(old, client);
      else young = lessUsed(young, client);
    }
    if (young === null) {
      if (old !== null) this.#dialAnother();
      return old;
    }
    old?.retire();
    return young;
  }

  #oldAtMs({ oldAtMs, distrusts, jitter }: Member): number {
    if (distrusts === this.#transport.distrusts) return oldAtMs;
    return Math.min(oldAtMs, this.#transport.replaceAtMs(distrusts, jitter));
  }

  /** It takes no request any more, whether or not there is another one. */
  #isDistrusted({ distrusts }: Member): boolean {
    return this.#context.io.nowMs >= this.#transport.replaceAtMs(distrusts, 1);
  }

  /** Sends what waits, as far as there is room. */
  #drain(): void {
    while (this.#waiting.length > 0) {
      const client = this.#pick(this.#waiting.first?.request.upgrade ?? false);
      if (client === null) {
        this.#dialAnother();
        return;
      }
      this.#send(client, this.#waiting.shift() as Exchange);
    }
    this.#retireIfDone();
  }

  /** From the end: those that are idle leave the list at once. */
  #retireIfDone(): void {
    if (!this.#retired || this.#waiting.length > 0) return;
    for (let at = this.#members.length - 1; at >= 0; at--) this.#members[at].client.retire();
  }

  /** One at a time: a burst of requests is not a burst of connections. */
  #dialAnother(): void {
    if (this.#dialling > 0 || (this.#retired && this.#waiting.length === 0)) return;
    if (this.#members.length >= this.#context.connectionsMax) return;
    const stalled = this.#members.filter(({ client }) => client.isStalled);
    if (stalled.length >= h2StalledConnectionsMax) return;
    this.#dialling += 1;
    this.#transport.dial(this, 'http2');
  }
}

function lessUsed(one: H2Client | null, other: H2Client): H2Client {
  return one === null || other.active < one.active ? other : one;
}

/** So much of the age is by chance: connections that began together do not end together. */
const ageJitter = 0.1;
