/**
 * Goal: a new root takes the old one's place while requests run and streams stay open, and nobody
 * of them notices. Method: real processes that have joined, load, streams of every kind, and
 * `heddle identity rotate`.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAuthority } from '../../support/identity-status.ts';
import { startEchoMesh, startLongStreams } from '../../support/long-streams.ts';
import { readMetrics, startLoad } from '../../support/process.ts';
import { runCommand } from '../../support/run-process.ts';

test('a root is replaced under load, and no request or stream fails', async (t) => {
  const { up, control, token, outbound, admin } = await startEchoMesh(t);
  const streams = await startLongStreams(t, outbound);
  const load = startLoad(t, outbound, 'web', 4, 5);
  const before = await readAuthority(control);
  assert.deepEqual(
    before.proxies.map(({ issuer }) => issuer),
    ['yes', 'yes', 'yes', 'yes'],
  );

  const rotation = ['identity', 'rotate', '--control', control, '--token-file', token];
  const { code, err } = await runCommand(rotation);
  assert.equal(code, 0, err);
  await up.untilSaid('phase=idle', 55_000);
  const after = await readAuthority(control);
  assert.equal(after.anchors.length, 1);
  assert.notEqual(after.anchors[0].fingerprint, before.anchors[0].fingerprint);
  assert.notEqual(after.issuer[0].fingerprint, before.issuer[0].fingerprint);
  for (const { name, bundle, issuer, problem } of after.proxies) {
    assert.deepEqual([bundle, issuer, problem], ['yes', 'yes', ''], name);
  }
  assert.equal(after.proxies.length, 4);
  assert.deepEqual(streams.failures, []);
  await Promise.all([streams.stop(), load.stop()]);
  assert.deepEqual(load.failures, []);
  assert.deepEqual(streams.failures, []);
  assert.ok(
    load.answered > 500 && streams.exchanges > 100,
    `${load.answered} ${streams.exchanges}`,
  );
  // All of it went by mTLS, in the end as in the beginning.
  const metrics = await readMetrics(admin);
  const opened = metrics.sum('tcp_open_total', { peer: 'dst' });
  assert.ok(opened >= 5, `${opened} connections`);
  assert.equal(metrics.sum('tcp_open_total', { peer: 'dst', tls: 'true' }), opened);
});
