/**
 * Goal: a proxy is certified before it is ready, keeps its certificate over a restart without a
 * control plane, and follows trust. Method: real proxies, and a control plane that a test scripts.
 */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { connect } from 'node:tls';
import type { GrpcServer, ServerSecurity } from '../../../core/grpc/server.ts';
import { createKey, createRequest, keyDer } from '../../../core/identity/csr.ts';
import { TlsContexts } from '../../../core/tls/contexts.ts';
import { type Certificate, identityOf, makeLeaf, meshName } from '../../support/certificates.ts';
import { cleanUp } from '../../support/cleanup.ts';
import { FakeControl } from '../../support/fake-control.ts';
import { FakeIssuer } from '../../support/fake-issuer.ts';
import { GrpcRig } from '../../support/grpc-rig.ts';
import {
  ask,
  launchProxy,
  makeFolder,
  type ProxyProcess,
  startProxy,
} from '../../support/process.ts';
import { untilTurn } from '../../support/turns.ts';

interface Rig {
  readonly folder: string;
  readonly issuer: FakeIssuer;
  readonly stopControl: () => void;
  /** The control plane's own certificate is of this issuer from now on. */
  readonly serveWith: (issuer: FakeIssuer) => void;
  readonly start: (settings?: object) => Promise<ProxyProcess>;
}

