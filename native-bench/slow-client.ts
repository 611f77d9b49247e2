/**
 * A process: one HTTP/2 connection on which some streams ask for a large body and give no window
 * for it, and others make small requests, a few at a time. Prints one line of JSON: how many there
 * were and how long they took.
 *
 * Arguments: port, streams without window, seconds.
 */

import { connect } from 'node:net';
import type { RunFound } from './bench.ts';

class SlowClient {
  readonly #socket = connect({ host: '127.0.0.1', port, noDelay: true });
  readonly #begun = new Map<number, bigint>();
  readonly #tookMicros: number[] = [];
  /** Answers to slow streams that have begun: all of them, before others are measured. */
  #slowAnswers = 0;
  #nextStream = 1;
  #rest: Buffer = Buffer.alloc(0);
  #errors = 0;

  constructor() {
    this.#socket.on('data', (bytes: Buffer) => this.#read(bytes));
    this.#socket.once('connect', () => this.#start());
    this.#socket.once('close', () => fail('the connection was closed'));
  }

  #start(): void {
    this.#socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    const noWindow = Buffer.of(0, Setting.INITIAL_WINDOW_SIZE, 0, 0, 0, 0);
    this.#socket.write(frame(FrameType.SETTINGS, 0, 0, noWindow));
    this.#socket.write(windowUpdate(0, connectionBytes));
    for (let count = 0; count < slowStreams; count++) this.#request(slowPath, 0);
    if (slowStreams === 0) this.#measure();
    else setTimeout(() => this.#giveUp(), answersMs);
  }

  #measure(): void {
    for (let count = 0; count < fastAtOnce; count++) this.#request(fastPath, windowBytes);
    setTimeout(() => this.#report(), seconds * 1000);
  }

  /** GET without a table: literals that nobody indexes (RFC 7541 6.2.2). */
  #request(path: string, window: number): void {
    const id = this.#nextStream;
    this.#nextStream += 2;
    this.#begun.set(id, process.hrtime.bigint());
    const block = [
      Buffer.of(getIndex, httpIndex, authorityIndex, authority.length),
      Buffer.from(authority),
      Buffer.of(pathIndex, path.length),
      Buffer.from(path),
    ];
    const flags = Flag.END_HEADERS | Flag.END_STREAM;
    const parts = [frame(FrameType.HEADERS, flags, id, Buffer.concat(block))];
    if (window > 0) parts.push(windowUpdate(id, window));
    this.#socket.write(Buffer.concat(parts));
  }

  /** Whole frames; they are small, because nobody may send more than the windows above. */
  #read(bytes: Buffer): void {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    let at = 0;
    while (all.length - at >= headBytes) {
      const end = at + headBytes + all.readUIntBE(at, 3);
      if (end > all.length) break;
      this.#frame(all[at + 3], all[at + 4], all.readUInt32BE(at + 5), end - at - headBytes);
      at = end;
    }
    this.#rest = all.subarray(at);
  }

  #frame(type: number, flags: number, id: number, length: number): void {
    const isSlow = id <= lastSlowStream;
    if (type === FrameType.SETTINGS && (flags & Flag.ACK) === 0) {
      this.#socket.write(frame(FrameType.SETTINGS, Flag.ACK, 0, Buffer.alloc(0)));
    } else if (type === FrameType.HEADERS && isSlow) {
      this.#slowAnswers += 1;
      if (this.#slowAnswers === slowStreams) this.#measure();
    } else if (type === FrameType.RST_STREAM || type === FrameType.GOAWAY) {
      this.#errors += 1;
    } else if (type === FrameType.DATA) {
      if (isSlow && length > 0) this.#errors += 1;
      else if ((flags & Flag.END_STREAM) !== 0) this.#answered(id);
    }
  }

  #answered(id: number): void {
    const begun = this.#begun.get(id);
    if (begun === undefined) return;
    this.#begun.delete(id);
    this.#tookMicros.push(Number(process.hrtime.bigint() - begun) / 1000);
    this.#request(fastPath, windowBytes);
  }

  #giveUp(): void {
    if (this.#slowAnswers >= slowStreams) return;
    fail(`only ${this.#slowAnswers} of ${slowStreams} slow streams were answered`);
  }

  #report(): void {
    const sorted = this.#tookMicros.toSorted((a, b) => a - b);
    if (sorted.length === 0) fail(`no request was answered beside ${slowStreams} slow streams`);
    const found: RunFound = {
      requests: sorted.length,
      p50Micros: sorted[sorted.length >> 1],
      p99Micros: sorted[Math.floor(sorted.length * 0.99)],
      errors: this.#errors,
    };
    process.stdout.write(`${JSON.stringify(found)}\n`, () => process.exit(0));
  }
}

function frame(type: number, flags: number, id: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, payload]);
}

function windowUpdate(id: number, increment: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(increment, 0);
  return frame(FrameType.WINDOW_UPDATE, 0, id, payload);
}

function fail(reason: string): never {
  process.stderr.write(`${reason}\n`);
  process.exit(1);
}

/** RFC 9113 6 and 6.5.2. */
const FrameType = {
  DATA: 0,
  HEADERS: 1,
  RST_STREAM: 3,
  SETTINGS: 4,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
} as const;
const Flag = { ACK: 1, END_STREAM: 1, END_HEADERS: 4 } as const;
const Setting = { INITIAL_WINDOW_SIZE: 4 } as const;
const headBytes = 9;

const [port, slowStreams, seconds] = process.argv.slice(2).map(Number);
const lastSlowStream = slowStreams * 2 - 1;
const slowPath = '/1m';
const fastPath = '/small';
const authority = 'web';
const answersMs = 5_000;
const fastAtOnce = 4;
const windowBytes = 65_535;
const connectionBytes = 2 ** 30;
/** Entries of the static table: whole ones, and names of literals. */
const [getIndex, httpIndex, authorityIndex, pathIndex] = [0x82, 0x86, 0x01, 0x04];

new SlowClient();
