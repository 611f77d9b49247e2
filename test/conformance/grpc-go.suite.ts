/**
 * Goal: gRPC's own interoperability tests pass through proxies, with its implementation in Go on
 * either side and on both. Method: its client runs every case that needs no credentials or load
 * reports, against its server and against grpc-js; grpc-js makes its calls to its server, one of
 * them long enough for Go to measure the bandwidth by PING.
 */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { startGoServer } from './go-server.ts';
import { makeCalls } from './grpc-calls.ts';
import { GrpcClient } from './grpc-client.ts';
import {
  type AggregatedSize,
  type PayloadMessage,
  payloadOf,
  testService,
} from './grpc-messages.ts';
import { startGrpcServer } from './grpc-server.ts';
import { startMesh, type Way } from './mesh.ts';
import { missing, run } from './programs.ts';

const cases = [
  'empty_unary',
  'large_unary',
  'client_streaming',
  'server_streaming',
  'ping_pong',
  'empty_stream',
  'timeout_on_sleeping_server',
  'cancel_after_begin',
  'cancel_after_first_response',
  'status_code_and_message',
  'special_status_message',
  'custom_metadata',
  'unimplemented_method',
  'unimplemented_service',
];

/** Many calls of hundreds of kilobytes, on one connection and each on its own. */
const soakCases = ['rpc_soak', 'channel_soak'];

const needed = ['grpc-interop-client', 'grpc-interop-server'] as const;

test('gRPC in Go', { skip: missing(...needed) }, async (t) => {
  const js = await startGrpcServer(t);
  const goPort = await startGoServer(t);
  const mesh = await startMesh(t, {
    js: { port: js.port, protocol: 'grpc' },
    go: { port: goPort, protocol: 'grpc' },
  });
  for (const way of mesh.ways('js')) {
    await t.test(`to grpc-js by ${way.name}`, (t) => runCases(t, way, cases));
  }
  for (const way of mesh.ways('go')) {
    await t.test(`to Go by ${way.name}`, (t) => runCases(t, way, [...cases, ...soakCases]));
    const address = `127.0.0.1:${way.port}`;
    await t.test(`from grpc-js by ${way.name}`, (t) => makeCalls(t, address));
    await t.test(`a long upload to Go by ${way.name}`, (t) => upload(t, address));
  }
  await t.test('nothing is left', () => mesh.assertQuiet());
});

async function runCases(t: TestContext, way: Way, cases: readonly string[]): Promise<void> {
  for (const name of cases) {
    await t.test(name, async () => {
      const target = ['--server_host=127.0.0.1', `--server_port=${way.port}`];
      const { code, stderr } = await run('grpc-interop-client', [
        ...target,
        `--test_case=${name}`,
        '--soak_iterations=20',
        '--soak_per_iteration_max_acceptable_latency_ms=10000',
      ]);
      assert.equal(code, 0, stderr);
    });
  }
}

/** Forty megabytes of small messages, on a connection of its own. */
async function upload(t: TestContext, address: string): Promise<void> {
  const client = new GrpcClient(address, testService);
  t.after(() => client.close());
  const call = client.stream<PayloadMessage, AggregatedSize>('StreamingInputCall');
  for (let turn = 0; turn < 20_000; turn++) await call.send({ payload: payloadOf(2_000) });
  call.end();
  const { code, details } = await call.status;
  assert.equal(code, status.OK, details);
  assert.deepEqual(call.received, [{ aggregatedPayloadSize: 40_000_000 }]);
}
