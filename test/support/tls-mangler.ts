/**
 * A relay between two ends of TLS 1.3 that changes what goes to one of them: the stream as it is,
 * or, by the keys of the handshake, the messages inside of its records, which are sealed again. So
 * the end that is attacked sees a peer that holds the keys and breaks the rules.
 */

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Random } from '../../core/base/random.ts';
import { record, recordType } from './tls-hello.ts';
import { Traffic } from './tls13-client.ts';

/** `none` and `cut` keep what is said, and say it in other pieces. */
const manners = ['none', 'cut', 'raw', 'inner', 'inject', 'truncate'] as const;

interface Plan {
  readonly manner: (typeof manners)[number];
  readonly random: Random;
  /** Every so many records are changed. */
  readonly every: number;
}

export function drawPlan(random: Random): Plan {
  const manner = manners[random.uint32() % manners.length];
  return { manner, random, every: 1 + (random.uint32() % 3) };
}

/** One attack: what went to the end that is attacked. */
export interface Attack {
  readonly plan: Plan;
  readonly sent: Buffer[];
  changed: boolean;
}

export class TlsMangler {
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  /** By label and the client's random, as key logs have them. */
  readonly #secrets = new Map<string, Buffer>();
  /** In the order in which connections are made. */
  readonly #plans: Attack[] = [];