function tokenOf(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'EdDSA' })}.${part(claims)}.c2ln`;
}

const fingerprintOf = ({ der }: Certificate) => createHash('sha256').update(der).digest('hex');

/** With a `host` that is not of the loopback the control plane takes TLS alone. */
async function startRig(t: TestContext, host = '127.0.0.1'): Promise<Rig> {
  const rig = new GrpcRig();
  const issuer = new FakeIssuer();
  const attach = (server: GrpcServer): void => issuer.attach(server);
  const contexts = new TlsContexts();
  let generation = 0;
  const serveWith = ({ root, issuer: signer }: FakeIssuer): void => {
    generation += 1;
    const name = meshName('heddle-control', 'heddle');
    // Its chain ends with the root, for those who have the pin alone.
    const chain = [makeLeaf(signer, name), signer, root];
    contexts.replace(identityOf(name, chain, [root], generation));
  };
  serveWith(issuer);
  const options = host === '127.0.0.1' ? {} : { host, security: securityOf(contexts) };
  const control = await new FakeControl().startOwn(rig.env, attach, options);
  cleanUp(t, async () => {
    control.stop();
    await rig[Symbol.asyncDispose]();
  });
  const folder = makeFolder(t);
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, tokenOf({ td: 'mesh.local', pin: [fingerprintOf(issuer.root)] }));
  const common = {
    control: `${host}:${control.port}`,
    stateDir: join(folder, 'state'),
    identity: 'web.demo',
    identityToken: tokenFile,
    outbound: '127.0.0.1:0',
    admin: '127.0.0.1:0',
    workers: 2,
  };
  return {
    folder,
    issuer,
    stopControl: () => control.stop(),
    serveWith,
    start: (settings = {}) =>
      startProxy(t, JSON.stringify({ proxy: { ...common, ...settings } }), {
        folder: makeFolder(t),
      }),
  };
}

function securityOf(contexts: TlsContexts): ServerSecurity {
  return {
    contexts,
    allowsPlaintext: () => false,
    onRefused: () => undefined,
    openMethods: new Set(['/io.linkerd.proxy.identity.Identity/Certify']),
  };
}

interface Shown {
  readonly name: string;
  readonly state: string;
  readonly issuer: string;
  readonly bundle: string;
  readonly generation: number;
  readonly error: string;
}

/** The names of the certificate that a port shows. */
async function nameServedBy(port: number, root: Certificate): Promise<string | undefined> {
  const servername = meshName('web');
  const socket = connect({ port, host: '127.0.0.1', servername, ca: root.pem });
  await once(socket, 'secureConnect');
  const { subjectaltname } = socket.getPeerCertificate();
  socket.destroy();
  return subjectaltname;
}

async function untilReady(t: TestContext, proxy: ProxyProcess): Promise<Shown> {
  const admin = proxy.port('Admin interface');
  for (;;) {
    const { status, body } = await ask(admin, '/ready');
    if (status === 200) break;
    assert.ok(!t.signal.aborted, body);
  }
  return JSON.parse((await ask(admin, '/identity')).body) as Shown;
}

describe('the identity of a proxy', () => {
  it('is there before it is ready', async (t) => {
    const { issuer, start, folder } = await startRig(t);
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
    const { issuer, start, stopControl } = await startRig(t);
    const first = await start();
    const before = await untilReady(t, first);
    first.signal('SIGTERM');
    await first.ended;
    stopControl();
    const second = await start();
    const line = await second.untilSaid('Certified identity');
    assert.match(line, /kept on disk/);
    const admin = second.port('Admin interface');
    const after = JSON.parse((await ask(admin, '/identity')).body) as Shown;
    assert.equal(after.state, 'certified');
    assert.equal(after.issuer, before.issuer);
    assert.equal(issuer.requests.length, 1);
  });

  it('follows trust anchors and issuer, and confirms them', async (t) => {
    const { issuer, start } = await startRig(t);
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
      const { issuer, start } = await startRig(t);
      const proxy = await start(settings);
      const shown = await untilReady(t, proxy);
      await untilTurn('a stream of trust', () => issuer.trusts.size === 1);
      const [trust] = issuer.trusts;
      await untilTurn('its first word', () => trust.said.length > 0);
      assert.equal(trust.said[0].issuer, shown.issuer);
    });
  }

  it('may have a key and a request that somebody else has made', async (t) => {
    const { issuer, start, folder } = await startRig(t);
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
    const { folder } = await startRig(t);
    const settings = { identity: 'web.demo', identityDir: folder, control: '127.0.0.1:1' };
    const all = { ...settings, outbound: '127.0.0.1:0', stateDir: 'off' };
    const proxy = launchProxy(t, JSON.stringify({ proxy: all }));
    const { code, said } = await proxy.ended;
    assert.equal(code, 1);
    assert.match(said, /^heddle: identityDir: there is no \S+\/key\.p8\n$/m);
  });

  it('comes over TLS from another machine, by the pin of the token', async (t) => {
    if (otherHost === undefined) {
      t.skip('this machine has no address beside the loopback');
      return;
    }
    const { issuer, start } = await startRig(t, otherHost);
    const proxy = await start();
    const shown = await untilReady(t, proxy);
    assert.equal(shown.state, 'certified');
    assert.equal(issuer.requests.length, 1);
    await untilTurn('a stream of trust', () => issuer.trusts.size === 1);
    const { body: metrics } = await ask(proxy.port('Admin interface'), '/metrics');
    // Nothing was asked by a proxy that had not proved itself.
    assert.doesNotMatch(metrics, /heddle_discovery_stream_failures_total\{reason="UNAUTH/);
    assert.match(metrics, /heddle_discovery_streams_total \d/);
  });

  it('comes back over TLS after it has expired, and to a mesh that was made anew', async (t) => {
    if (otherHost === undefined) {
      t.skip('this machine has no address beside the loopback');
      return;
    }
    const { issuer, start, folder, serveWith } = await startRig(t, otherHost);
    issuer.lifetimeMs = 3_000;
    const limits = { identityRefreshMinMs: 1_000, identityRefreshMaxMs: 3_600_000 };
    const proxy = await start(limits);
    const before = await untilReady(t, proxy);
    issuer.refuse = 'not now';
    await proxy.untilSaid('the certificate has expired');
    issuer.lifetimeMs = 86_400_000;
    issuer.refuse = '';
    const admin = proxy.port('Admin interface');
    const until = async (holds: (shown: Shown) => boolean): Promise<void> => {
      for (;;) {
        const { body } = await ask(admin, '/identity');
        if (holds(JSON.parse(body) as Shown)) return;
        assert.ok(!t.signal.aborted, body);
      }
    };
    await until(({ state }) => state === 'certified');
    proxy.signal('SIGTERM');
    await proxy.ended;
    issuer.root = issuer.makeRoot();
    issuer.issuer = issuer.makeIssuer();
    issuer.bundle = [issuer.root];
    serveWith(issuer);
    writeFileSync(
      join(folder, 'token'),
      tokenOf({ td: 'mesh.local', pin: [fingerprintOf(issuer.root)] }),
    );
    const next = await start(limits);
    await next.untilSaid(/Certified identity .*source=issued/);
    const { body } = await ask(next.port('Admin interface'), '/identity');
    const after = JSON.parse(body) as Shown;
    assert.equal(after.issuer, fingerprintOf(issuer.issuer));
    assert.notEqual(after.bundle, before.bundle);
  });

  it('is not asked for from somebody who has no pinned anchor', async (t) => {
    if (otherHost === undefined) {
      t.skip('this machine has no address beside the loopback');
      return;
    }
    const { issuer, start, folder } = await startRig(t, otherHost);
    writeFileSync(join(folder, 'token'), tokenOf({ td: 'mesh.local', pin: ['00'.repeat(32)] }));
    const proxy = await start();
    const line = await proxy.untilSaid('certification has failed');
    assert.match(line, /none of its certificates is one that the token pins/);
    assert.equal(issuer.requests.length, 0);
  });
});

const otherHost = Object.values(networkInterfaces())
  .flat()
  .find((one) => one !== undefined && one.family === 'IPv4' && !one.internal)?.address;
