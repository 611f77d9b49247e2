/**
 * Goal: who stalls or drips at whatever byte, client or origin, is given up in its time and by its
 * name, and nothing is left of it. Method: a message is cut at each byte, and time passes.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as limits from '../../core/base/limits.ts';
import { type Harness, startHarness, untilQuiet } from '../support/proxy-harness.ts';
import { untilStill, untilTurn } from '../support/turns.ts';
import { dial, type Origin, startOrigin, type Wire } from '../support/wire.ts';

const get = 'GET / HTTP/1.1\r\nHost: web\r\n\r\n';
/** More than the sweep by which a deadline may be late. */
const marginMs = 1_000;

const requests = {
  'a body with a length': 'POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 4\r\n\r\nabcd',
  'a body in chunks':
    'POST / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n' +
    '3;x=y\r\nabc\r\n0\r\nX: 1\r\n\r\n',
};

for (const [name, request] of Object.entries(requests)) {
  test(`a client that stalls at any byte of ${name} is told so, or closed`, async () => {
    const { harness, close } = await start();
    const clients = await Promise.all(
      Array.from({ length: request.length - 1 }, () => dial(harness.outboundPort)),
    );
    for (const [index, client] of clients.entries()) client.write(request.slice(0, index + 1));
    const sent = (clients.length * (clients.length + 1)) / 2;
    const arrived = (): number => harness.metric('tcp_read_bytes_total', { peer: 'src' });
    await untilTurn('all bytes', () => arrived() === sent);
    const passedOn = clients.length - request.indexOf('\r\n\r\n') - 3;
    const dialled = (): number => harness.metric('tcp_open_connections', { peer: 'dst' });
    await untilTurn('their connections', () => dialled() === passedOn);
    harness.passTime(Math.max(limits.headTimeoutMs, limits.detectTimeoutMs) + marginMs);
    harness.passTime(limits.bodyIdleTimeoutMs - limits.headTimeoutMs);
    for (const [index, client] of clients.entries()) {
      const answer = await client.readAll();
      const what = `${index + 1} bytes: ${answer}`;
      // Who has not said enough to be known as HTTP is closed without a word.
      if (answer === '') assert.ok(index < 'POST / HTTP/1.1\r\n'.length, what);
      else
        assert.match(answer, /^HTTP\/1\.1 408 [\s\S]*\r\nheddle-error: REQUEST_TIMEOUT\r\n/, what);
      client.destroy();
    }
    await untilQuiet(harness);
    await close();
  });
}

test('a head that drips has no more time than one that stalls', async () => {
  const { harness, close } = await start();
  const client = await dial(harness.outboundPort);
  const drip = `${get.slice(0, -2)}X: ${'y'.repeat(100)}\r\n\r\n`;
  let seconds = 0;
  for (; !client.received.includes('408') && seconds < 60; seconds++) {
    const arrived = harness.metric('tcp_read_bytes_total', { peer: 'src' });
    client.write(seconds === 0 ? drip.slice(0, 20) : drip[19 + seconds]);
    await untilTurn(
      'a byte, or the end',
      () => client.ended || harness.metric('tcp_read_bytes_total', { peer: 'src' }) > arrived,
    );
    harness.passTime(1_000);
  }
  assert.match(await client.readAll(), /^HTTP\/1\.1 408 [\s\S]*headTimeoutMs/);
  assert.ok(seconds * 1_000 <= limits.headTimeoutMs + 2 * marginMs, `${seconds} s`);
  client.destroy();
  await untilQuiet(harness);
  await close();
});

const responses = {
  'a response with a length': 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd',
  'a response in chunks':
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: 1\r\n\r\n',
  'a response until close': 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabcd',
};

