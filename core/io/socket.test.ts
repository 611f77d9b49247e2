/**
 * Goal: whatever is written arrives once, in order and whole, however slow the reader is, and ends
 * as it was asked to. Method: one end of a real connection is a `Socket`, the other one Node's.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  type AddressInfo,
  createServer,
  connect as netConnect,
  type Socket as Peer,
} from 'node:net';
import { after, before, test } from 'node:test';
import { untilTurn } from '../../test/support/turns.ts';
import { systemClock } from '../base/clock.ts';
import { bulkReadBytes, readBytes } from '../base/limits.ts';
import { Io, outputBytes } from './io.ts';
import type { Socket } from './socket.ts';
import type { SocketOwner } from './socket-owner.ts';

const cells = new Float64Array(2);
const io = new Io(systemClock, cells);
const server = createServer({ pauseOnConnect: true, allowHalfOpen: true });

before(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

after(() => {
  io.close();
  server.close();
});

/** Keeps what happens, and calls `act` with each piece of bytes. */
class Recorder implements SocketOwner {
  readonly events: string[] = [];
  readonly sizes: number[] = [];
  act: (bytes: Buffer, length: number) => void = () => {};
  #wake: () => void = () => {};

  async until(...events: string[]): Promise<void> {
    while (!events.some((event) => this.events.includes(event))) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  onBytes(bytes: Buffer, length: number): void {
    this.sizes.push(length);
    this.act(bytes, length);
    this.#record('bytes');
  }

  onEnd(): void {
    this.#record('end');
  }

  onCongested(): void {
    this.#record('congested');
  }

  onDrain(): void {
    this.#record('drain');
  }

  onClose(code: string): void {
    this.#record(code);
  }

  #record(event: string): void {
    this.events.push(event);
    this.#wake();
  }
}

interface Pair {
  readonly socket: Socket;
  readonly owner: Recorder;
  readonly peer: Peer;
}

async function open(): Promise<Pair> {
  const { port } = server.address() as AddressInfo;
  const accepted = once(server, 'connection') as Promise<[Peer]>;
  const peer = netConnect({ port, host: '127.0.0.1', allowHalfOpen: true });
  peer.on('error', () => {});
  peer.pause();
  const owner = new Recorder();
  const socket = io.adopt((await accepted)[0], owner, { readCell: 0, writeCell: 1 });
  return { socket, owner, peer };
}

async function readToEnd(peer: Peer): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of peer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Bytes whose every word is its own offset, so that a piece in the wrong place shows. */
function counted(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at + 4 <= size; at += 4) bytes.writeUInt32LE(at, at);
  return bytes;
}

/** Fills the kernel's buffers; returns what was written. */
function congest(socket: Socket): Buffer[] {
  const written: Buffer[] = [];
  while (!socket.congested) {
    const block = counted(60_000);
    io.enter();
    socket.write(block, 0, block.length);
    io.leave();
    written.push(block);
  }
  return written;
}

test('what is written during an event goes out together at its end', async () => {
  const { socket, peer } = await open();
  const writtenBefore = cells[1];
  io.enter();
  socket.writeLatin1('one ');
  socket.write(Buffer.from('-two-'), 1, 4);
  const out = socket.reserve(6);
  socket.commit(socket.outLength + out.write(' three', socket.outLength, 'latin1'));
  assert.equal(socket.waitingBytes, 13);
  io.leave();
  assert.equal(socket.waitingBytes, 0);
  assert.equal(cells[1] - writtenBefore, 13);
  socket.end();
  assert.equal((await readToEnd(peer)).toString(), 'one two three');
  socket.destroy();
});

test('what is written outside of an event goes out too', async () => {
  const { socket, peer } = await open();
  socket.writeLatin1('alone');
  peer.resume();
  const [bytes] = (await once(peer, 'data')) as [Buffer];
  assert.equal(bytes.toString(), 'alone');
  socket.destroy();
});

test('a backlog of any make-up arrives whole and in order', async () => {
  for (const ending of ['end', 'destroyWhenWritten'] as const) {
    const { socket, owner, peer } = await open();
    const written = congest(socket);
    assert.deepEqual(owner.events, ['congested']);
    io.enter();
    for (const size of [1, outputBytes, 3, 5 * outputBytes + 7, 11, 40_000, 40_000]) {
      const block = counted(size);
      socket.write(block, 0, size);
      written.push(block);
      const text = 'x'.repeat(outputBytes / 2);
      socket.writeLatin1(text);
      written.push(Buffer.from(text));
    }
    io.leave();
    socket[ending]();
    const received = await readToEnd(peer);
    assert.equal(Buffer.compare(received, Buffer.concat(written)), 0, ending);
    assert.equal(owner.events.includes('drain'), false);
    peer.destroy();
    socket.destroy();
  }
});

test('the owner hears of congestion once and of its end when all is written', async () => {
  const { socket, owner, peer } = await open();
  congest(socket);
  socket.writeLatin1('more');
  assert.ok(socket.waitingBytes > 0);
  peer.resume();
  await owner.until('drain');
  assert.deepEqual(owner.events, ['congested', 'drain']);
  assert.equal(socket.waitingBytes, 0);
  socket.destroy();
});

