/**
 * Goal: the admin port of a running proxy says how it is and lets nobody but the machine's own
 * user change it. Method: the executable; every request as a client would send it.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { ask, begin, keepOne, startHttpOrigin, startProxy } from '../../support/process.ts';

const promtoolMissing =
  spawnSync('promtool', ['--version']).error !== undefined &&
  'needs promtool (tools/install-test-peers.sh)';

/** The one name that Linkerd has fixed and promtool would choose otherwise. */
const complaintAllowed = 'response_latency_ms metric names should not contain abbreviated units';

function yamlOf(originPort: number, proxy = ''): string {
  return `
services: { web: { port: 80, endpoints: [127.0.0.1:${originPort}] } }
proxy:
  outbound: 127.0.0.1:0
  admin: 127.0.0.1:0
  announceMs: 0
  workers: 1
  ${proxy}
`;
}

test('what it shows', async (t) => {
  const origin = await startHttpOrigin(t, (_incoming, outgoing) => outgoing.end('ok'));
  const proxy = await startProxy(t, yamlOf(origin));
  const admin = proxy.port('Admin interface');
  const answer = await ask(proxy.port('Outbound interface'), '/', { headers: { host: 'web' } });
  assert.equal(answer.status, 200);
  for (const [path, body] of [
    ['/live', 'live\n'],
    ['/ready', 'ready\n'],
  ]) {
    const shown = await ask(admin, path);
    assert.deepEqual([shown.status, shown.body], [200, body]);
  }
  assert.equal((await ask(admin, '/nothing')).status, 404);
  const plain = await ask(admin, '/metrics');
  assert.match(plain.headers['content-type'] ?? '', /^text\/plain; version=0\.0\.4/);
  assert.ok(plain.body.endsWith('# EOF\n'));
  assert.match(plain.body, /^request_total\{.*authority="web\.default\.svc\.cluster\.local:80"/m);
  const zipped = await begin(admin, '/metrics', { headers: { 'accept-encoding': 'gzip' } });
  assert.equal(zipped.headers['content-encoding'], 'gzip');
  const text = gunzipSync(Buffer.concat((await zipped.toArray()) as Buffer[])).toString();
  assert.ok(text.endsWith('# EOF\n'));
  const config = JSON.parse((await ask(admin, '/config')).body) as {
    proxy: { admin: { port: number } };
    services: { name: string }[];
  };
  assert.equal(config.proxy.admin.port, admin);
  assert.equal(config.services[0].name, 'web');
  const shown = JSON.parse((await ask(admin, '/endpoints')).body) as {
    targets: { authority: string; source: string; error: null; endpoints: object[] }[];
  };
  const [target] = shown.targets;
  assert.equal(target.authority, 'web.default.svc.cluster.local:80');
  assert.equal(target.source, 'inline');
  const [{ rttMs, load, ...endpoint }] = target.endpoints as Record<string, number>[];
  assert.ok(rttMs > 0 && load > 0);
  assert.deepEqual(endpoint, {
    address: `127.0.0.1:${origin}`,
    weight: 1,
    zone: '',
    gate: 'open',
    inFlight: 0,
    failures: 0,
  });
});

test('promtool has nothing to say but of names that Linkerd fixes', {
  skip: promtoolMissing,
}, async (t) => {
  const origin = await startHttpOrigin(t, (_incoming, outgoing) => outgoing.end('ok'));
  const proxy = await startProxy(t, yamlOf(origin));
  await ask(proxy.port('Outbound interface'), '/', { headers: { host: 'web' } });
  const { body } = await ask(proxy.port('Admin interface'), '/metrics');
  const { stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: body });
  const complaints = `${String(stdout)}${String(stderr)}`.split('\n').filter((line) => line !== '');
  assert.deepEqual(
    complaints.filter((line) => line !== complaintAllowed),
    [],
  );
});

test('the log level changes at run time, in the workers too', async (t) => {
  const origin = await startHttpOrigin(t, (_incoming, outgoing) => outgoing.end('ok'));
  const proxy = await startProxy(t, yamlOf(origin));
  const admin = proxy.port('Admin interface');
  const outbound = proxy.port('Outbound interface');
  const failed = /ThreadId\(02\) .*request failed/;
  const setLevel = async (level: string): Promise<void> => {
    const changed = await ask(admin, '/proxy-log-level', { method: 'PUT', body: level });
    assert.equal(changed.status, 204, changed.body);
    assert.equal((await ask(admin, '/proxy-log-level')).body, `_access_log=off,${level}`);
  };
  await setLevel('error');
  for (let turn = 0; turn < 3; turn++) {
    assert.equal((await ask(outbound, '/', { headers: { host: `quiet-${turn}` } })).status, 404);
  }
  await setLevel('info');
  assert.equal((await ask(outbound, '/', { headers: { host: 'loud' } })).status, 404);
  await proxy.untilSaid(failed);
  assert.doesNotMatch(proxy.said, /quiet-/);
  const wrong = await ask(admin, '/proxy-log-level', { method: 'PUT', body: 'noisy' });
  assert.deepEqual([wrong.status, /"noisy" is no directive/.test(wrong.body)], [400, true]);
});

test('what changes something is for this machine and no web page', async (t) => {
  const origin = await startHttpOrigin(t, (_incoming, outgoing) => outgoing.end('ok'));
  const proxy = await startProxy(t, yamlOf(origin, 'adminShutdown: true'));
  const admin = proxy.port('Admin interface');
  for (const headers of [{ host: 'rebound.example' }, { origin: 'http://page.example' }]) {
    const level = { method: 'PUT', body: 'off', headers };
    assert.equal((await ask(admin, '/proxy-log-level', level)).status, 403);
    assert.equal((await ask(admin, '/shutdown', { method: 'POST', headers })).status, 403);
  }
  assert.equal((await ask(admin, '/shutdown')).status, 405);
  assert.equal((await ask(admin, '/ready')).status, 200);
  // The answer arrives although the proxy ends.
  const agent = keepOne(t);
  const last = await ask(admin, '/shutdown', { method: 'POST', agent });
  assert.deepEqual([last.status, last.body], [200, 'shutdown\n']);
  const { code, said } = await proxy.ended;
  assert.equal(code, 0, said);
  assert.match(said, /drained/);
});

test('POST /shutdown is off by default', async (t) => {
  const proxy = await startProxy(t, yamlOf(1));
  const admin = proxy.port('Admin interface');
  assert.equal((await ask(admin, '/shutdown', { method: 'POST' })).status, 404);
  assert.equal((await ask(admin, '/ready')).status, 200);
});
