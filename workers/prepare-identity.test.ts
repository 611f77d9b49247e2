/**
 * Goal: the entry point of a sidecar makes a key and a request that fit together, keeps them while
 * there is a certificate for them, and says what is wrong. Method: folders, right and wrong.
 */

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { createKey, createRequest, isRequestFor, keyDer, parseKey } from '../core/identity/csr.ts';
import { makeIssuer, makeLeaf, makeRoot } from '../test/support/certificates.ts';
import { makeFolder } from '../test/support/process.ts';
import { prepareIdentity } from './prepare-identity.ts';

const name = 'web.demo.serviceaccount.identity.linkerd.cluster.local';
const root = makeRoot();
const issuer = makeIssuer(root);

function variablesOf(folder: string, others: Readonly<Record<string, string>> = {}) {
  return {
    LINKERD2_PROXY_IDENTITY_DIR: folder,
    LINKERD2_PROXY_IDENTITY_LOCAL_NAME: name,
    LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS: root.pem,
    ...others,
  };
}

function readPair(folder: string) {
  const [key, request] = ['key.p8', 'csr.der'].map((file) => readFileSync(join(folder, file)));
  return { key, request };
}

describe('key and request', () => {
  it('are made, for their owner alone', async (t) => {
    const folder = makeFolder(t);
    assert.equal(await prepareIdentity(variablesOf(folder)), '');
    assert.deepEqual(readdirSync(folder).toSorted(), ['csr.der', 'key.p8']);
    const { key: der, request } = readPair(folder);
    const key = parseKey(der);
    assert.ok(key !== null && isRequestFor(request, key));
    assert.equal(key.asymmetricKeyDetails?.namedCurve, 'prime256v1');
    // Common name and the one alternative name.
    assert.equal(request.toString('latin1').split(name).length, 3);
    for (const file of ['csr.der', 'key.p8']) {
      assert.equal(statSync(join(folder, file)).mode & 0o777, 0o600);
    }
  });

  it('take the place of what was there', async (t) => {
    const folder = makeFolder(t);
    writeFileSync(join(folder, 'key.p8'), 'old', { mode: 0o644 });
    assert.equal(await prepareIdentity(variablesOf(folder)), '');
    const first = readPair(folder);
    assert.equal(await prepareIdentity(variablesOf(folder)), '');
    assert.notDeepEqual(readPair(folder), first);
    assert.equal(statSync(join(folder, 'key.p8')).mode & 0o777, 0o600);
  });
});

describe('a pair of an earlier start', () => {
  const key = createKey();
  const request = createRequest(name, key);
  const leaf = makeLeaf(issuer, name, { key });
  const other = createKey();

  function keep(t: TestContext, files: Readonly<Record<string, string | Buffer>> = {}): string {
    const folder = makeFolder(t);
    mkdirSync(join(folder, 'heddle/identity'), { recursive: true });
    const all = {
      'key.p8': keyDer(key),
      'csr.der': request,
      'heddle/identity/leaf.crt': leaf.pem + issuer.pem,
      ...files,
    };
    for (const [file, bytes] of Object.entries(all)) {
      writeFileSync(join(folder, file), bytes, { mode: 0o600 });
    }
    return folder;
  }

  it('stays with its certificate', async (t) => {
    const folder = keep(t);
    assert.equal(await prepareIdentity(variablesOf(folder)), '');
    assert.deepEqual(readPair(folder), { key: keyDer(key), request });
  });

  const another = makeLeaf(issuer, 'db.demo.serviceaccount.identity.linkerd.cluster.local', {
    key,
  });
  const expired = makeLeaf(issuer, name, { key, notAfter: Date.now() - 1_000 });
  const wrong: readonly (readonly [what: string, files: Record<string, string | Buffer>])[] = [
    ['its certificate has expired', { 'heddle/identity/leaf.crt': expired.pem + issuer.pem }],
    ['its certificate is for another name', { 'heddle/identity/leaf.crt': another.pem }],
    ['its certificate cannot be read', { 'heddle/identity/leaf.crt': 'x' }],
    ['the request is for another key', { 'csr.der': createRequest(name, other) }],
    ['the request is empty', { 'csr.der': '' }],
    ['the key is another', { 'key.p8': keyDer(other), 'csr.der': createRequest(name, other) }],
  ];
  for (const [what, files] of wrong) {
    it(`is made anew when ${what}`, async (t) => {
      const folder = keep(t, files);
      const before = readPair(folder);
      assert.equal(await prepareIdentity(variablesOf(folder)), '');
      const after = readPair(folder);
      assert.notDeepEqual(after.key, before.key);
      assert.notDeepEqual(after.request, before.request);
    });
  }

  it('is made anew when others can read the key, or the trust anchors are others', async (t) => {
    const open = keep(t);
    chmodSync(join(open, 'key.p8'), 0o644);
    assert.equal(await prepareIdentity(variablesOf(open)), '');
    assert.notDeepEqual(readPair(open).key, keyDer(key));
    const moved = keep(t);
    const anchors = { LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS: makeRoot().pem };
    assert.equal(await prepareIdentity(variablesOf(moved, anchors)), '');
    assert.notDeepEqual(readPair(moved).key, keyDer(key));
  });
});

describe('what is wrong is named', () => {
  const prefix = 'LINKERD2_PROXY_IDENTITY_';
  const rows: readonly (readonly [variable: string, value: string, reason: RegExp])[] = [
    ['DIR', '', /^LINKERD2_PROXY_IDENTITY_DIR is missing/],
    ['DIR', '/nowhere/at/all', /^LINKERD2_PROXY_IDENTITY_DIR: \/nowhere\/at\/all is not there/],
    ['DIR', '/dev/null', /_DIR: \/dev\/null is no folder/],
    ['LOCAL_NAME', '', /_LOCAL_NAME: expected a whole DNS name in lower case, got ""/],
    ['LOCAL_NAME', 'web', /_LOCAL_NAME: .* got "web"/],
    ['LOCAL_NAME', 'Web.demo', /_LOCAL_NAME: .* got "Web\.demo"/],
    ['TRUST_ANCHORS', '', /_TRUST_ANCHORS: expected PEM, but there is no certificate/],
    ['TRUST_ANCHORS', '/a/path', /_TRUST_ANCHORS: expected PEM/],
  ];
  for (const [variable, value, reason] of rows) {
    it(`${variable} ${JSON.stringify(value)}`, async (t) => {
      const folder = makeFolder(t);
      const variables = variablesOf(folder, { [prefix + variable]: value });
      assert.match(await prepareIdentity(variables), reason);
      assert.deepEqual(readdirSync(folder), []);
    });
  }

  it('a folder that cannot be written', async (t) => {
    const folder = makeFolder(t);
    // Also for root: what stands in the way is not empty.
    mkdirSync(join(folder, 'key.p8', 'x'), { recursive: true });
    assert.match(await prepareIdentity(variablesOf(folder)), /cannot be written: E[A-Z]+$/);
  });
});
