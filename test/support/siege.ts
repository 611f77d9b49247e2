/**
 * A data plane under attack over HTTP/2: an origin that counts what reaches it, and a client beside
 * the attacker that asks one request after the other and has to get every answer.
 */

import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { ProxySettings } from '../../api/settings.ts';
import { FrameWire } from './frame-wire.ts';
import { get, response } from './h2-block.ts';
import { clientPreface, frame } from './h2-frames.ts';
import { dialH2, type H2Peer, type Manners, type PeerStream, startH2Origin } from './h2-peer.ts';
import { type Harness, startHarness, untilQuiet } from './proxy-harness.ts';
import { dial } from './wire.ts';

export interface Siege extends AsyncDisposable {
  readonly harness: Harness;
  /** Requests of attackers that have reached the origin, and the most of them at a time. */
  readonly seen: { total: number; atOnce: number };
  /** The origin's ends of connections. */
  readonly servers: readonly H2Peer[];
  /** A connection of an attacker: the preface and SETTINGS have been sent. */
  connect(settings?: Readonly<Record<number, number>>): Promise<FrameWire>;
  /** One on which these bytes have been sent. */
  begin(bytes: Buffer): Promise<FrameWire>;
  /**
   * Runs the attack and returns how many bytes of memory it has left behind while its connections
   * were still open. Fails unless another client got all answers that it asked for meanwhile.
   */
  endure(attack: () => Promise<void>): Promise<number>;
}

interface SiegeOptions {
  /** What the origin does with an attacker's request: nothing, unless this says otherwise. */
  readonly serve?: (peer: H2Peer, stream: PeerStream) => void;
  readonly origin?: Manners;
  readonly settings?: Partial<ProxySettings>;
}

export async function startSiege(options: SiegeOptions = {}): Promise<Siege> {
  const { serve, settings } = options;
  const seen = { total: 0, atOnce: 0 };
  const open = new Set<PeerStream>();
  const origin = await startH2Origin((peer, stream) => {
    if (isCanary(stream)) {
      peer.respond(stream, response(200), 'alive');
      peer.forget(stream);
      return;
    }
    for (const one of open) if (one.reset !== '' || peer.isOver) open.delete(one);
    open.add(stream);
    seen.total += 1;
    seen.atOnce = Math.max(seen.atOnce, open.size);
    serve?.(peer, stream);
  }, options.origin);
  const targets = { 'host:web': { endpoints: [{ port: origin.port }] } };
  const harness = await startHarness(targets, settings);
  const attackers: FrameWire[] = [];
  const begin = async (bytes: Buffer): Promise<FrameWire> => {
    const wire = new FrameWire(await dial(harness.outboundPort));
    wire.write(bytes);
    attackers.push(wire);
    return wire;
  };
  return {
    harness,
    seen,
    servers: origin.peers,
    begin,
    connect(announced = {}) {
      return begin(Buffer.concat([clientPreface, frame.settings(announced), frame.settingsAck()]));
    },
    async endure(attack) {
      const canary = await Canary.start(harness);
      try {
        const before = memoryInUse();
        await attack();
        const grown = memoryInUse() - before;
        await canary.stop();
        return grown;
      } finally {
        canary.destroy();
      }
    },
    async [Symbol.asyncDispose]() {
      for (const wire of attackers) wire.destroy();
      for (const peer of origin.peers) peer.destroy();
      await untilQuiet(harness);
      await harness.close();
      await origin.close();
    },
  };
}

/** Asks until it is stopped; every request has to be answered. */
class Canary {
  readonly #peer: H2Peer;
  readonly #asking: Promise<void>;
  #stopped = false;
  #answered = 0;

  private constructor(peer: H2Peer) {
    this.#peer = peer;
    this.#asking = this.#ask();
  }

  static async start({ outboundPort }: Harness): Promise<Canary> {
    return new Canary(await dialH2(outboundPort));
  }

  /** It has been asking since before the attack; what is under way and some more is answered. */
  async stop(): Promise<void> {
    const enough = this.#answered + answersMin;
    await this.#peer.until('answers', () => this.#answered >= enough || this.#peer.isOver);
    this.#stopped = true;
    await this.#asking;
    assert.ok(this.#answered >= enough, `${this.#answered} answers to others during the attack`);
  }

  destroy(): void {
    this.#stopped = true;
    this.#peer.destroy();
  }

  async #ask(): Promise<void> {
    while (!this.#stopped) {
      const stream = this.#peer.request(get(canaryPath));
      await this.#peer.ending(stream);
      if (this.#stopped) return;
      assert.deepEqual([stream.heads, stream.content], [[':status=200'], 'alive']);
      this.#peer.forget(stream);
      this.#answered += 1;
    }
  }
}

/** JavaScript's and that of buffers, after garbage has been collected. */
export function memoryInUse(): number {
  collectGarbage();
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Writes a round a turn, until the other side has ended the connection or all are over. */
export async function pour(
  wire: FrameWire,
  rounds: number,
  round: (at: number) => Buffer | readonly Buffer[],
): Promise<number> {
  let at = 0;
  for (; at < rounds && !wire.isOver; at++) {
    const bytes = round(at);
    wire.write(...(Buffer.isBuffer(bytes) ? [bytes] : bytes));
    if (wire.wire.socket.writableLength > unwrittenBytesMax) {
      await Promise.race([drained(wire), ended(wire)]);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  return at;
}

function drained({ wire }: FrameWire): Promise<void> {
  return new Promise((resolve) => {
    wire.socket.once('drain', () => resolve());
  });
}

function ended(wire: FrameWire): Promise<void> {
  return wire.wire.until('the end', () => wire.isOver);
}

function isCanary(stream: PeerStream): boolean {
  return stream.heads[0].includes(` :path=${canaryPath} `);
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
const canaryPath = '/canary';
const answersMin = 3;
const unwrittenBytesMax = 256 * 1024;