  private constructor(target: () => number, attacked: 'server' | 'client') {
    this.#server = createServer({ noDelay: true }, (near) => {
      const attack = this.#plans.shift();
      // Somebody of another process, who has found the port by chance.
      if (attack === undefined) {
        near.destroy();
        return;
      }
      const far = connect({ port: target(), host: '127.0.0.1', noDelay: true });
      const stream = new Mangled(attack, attacked, (label) => this.#secrets.get(label));
      this.#join(near, far, attacked === 'server' ? stream : null, stream);
      this.#join(far, near, attacked === 'client' ? stream : null, stream);
    });
  }

  static async start(target: () => number, attacked: 'server' | 'client'): Promise<TlsMangler> {
    const mangler = new TlsMangler(target, attacked);
    mangler.#server.listen(0, '127.0.0.1');
    await once(mangler.#server, 'listening');
    return mangler;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** For the connection that is made next. */
  expect(plan: Plan): Attack {
    const attack = { plan, sent: [], changed: false };
    this.#plans.push(attack);
    return attack;
  }

  /** A line of a key log. */
  learn(line: Buffer): void {
    const [label, random, secret] = line.toString('latin1').trim().split(' ');
    this.#secrets.set(`${label} ${random}`, Buffer.from(secret, 'hex'));
  }

  async close(): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(from: Socket, to: Socket, mangled: Mangled | null, watcher: Mangled): void {
    this.#open.add(from);
    from.on('data', (bytes: Buffer) => {
      watcher.see(bytes, mangled !== null);
      if (mangled === null) to.write(bytes);
      else for (const piece of mangled.pass(bytes)) to.write(piece);
      if (mangled?.isOver === true) to.end();
    });
    from.on('end', () => to.end());
    from.on('error', () => to.destroy());
    from.on('close', () => {
      this.#open.delete(from);
      to.destroySoon();
    });
  }
}

/** The direction that is changed. */
class Mangled {
  isOver = false;
  readonly #attack: Attack;
  readonly #label: string;
  readonly #secretOf: (label: string) => Buffer | undefined;
  readonly #isClients: boolean;
  #clientRandom = '';
  #held = Buffer.alloc(0);
  #records = 0;
  #reader: Traffic | null = null;
  #writer: Traffic | null = null;

  constructor(
    attack: Attack,
    attacked: 'server' | 'client',
    secretOf: (label: string) => Buffer | undefined,
  ) {
    this.#attack = attack;
    this.#isClients = attacked === 'server';
    this.#label = this.#isClients ? 'CLIENT' : 'SERVER';
    this.#secretOf = secretOf;
  }

  /** The random of the hello is where it always is, in the first bytes of the client. */
  see(bytes: Buffer, isChanged: boolean): void {
    if (this.#clientRandom !== '' || isChanged !== this.#isClients) return;
    this.#clientRandom = bytes.toString('hex', 11, 43);
  }

  /** What goes on in place of `bytes`, in whole records. */
  pass(bytes: Buffer): Buffer[] {
    this.#held = Buffer.concat([this.#held, bytes]);
    const pieces: Buffer[] = [];
    while (!this.isOver && this.#held.length >= 5) {
      const end = 5 + this.#held.readUInt16BE(3);
      if (this.#held.length < end) break;
      pieces.push(...this.#passRecord(this.#held.subarray(0, end)));
      this.#held = this.#held.subarray(end);
    }
    this.#attack.sent.push(...pieces);
    return pieces;
  }

  #passRecord(whole: Buffer): Buffer[] {
    const { plan } = this.#attack;
    const { random } = plan;
    const messages = this.#open(whole);
    const isTurn = this.#records % plan.every === 0;
    this.#records += 1;
    if (plan.manner === 'raw' && isTurn) return [this.#change(whole, 5)];
    if (plan.manner === 'inject' && isTurn) {
      this.#attack.changed = true;
      return random.uint32() % 2 === 0 ? [drawRecord(random), whole] : [whole, whole];
    }
    if (plan.manner === 'truncate' && isTurn && random.uint32() % 2 === 0) {
      this.#attack.changed = true;
      this.isOver = true;
      return [whole.subarray(0, random.uint32() % whole.length)];
    }
    if (messages === null) return plan.manner === 'cut' ? cut(whole, random) : [whole];
    if (plan.manner === 'inner' && isTurn) return this.#seal([this.#change(messages, 0)]);
    return this.#seal(plan.manner === 'cut' ? cut(messages, random) : [messages]);
  }

  #change(bytes: Buffer, from: number): Buffer {
    const changed = mutateBytes(bytes, from, this.#attack.plan.random);
    if (!changed.equals(bytes)) this.#attack.changed = true;
    return changed;
  }

  /** The messages of the handshake in a record; null for all others. */
  #open(whole: Buffer): Buffer | null {
    if (whole[0] !== recordType.data) return null;
    const name = `${this.#label}_HANDSHAKE_TRAFFIC_SECRET ${this.#clientRandom}`;
    const secret = this.#secretOf(name);
    if (secret === undefined) return null;
    this.#reader ??= new Traffic(secret);
    this.#writer ??= new Traffic(secret);
    try {
      const { type, body } = this.#reader.open(whole.subarray(5));
      return type === recordType.handshake ? body : null;
    } catch {
      // It has other keys: the handshake is done.
      return null;
    }
  }

  #seal(parts: readonly Buffer[]): Buffer[] {
    const writer = this.#writer as Traffic;
    return parts.map((part) => writer.seal(recordType.handshake, part.subarray(0, 16_384)));
  }
}

/** The same bytes in up to four pieces, none of which is empty. */
function cut(bytes: Buffer, random: Random): Buffer[] {
  const pieces: Buffer[] = [];
  let rest = bytes;
  for (let left = random.uint32() % 4; left > 0 && rest.length > 1; left--) {
    const at = 1 + (random.uint32() % (rest.length - 1));
    pieces.push(rest.subarray(0, at));
    rest = rest.subarray(at);
  }
  return [...pieces, rest];
}

/** One to four changes behind `from`, lengths and types among them. */
function mutateBytes(bytes: Buffer, from: number, random: Random): Buffer {
  let changed = Buffer.from(bytes);
  for (let left = 1 + (random.uint32() % 4); left > 0; left--) {
    const at = from + (random.uint32() % Math.max(1, changed.length - from));
    const end = Math.min(changed.length, at + 1 + (random.uint32() % 16));
    const head = changed.subarray(0, at);
    switch (random.uint32() % 6) {
      case 0:
        if (at < changed.length) changed[at] = random.uint32() & 255;
        break;
      case 1:
        if (at < changed.length) changed[at] ^= 1 << (random.uint32() % 8);
        break;
      case 2:
        changed = Buffer.concat([head, changed.subarray(end)]);
        break;
      case 3:
        changed = Buffer.concat([changed.subarray(0, end), changed.subarray(at)]);
        break;
      case 4:
        if (at + 2 <= changed.length) {
          changed.writeUInt16BE(lengths[random.uint32() % lengths.length], at);
        }
        break;
      default:
        changed = Buffer.concat([head, Buffer.alloc(1 + (random.uint32() % 300), at & 255)]);
    }
  }
  return changed;
}

const lengths = [0, 1, 0xff, 0x100, 0x3fff, 0x4000, 0x4001, 0x7fff, 0xffff];

/** One that has no place there, mostly. */
function drawRecord(random: Random): Buffer {
  const types = [...Object.values(recordType), 24, 0, 255];
  const body = Buffer.alloc(random.uint32() % 40, random.uint32() & 255);
  return record(types[random.uint32() % types.length], body);
}
