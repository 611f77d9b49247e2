/**
 * Connections to endpoints and to clients, and how they end: the bound of a pool and who waits at
 * it, idle time, endpoints that accept nothing, HTTP/1.0 on either side, and the stages of a drain.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { answerAlways } from '../support/answer-always.ts';
import { untilEnd } from '../support/dial.ts';
import { type Harness, startHarness, untilQuiet } from '../support/proxy-harness.ts';
import { untilTurn } from '../support/turns.ts';
import { dial, startOrigin, type Wire } from '../support/wire.ts';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const get = (path = '/'): string => `GET ${path} HTTP/1.1\r\nHost: web\r\n\r\n`;

test('a pool of two connections: the other requests wait and go out in order', async () => {
  const origin = await startOrigin();
  const targets = { 'host:web': { endpoints: [{ port: origin.port }] } };
  const harness = await startHarness(targets, { poolConnectionsMax: 2 });
  const clients: Wire[] = [];
  for (let index = 0; index < 5; index++) {
    const client = await dial(harness.outboundPort);
    clients.push(client);
    client.write(get(`/${index}`));
    await untilInFlight(harness, index + 1);
  }
  const [first, second] = [await origin.accept(), await origin.accept()];
  const begun = await Promise.all([first, second].map((server) => server.read('\r\n\r\n')));
  assert.deepEqual(begun.toSorted(), [get('/0'), get('/1')]);
  for (const path of ['/2', '/3', '/4']) {
    first.write(ok);
    assert.equal(await first.read('\r\n\r\n'), get(path));
  }
  first.write(ok);
  second.write(ok);
  for (const client of clients) assert.equal(await client.readResponse(), ok);
  assert.equal(origin.connections.length, 2);
  await finish(harness, clients);
  await origin.close();
});

test('no more connections are kept without a request than may be', async () => {
  const origin = await startOrigin();
  const targets = { 'host:web': { endpoints: [{ port: origin.port }] } };
  const harness = await startHarness(targets, { poolIdleMax: 1 });
  const clients = [await dial(harness.outboundPort), await dial(harness.outboundPort)];
  const servers: Wire[] = [];
  for (const client of clients) {
    client.write(get());
    const server = await origin.accept();
    await server.read('\r\n\r\n');
    servers.push(server);
  }
  servers[0].write(ok);
  assert.equal(await clients[0].readResponse(), ok);
  servers[1].write(ok);
  assert.equal(await clients[1].readResponse(), ok);
  assert.equal(await servers[1].readAll(), '');
  clients[1].write(get('/again'));
  assert.equal(await servers[0].read('\r\n\r\n'), get('/again'));
  servers[0].write(ok);
  assert.equal(await clients[1].readResponse(), ok);
  await finish(harness, clients);
  await origin.close();
});

test('more requests than may wait for a connection: 503 QUEUE_FULL', async () => {
  const origin = await startOrigin();
  const targets = { 'host:web': { endpoints: [{ port: origin.port }] } };
  const harness = await startHarness(targets, { poolConnectionsMax: 1, queueRequestsMax: 1 });
  const client = await dial(harness.outboundPort);
  client.write(get('/first'));
  const server = await origin.accept();
  await server.read('\r\n\r\n');
  const waiting = await dial(harness.outboundPort);
  waiting.write(get('/second'));
  await untilInFlight(harness, 2);
  const refused = await dial(harness.outboundPort);
  refused.write(get('/third'));
  const response = await refused.readResponse();
  assert.ok(response.startsWith('HTTP/1.1 503 '), response);
  assert.ok(response.includes('heddle-error: QUEUE_FULL'), response);
  server.write(ok);
  assert.equal(await server.read('\r\n\r\n'), get('/second'));
  server.write(ok);
  for (const one of [client, waiting]) assert.equal(await one.readResponse(), ok);
  await finish(harness, [client, waiting, refused]);
  await origin.close();
});

test('a connection that was idle for poolIdleTimeoutMs ends, not before', async () => {
  const origin = await startOrigin(answerAlways(ok));
  const targets = { 'host:web': { endpoints: [{ port: origin.port }] } };
  const harness = await startHarness(targets, { poolIdleTimeoutMs: 1_000 });
  harness.stopTime();
  const client = await dial(harness.outboundPort);
  for (let index = 0; index < 3; index++) {
    client.write(get());
    assert.equal(await client.readResponse(), ok);
    harness.passTime(900);
  }
  assert.equal(origin.connections.length, 1);
  harness.passTime(400);
  const [server] = origin.connections;
  await server.until('the end', () => server.ended || server.closed);
  client.write(get());
  assert.equal(await client.readResponse(), ok);
  assert.equal(origin.connections.length, 2);
  await finish(harness, [client]);
  await origin.close();
});

test('an endpoint that accepts no connection: 504 after connectTimeoutMs', async () => {
  const worker = new Worker(listenWithoutAccepting, { eval: true });
  const [port] = (await once(worker, 'message')) as [number];
  // Its backlog has room for two.
  const fillers = [await dial(port), await dial(port)];
  const targets = { 'host:web': { endpoints: [{ port }] } };
  const harness = await startHarness(targets, { connectTimeoutMs: 500 });
  harness.stopTime();
  const client = await dial(harness.outboundPort);
  client.write(get());
  await untilInFlight(harness, 1);
  // What the target is comes in a turn of its own; then the endpoint is dialled.
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
  harness.passTime(400);
  assert.equal(client.received, '');
  harness.passTime(200);
  const response = await client.readResponse();
  assert.ok(response.startsWith('HTTP/1.1 504 '), response);
  assert.ok(response.includes('heddle-error: CONNECT_TIMEOUT'), response);
  assert.ok(response.includes('connectTimeoutMs'), response);
  for (const filler of fillers) filler.destroy();
  await finish(harness, [client]);
  await worker.terminate();
});

test('HTTP/1.0 clients are kept only when they ask for it', async () => {
  const origin = await startOrigin(answerAlways(ok));
  const harness = await startHarness({ 'host:web': { endpoints: [{ port: origin.port }] } });
  const client = await dial(harness.outboundPort);
  for (let index = 0; index < 2; index++) {
    client.write('GET / HTTP/1.0\r\nHost: web\r\nConnection: keep-alive\r\n\r\n');
    const response = await client.readResponse();
    assert.ok(response.includes('\r\nconnection: keep-alive\r\n'), response);
  }
  client.write('GET / HTTP/1.0\r\nHost: web\r\n\r\n');
  const last = await client.readAll();
  assert.ok(last.endsWith('\r\n\r\nok') && !last.includes('keep-alive'), last);
  assert.equal(origin.connections.length, 1);
  await finish(harness, [client]);
  await origin.close();
});

test('connections to HTTP/1.0 endpoints are used again only when these keep them', async () => {
  for (const [fields, connections] of [
    ['Connection: keep-alive\r\n', 1],
    ['', 3],
  ] as const) {
    const response = `HTTP/1.0 200 OK\r\n${fields}Content-Length: 2\r\n\r\nok`;
    const origin = await startOrigin(answerAlways(response));
    const harness = await startHarness({ 'host:web': { endpoints: [{ port: origin.port }] } });
    const client = await dial(harness.outboundPort);
    for (let index = 0; index < 3; index++) {
      client.write(get());
      assert.ok((await client.readResponse()).endsWith('ok'));
    }
    assert.equal(origin.connections.length, connections);
    await finish(harness, [client]);
    await origin.close();
  }
});

test('drain: announces, then closes what is idle, one direction after the other', async () => {
  const origin = await startOrigin();
  const endpoints = [{ port: origin.port }];
  const harness = await startHarness({ 'host:web': { endpoints }, 'inbound:': { endpoints } });
  const inside = await dial(harness.outboundPort);
  const outside = await dial(harness.inboundPort);
  const busy = await dial(harness.inboundPort);
  for (const client of [inside, outside]) {
    client.write(get());
    await answerNext(origin.accept());
    assert.equal(await client.readResponse(), ok);
  }
  busy.write(get('/busy'));
  const [, inboundServer] = origin.connections;
  assert.equal(await inboundServer.read('\r\n\r\n'), get('/busy'));

  harness.send({ kind: 'drain', stage: 'announce' });
  const [insideServer] = origin.connections;
  inside.write(get());
  await insideServer.read('\r\n\r\n');
  insideServer.write(ok);
  assert.equal(await inside.readResponse(), ok, 'outbound as before');
  assert.equal(outside.ended, false);

  harness.send({ kind: 'drain', stage: 'inbound' });
  assert.equal(await outside.readAll(), '', 'idle: closed');
  inboundServer.write(ok);
  const response = await busy.readAll();
  assert.ok(response.includes('\r\nconnection: close\r\n') && response.endsWith('ok'), response);
  inside.write(get());
  await insideServer.read('\r\n\r\n');
  insideServer.write(ok);
  assert.equal(await inside.readResponse(), ok, 'outbound as before');

  harness.send({ kind: 'drain', stage: 'outbound' });
  assert.equal(await inside.readAll(), '', 'idle: closed');
  await finish(harness, [inside, outside, busy]);
  await origin.close();
});

test('drain: while it is announced, responses to outside carry connection: close', async () => {
  const origin = await startOrigin(answerAlways(ok));
  const harness = await startHarness({ 'inbound:': { endpoints: [{ port: origin.port }] } });
  const client = await dial(harness.inboundPort);
  client.write(get());
  assert.equal(await client.readResponse(), ok);
  harness.send({ kind: 'drain', stage: 'announce' });
  client.write(get());
  const response = await client.readAll();
  assert.ok(response.includes('\r\nconnection: close\r\n') && response.endsWith('ok'), response);
  await finish(harness, [client]);
  await origin.close();
});

test('drain: force resets what is in progress, on both sides', async () => {
  const origin = await startOrigin();
  const endpoints = [{ port: origin.port }];
  const harness = await startHarness({ 'host:web': { endpoints }, 'inbound:': { endpoints } });
  const clients = [await dial(harness.outboundPort), await dial(harness.inboundPort)];
  for (const client of clients) {
    client.write(get());
    const server = await origin.accept();
    await server.read('\r\n\r\n');
  }
  const ends = clients.map((client) => untilEnd(client.socket));
  harness.send({ kind: 'drain', stage: 'force' });
  assert.deepEqual(await Promise.all(ends), ['ECONNRESET', 'ECONNRESET']);
  for (const server of origin.connections) {
    await server.until('the end', () => server.ended || server.closed);
  }
  await finish(harness, clients);
  await origin.close();
});

async function answerNext(accepted: Promise<Wire>): Promise<void> {
  const server = await accepted;
  await server.read('\r\n\r\n');
  server.write(ok);
}

function untilInFlight(harness: Harness, count: number): Promise<void> {
  const inFlight = (): boolean => harness.metric('heddle_http_requests_in_flight') === count;
  return untilTurn(`${count} requests in flight`, inFlight);
}

async function finish(harness: Harness, clients: readonly Wire[]): Promise<void> {
  for (const client of clients) client.destroy();
  // Idle connections to endpoints end by time.
  harness.passTime(4_000);
  await untilQuiet(harness);
  await harness.close();
}

/** A thread that stands still after it has begun to listen: connections fill the backlog. */
const listenWithoutAccepting = `
  const { createServer } = require('node:net');
  const { parentPort } = require('node:worker_threads');
  const server = createServer();
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });
`;
