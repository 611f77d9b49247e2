/**
 * What every pair of a client and a server of gRPC has to manage through proxies, with the client
 * of grpc-js. The server is whoever has the service of `testing.proto`.
 */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { TestContext } from 'node:test';
import { Metadata, status } from '@grpc/grpc-js';
import { GrpcClient } from './grpc-client.ts';
import {
  type AggregatedSize,
  type PayloadMessage,
  payloadOf,
  type SimpleRequest,
  type StreamRequest,
  testService,
  unknownService,
} from './grpc-messages.ts';

export async function makeCalls(t: TestContext, address: string): Promise<void> {
  const client = new GrpcClient(address, testService);
  t.after(() => client.close());
  await t.test('unary', () => callUnary(client));
  await t.test('streams of requests', () => sendStreams(client));
  await t.test('streams of responses', () => receiveStreams(client));
  await t.test('streams both ways', () => converse(client));
  await t.test('500 calls at once', () => callAtOnce(client));
  await t.test('metadata, also binary', () => carryMetadata(client));
  await t.test('statuses without a response', () => failAtOnce(client));
  await t.test('what nobody has', () => callUnknown(client, address));
  await t.test('deadlines', () => runOutOfTime(client));
  await t.test('a call that is cancelled', () => cancelCalls(client));
  await t.test('a server that ends first', () => beEnded(client));
}

async function callUnary(client: GrpcClient): Promise<void> {
  const empty = await client.unary('EmptyCall', {});
  assert.equal(empty.status.code, status.OK);
  for (const [up, down] of [
    [271_828, 314_159],
    [0, 10_000_000],
    [3_000_000, 1],
  ]) {
    const request: SimpleRequest = { payload: payloadOf(up), responseSize: down };
    const { response, status: ended } = await client.unary<PayloadMessage>('UnaryCall', request);
    assert.equal(ended.code, status.OK, ended.details);
    assert.equal(response?.payload?.body.length, down);
  }
}

async function sendStreams(client: GrpcClient): Promise<void> {
  const sizes = [27_182, 8, 1_828, 45_904, 0, ...Array.from({ length: 500 }, (_, at) => at)];
  const call = client.stream<PayloadMessage, AggregatedSize>('StreamingInputCall');
  for (const size of sizes) await call.send({ payload: payloadOf(size) });
  call.end();
  assert.equal((await call.status).code, status.OK);
  const sum = sizes.reduce((sum, size) => sum + size, 0);
  assert.deepEqual(call.received, [{ aggregatedPayloadSize: sum }]);
}

async function receiveStreams(client: GrpcClient): Promise<void> {
  const sizes = [31_415, 9, 2_653, 58_979, ...Array.from({ length: 2_000 }, (_, at) => at)];
  const call = client.stream<StreamRequest, PayloadMessage>('StreamingOutputCall');
  await call.send({ responseParameters: sizes.map((size) => ({ size })) });
  call.end();
  assert.equal((await call.status).code, status.OK);
  assert.deepEqual(call.received.map(sizeOf), sizes);
}

async function converse(client: GrpcClient): Promise<void> {
  const call = client.stream<StreamRequest, PayloadMessage>('FullDuplexCall');
  for (let turn = 1; turn <= 100; turn++) {
    await call.send({ responseParameters: [{ size: turn * 100 }], payload: payloadOf(turn) });
    await call.untilReceived(turn);
  }
  call.end();
  assert.equal((await call.status).code, status.OK);

  const fast = client.stream<StreamRequest, PayloadMessage>('FullDuplexCall');
  const responseParameters = [{ size: 30_000 }];
  for (let turn = 0; turn < 200; turn++) {
    await fast.send({ responseParameters, payload: payloadOf(30_000) });
  }
  fast.end();
  assert.equal((await fast.status).code, status.OK);
  assert.equal(fast.received.length, 200);

  const empty = client.stream<StreamRequest, PayloadMessage>('FullDuplexCall');
  empty.end();
  assert.equal((await empty.status).code, status.OK);
}

