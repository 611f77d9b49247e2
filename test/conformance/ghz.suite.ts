/**
 * Goal: the load of ghz, which stands on gRPC for Go, loses nothing on its way to a server in Go.
 * Method: many calls of each kind over few connections; its own count of statuses.
 */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { startGoServer } from './go-server.ts';
import { protoFolder } from './grpc-messages.ts';
import { startMesh } from './mesh.ts';
import { missing, run } from './programs.ts';

const message = (size: number): object => ({
  payload: { body: Buffer.alloc(size).toString('base64') },
});
const responses = (count: number, size: number): object => ({
  response_parameters: Array.from({ length: count }, () => ({ size })),
});

const loads: readonly { call: string; total: number; clients: number; data: object }[] = [
  { call: 'UnaryCall', total: 3_000, clients: 50, data: { response_size: 100 } },
  {
    call: 'UnaryCall',
    total: 100,
    clients: 10,
    data: { ...message(200_000), response_size: 300_000 },
  },
  { call: 'StreamingOutputCall', total: 20, clients: 5, data: responses(2_000, 2_000) },
  { call: 'StreamingInputCall', total: 200, clients: 20, data: [message(10), message(30_000)] },
  {
    call: 'FullDuplexCall',
    total: 200,
    clients: 20,
    data: [responses(5, 10), responses(2, 50_000)],
  },
];

test('ghz', { skip: missing('ghz', 'grpc-interop-server') }, async (t) => {
  const port = await startGoServer(t);
  const mesh = await startMesh(t, { grpc: { port, protocol: 'grpc' } });
  for (const way of mesh.ways('grpc')) {
    for (const { call, total, clients, data } of loads) {
      await t.test(`${total} of ${call} from ${clients} by ${way.name}`, async () => {
        const args = [
          '--insecure',
          `--proto=${join(protoFolder, 'testing.proto')}`,
          `--call=grpc.testing.TestService.${call}`,
          `--total=${total}`,
          `--concurrency=${clients}`,
          '--connections=2',
          '--format=json',
          '--data=@',
          `127.0.0.1:${way.port}`,
        ];
        const { text, stderr } = await run('ghz', args, { stdin: JSON.stringify(data) });
        assert.equal(stderr, '');
        const report = JSON.parse(text) as { statusCodeDistribution: Record<string, number> };
        assert.deepEqual(report.statusCodeDistribution, { OK: total });
      });
    }
  }
  await t.test('nothing is left', () => mesh.assertQuiet());
});
