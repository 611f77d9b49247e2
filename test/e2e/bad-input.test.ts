/**
 * Clients and origins that are slow, stop, or go away at any byte: each gets a clear answer or a
 * clear end, nobody else notices, and nothing is left of them in any gauge.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { answerAlways } from '../support/answer-always.ts';
import { type Harness, startHarness, untilQuiet } from '../support/proxy-harness.ts';
import { dial, type Origin, startOrigin, type Wire } from '../support/wire.ts';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const get = 'GET / HTTP/1.1\r\nHost: web\r\n\r\n';

let origin: Origin;
let harness: Harness;

before(async () => {
  origin = await startOrigin(answerAlways(ok));
  harness = await startHarness(
    { 'host:web': { endpoints: [{ port: origin.port }] } },
    { headBytesMax: 2_000, headFieldsMax: 10, poolIdleTimeoutMs: 200 },
  );
});

after(async () => {
  await untilQuiet(harness);
  await harness.close();
  await origin.close();
});

test('heads over a limit are refused by name of the limit and the setting', async () => {
  const cases = [
    [`GET / HTTP/1.1\r\nHost: web\r\nX: ${'a'.repeat(2_000)}\r\n\r\n`, '431', 'headBytesMax'],
    [`GET / HTTP/1.1\r\nHost: web\r\n${'X: y\r\n'.repeat(10)}\r\n`, '431', 'headFieldsMax'],
    [`GET /${'a'.repeat(2_000)} HTTP/1.1\r\nHost: web\r\n\r\n`, '414', 'headBytesMax'],
  ];
  for (const [bytes, status, setting] of cases) {
    const client = await dial(harness.outboundPort);
    client.write(bytes);
    const response = await client.readAll();
    assert.ok(response.startsWith(`HTTP/1.1 ${status} `), response);
    assert.ok(response.includes(setting), response);
    client.destroy();
  }
});

test('slow heads and bodies end with 408, which names the setting', async () => {
  const cases = [
    ['GET / HTTP/1.1\r\nHost: we', 10_000, 'headTimeoutMs'],
    ['POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 9\r\n\r\nabc', 30_000, 'bodyIdleTimeoutMs'],
    [
      'POST / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab',
      30_000,
      'bodyIdleTimeoutMs',
    ],
  ] as const;
  for (const [bytes, limitMs, setting] of cases) {
    const slow = await startOrigin();
    const own = await startHarness({ 'host:web': { endpoints: [{ port: slow.port }] } });
    const client = await dial(own.outboundPort);
    client.write(bytes);
    if (setting === 'bodyIdleTimeoutMs') await (await slow.accept()).read('\r\n\r\n');
    else await startedHead(own);
    own.passTime(limitMs + 1_000);
    const response = await client.readAll();
    assert.ok(response.startsWith('HTTP/1.1 408 '), response);
    assert.ok(response.includes(setting) && response.includes(`${limitMs} ms`), response);
    client.destroy();
    await untilQuiet(own);
    await own.close();
    await slow.close();
  }
});

test('a client that stops, closes or resets at any byte of a request harms nobody', async () => {
  const request =
    'POST /a HTTP/1.1\r\nHost: posts\r\nTransfer-Encoding: chunked\r\n\r\n' +
    '3\r\nabc\r\n0\r\nX: 1\r\n\r\n';
  const server = createServer((incoming, response) => {
    incoming.resume().on('end', () => response.end('ok'));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  harness.setTarget('host:posts', { endpoints: [{ port }] });
  const other = await dial(harness.outboundPort);
  const stalled: Wire[] = [];
  for (let at = 0; at < request.length; at += 2) {
    for (const how of ['stop', 'close', 'reset'] as const) {
      const client = await dial(harness.outboundPort);
      client.write(request.slice(0, at));
      if (how === 'close') client.end();
      if (how === 'reset') client.socket.resetAndDestroy();
      stalled.push(client);
    }
    if (at % 10 === 0) {
      other.write(get);
      assert.equal(await other.readResponse(), ok);
    }
  }
  for (const client of stalled) client.destroy();
  other.destroy();
  await untilQuiet(harness);
  server.close();
});

test('an origin that stops, closes or resets at any byte of a response harms nobody', async () => {
  const response =
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: 1\r\n\r\n';
  const headEnd = response.indexOf('\r\n\r\n') + 4;
  const broken = await startOrigin();
  harness.setTarget('host:broken', { endpoints: [{ port: broken.port }] });
  const other = await dial(harness.outboundPort);
  for (let at = 0; at < response.length; at += 3) {
    for (const how of ['close', 'reset', 'stop'] as const) {
      const client = await dial(harness.outboundPort);
      client.write('GET / HTTP/1.1\r\nHost: broken\r\n\r\n');
      const server = await broken.accept();
      await server.read('\r\n\r\n');
      server.write(response.slice(0, at));
      if (how === 'stop') {
        if (at >= headEnd) await client.read('\r\n\r\n');
        client.socket.resetAndDestroy();
        await server.until('the end', () => server.closed || server.ended);
      } else {
        if (at > headEnd) await client.read('\r\n\r\n');
        if (how === 'close') server.end();
        else server.socket.resetAndDestroy();
        await client.until('the end', () => client.ended || client.closed);
        if (at < headEnd) assert.ok(client.received.startsWith('HTTP/1.1 502 '), `byte ${at}`);
        else assert.ok(!client.received.endsWith('\r\n0\r\nX: 1\r\n\r\n'), `byte ${at}`);
        client.destroy();
      }
      server.destroy();
    }
    other.write(get);
    assert.equal(await other.readResponse(), ok);
  }
  other.destroy();
  await untilQuiet(harness);
  await broken.close();
});

test('5000 clients that never finish their heads do not stop another one', async (t) => {
  const count = 5_000;
  const open = process.getActiveResourcesInfo().length;
  const own = await startHarness({ 'host:web': { endpoints: [{ port: origin.port }] } });
  const slow: Wire[] = [];
  try {
    while (slow.length < count) {
      const batch = await Promise.all(Array.from({ length: 250 }, () => dial(own.outboundPort)));
      for (const client of batch) client.write('GET / HTTP/1.1\r\nHost: w');
      slow.push(...batch);
    }
  } catch (error) {
    if ((error as { code?: string }).code !== 'EMFILE') throw error;
    t.skip(`descriptors for ${count} clients and as many servers`);
  }
  const client = await dial(own.outboundPort);
  for (let index = 0; index < 50; index++) {
    client.write(get);
    assert.equal(await client.readResponse(), ok);
  }
  await startedHead(own, slow.length);
  own.passTime(11_000);
  await Promise.all(slow.map((wire) => wire.read('headTimeoutMs')));
  for (const wire of slow) wire.destroy();
  client.destroy();
  own.passTime(4_000);
  await untilQuiet(own);
  await own.close();
  assert.ok(process.getActiveResourcesInfo().length <= open + 10);
});

test('pipelined answers to a client that does not read wait for it', async () => {
  const big = await startOrigin(
    answerAlways(`HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n${'x'.repeat(100_000)}`),
  );
  const own = await startHarness({ 'host:web': { endpoints: [{ port: big.port }] } });
  const client = await dial(own.outboundPort);
  client.socket.pause();
  const count = 400;
  client.write(get.repeat(count));
  const requests = (): number => own.metric('request_total');
  let before = -1;
  for (let quietTurns = 0; quietTurns < 2_000; quietTurns += 1) {
    if (requests() === 0 || requests() !== before) quietTurns = 0;
    before = requests();
    await turn();
  }
  assert.ok(requests() < count / 2, `${requests()} were sent on`);
  client.socket.resume();
  let received = 0;
  await client.until('all answers', () => {
    received += client.received.length;
    client.received = '';
    return received >= count * 100_000;
  });
  client.destroy();
  own.passTime(4_000);
  await untilQuiet(own);
  await own.close();
  await big.close();
});

test('a large upload with a second one right behind it', async () => {
  const sink = await startOrigin();
  const own = await startHarness({ 'host:web': { endpoints: [{ port: sink.port }] } });
  const client = await dial(own.outboundPort);
  const size = 700_000;
  const head = `POST / HTTP/1.1\r\nHost: web\r\nContent-Length: ${size}\r\n\r\n`;
  client.write((head + 'y'.repeat(size)).repeat(3));
  const server = await sink.accept();
  for (let index = 0; index < 3; index++) {
    assert.equal(await server.read('\r\n\r\n'), head);
    assert.equal(await server.readBytes(size), 'y'.repeat(size));
    server.write(ok);
    assert.equal(await client.readResponse(), ok);
  }
  client.destroy();
  server.destroy();
  await untilQuiet(own);
  await own.close();
  await sink.close();
});

/** Waits until the first bytes of `count` clients have arrived at the proxy. */
async function startedHead(own: Harness, count = 1): Promise<void> {
  const limit = AbortSignal.timeout(10_000);
  while (own.metric('tcp_read_bytes_total', { peer: 'src' }) < 20 * count) {
    limit.throwIfAborted();
    await turn();
  }
}

/** Lets the event loop go around once. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
