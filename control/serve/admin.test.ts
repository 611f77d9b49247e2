/** Goal: the admin port answers probes and scrapers, and nobody else. Method: requests to it. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { ask, begin } from '../../test/support/process.ts';
import { createAdminServer } from './admin.ts';

async function start(t: TestContext) {
  const view = { ready: true, metrics: ['a 1\n', '# EOF\n'] };
  const server = createAdminServer({
    isReady: () => view.ready,
    renderMetrics: async () => {
      if (view.metrics.length === 0) throw new Error('no metrics');
      return view.metrics;
    },
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { view, port: (server.address() as AddressInfo).port };
}

test('probes', async (t) => {
  const { view, port } = await start(t);
  const answers: Record<string, string> = {};
  for (const path of ['/ready', '/live', '/ping?x', '/', '/metricsx']) {
    const { status, body } = await ask(port, path);
    answers[path] = `${status} ${body.trim()}`;
  }
  assert.deepEqual(answers, {
    '/ready': '200 ok',
    '/live': '200 ok',
    '/ping?x': '200 pong',
    '/': '404 not found',
    '/metricsx': '404 not found',
  });
  view.ready = false;
  assert.equal((await ask(port, '/ready')).status, 503);
  const post = await ask(port, '/ready', { method: 'POST' });
  assert.equal(post.status, 405);
  assert.equal(post.headers.allow, 'GET, HEAD');
});

test('metrics, compressed for those who ask', async (t) => {
  const { view, port } = await start(t);
  const plain = await ask(port, '/metrics');
  assert.equal(plain.body, 'a 1\n# EOF\n');
  assert.match(String(plain.headers['content-type']), /^text\/plain; version=0\.0\.4/);
  const zipped = await begin(port, '/metrics', { headers: { 'accept-encoding': 'gzip' } });
  assert.equal(zipped.headers['content-encoding'], 'gzip');
  const parts: Buffer[] = [];
  for await (const part of zipped) parts.push(part as Buffer);
  assert.equal(gunzipSync(Buffer.concat(parts)).toString(), plain.body);
  const refused = await ask(port, '/metrics', { headers: { 'accept-encoding': 'gzip;q=0' } });
  assert.equal(refused.headers['content-encoding'], undefined);
  // What fails ends that request alone.
  view.metrics = [];
  await assert.rejects(ask(port, '/metrics'));
  assert.equal((await ask(port, '/live')).status, 200);
});
