/**
 * Bodies go through the proxy in bounded memory, at the speed of their slower side: a proxy in a
 * process of its own carries bodies far larger than its memory may grow, and stalled ones, while
 * its resident memory is read. What arrives is compared byte by byte.
 */

import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import {
  Agent,
  type ClientRequest,
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { after, before, test } from 'node:test';

const mib = 1024 * 1024;
const movedBytesMax = 20 * mib;
/** What the kernel may hold for the two connections, and some for both processes. */
const acceptedBytesMax = 2 * (kernelBytesMax('tcp_rmem') + kernelBytesMax('tcp_wmem')) + 4 * mib;

let origin: Server;
let proxy: ChildProcess;
let proxyPort = 0;
let onRequest: (from: IncomingMessage, to: ServerResponse) => unknown = () => {};
const limit = { timeout: 20_000 };
const agent = new Agent({ keepAlive: true });

before(async () => {
  origin = createServer((from, to) => {
    if (from.url === '/small') to.end('small');
    else onRequest(from, to);
  });
  origin.listen(0, '127.0.0.1');
  await once(origin, 'listening');
  const { port } = origin.address() as AddressInfo;
  const entry = join(import.meta.dirname, '../support/harness-process.ts');
  proxy = fork(entry, [String(port)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  [proxyPort] = (await once(proxy, 'message')) as [number];
});

after(async () => {
  agent.destroy();
  const ended = once(proxy, 'exit');
  proxy.disconnect();
  await ended;
  origin.closeAllConnections();
  origin.close();
});

test('a download of 1 GiB moves the resident memory by less than 20 MB', limit, async () => {
  await download(64 * mib, () => {});
  const memory = new Memory();
  await download(1024 * mib, () => memory.sample());
  memory.check();
});

test(
  'a chunked upload of 384 MiB moves the resident memory by less than 20 MB',
  limit,
  async () => {
    await upload(64 * mib, () => {});
    const memory = new Memory();
    await upload(384 * mib, () => memory.sample());
    memory.check();
  },
);

test('a client that reads nothing of a response pauses the endpoint', limit, async () => {
  const size = acceptedBytesMax + 64 * mib;
  const memory = new Memory();
  const sending = new Sending(size);
  onRequest = (_from, to) => {
    to.writeHead(200, { 'content-length': size });
    sending.start(to);
  };
  const asked = send('GET');
  asked.end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  response.pause();
  await sending.checkPaused();
  memory.sample();
  assert.equal(await receive(response, () => memory.sample()), size);
  memory.check();
});

test('an endpoint that reads nothing of a request pauses the client', limit, async () => {
  const size = acceptedBytesMax + 64 * mib;
  const memory = new Memory();
  const { promise: reached, resolve } = Promise.withResolvers<[IncomingMessage, ServerResponse]>();
  onRequest = (from, to) => resolve([from, to]);
  const asked = send('POST', { 'content-length': size });
  const answered = once(asked, 'response') as Promise<[IncomingMessage]>;
  const sending = new Sending(size);
  sending.start(asked);
  const [from, to] = await reached;
  await sending.checkPaused();
  memory.sample();
  assert.equal(await receive(from, () => memory.sample()), size);
  to.end();
  (await answered)[0].resume();
  memory.check();
});

test('a slow sender: each byte arrives before the next is sent, both ways', limit, async () => {
  const { promise: reached, resolve } = Promise.withResolvers<[IncomingMessage, ServerResponse]>();
  onRequest = (from, to) => resolve([from, to]);
  const asked = send('POST');
  asked.write('a');
  const [from, to] = await reached;
  for (let index = 0; index < 50; index++) {
    const [bytes] = (await once(from, 'data')) as [Buffer];
    assert.equal(bytes.toString(), 'a');
    if (index < 49) asked.write('a');
  }
  asked.end();
  await once(from, 'end');
  to.write('b');
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  for (let index = 0; index < 50; index++) {
    const [bytes] = (await once(response, 'data')) as [Buffer];
    assert.equal(bytes.toString(), 'b');
    if (index < 49) to.write('b');
  }
  to.end();
  await once(response, 'end');
});

/** The resident memory of the proxy, from a first sample on. */
class Memory {
  readonly #samples: number[] = [residentBytes()];

  sample(): void {
    this.#samples.push(residentBytes());
  }

  check(): void {
    const moved = Math.max(...this.#samples) - Math.min(...this.#samples);
    assert.ok(this.#samples.length > 2, 'sampled while bytes went through');
    assert.ok(moved < movedBytesMax, `moved by ${(moved / mib).toFixed(1)} MiB`);
  }
}

/** Sends a body of `size` bytes as fast as it is taken. */
class Sending {
  /** Bytes handed over; of those, at most one block has not been taken by the kernel. */
  sent = 0;
  readonly #size: number;
  #to: Writable | null = null;

  constructor(size: number) {
    this.#size = size;
  }

  start(to: Writable): void {
    this.#to = to;
    to.on('drain', () => this.#sendOn(to));
    this.#sendOn(to);
  }

  /** Small requests go through until the body moves no further: then it is paused, not slow. */
  async checkPaused(): Promise<void> {
    for (let before = -1; before !== this.sent; ) {
      before = this.sent;
      for (let round = 0; round < 50; round++) await askSmall();
    }
    assert.ok(this.#to?.writableNeedDrain, 'the sender waits');
    assert.ok(this.sent > 0 && this.sent < acceptedBytesMax, `${this.sent} bytes taken`);
  }

  #sendOn(to: Writable): void {
    for (let goesOn = true; goesOn && this.sent < this.#size; ) {
      const part = block.subarray(0, this.#size - this.sent);
      this.sent += part.length;
      goesOn = to.write(part);
    }
    if (this.sent === this.#size) to.end();
  }
}

async function download(size: number, onPart: () => void): Promise<void> {
  onRequest = (_from, to) => {
    to.writeHead(200, { 'content-length': size });
    new Sending(size).start(to);
  };
  const asked = send('GET');
  asked.end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  assert.equal(response.headers['content-length'], String(size));
  assert.equal(await receive(response, onPart), size);
}

async function upload(size: number, onPart: () => void): Promise<void> {
  let received = 0;
  onRequest = async (from, to) => {
    assert.equal(from.headers['transfer-encoding'], 'chunked');
    received = await receive(from, onPart);
    to.end();
  };
  const asked = send('POST');
  const answered = once(asked, 'response') as Promise<[IncomingMessage]>;
  new Sending(size).start(asked);
  const [response] = await answered;
  response.resume();
  await once(response, 'end');
  assert.equal(received, size);
}

/** Reads to the end and compares; `onPart` is called every 32 MiB. */
async function receive(from: Readable, onPart: () => void): Promise<number> {
  let received = 0;
  let nextPart = partBytes;
  from.on('data', (bytes: Buffer) => {
    const at = received % block.length;
    assert.ok(bytes.equals(twoBlocks.subarray(at, at + bytes.length)), `wrong after ${received}`);
    received += bytes.length;
    if (received < nextPart) return;
    nextPart += partBytes;
    onPart();
  });
  from.resume();
  await once(from, 'end');
  return received;
}

function send(method: string, headers: Record<string, number> = {}): ClientRequest {
  const fields = { host: 'web', ...headers };
  return request({ host: '127.0.0.1', port: proxyPort, method, agent, headers: fields });
}

async function askSmall(): Promise<void> {
  const path = '/small';
  const headers = { host: 'web' };
  const asked = request({ host: '127.0.0.1', port: proxyPort, path, agent, headers }).end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  response.resume();
  await once(response, 'end');
}

function residentBytes(): number {
  const [, kib] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${proxy.pid}/status`, 'utf8')) ?? [];
  return Number(kib) * 1024;
}

/** The largest buffer of a connection that the system allows. */
function kernelBytesMax(name: string): number {
  return Number(readFileSync(`/proc/sys/net/ipv4/${name}`, 'utf8').split('\t')[2]);
}

const partBytes = 32 * mib;
/** Of a length that no read has: one that is lost and one that comes twice would show. */
const blockWords = 65_537;
const block = Buffer.from(
  Uint32Array.from({ length: blockWords }, (_, at) => at * 2_654_435_761).buffer,
);
const twoBlocks = Buffer.concat([block, block]);