test('reading stops and goes on, and ends with the last byte', async () => {
  const { socket, owner, peer } = await open();
  const readBefore = cells[0];
  peer.end('last');
  assert.equal(socket.reading, false);
  socket.resume();
  await owner.until('end');
  assert.deepEqual(owner.events, ['bytes', 'end']);
  assert.equal(cells[0] - readBefore, 4);
  assert.equal(socket.readEnded, true);
  socket.resume();
  assert.equal(socket.reading, false);
  io.enter();
  socket.writeLatin1('still open');
  io.leave();
  socket.end();
  assert.equal((await readToEnd(peer)).toString(), 'still open');
  socket.destroy();
});

test('a reset goes both ways, and nothing is heard after destroy', async () => {
  const { socket, peer } = await open();
  const failed = once(peer, 'error') as Promise<[NodeJS.ErrnoException]>;
  socket.reset();
  peer.resume();
  assert.equal((await failed)[0].code, 'ECONNRESET');
  const other = await open();
  other.socket.resume();
  other.peer.resetAndDestroy();
  await other.owner.until('ECONNRESET');
  assert.equal(other.socket.destroyed, true);
  const third = await open();
  third.socket.resume();
  third.socket.destroy();
  third.peer.resume();
  await once(third.peer, 'end');
  assert.deepEqual(third.owner.events, []);
});

test('a reset while the last byte is being sent closes all the same', async () => {
  const { socket, peer } = await open();
  io.enter();
  socket.writeLatin1('last');
  socket.end();
  socket.reset();
  io.leave();
  const came = once(peer, 'data') as Promise<[Buffer]>;
  peer.resume();
  assert.equal((await came)[0].toString(), 'last');
  await once(peer, 'end');
  const failed = once(peer, 'error') as Promise<[NodeJS.ErrnoException]>;
  // A descriptor that is still open would take bytes that nobody reads.
  const writing = setInterval(() => peer.write('x'), 1);
  const [error] = await failed;
  clearInterval(writing);
  assert.match(error.code ?? '', /ECONNRESET|EPIPE/);
});

test('what the events of a turn write to a connection that gathers goes out at once', async () => {
  const [gathering, plain] = [await open(), await open()];
  gathering.socket.gathers = true;
  for (const text of ['one ', 'two ', 'three']) {
    io.enter();
    gathering.socket.writeLatin1(text);
    plain.socket.writeLatin1(text);
    io.leave();
  }
  assert.deepEqual([gathering.socket.flushes, plain.socket.flushes], [0, 3]);
  await untilTurn('the end of the turn', () => gathering.socket.flushes === 1);
  for (const { socket, peer } of [gathering, plain]) {
    socket.end();
    assert.equal((await readToEnd(peer)).toString(), 'one two three');
    socket.destroy();
  }
});

test('a connection that gathers and ends in the same turn has sent everything', async () => {
  const { socket, peer } = await open();
  socket.gathers = true;
  io.enter();
  socket.writeLatin1('last');
  socket.destroyWhenWritten();
  io.leave();
  assert.equal((await readToEnd(peer)).toString(), 'last');
});

test('a write to a connection that is gone is told in an event of its own', async () => {
  const { socket, owner, peer } = await open();
  peer.resetAndDestroy();
  await once(peer, 'close');
  await new Promise((resolve) => setImmediate(resolve));
  io.enter();
  socket.writeLatin1('x');
  io.leave();
  assert.deepEqual(owner.events, []);
  await owner.until('ECONNRESET', 'EPIPE');
  assert.equal(socket.destroyed, true);
});

test('a fast sender gets a buffer of its own, a slow one gives it back', async () => {
  const { socket, owner, peer } = await open();
  const total = 8 * 1024 * 1024;
  let left = total;
  owner.act = (_bytes, length) => {
    left -= length;
    if (left === 0) owner.onDrain();
  };
  peer.write(counted(total));
  socket.resume();
  await owner.until('drain');
  assert.ok(Math.max(...owner.sizes) > readBytes, 'reads grew');
  assert.ok(Math.max(...owner.sizes) <= bulkReadBytes);
  for (let round = 0; round < 9; round++) {
    left = 1;
    owner.events.length = 0;
    peer.write('x');
    await owner.until('drain');
  }
  owner.sizes.length = 0;
  left = readBytes;
  owner.events.length = 0;
  peer.write(counted(readBytes));
  await owner.until('drain');
  assert.ok(Math.max(...owner.sizes) <= readBytes);
  socket.destroy();
  peer.destroy();
});

test('bytes that a write still holds are not overwritten when reading goes on', async () => {
  const source = await open();
  const sink = await open();
  const total = 24 * 1024 * 1024;
  const sent = counted(total);
  let left = total;
  // Deaf to congestion on purpose: whoever reads on may do so.
  source.owner.act = (bytes, length) => {
    sink.socket.write(bytes, 0, length);
    left -= length;
    if (left === 0) sink.socket.end();
  };
  source.peer.end(sent);
  source.socket.resume();
  await source.owner.until('end');
  assert.ok(sink.socket.waitingBytes > 0, 'the reader was slower');
  assert.equal(Buffer.compare(await readToEnd(sink.peer), sent), 0);
  source.socket.destroy();
  sink.socket.destroy();
});
