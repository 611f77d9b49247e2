/**
 * Goal: a proxy is certified before it is ready, keeps its certificate over a restart without a
 * control plane, and follows trust. Method: real proxies, and a control plane that a test scripts.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { connect } from 'node:tls';
import { createKey, createRequest, keyDer } from '../../../core/identity/csr.ts';
import { type Certificate, meshName } from '../../support/certificates.ts';
import {
  fingerprintOf,
  showIdentity,
  startCertifyRig,
  untilReady,
} from '../../support/certify-rig.ts';
import { ask, launchProxy } from '../../support/process.ts';
import { untilTurn } from '../../support/turns.ts';

/** The names of the certificate that a port shows. */
async function nameServedBy(port: number, root: Certificate): Promise<string | undefined> {
  const servername = meshName('web');
  const socket = connect({ port, host: '127.0.0.1', servername, ca: root.pem });
  await once(socket, 'secureConnect');
  const { subjectaltname } = socket.getPeerCertificate();
  socket.destroy();
  return subjectaltname;
}

describe('the identity of a proxy', () => {
  it('is there before it is ready', async (t) => {
    const { issuer, start, folder } = await startCertifyRig(t);
    issuer.refuse = 'not today';
    const proxy = await start();
    const admin = proxy.port('Admin interface');
    await proxy.untilSaid('certification has failed');
    const { status, body } = await ask(admin, '/ready');
    assert.equal(status, 503);
    assert.match(body, /no certificate yet: FAILED_PRECONDITION: not today/);
    issuer.refuse = '';
    const shown = await untilReady(t, proxy);
    assert.equal(shown.name, meshName('web'));
    assert.equal(shown.state, 'certified');
    assert.equal(shown.issuer, fingerprintOf(issuer.issuer));
    assert.match(proxy.said, new RegExp(`Local identity is ${meshName('web')}\n`));
    assert.match(proxy.said, new RegExp(`SNI is ${meshName('web')}\n`));
    assert.match(proxy.said, /Certified identity/);
    assert.equal(await nameServedBy(admin, issuer.root), `DNS:${meshName('web')}`);
    const { body: metrics } = await ask(admin, '/metrics');
    assert.match(metrics, /control_identity_cert_refreshes_total\{result="ok"\} 1\n/);
    assert.match(metrics, /control_identity_cert_expiration_timestamp_seconds \d{10}/);
    proxy.signal('SIGTERM');
    await proxy.ended;
    for (const name of ['key.p8', 'leaf.crt', 'bundle.crt']) {
      assert.equal(statSync(join(folder, 'state/identity', name)).mode & 0o777, 0o600);
    }
    assert.match(readFileSync(join(folder, 'state/identity/bundle.crt'), 'utf8'), /BEGIN CERT/);
    assert.equal(Buffer.from(issuer.requests[0].token).toString().split('.').length, 3);
  });

  it('stays over a restart without a control plane', async (t) => {
    const { issuer, start, stopControl } = await startCertifyRig(t);
    const first = await start();
    const before = await untilReady(t, first);
    first.signal('SIGTERM');
    await first.ended;
    stopControl();
    const second = await start();
    const line = await second.untilSaid('Certified identity');
    assert.match(line, /kept on disk/);
    const after = await showIdentity(second);
    assert.equal(after.state, 'certified');
    assert.equal(after.issuer, before.issuer);
    assert.equal(issuer.requests.length, 1);
  });

  it('follows trust anchors and issuer, and confirms them', async (t) => {
    const { issuer, start } = await startCertifyRig(t);
    const proxy = await start();
    const before = await untilReady(t, proxy);
    await untilTurn('a stream of trust', () => issuer.trusts.size === 1);
    const [trust] = issuer.trusts;
    await untilTurn('its first word', () => trust.said.length > 0);
    assert.equal(trust.said[0].bundle, before.bundle);
    assert.equal(trust.said[0].issuer, before.issuer);
    assert.equal(trust.said[0].identity, meshName('web'));
    const old = issuer.root;
    issuer.root = issuer.makeRoot();
    issuer.bundle = [old, issuer.root];
    issuer.tell(before.issuer);
    await untilTurn('both anchors', () => trust.said.at(-1)?.bundle !== before.bundle);
    assert.equal(trust.said.at(-1)?.issuer, before.issuer);
    issuer.issuer = issuer.makeIssuer();
    const wanted = fingerprintOf(issuer.issuer);
    issuer.tell(wanted);
    await untilTurn('the other issuer', () => trust.said.at(-1)?.issuer === wanted);
    assert.equal(issuer.requests.length, 2);
    assert.ok(issuer.requests[1].heddleLeaf.length > 0);
    issuer.bundle = [issuer.root];
    const both = trust.said.at(-1)?.bundle;
    issuer.tell(wanted);
    await untilTurn('the new anchor alone', () => trust.said.at(-1)?.bundle !== both);
    assert.equal(issuer.requests.length, 2);
    assert.equal(issuer.trusts.size, 1);
  });

  for (const settings of [{ workers: 0 }, { accept: 'reuseport' }]) {
    it(`is in use with ${JSON.stringify(settings)}`, async (t) => {
      const { issuer, start } = await startCertifyRig(t);
      const proxy = await start(settings);
      const shown = await untilReady(t, proxy);
      await untilTurn('a stream of trust', () => issuer.trusts.size === 1);
      const [trust] = issuer.trusts;
      await untilTurn('its first word', () => trust.said.length > 0);
      assert.equal(trust.said[0].issuer, shown.issuer);
    });
  }

  it('may have a key and a request that somebody else has made', async (t) => {
    const { issuer, start, folder } = await startCertifyRig(t);
    const key = createKey();
    const request = createRequest(meshName('web'), key);
    writeFileSync(join(folder, 'key.p8'), keyDer(key), { mode: 0o600 });
    writeFileSync(join(folder, 'csr.der'), request);
    const proxy = await start({ identityDir: folder, identity: meshName('web') });
    await untilReady(t, proxy);
    assert.deepEqual(Buffer.from(issuer.requests[0].certificateSigningRequest), request);
    proxy.signal('SIGTERM');
    await proxy.ended;
    const kept = readdirSync(join(folder, 'state/identity'));
    assert.deepEqual(kept.toSorted(), ['bundle.crt', 'leaf.crt']);
  });

  it('ends a proxy at its start whose key is not where it is said to be', async (t) => {
    const { folder } = await startCertifyRig(t);
    const settings = { identity: 'web.demo', identityDir: folder, control: '127.0.0.1:1' };
    const all = { ...settings, outbound: '127.0.0.1:0', stateDir: 'off' };
    const proxy = launchProxy(t, JSON.stringify({ proxy: all }));
    const { code, said } = await proxy.ended;
    assert.equal(code, 1);
    assert.match(said, /^heddle: identityDir: there is no \S+\/key\.p8\n$/m);
  });
});
