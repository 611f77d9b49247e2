/**
 * Goal: while nobody renews a certificate its proxy serves with it to its end and asks again and
 * again; then it says so, makes no new connection and keeps those that it has; and it recovers by
 * itself. Method: `heddle up` with an issuer that ends soon, which ends all leaves with it; it is
 * killed, and started again with the next issuer.
 */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Certificate, makeIssuer, makeRoot, meshName } from '../../support/certificates.ts';
import {
  ask,
  makeFolder,
  type ProxyProcess,
  readMetrics,
  startHttpOrigin,
  startProxy,
  startUp,
} from '../../support/process.ts';
import { controlOf, freePort } from '../../support/run-process.ts';

const lifetimeMs = 20_000;

test('a control plane that is gone when a leaf comes to its refresh', async (t) => {
  const root = makeRoot();
  const issuerDir = makeFolder(t);
  const endMs = Date.now() + lifetimeMs;
  putIssuer(issuerDir, root, endMs);
  const origin = await startHttpOrigin(t, (_request, response) => response.end('ok'));
  const inboundPort = await freePort();
  const identity = meshName('web', 'default');
  const endpoints = [{ address: `127.0.0.1:${origin}`, identity, inboundPort }];
  const services = { web: { port: 80, endpoints } };
  const yaml = JSON.stringify({ services });
  const up = await startUp(t, yaml, { args: ['--issuer-dir', issuerDir] });
  const control = controlOf(up);
  const token = join(up.folder, 'state/local.token');
  const inbound = { inbound: `127.0.0.1:${inboundPort}`, inboundTo: `127.0.0.1:${origin}` };
  await startMember(t, control, token, { identity: 'web.default', outbound: null, ...inbound });
  const caller = await startMember(t, control, token, { identity: 'caller.default' });
  // What asks for an upgrade has a connection of its own.
  const upgrade = { connection: 'upgrade', upgrade: 'none' };
  const call = async (more: Readonly<Record<string, string>> = {}) => {
    const headers = { host: 'web', ...more };
    const answer = await ask(caller.port('Outbound interface'), '/', { headers });
    return `${answer.status} ${String(answer.headers['heddle-error'] ?? '')}`.trim();
  };
  const ready = () => ask(caller.port('Admin interface'), '/ready');
  assert.equal(await call(), '200');
  up.signal('SIGKILL');
  await up.ended;

  // The refresh fails, and all goes on.
  await caller.untilSaid('certification has failed', lifetimeMs);
  assert.equal(await call(), '200');
  assert.equal((await ready()).status, 200);
  while (Date.now() < endMs) assert.equal(await call(), '200');
  // At 70 % of what is left each time, not before a second has gone.
  const metrics = await readMetrics(caller.port('Admin interface'));
  const failures = metrics.sum('control_identity_cert_refreshes_total', { result: 'error' });
  assert.ok(failures >= 2 && failures < 20, `${failures} attempts`);

  // It has ended: connections that are there serve, another one does not come about. It stays
  // ready, as Linkerd's proxies do: it was certified.
  await caller.untilSaid(/expired/);
  assert.equal(await call(), '200');
  assert.equal(await call(upgrade), '502 TLS_FAILED');
  assert.equal(await call(), '200');
  assert.equal((await ready()).status, 200);

  putIssuer(issuerDir, root, Date.now() + 3_600_000);
  const args = ['--issuer-dir', issuerDir, '--listen', control];
  await startUp(t, yaml, { folder: up.folder, args });
  while ((await ready()).status !== 200) assert.ok(!t.signal.aborted, 'ready again');
  while ((await call(upgrade)) !== '200') assert.ok(!t.signal.aborted, 'served again');
});

/** As cert-manager writes it. */
function putIssuer(folder: string, root: Certificate, notAfter: number): void {
  const issuer = makeIssuer(root, { notAfter });
  writeFileSync(join(folder, 'tls.crt'), issuer.pem);
  writeFileSync(join(folder, 'tls.key'), issuer.key, { mode: 0o600 });
  writeFileSync(join(folder, 'ca.crt'), root.pem);
}

function startMember(
  t: TestContext,
  control: string,
  identityToken: string,
  more: object,
): Promise<ProxyProcess> {
  const own = { stateDir: makeFolder(t), identityToken, identityRefreshMinMs: 1_000 };
  const ports = { outbound: '127.0.0.1:0', admin: '127.0.0.1:0', workers: 1 };
  return startProxy(t, JSON.stringify({ proxy: { control, ...own, ...ports, ...more } }));
}
