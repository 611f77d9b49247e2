/**
 * Goal: many bytes come back through mTLS as they were sent, in opaque connections with a half
 * close and in streams of HTTP/2. Method: joined processes that echo, 50 MB each way, checksums.
 */

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type Duplex, Readable } from 'node:stream';
import { test } from 'node:test';
import { openHttp2, startEchoes, tunnel } from '../../support/long-streams.ts';
import { readMetrics, startCaller, startUp } from '../../support/process.ts';
import { controlOf, runCommand } from '../../support/run-process.ts';

test('50 MB come back as they were, with their end', async (t) => {
  const up = await startUp(t, null);
  const control = controlOf(up);
  const token = join(up.folder, 'state/local.token');
  await startEchoes(t, ['--control', control, '--token-file', token]);
  const caller = await startCaller(t, control, token);
  for (const name of ['h2', 'db']) {
    await runCommand(['wait', name, '--control', control, '--timeout', '10s']);
  }
  const outbound = caller.port('Outbound interface');
  for (const stream of [await tunnel(outbound), openHttp2(t, outbound)]) await echoes(stream);
  const metrics = await readMetrics(caller.port('Admin interface'));
  assert.equal(metrics.sum('tcp_open_total', { peer: 'dst', tls: 'true' }), 2);
  assert.equal(metrics.sum('tcp_open_total', { peer: 'dst' }), 2);
});

/** Resolves when all is back and the other side has ended, which it does behind us. */
async function echoes(stream: Duplex): Promise<void> {
  const parts = Array.from({ length: 8 }, () => randomBytes(partBytes));
  const sent = createHash('sha256');
  const received = createHash('sha256');
  let bytes = 0;
  function* send(): Generator<Buffer> {
    for (let turn = 0; turn < totalBytes / partBytes; turn++) {
      const part = parts[turn % parts.length];
      sent.update(part);
      yield part;
    }
  }
  Readable.from(send()).pipe(stream);
  for await (const part of stream as AsyncIterable<Buffer>) {
    bytes += part.length;
    received.update(part);
  }
  assert.equal(bytes, totalBytes);
  assert.equal(received.digest('hex'), sent.digest('hex'));
}

const partBytes = 64 * 1024;
const totalBytes = 800 * partBytes;
