/**
 * Goal: gRPC's implementation in C, on which Python, C++, Ruby and PHP stand, makes and serves
 * calls through proxies. Method: its client, in Python, against its server and grpc-js; grpc-js
 * against its server.
 */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeCalls } from './grpc-calls.ts';
import { protoFolder } from './grpc-messages.ts';
import { startGrpcServer } from './grpc-server.ts';
import { startMesh } from './mesh.ts';
import { missing, run, start, untilWritten } from './programs.ts';

const program = join(protoFolder, 'grpc-core.py');

/** All that the client tries, in its order. */
const cases =
  'unary many_at_once long_upload long_download conversation metadata status deadline cancelling';

test('gRPC in C', { skip: missing('grpc-python') }, async (t) => {
  const js = await startGrpcServer(t);
  const core = start(t, 'grpc-python', [program, 'serve']);
  const [, port] = await untilWritten(core, /port (\d+)/);
  const mesh = await startMesh(t, {
    js: { port: js.port, protocol: 'grpc' },
    core: { port: Number(port), protocol: 'grpc' },
  });
  for (const origin of ['js', 'core']) {
    for (const way of mesh.ways(origin)) {
      await t.test(`to ${origin} by ${way.name}`, async () => {
        const args = [program, 'call', `127.0.0.1:${way.port}`];
        const { text, stderr } = await run('grpc-python', args, { timeoutMs: 60_000 });
        assert.deepEqual(text.trim().split('\n'), cases.split(' '), stderr);
      });
    }
  }
  for (const way of mesh.ways('core')) {
    const address = `127.0.0.1:${way.port}`;
    await t.test(`from grpc-js by ${way.name}`, (t) => makeCalls(t, address));
  }
  await t.test('nothing is left', () => mesh.assertQuiet());
});
