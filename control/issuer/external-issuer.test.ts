/**
 * Goal: an issuer that others keep is taken as it is, of whatever key, and replaced without a
 * moment in which nothing is trusted. Method: files as cert-manager writes them, for each kind of
 * key; leaves verified by Node and by openssl.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseCertificate } from '../../core/identity/certificate.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { Authority } from './authority.ts';
import { createCertificate } from './create-certificate.ts';
import { readExternalIssuer } from './external-issuer.ts';
import { IdentityFiles } from './identity-files.ts';
import { createIssuer, createRoot, issueLeaf, readSigner, type Signer } from './signer.ts';

const dayMs = 24 * 3_600_000;

const kinds: readonly (readonly [string, () => KeyPair])[] = [
  ['ECDSA P-256', () => generateKeyPairSync('ec', { namedCurve: 'P-256' })],
  ['ECDSA P-384', () => generateKeyPairSync('ec', { namedCurve: 'P-384' })],
  ['ECDSA P-521', () => generateKeyPairSync('ec', { namedCurve: 'P-521' })],
  ['RSA', () => generateKeyPairSync('rsa', { modulusLength: 2048 })],
  ['Ed25519', () => generateKeyPairSync('ed25519')],
];
for (const [kind, makePair] of kinds) {
  test(`an issuer of ${kind} below a root of the same signs leaves that verify`, (t) => {
    const { folder, clock, start } = scratch(t);
    const root = signerOf(makePair(), null, clock.wallMs());
    const issuer = signerOf(makePair(), root, clock.wallMs());
    put(folder, issuer, [root]);
    const { view } = start();
    assert.equal(view.problem, '');
    assert.ok(view.signer !== null);
    const { der, notAfterMs } = issueLeaf(view.signer, {
      identity: 'web.demo',
      uri: null,
      publicKey: makePair().publicKey.export({ type: 'spki', format: 'der' }),
      nowMs: clock.wallMs(),
      endMs: view.endMs,
    });
    // The chain ends before a day has passed.
    assert.equal(notAfterMs, issuer.certificate.notAfterMs);
    verifyByOpenssl(t, folder, der, clock.wallMs());
  });
}

test('what is wrong with it is said with the file', (t) => {
  const { folder, clock, start } = scratch(t);
  const root = createRoot('mesh.test', clock.wallMs());
  const issuer = createIssuer(root, 'mesh.test', clock.wallMs());
  const other = createRoot('mesh.test', clock.wallMs());
  const problem = () => {
    const authority = start();
    assert.equal(authority.view.signer, null);
    return authority.view.problem;
  };
  assert.match(problem(), /^there is no .*tls\.crt/);
  put(folder, issuer, [root]);
  writeFileSync(join(folder, 'tls.key'), 'no key');
  assert.match(problem(), /has no key that can sign/);
  writeFileSync(join(folder, 'tls.key'), pemOf(other.key));
  assert.match(problem(), /has a key that is not that of its certificate/);
  put(folder, issuer, [other]);
  assert.match(problem(), /is not signed by any of the trust anchors/);
  put(folder, issuer, [root]);
  rmSync(join(folder, 'ca.crt'));
  assert.match(problem(), /^there is no .*ca\.crt/);
  put(folder, issuer, [root]);
  clock.advance(31 * dayMs);
  assert.match(problem(), /has expired, at 20.*: put another one there/);
});

test('a leaf that calls itself an issuer is none', (t) => {
  const { folder, clock, start } = scratch(t);
  const root = createRoot('mesh.test', clock.wallMs());
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const der = createCertificate({ ...about(pair, root, clock.wallMs()), kind: 'leaf' });
  const pem = parseCertificate(der)?.pem ?? '';
  put(folder, root, [root]);
  writeFileSync(join(folder, 'tls.crt'), pem);
  writeFileSync(join(folder, 'tls.key'), pemOf(pair.privateKey));
  assert.match(start().view.problem, /may not sign others/);
});

test('another issuer of the same root signs at once, a broken one never does', (t) => {
  const { folder, clock, start } = scratch(t);
  const root = createRoot('mesh.test', clock.wallMs());
  put(folder, createIssuer(root, 'mesh.test', clock.wallMs()), [root]);
  const authority = start();
  const first = authority.view;
  writeFileSync(join(folder, 'tls.crt'), 'half a cert');
  authority.setExternal(readExternalIssuer(folder, []));
  assert.equal(authority.view.issuer, first.issuer);
  assert.match(authority.view.problem, /is of no use/);
  const next = createIssuer(root, 'mesh.test', clock.wallMs());
  put(folder, next, [root]);
  authority.setExternal(readExternalIssuer(folder, []));
  assert.equal(authority.view.issuer, next.certificate.fingerprint);
  assert.deepEqual([authority.view.problem, authority.view.digest], ['', first.digest]);
  assert.match(authority.rotate() ?? '', /the issuer is not ours/);
});

test('another root is distributed before its issuer signs, and the old one retires last', (t) => {
  const { folder, clock, start } = scratch(t);
  const [old, fresh] = [1, 2].map(() => createRoot('mesh.test', clock.wallMs()));
  put(folder, createIssuer(old, 'mesh.test', clock.wallMs()), [old]);
  const authority = start();
  const first = authority.view;
  let waiting = ['web'];
  authority.unconfirmed = () => waiting;
  const next = createIssuer(fresh, 'mesh.test', clock.wallMs());
  put(folder, next, [fresh]);
  authority.setExternal(readExternalIssuer(folder, []));
  assert.deepEqual([authority.view.phase, authority.view.issuer], ['distribute', first.issuer]);
  assert.equal(authority.view.anchors.length, 2);
  pass(authority, clock);
  assert.equal(authority.view.phase, 'distribute');
  waiting = [];
  authority.check();
  assert.equal(authority.view.phase, 'switch');
  assert.equal(authority.view.issuer, next.certificate.fingerprint);
  assert.equal(authority.view.anchors.length, 2);
  pass(authority, clock);
  const prints = authority.view.anchors.map(({ fingerprint }) => fingerprint);
  assert.deepEqual([authority.view.phase, prints], ['idle', [fresh.certificate.fingerprint]]);
});

interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

function about(pair: KeyPair, by: Signer | null, nowMs: number) {
  return {
    publicKey: pair.publicKey.export({ type: 'spki', format: 'der' }),
    commonName: by === null ? 'a root' : 'an issuer',
    issuer: by?.name ?? null,
    key: by?.key ?? pair.privateKey,
    notBeforeMs: nowMs - 60_000,
    notAfterMs: nowMs + dayMs / 2,
  };
}

function signerOf(pair: KeyPair, by: Signer | null, nowMs: number): Signer {
  const kind = by === null ? 'root' : 'issuer';
  const pem = parseCertificate(createCertificate({ ...about(pair, by, nowMs), kind }))?.pem ?? '';
  const signer = readSigner(pemOf(pair.privateKey), pem);
  if ('problem' in signer) assert.fail(signer.problem);
  return signer;
}

function put(folder: string, issuer: Signer, roots: readonly Signer[]): void {
  writeFileSync(join(folder, 'tls.crt'), issuer.certificate.pem);
  writeFileSync(join(folder, 'tls.key'), pemOf(issuer.key));
  writeFileSync(join(folder, 'ca.crt'), roots.map(({ certificate }) => certificate.pem).join(''));
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' });
}

function pass(authority: Authority, clock: FakeClock): void {
  clock.advance(16_000);
  authority.check();
}

function verifyByOpenssl(t: TestContext, folder: string, leaf: Buffer, nowMs: number): void {
  writeFileSync(join(folder, 'leaf'), parseCertificate(leaf)?.pem ?? '');
  const at = ['-attime', String(Math.floor(nowMs / 1000)), '-x509_strict', '-purpose', 'sslserver'];
  const files = ['-CAfile', 'ca.crt', '-untrusted', 'tls.crt', 'leaf'];
  try {
    const text = execFileSync('openssl', ['verify', ...at, ...files], { cwd: folder });
    assert.match(text.toString(), /: OK/);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    t.diagnostic('openssl is not installed: the leaf was not verified by it');
  }
}

function scratch(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-test-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const clock = new FakeClock();
  const start = (): Authority =>
    new Authority({
      clock,
      log: { info: () => {}, warn: () => {} },
      files: new IdentityFiles(join(folder, 'identity'), false),
      trustDomain: 'mesh.test',
      external: readExternalIssuer(folder, []),
      anchors: [],
    });
  return { folder, clock, start };
}