for (const [name, response] of Object.entries(responses)) {
  test(`an origin that stalls at any byte of ${name} is given up`, async () => {
    const headEnd = response.indexOf('\r\n\r\n') + 4;
    for (let at = 0; at < response.length; at += 1) {
      const { harness, origin, close } = await start();
      const client = await dial(harness.outboundPort);
      client.write(get);
      const server = await origin.accept();
      await server.read('\r\n\r\n');
      server.write(response.slice(0, at));
      const arrived = (): number => harness.metric('tcp_read_bytes_total', { peer: 'dst' });
      await untilTurn('the bytes', () => arrived() === at);
      harness.passTime(limits.responseTimeoutMs + marginMs);
      if (at < headEnd) {
        const answer = await client.readResponse();
        assert.match(answer, /^HTTP\/1\.1 504 [\s\S]*\r\nheddle-error: RESPONSE_TIMEOUT\r\n/);
      } else {
        assertCut(client, await client.readAll(), `${at} bytes`);
      }
      await server.until('the end', () => server.ended || server.closed);
      client.destroy();
      await untilQuiet(harness);
      await close();
    }
  });
}

test('a response body that is malformed is cut, and its connection not used again', async () => {
  const { harness, origin, close } = await start();
  const bodies = [
    `5;${'a'.repeat(limits.chunkLineBytesMax)}\r\nhello\r\n`,
    '1;abcdefgh\r\nx\r\n'.repeat(limits.chunkExtensionBytesMax / 8),
    'FFFFFFFFFFFFFFFFF\r\n',
    '5\nhello\r\n0\r\n\r\n',
    '5\r\nhelloworld\r\n0\r\n\r\n',
    '-1\r\nx\r\n0\r\n\r\n',
    `0\r\n${'X: y\r\n'.repeat(limits.headFieldsMax + 1)}\r\n`,
    `0\r\nX: ${'y'.repeat(limits.headBytesMax)}\r\n\r\n`,
  ];
  for (const body of bodies) {
    const client = await dial(harness.outboundPort);
    client.write(get);
    const server = await origin.accept();
    await server.read('\r\n\r\n');
    server.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body}`);
    const answer = await client.readAll();
    assertCut(client, answer, body.slice(0, 40));
    await server.until('the end', () => server.ended || server.closed);
    client.destroy();
  }
  const counted = harness.metric('response_total', { classification: 'failure', error: 'i/o' });
  assert.equal(counted, bodies.length);
  await untilQuiet(harness);
  await close();
});

test('a client that takes nothing of its response is given up, its origin is free', async () => {
  const { harness, origin, close } = await start();
  const client = await dial(harness.outboundPort);
  client.socket.pause();
  client.write(get);
  const server = await origin.accept();
  await server.read('\r\n\r\n');
  const size = 64 * 1024 * 1024;
  server.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
  server.socket.write(Buffer.alloc(size));
  // When nothing more goes through: the kernel and the proxy hold what they may.
  const arrived = (): number => harness.metric('tcp_read_bytes_total', { peer: 'dst' });
  await untilStill('what is read', arrived);
  assert.ok(arrived() < size / 2, `${arrived()} bytes were taken`);
  harness.passTime(limits.responseTimeoutMs + marginMs);
  await server.until('the end', () => server.ended || server.closed);
  harness.passTime(limits.lingerTimeoutMs + marginMs);
  harness.passTime(limits.clientIdleTimeoutMs + marginMs);
  await untilQuiet(harness);
  client.destroy();
  await close();
});

async function start(): Promise<{
  readonly harness: Harness;
  readonly origin: Origin;
  readonly close: () => Promise<void>;
}> {
  const origin = await startOrigin();
  const harness = await startHarness({ 'host:web': { endpoints: [{ port: origin.port }] } });
  harness.stopTime();
  const close = async (): Promise<void> => {
    await harness.close();
    await origin.close();
  };
  return { harness, origin, close };
}

/** Begun, and ended so that no client takes it for whole. */
function assertCut(client: Wire, answer: string, what: string): void {
  assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/, what);
  assert.ok(client.ended || client.closed, what);
  assert.ok(!answer.endsWith('0\r\n\r\n') && !answer.endsWith('abcd'), what);
}
