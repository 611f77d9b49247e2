/**
 * Goal: certificates outlive the control plane that gave them, and whoever has none serves nobody
 * and sends nothing. Method: real control planes and proxies, one of them killed, one with a token
 * that gives it no right, and a plain server that records what comes.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect } from 'node:tls';
import { meshName } from '../../support/certificates.ts';
import { cleanUp } from '../../support/cleanup.ts';
import {
  ask,
  launchProxy,
  makeFolder,
  readMetrics,
  startProxy,
  startUp,
} from '../../support/process.ts';
import { appCommand, childOf, controlOf, freePort, startRun } from '../../support/run-process.ts';

test('both proxies start again without a control plane, and speak mTLS', async (t) => {
  const up = await startUp(t, null);
  const control = controlOf(up);
  const token = join(up.folder, 'state/local.token');
  const port = await freePort();
  const joining = ['--control', control, '--token-file', token];
  const named = ['--service', 'web', '--port', String(port)];
  const web = startRun(t, [...named, ...joining, ...appCommand(`listen=${port}`)]);
  cleanUp(t, async () => {
    process.kill(web.pid, 'SIGTERM');
    await web.ended;
  });
  await web.events.until(/^heddle: joined/);
  const own = { stateDir: makeFolder(t), identity: 'caller.default', identityToken: token };
  const yaml = JSON.stringify({ proxy: { control, ...own, ...ports } });
  const first = await startProxy(t, yaml);
  await untilAnswered(t, first.port('Outbound interface'));
  up.signal('SIGKILL');
  await up.ended;
  first.signal('SIGKILL');
  await first.ended;
  process.kill(childOf(web.pid, 'proxy'), 'SIGKILL');
  await web.events.until('heddle: the proxy is back');
  const second = await startProxy(t, yaml);
  await second.untilSaid(/Certified identity .*kept on disk/);
  const { status, body } = await ask(second.port('Outbound interface'), '/', toWeb);
  assert.equal(status, 200, body);
  const metrics = await readMetrics(second.port('Admin interface'));
  const mutual = { peer: 'dst', tls: 'true', server_id: meshName('web', 'default') };
  assert.equal(metrics.sum('tcp_open_total', mutual), 1);
  assert.equal(metrics.sum('tcp_open_total', { peer: 'dst' }), 1);
});

test('without a certificate nothing is sent in plaintext, and nobody is served', async (t) => {
  const received: string[] = [];
  const recorder = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => received.push(bytes.toString('latin1')));
  });
  recorder.listen(0, '127.0.0.1');
  await once(recorder, 'listening');
  cleanUp(t, () => recorder.close());
  const { port } = recorder.address() as AddressInfo;
  const name = meshName('web', 'default');
  const endpoint = { address: `127.0.0.1:${port}`, identity: name, inboundPort: port };
  const services = { web: { port: 80, endpoints: [endpoint] } };
  const up = await startUp(t, JSON.stringify({ services }));
  const folder = makeFolder(t);
  const identityToken = join(folder, 'token');
  writeFileSync(identityToken, forged, { mode: 0o600 });
  const own = { stateDir: join(folder, 'state'), identity: 'caller.default', identityToken };
  const inbound = { inbound: '127.0.0.1:0', inboundTo: `127.0.0.1:${port}` };
  const settings = { control: controlOf(up), ...own, ...ports, ...inbound };
  const proxy = launchProxy(t, JSON.stringify({ proxy: settings }));
  await proxy.untilSaid('Inbound interface');
  await proxy.untilSaid('Admin interface');
  await proxy.untilSaid('certification has failed');
  const ready = await ask(proxy.port('Admin interface'), '/ready');
  assert.equal(ready.status, 503);
  assert.match(ready.body, /no certificate yet: .*the token/);
  const { status, headers } = await ask(proxy.port('Outbound interface'), '/', toWeb);
  assert.deepEqual([status, headers['heddle-error']], [502, 'NOT_CERTIFIED']);
  const caller = meshName('caller', 'default');
  const client = connect({
    port: proxy.port('Inbound interface'),
    host: '127.0.0.1',
    servername: caller,
    rejectUnauthorized: false,
  });
  const outcome = await new Promise((resolve) => {
    client.on('secureConnect', () => resolve('served'));
    client.on('error', () => resolve('refused'));
    client.on('close', () => resolve('refused'));
  });
  client.destroy();
  assert.equal(outcome, 'refused');
  assert.deepEqual(received, []);
});

async function untilAnswered(t: TestContext, outbound: number): Promise<void> {
  for (;;) {
    const { status, body } = await ask(outbound, '/', toWeb);
    if (status === 200) return;
    assert.ok(!t.signal.aborted, body);
  }
}

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const claims = part({ td: 'mesh.local', pin: ['00'.repeat(32)] });
const forged = `${part({ alg: 'EdDSA' })}.${claims}.c2ln`;
const toWeb = { headers: { host: 'web' } };
const ports = { outbound: '127.0.0.1:0', admin: '127.0.0.1:0', workers: 1 };
