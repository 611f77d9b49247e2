/**
 * Goal: grpc-js, which stands on `node:http2`, finds its calls unchanged by proxies, as client and
 * as server. Method: all kinds of calls; what each side sees when the other cancels or leaves; the
 * ways in which such a client can be sent through the outbound port.
 */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { compressionAlgorithms, status } from '@grpc/grpc-js';
import { makeCalls } from './grpc-calls.ts';
import { GrpcClient } from './grpc-client.ts';
import {
  type HealthRequest,
  type HealthResponse,
  healthService,
  type PayloadMessage,
  payloadOf,
  type StreamRequest,
  testService,
} from './grpc-messages.ts';
import { type GrpcServer, startGrpcServer } from './grpc-server.ts';
import { startMesh } from './mesh.ts';

test('grpc-js', async (t) => {
  const server = await startGrpcServer(t);
  const mesh = await startMesh(t, { grpc: { port: server.port, protocol: 'grpc' } });
  for (const way of mesh.ways('grpc')) {
    const address = `127.0.0.1:${way.port}`;
    await t.test(`by ${way.name}`, async (t) => {
      const { cancelled } = server;
      await makeCalls(t, address);
      // Of makeCalls: two ran out of time, two were cancelled.
      await t.test('the server learns who has left', () => server.untilCancelled(cancelled + 4));
      await t.test('10 MB both ways', () => exchangeLarge(t, address));
      await t.test('compressed messages', () => compress(t, address));
      await t.test('a client that asks whether we are there', () => keepAlive(t, address));
      await t.test('health that changes', () => watchHealth(server, address));
    });
  }
  await t.test('by name at the outbound port', async (t) => {
    const names = { 'grpc.default_authority': 'grpc-near' };
    await callOnce(t, `127.0.0.1:${mesh.outbound}`, names);
  });
  await t.test('the outbound port as a proxy', async (t) => {
    process.env.grpc_proxy = `http://127.0.0.1:${mesh.outbound}`;
    for (const service of ['grpc-near', 'grpc-far']) {
      await callOnce(t, `${service}:80`, { 'grpc.enable_http_proxy': 1 });
    }
    delete process.env.grpc_proxy;
  });
  await t.test('a server that leaves', (t) => leave(t));
  await t.test('nothing is left', () => mesh.assertQuiet());
});

async function exchangeLarge(t: TestContext, address: string): Promise<void> {
  const client = clientOf(t, address);
  const request = { payload: payloadOf(10_000_000), responseSize: 10_000_000 };
  const { response, status: ended } = await client.unary<PayloadMessage>('UnaryCall', request);
  assert.equal(ended.code, status.OK, ended.details);
  assert.equal(response?.payload?.body.length, 10_000_000);
  const call = client.stream<StreamRequest, PayloadMessage>('FullDuplexCall');
  await call.send({ payload: payloadOf(10_000_000), responseParameters: [{ size: 10_000_000 }] });
  call.end();
  assert.equal((await call.status).code, status.OK);
  assert.equal(call.received[0].payload?.body.length, 10_000_000);
}

async function compress(t: TestContext, address: string): Promise<void> {
  const client = clientOf(t, address, {
    'grpc.default_compression_algorithm': compressionAlgorithms.gzip,
  });
  const request = { payload: payloadOf(100_000), responseSize: 100_000 };
  const { response } = await client.unary<PayloadMessage>('UnaryCall', request);
  assert.equal(response?.payload?.body.length, 100_000);
}

/** PING while a call is silent. */
async function keepAlive(t: TestContext, address: string): Promise<void> {
  const client = clientOf(t, address, {
    'grpc.keepalive_time_ms': 20,
    'grpc.keepalive_timeout_ms': 10_000,
  });
  const call = client.stream<StreamRequest, PayloadMessage>('FullDuplexCall');
  await call.send({ responseParameters: [{ size: 1, intervalUs: 500_000 }] });
  call.end();
  assert.equal((await call.status).code, status.OK);
  assert.equal(call.received.length, 1);
}

async function watchHealth(server: GrpcServer, address: string): Promise<void> {
  const client = new GrpcClient(address, healthService);
  server.setHealth('SERVING');
  const watch = client.stream<HealthRequest, HealthResponse>('Watch');
  await watch.send({ service: '' });
  watch.end();
  await watch.untilReceived(1);
  server.setHealth('NOT_SERVING');
  await watch.untilReceived(2);
  const statuses = watch.received.map(({ status }) => status);
  assert.deepEqual(statuses, ['SERVING', 'NOT_SERVING']);
  const { response } = await client.unary<HealthResponse>('Check', { service: '' });
  assert.equal(response?.status, 'NOT_SERVING');
  watch.cancel();
  assert.equal((await watch.status).code, status.CANCELLED);
  client.close();
}

async function callOnce(
  t: TestContext,
  address: string,
  options: Readonly<Record<string, string | number>>,
): Promise<void> {
  const client = clientOf(t, address, options);
  const { response, status: ended } = await client.unary<PayloadMessage>('UnaryCall', {
    responseSize: 1_000,
  });
  assert.equal(ended.code, status.OK, ended.details);
  assert.equal(response?.payload?.body.length, 1_000);
}

/** Calls that have begun end well; new ones find whoever comes after it. */
async function leave(t: TestContext): Promise<void> {
  const server = await startGrpcServer(t);
  const mesh = await startMesh(t, { grpc: { port: server.port, protocol: 'grpc' } });
  const clients = mesh.ways('grpc').map(({ port }) => clientOf(t, `127.0.0.1:${port}`));
  const calls = clients.map((client) =>
    client.stream<StreamRequest, PayloadMessage>('FullDuplexCall'),
  );
  for (const call of calls) {
    await call.send({ responseParameters: [{ size: 1 }] });
    await call.untilReceived(1);
  }
  const left = server.leave();
  for (const call of calls) {
    await call.send({ responseParameters: [{ size: 2 }] });
    await call.untilReceived(2);
    call.end();
    assert.equal((await call.status).code, status.OK);
  }
  await left;
  for (const client of clients) {
    const { status: ended } = await client.unary('EmptyCall', {});
    assert.equal(ended.code, status.UNAVAILABLE, ended.details);
  }
  await startGrpcServer(t, server.port);
  for (const client of clients) {
    // A gate that has shut opens again by itself.
    const deadline = new Date(Date.now() + 20_000);
    for (;;) {
      const { status: ended } = await client.unary('EmptyCall', {}, undefined, { deadline });
      if (ended.code === status.OK) break;
      assert.equal(ended.code, status.UNAVAILABLE, ended.details);
    }
  }
}

function clientOf(
  t: TestContext,
  address: string,
  options: Readonly<Record<string, string | number>> = {},
): GrpcClient {
  const client = new GrpcClient(address, testService, options);
  t.after(() => client.close());
  return client;
}