/** More than either side takes at once. */
async function callAtOnce(client: GrpcClient): Promise<void> {
  const calls = Array.from({ length: 500 }, (_, at) =>
    client.unary<PayloadMessage>('UnaryCall', { payload: payloadOf(at), responseSize: at }),
  );
  const ended = await Promise.all(calls);
  assert.deepEqual(
    ended.map(({ response, status: { code, details } }) =>
      response === undefined ? `${code} ${details}` : sizeOf(response),
    ),
    Array.from({ length: 500 }, (_, at) => at),
  );
}

async function carryMetadata(client: GrpcClient): Promise<void> {
  const metadata = new Metadata();
  const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  // Go's server sends one value back.
  const values = [Buffer.concat([every, randomBytes(1_000)])];
  metadata.set('x-grpc-test-echo-initial', 'test_initial_metadata_value');
  for (const value of values) metadata.add('x-grpc-test-echo-trailing-bin', value);
  const unary = await client.unary('UnaryCall', {}, metadata);
  assert.deepEqual(unary.initial.get('x-grpc-test-echo-initial'), ['test_initial_metadata_value']);
  assert.deepEqual(unary.status.metadata.get('x-grpc-test-echo-trailing-bin'), values);
  const call = client.stream<StreamRequest, PayloadMessage>('FullDuplexCall', metadata);
  await call.send({ responseParameters: [{ size: 1 }] });
  call.end();
  const ended = await call.status;
  assert.deepEqual(ended.metadata.get('x-grpc-test-echo-trailing-bin'), values);
}

async function failAtOnce(client: GrpcClient): Promise<void> {
  const message = '\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n';
  for (const code of [1, 2, 5, 8, 10, 13, 14, 16]) {
    const { status: ended } = await client.unary('UnaryCall', {
      responseStatus: { code, message },
    });
    assert.deepEqual([ended.code, ended.details], [code, message]);
  }
}

async function callUnknown(client: GrpcClient, address: string): Promise<void> {
  const { status: method } = await client.unary('UnimplementedCall', {});
  assert.equal(method.code, status.UNIMPLEMENTED);
  const unknown = new GrpcClient(address, unknownService);
  const { status: service } = await unknown.unary('UnimplementedCall', {});
  assert.equal(service.code, status.UNIMPLEMENTED);
  unknown.close();
}

async function runOutOfTime(client: GrpcClient): Promise<void> {
  const deadline = (): Date => new Date(Date.now() + 200);
  const call = client.stream<StreamRequest, PayloadMessage>('StreamingOutputCall', new Metadata(), {
    deadline: deadline(),
  });
  await call.send({ responseParameters: [{ size: 10 }, { size: 10, intervalUs: 60_000_000 }] });
  call.end();
  assert.equal((await call.status).code, status.DEADLINE_EXCEEDED);
  assert.equal(call.received.length, 1);
  const silent = client.stream('FullDuplexCall', new Metadata(), { deadline: deadline() });
  assert.equal((await silent.status).code, status.DEADLINE_EXCEEDED);
}

async function cancelCalls(client: GrpcClient): Promise<void> {
  // Not before anything is sent: grpc-js 1.14 then opens the stream all the same and forgets it.
  const before = client.stream<PayloadMessage, AggregatedSize>('StreamingInputCall');
  await before.send({ payload: payloadOf(100) });
  before.cancel();
  assert.equal((await before.status).code, status.CANCELLED);
  const amid = client.stream<StreamRequest, PayloadMessage>('FullDuplexCall');
  await amid.send({ responseParameters: [{ size: 31_415 }], payload: payloadOf(27_182) });
  await amid.untilReceived(1);
  amid.cancel();
  assert.equal((await amid.status).code, status.CANCELLED);
}

/** A status comes while the client could still send. */
async function beEnded(client: GrpcClient): Promise<void> {
  const call = client.stream<StreamRequest, PayloadMessage>('FullDuplexCall');
  await call.send({ responseParameters: [{ size: 5 }] });
  await call.untilReceived(1);
  await call.send({ responseStatus: { code: status.ABORTED, message: 'enough' } });
  const ended = await call.status;
  assert.deepEqual([ended.code, ended.details], [status.ABORTED, 'enough']);
}

function sizeOf(message: PayloadMessage): number {
  return message.payload?.body.length ?? 0;
}
