/**
 * Goal: grpcurl, which stands on gRPC for Go, reads through proxies what a server of grpc-js says,
 * and an orchestrator its health. Method: the text that it prints of heads, messages and trailers;
 * it goes to a port, by name to the outbound port, and through that as its proxy.
 */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { protoFolder } from './grpc-messages.ts';
import { startGrpcServer } from './grpc-server.ts';
import { startMesh } from './mesh.ts';
import { missing, type Ran, run } from './programs.ts';

test('grpcurl', { skip: missing('grpcurl') }, async (t) => {
  const server = await startGrpcServer(t);
  const mesh = await startMesh(t, { grpc: { port: server.port, protocol: 'grpc' } });
  for (const way of mesh.ways('grpc')) {
    await t.test(`by ${way.name}`, async (t) => {
      await readAnswers(t, (call, ...args) => grpcurl([...args, `127.0.0.1:${way.port}`, call]));
    });
    await t.test(`health by ${way.name}`, async () => {
      const ask = (call: string, ...args: readonly string[]): Promise<Ran> =>
        grpcurl([...args, `127.0.0.1:${way.port}`, `grpc.health.v1.Health/${call}`]);
      server.setHealth('SERVING');
      assert.match((await ask('Check')).text, /"status": "SERVING"/);
      const watch = ask('Watch', '-max-time', '1');
      assert.match((await watch).text, /"status": "SERVING"/);
      server.setHealth('NOT_SERVING');
      assert.match((await ask('Check')).text, /"status": "NOT_SERVING"/);
    });
  }
  await t.test('by name at the outbound port', async () => {
    const target = `127.0.0.1:${mesh.outbound}`;
    const { code, stderr } = await grpcurl([
      '-authority',
      'grpc-far',
      target,
      `${testing}EmptyCall`,
    ]);
    assert.equal(code, 0, stderr);
  });
  await t.test('the outbound port as a proxy', async () => {
    const variables = { HTTPS_PROXY: `http://127.0.0.1:${mesh.outbound}` };
    for (const service of ['grpc-near', 'grpc-far']) {
      const { code, stderr } = await grpcurl([`${service}:80`, `${testing}EmptyCall`], variables);
      assert.equal(code, 0, stderr);
    }
  });
  await t.test('nothing is left', () => mesh.assertQuiet());
});

type Call = (call: string, ...args: readonly string[]) => Promise<Ran>;

async function readAnswers(t: TestContext, call: Call): Promise<void> {
  await t.test('a call with metadata both ways', async () => {
    const metadata = [
      '-H',
      'x-grpc-test-echo-initial: ab',
      '-H',
      'x-grpc-test-echo-trailing-bin: AAH/',
    ];
    const { text } = await call(
      `${testing}UnaryCall`,
      '-v',
      ...metadata,
      '-d',
      '{"response_size":3}',
    );
    assert.match(text, /Response headers received:\n(.+\n)*x-grpc-test-echo-initial: ab\n/);
    assert.match(text, /"body": "Z1JQ"/);
    assert.match(
      text,
      /Response trailers received:\n(.+\n)*x-grpc-test-echo-trailing-bin: AAH\/\n/,
    );
  });

  await t.test('messages both ways', async () => {
    const message = '{"response_parameters":[{"size":3},{"size":4}]}';
    const { text } = await call(`${testing}FullDuplexCall`, '-d', `${message}${message}`);
    assert.equal(text.match(/"body":/g)?.length, 4);
  });

  await t.test('a status', async () => {
    const message = '{"response_status":{"code":5,"message":"not here"}}';
    const { code, stderr } = await call(`${testing}UnaryCall`, '-d', message);
    assert.match(stderr, /Code: NotFound\n {2}Message: not here/);
    assert.equal(code, 64 + 5);
  });

  await t.test('the end of its patience', async () => {
    const message = '{"response_parameters":[{"size":1,"interval_us":60000000}]}';
    const args = ['-max-time', '0.5', '-d', message];
    const { stderr } = await call(`${testing}StreamingOutputCall`, ...args);
    assert.match(stderr, /DeadlineExceeded/);
  });
}

function grpcurl(args: readonly string[], variables: Record<string, string> = {}): Promise<Ran> {
  return run('grpcurl', [...common, ...args], { variables });
}

const testing = 'grpc.testing.TestService/';
const protos = ['-proto', 'testing.proto', '-proto', 'health.proto'];
const common = ['-plaintext', '-import-path', protoFolder, ...protos];
