/**
 * Goal: bytes that are not parsed pass unchanged in both directions, whatever either side does with
 * its half of the connection. Method: a bind port whose service is declared opaque, raw sockets at
 * both ends, exact bytes and the byte counts of the metrics.
 */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { connect, type Socket as NetSocket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { type Harness, startHarness } from '../support/proxy-harness.ts';
import { dial, type Origin, startOrigin, type Wire } from '../support/wire.ts';

let origin: Origin;
let harness: Harness;

before(async () => {
  origin = await startOrigin();
  harness = await startHarness({
    'bind:bound:1': { protocol: 'opaque', endpoints: [{ port: origin.port }] },
  });
});

after(async () => {
  await harness.close();
  await origin.close();
});

async function open(): Promise<{ client: Wire; server: Wire }> {
  const client = await dial(harness.bindPort);
  return { client, server: await origin.accept() };
}

describe('a tunnel', () => {
  test('carries HTTP untouched when the service is declared opaque', async () => {
    const { client, server } = await open();
    const request = 'GET http://x/ HTTP/1.1\nConnection: close\n\n';
    client.write(request);
    assert.equal(await server.readBytes(request.length), request);
    client.destroy();
    await server.until('the end', () => server.ended);
    server.destroy();
  });

  test('goes on in one direction after the other has ended, both ways round', async () => {
    for (const clientFirst of [true, false]) {
      const { client, server } = await open();
      const [first, second] = clientFirst ? [client, server] : [server, client];
      first.write('last words');
      first.end();
      assert.equal(await second.readAll(), 'last words');
      for (const text of ['still ', 'here']) {
        second.write(text);
        assert.equal(await first.readBytes(text.length), text);
      }
      assert.equal(first.ended, false);
      second.end();
      await first.until('the end', () => first.ended);
      await Promise.all([first, second].map((wire) => wire.until('the close', () => wire.closed)));
    }
  });

  test('passes a reset on, both ways round', async () => {
    for (const clientFirst of [true, false]) {
      const { client, server } = await open();
      client.write('x');
      await server.readBytes(1);
      const [first, second] = clientFirst ? [client, server] : [server, client];
      const failed = errorOf(second.socket);
      first.socket.resetAndDestroy();
      assert.equal(await failed, 'ECONNRESET');
    }
  });

  test('counts the bytes of both sides', async () => {
    const counts = () =>
      ['src', 'dst'].flatMap((peer) => [
        harness.metric('tcp_read_bytes_total', { peer }),
        harness.metric('tcp_write_bytes_total', { peer }),
      ]);
    const before = counts();
    const { client, server } = await open();
    client.write('four');
    await server.readBytes(4);
    server.write('eleven more');
    await client.readBytes(11);
    assert.deepEqual(
      counts().map((count, index) => count - before[index]),
      [4, 11, 11, 4],
    );
    client.destroy();
    await server.until('the end', () => server.ended);
    server.destroy();
  });

  test('stops reading from a sender whose receiver stalls, and goes on when it reads', async () => {
    const { client, server } = await open();
    client.write('x');
    await server.readBytes(1);
    server.socket.pause();
    const hash = createHash('sha256');
    const block = randomBlock();
    let sent = 0;
    // As long as somebody takes it; the kernel's buffers end it, not the proxy's memory.
    while (client.socket.write(block) || (await drained(client.socket))) {
      hash.update(block);
      sent += block.length;
      assert.ok(sent < 64 * 1024 * 1024, 'the sender was never stopped');
    }
    hash.update(block);
    sent += block.length;
    const received = digest(server.socket);
    server.socket.resume();
    client.end();
    assert.deepEqual(await received, { bytes: sent, hash: hash.digest('hex') });
    server.end();
    await client.until('the close', () => client.closed);
  });
});

describe('bulk transfers', () => {
  test('200 MB arrive as they were sent, to slow and to fast readers', async () => {
    const blocks = 400;
    const tunnels = [await open(), await open(), await open(), await open()];
    await Promise.all(
      tunnels.map(async ({ client, server }, index) => {
        const [sender, receiver] = index % 2 === 0 ? [client, server] : [server, client];
        const received = digest(receiver.socket, index < 2 ? 64 : 0);
        const sent = await sendBlocks(sender.socket, blocks);
        sender.end();
        assert.deepEqual(await received, sent);
        receiver.destroy();
        sender.destroy();
      }),
    );
  });

  test('a tunnel that ends while a write is under way leaves the others whole', async () => {
    const steady = await open();
    steady.client.write('x');
    await steady.server.readBytes(1);
    const received = digest(steady.server.socket, 64);
    const sent = sendBlocks(steady.client.socket, 200);
    for (let round = 0; round < 8; round++) {
      const { client, server } = await open();
      client.write('x');
      await server.readBytes(1);
      server.socket.pause();
      while (client.socket.write(randomBlock()) || (await drained(client.socket)));
      if (round % 2 === 0) server.socket.resetAndDestroy();
      else client.socket.resetAndDestroy();
      server.destroy();
      client.destroy();
    }
    const whole = await sent;
    steady.client.end();
    assert.deepEqual(await received, whole);
    steady.server.destroy();
  });
});

describe('endpoints', () => {
  test('one that refuses is passed over; without another the client is reset', async (t) => {
    const gone = await startOrigin();
    const port = gone.port;
    await gone.close();
    const own = await startHarness({
      'bind:bound:1': { protocol: 'opaque', endpoints: [{ port }, { port: origin.port }] },
    });
    t.after(() => own.close());
    for (let round = 0; round < 4; round++) {
      const client = await dial(own.bindPort);
      client.write('hello');
      const server = await origin.accept();
      assert.equal(await server.readBytes(5), 'hello');
      client.destroy();
      await server.until('the end', () => server.ended);
      server.destroy();
    }
    for (const state of ['ready', 'absent'] as const) {
      const endpoints = state === 'ready' ? [{ port }] : [];
      own.setTarget('bind:bound:1', { state, protocol: 'opaque', endpoints });
      const client = connect(own.bindPort, '127.0.0.1');
      assert.equal(await errorOf(client), 'ECONNRESET', state);
    }
    assert.equal(own.metric('outbound_tcp_errors_total'), 2);
  });
});

test('a loop is closed and counted, by a bind port and inside CONNECT', async (t) => {
  const own = await startHarness({});
  t.after(() => own.close());
  const endpoints = [{ port: own.outboundPort }, { port: own.bindPort }, { port: own.inboundPort }];
  own.setTarget('bind:bound:1', { endpoints });
  own.setTarget('host:loop:1', { endpoints });
  for (const port of [own.bindPort, own.outboundPort]) {
    const client = await dial(port);
    if (port === own.outboundPort) {
      client.write('CONNECT loop:1 HTTP/1.1\r\nHost: loop:1\r\n\r\n');
      await client.read('\r\n\r\n');
    }
    const closed = errorOf(client.socket);
    client.write('\x00');
    assert.equal(await closed, 'ECONNRESET');
  }
  assert.equal(own.metric('outbound_tcp_errors_total', { error: 'unexpected' }), 2);
  assert.ok(own.logs.some((log) => JSON.stringify(log).includes('LOOP')));
});

/** Resolves with the code of the connection's error. */
function errorOf(socket: NetSocket): Promise<string> {
  return new Promise((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
    socket.on('close', () => resolve('closed'));
  });
}

const pattern = createHash('sha512').update('pattern').digest();
let blocksMade = 0;

/** 128 KiB that differ from those before. */
function randomBlock(): Buffer {
  const block = Buffer.alloc(128 * 1024, pattern);
  blocksMade += 1;
  for (let at = 0; at < block.length; at += 1024) block.writeUInt32LE(blocksMade * 131 + at, at);
  return block;
}

/** Whether the socket takes more before the loop has been idle for a few turns. */
function drained(socket: NetSocket): Promise<boolean> {
  return new Promise((resolve) => {
    let turns = 200;
    const onDrain = (): void => {
      turns = -1;
      resolve(true);
    };
    const turn = (): void => {
      if (turns < 0) return;
      turns -= 1;
      if (turns > 0) {
        setImmediate(turn);
        return;
      }
      turns = -1;
      socket.off('drain', onDrain);
      resolve(false);
    };
    socket.once('drain', onDrain);
    setImmediate(turn);
  });
}

interface Sum {
  readonly bytes: number;
  readonly hash: string;
}

/** Reads to the end; `slowEvery` > 0 pauses for some turns after so many reads. */
function digest(socket: NetSocket, slowEvery = 0): Promise<Sum> {
  const hash = createHash('sha256');
  let bytes = 0;
  let reads = 0;
  socket.removeAllListeners('data');
  socket.on('data', (chunk: Buffer) => {
    hash.update(chunk);
    bytes += chunk.length;
    reads += 1;
    if (slowEvery === 0 || reads % slowEvery !== 0) return;
    socket.pause();
    let turns = 50;
    const turn = (): void => {
      turns -= 1;
      if (turns > 0) setImmediate(turn);
      else socket.resume();
    };
    setImmediate(turn);
  });
  return new Promise((resolve, reject) => {
    socket.on('end', () => resolve({ bytes, hash: hash.digest('hex') }));
    socket.on('error', reject);
  });
}

async function sendBlocks(socket: NetSocket, count: number): Promise<Sum> {
  const hash = createHash('sha256');
  let bytes = 0;
  for (let index = 0; index < count; index++) {
    const block = randomBlock();
    hash.update(block);
    bytes += block.length;
    if (!socket.write(block)) await new Promise((resolve) => socket.once('drain', resolve));
  }
  return { bytes, hash: hash.digest('hex') };
}
