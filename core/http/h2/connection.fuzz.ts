/**
 * Goal: whatever a peer sends, in whatever pieces, and whatever its exchanges do meanwhile, nothing
 * throws, what goes out is HTTP/2 within the peer's limits, and when the connection has ended no
 * stream and no exchange is left. Method: random histories of both kinds of connections in memory,
 * with the time and the kernel's mood among what is random.
 */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { clientPreface, frame } from '../../../test/support/h2-frames.ts';
import { ClientRig, ServerRig } from '../../../test/support/h2-rig.ts';
import { Traffic } from '../../../test/support/h2-traffic.ts';
import { MemoryConduit } from '../../../test/support/memory-conduit.ts';
import { systemClock } from '../../base/clock.ts';
import type { ProxyError } from '../../base/errors.ts';
import type { Random } from '../../base/random.ts';
import { Layer } from '../../stack/layer.ts';
import type { Exchange, ExchangeUpstream } from '../exchange.ts';
import { headOfLines } from '../field-lines.ts';
import { H2Client } from './client.ts';
import type { Connection } from './connection.ts';
import { H2Server } from './server.ts';

export const name = 'http2-connection';

/** Returns how many histories it tried; what it throws carries all that was sent as `input`. */
export function fuzz(random: Random, seconds: number): number {
  const stopMs = systemClock.monotonicMs() + seconds * 1000;
  let histories = 0;
  for (const file of readdirSync(corpus)) {
    const bytes = Buffer.from(readFileSync(join(corpus, file), 'latin1').replace(/\s/g, ''), 'hex');
    attempt((sent) => new ServerHistory(random, sent).replay(bytes));
    histories += 1;
  }
  do {
    if (histories % 2 === 0) attempt((sent) => new ServerHistory(random, sent).run());
    else attempt((sent) => new ClientHistory(random, sent).run());
    histories += 1;
  } while (systemClock.monotonicMs() < stopMs);
  return histories;
}

function attempt(run: (sent: Buffer[]) => void): void {
  const sent: Buffer[] = [];
  try {
    run(sent);
  } catch (error) {
    throw Object.assign(error as Error, { input: Buffer.concat(sent) });
  }
}

/** What both kinds have in common. */
abstract class History {
  readonly random: Random;
  readonly conduit: MemoryConduit;
  readonly traffic: Traffic;
  readonly #sent: Buffer[];
  #prefaceLeft: number;

  constructor(random: Random, sent: Buffer[], peerIsClient: boolean) {
    this.random = random;
    this.#sent = sent;
    this.#prefaceLeft = peerIsClient ? 0 : clientPreface.length;
    this.traffic = new Traffic(random, peerIsClient);
    this.conduit = new MemoryConduit((bytes) => {
      const skipped = Math.min(this.#prefaceLeft, bytes.length);
      this.#prefaceLeft -= skipped;
      this.traffic.check(bytes.subarray(skipped));
    });
  }

  abstract readonly rig: ServerRig | ClientRig;
  abstract readonly connection: Connection;
  protected abstract readonly greeting: Buffer;
  /** Something that an exchange does. */
  protected abstract act(): void;
  /** The owner wants the connection no more. */
  protected abstract leave(): void;

  run(): void {
    this.#event(() => this.#push(this.greeting));
    const steps = 5 + this.below(80);
    for (let step = 0; step < steps && !this.connection.over; step++) this.#step();
    this.#finish();
  }

  /** These bytes, of which nobody knows what they allow, and some acts of exchanges. */
  replay(bytes: Buffer): void {
    this.traffic.mangled = true;
    this.#event(() => this.#push(bytes));
    for (let step = 0; step < 10 && !this.connection.over; step++) this.#event(() => this.act());
    this.#finish();
  }

  /** Nothing is left. */
  #finish(): void {
    const { rig, conduit } = this;
    this.#event(() => conduit.drain());
    this.#event(() => this.leave());
    this.#event(() => conduit.pushEnd());
    rig.clock.advance(1_000_000);
    assert.ok(this.connection.over, 'the connection has ended');
    assert.equal(this.connection.streams.size, 0, 'no stream is left');
    assert.equal(rig.exchanges.inUse, 0, 'no exchange is left');
    rig.timers.close();
  }

  #step(): void {
    switch (this.below(16)) {
      case 0:
        this.rig.clock.advance(this.below(20) === 0 ? this.below(40_000) : this.below(500));
        break;
      case 1:
        this.conduit.stalls = true;
        break;
      case 2:
      case 3:
        this.#event(() => this.conduit.drain());
        break;
      case 4:
      case 5:
      case 6:
      case 7:
      case 8:
        this.#event(() => this.act());
        break;
      default:
        this.#event(() => this.#push(this.traffic.draw()));
    }
  }

  /** In pieces. */
  #push(bytes: Buffer): void {
    this.#sent.push(bytes);
    let at = 0;
    while (at < bytes.length) {
      const size = this.below(3) === 0 ? 1 + this.below(30) : bytes.length - at;
      this.conduit.push(bytes.subarray(at, at + size));
      at += size;
    }
  }

  protected below(limit: number): number {
    return this.random.uint32() % limit;
  }

  #event(act: () => void): void {
    this.rig.run(act);
    this.conduit.flush();
  }
}

/** Clients send; requests are answered, or not, in any order. */
class ServerHistory extends History {
  readonly rig = new ServerRig(limits);
  readonly connection: H2Server;
  protected readonly greeting = Buffer.concat([clientPreface, frame.settings()]);
  readonly #layers = new Layers(this.traffic);

  constructor(random: Random, sent: Buffer[]) {
    super(random, sent, true);
    const context = { ...this.rig.context, handler: this.#layers, rejects: this.#layers };
    this.connection = new H2Server(context, this.conduit, null);
  }

  protected act(): void {
    if (this.below(60) === 0) this.connection.closeIdle();
    const live = [...this.#layers.live];
    if (live.length === 0) return;
    const x = live[this.below(live.length)];
    switch (this.below(9)) {
      case 0:
        x.client?.pauseRequest(x);
        break;
      case 1:
        x.client?.resumeRequest(x);
        break;
      case 2:
        if (!x.responseStarted) this.rig.respond(x, 'HTTP/1.1 103 Early Hints\r\n\r\n');
        break;
      case 3:
        if (x.responseStarted) this.#layers.abort(x);
        else this.#layers.answer(x);
        break;
      case 4:
        this.#end(x);
        break;
      default:
        this.#respond(x);
    }
  }

  protected leave(): void {
    this.connection.closeIdle();
  }

  #respond(x: Exchange): void {
    if (!x.responseStarted) this.rig.respond(x, 'HTTP/1.1 200 OK\r\nX-A: b\r\n\r\n');
    else if (!this.#layers.paused.has(x)) this.rig.send(x, 'r'.repeat(1 + this.below(40_000)));
  }

  #end(x: Exchange): void {
    if (!x.responseStarted) return;
    if (this.below(3) === 0) x.client?.trailers(x, headOfLines('x-sum: 1\r\n'));
    this.#layers.live.delete(x);
    x.client?.end(x);
  }
}

/** All layers of the proxy, and the endpoint's end of an exchange. */
class Layers extends Layer<Exchange> implements ExchangeUpstream {
  readonly live = new Set<Exchange>();
  readonly paused = new Set<Exchange>();
  readonly #traffic: Traffic;

  constructor(traffic: Traffic) {
    super();
    this.#traffic = traffic;
  }

  override request(x: Exchange): void {
    x.request.hold();
    x.upstream = this;
    this.live.add(x);
  }

  override cancel(x: Exchange): void {
    this.#forget(x);
  }

  override fail(x: Exchange, _error: ProxyError): void {
    this.answer(x);
  }

  /** With an answer of our own. */
  answer(x: Exchange): void {
    this.#forget(x);
    x.status = 502;
    x.syntheticFields = 'heddle-error: X\r\n';
    x.syntheticBody = 'broken';
    x.closing = x.request.count % 3 === 0;
    x.client?.respond(x);
    x.client?.end(x);
  }

  abort(x: Exchange): void {
    this.#forget(x);
    x.client?.abort(x);
  }

  data(_x: Exchange, bytes: Buffer, start: number, end: number): void {
    if (this.#traffic.mangled) return;
    for (let at = start; at < end; at++) assert.equal(bytes[at], content);
  }

  trailers(): void {}
  override end(): void {}

  pauseResponse(x: Exchange): void {
    this.paused.add(x);
  }

  resumeResponse(x: Exchange): void {
    this.paused.delete(x);
  }

  detach(): never {
    throw new Error('no tunnels here');
  }

  #forget(x: Exchange): void {
    this.live.delete(x);
    this.paused.delete(x);
    x.upstream = null;
  }
}

/** An endpoint sends; requests go out, are continued and given up. */
class ClientHistory extends History {
  readonly rig = new ClientRig(limits);
  readonly connection: H2Client;
  protected readonly greeting = frame.settings();
  /** Whose requests have not ended. */
  readonly #open = new Set<Exchange>();

  constructor(random: Random, sent: Buffer[]) {
    super(random, sent, false);
    this.connection = new H2Client(this.rig.context, this.rig, this.conduit);
  }

  protected act(): void {
    if (this.below(80) === 0) this.connection.retire();
    if (this.connection.room > 0 && this.below(2) === 0) {
      this.#send();
      return;
    }
    for (const x of this.#open) if (x.upstream === null) this.#open.delete(x);
    const open = [...this.#open];
    if (open.length === 0) return;
    const x = open[this.below(open.length)];
    switch (this.below(7)) {
      case 0:
        this.#open.delete(x);
        x.upstream?.cancel(x);
        this.rig.exchanges.give(x);
        break;
      case 1:
        x.upstream?.pauseResponse(x);
        break;
      case 2:
        x.upstream?.resumeResponse(x);
        break;
      default:
        this.#continue(x);
    }
  }

  protected leave(): void {
    this.connection.retire();
  }

  #send(): void {
    const hasBody = this.below(2) === 0;
    const framing = hasBody ? 'Transfer-Encoding: chunked\r\n' : '';
    const method = hasBody ? 'POST' : 'GET';
    const x = this.rig.exchange(`${method} / HTTP/1.1\r\nHost: web\r\n${framing}\r\n`);
    this.#open.add(x);
    this.connection.send(x);
  }

  #continue(x: Exchange): void {
    if (x.requestEnded) return;
    const bytes = Buffer.alloc(1 + this.below(40_000), 'u');
    const isPaused = this.rig.events.lastIndexOf('pause') > this.rig.events.lastIndexOf('resume');
    if (!isPaused) x.upstream?.data(x, bytes, 0, bytes.length);
    if (this.below(3) > 0) return;
    x.requestEnded = true;
    if (this.below(2) === 0) x.upstream?.trailers(x, headOfLines('x-sum: 1\r\n'));
    x.upstream?.end(x);
  }
}

const corpus = join(import.meta.dirname, '../../../test/corpus/http2-connection');
const content = 'd'.charCodeAt(0);
/** Small, so that each is met. */
const limits = { headBytesMax: 8_000, headFieldsMax: 20, maxConcurrentStreams: 20 };
