/**
 * Goal: what is on disk is used only when it is whole, ours and valid now; files are for their
 * owner alone. Method: folders with right and wrong files.
 */

import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { defaultConfig } from '../../control/model/default-settings.ts';
import { createKey, createRequest, keyDer } from '../../core/identity/csr.ts';
import { makeIssuer, makeLeaf, makeRoot, meshName } from '../../test/support/certificates.ts';
import { makeFolder } from '../../test/support/process.ts';
import { readBeginning } from './beginning.ts';
import { IdentityFiles } from './identity-files.ts';

const name = meshName('web');
const root = makeRoot();
const issuer = makeIssuer(root);
const key = createKey();
const leaf = makeLeaf(issuer, name, { key });
const chain = leaf.pem + issuer.pem;

function write(folder: string, texts: object): void {
  const files = { 'key.p8': keyDer(key), 'leaf.crt': chain, 'bundle.crt': root.pem, ...texts };
  for (const [file, text] of Object.entries(files)) {
    if (text !== null) writeFileSync(join(folder, file), text, { mode: 0o600 });
  }
}

async function read(folder: string, settings: object = {}) {
  const said: string[] = [];
  const warn = (_message: string, fields: Readonly<Record<string, string>>): void => {
    said.push(fields.reason);
  };
  const files = new IdentityFiles({ warn }, folder);
  const all = { ...defaultConfig.settings, identity: 'web.demo', ...settings };
  const beginning = await readBeginning(all, { files, nowWallMs: Date.now(), warn });
  return { beginning, said: said.join('; ') };
}

describe('an identity on disk', () => {
  it('is used when it is whole', async (t) => {
    const folder = makeFolder(t);
    write(folder, {});
    for (const identity of ['web.demo', name]) {
      const { beginning, said } = await read(folder, { identity });
      assert.equal(said, '');
      assert.equal(beginning.name, name);
      assert.equal(beginning.leaf?.chain.length, 2);
      assert.equal(beginning.bundle?.roots.length, 1);
      assert.ok(beginning.key.equals(key));
    }
  });

  it('need not be there', async (t) => {
    const folder = join(makeFolder(t), 'nowhere');
    const { beginning, said } = await read(folder);
    assert.equal(said, '');
    assert.equal(beginning.leaf, null);
    assert.equal(beginning.bundle, null);
  });

  const expired = makeLeaf(issuer, name, { key, notAfter: Date.now() - 1_000 });
  const wrong: readonly (readonly [what: string, texts: object, reason: RegExp])[] = [
    ['no key', { 'key.p8': null }, /key is not there/],
    ['a broken key', { 'key.p8': 'x' }, /key is not there, or cannot be read/],
    ['an empty key', { 'key.p8': '' }, /is empty.*key is not there/],
    ['another key', { 'key.p8': keyDer(createKey()) }, /is for another key/],
    ['a broken leaf', { 'leaf.crt': 'x' }, /no certificate in PEM/],
    ['half a leaf', { 'leaf.crt': leaf.pem.slice(0, 300) }, /no certificate in PEM/],
    ['a leaf without issuer', { 'leaf.crt': leaf.pem }, /no trust anchor has signed/],
    ['an expired leaf', { 'leaf.crt': expired.pem + issuer.pem }, /has expired/],
    ['no anchors', { 'bundle.crt': null }, /trust anchors are not there/],
    ['other anchors', { 'bundle.crt': makeRoot().pem }, /no trust anchor has signed/],
    ['an anchor that signs nothing', { 'bundle.crt': leaf.pem }, /may not sign certificates/],
    ['too many bytes', { 'leaf.crt': 'x'.repeat(1024 * 1024 + 1) }, /more than 1048576 bytes/],
  ];
  for (const [what, texts, reason] of wrong) {
    it(`is passed by with its reason: ${what}`, async (t) => {
      const folder = makeFolder(t);
      write(folder, texts);
      const { beginning, said } = await read(folder);
      assert.equal(beginning.leaf, null);
      assert.equal(beginning.name, null);
      assert.match(said, reason);
      // Nobody else can have learned of a new one.
      assert.equal(beginning.key.equals(key), false);
    });
  }

  it('is passed by with a key that others can read', async (t) => {
    const folder = makeFolder(t);
    write(folder, {});
    chmodSync(join(folder, 'key.p8'), 0o640);
    const { beginning, said } = await read(folder);
    assert.equal(beginning.leaf, null);
    assert.match(said, /key\.p8 can be used by others: chmod 600/);
  });

  it('is passed by when it is somebody else', async (t) => {
    const folder = makeFolder(t);
    write(folder, {});
    const { beginning, said } = await read(folder, { identity: 'db.demo' });
    assert.equal(beginning.leaf, null);
    assert.match(said, /is for web\.demo\.\S+, not for db\.demo/);
    assert.equal(beginning.bundle?.roots.length, 1);
  });

  it('is no device, no folder and no file that cannot be read', async (t) => {
    const folder = makeFolder(t);
    write(folder, { 'leaf.crt': null, 'key.p8': null });
    symlinkSync('/dev/zero', join(folder, 'leaf.crt'));
    mkdirSync(join(folder, 'key.p8'));
    const { beginning, said } = await read(folder);
    assert.equal(beginning.leaf, null);
    assert.match(said, /key\.p8 is not a file.*leaf\.crt is not a file/);
  });
});

describe('files of an identity', () => {
  it('are replaced as a whole, and for their owner alone', async (t) => {
    const folder = join(makeFolder(t), 'a/b');
    const files = new IdentityFiles({ warn: failWith(t) }, folder);
    const texts = { key: keyDer(key), leaf: chain, bundle: root.pem };
    files.save({ ...texts, leaf: 'older' });
    files.save({ ...texts, leaf: 'old' });
    files.save(texts);
    await files.close();
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    assert.deepEqual(readdirSync(folder).toSorted(), ['bundle.crt', 'key.p8', 'leaf.crt']);
    for (const file of readdirSync(folder)) {
      assert.equal(statSync(join(folder, file)).mode & 0o777, 0o600);
    }
    assert.equal(readFileSync(join(folder, 'leaf.crt'), 'utf8'), chain);
    const { beginning, said } = await read(folder);
    assert.equal(said, '');
    assert.equal(beginning.name, name);
  });

  it('are left as they are when nothing has changed', async (t) => {
    const folder = makeFolder(t);
    const files = new IdentityFiles({ warn: failWith(t) }, folder);
    const texts = { key: keyDer(key), leaf: chain, bundle: root.pem };
    files.save(texts);
    await files.close();
    const before = statSync(join(folder, 'leaf.crt')).ino;
    files.save({ ...texts, bundle: root.pem + root.pem });
    await files.close();
    assert.equal(statSync(join(folder, 'leaf.crt')).ino, before);
    assert.equal(readFileSync(join(folder, 'bundle.crt'), 'utf8'), root.pem + root.pem);
  });

  it('that cannot be written are told of', async (t) => {
    const folder = join(makeFolder(t), 'a-file');
    writeFileSync(folder, '');
    const said: string[] = [];
    const files = new IdentityFiles({ warn: (message) => said.push(message) }, join(folder, 'x'));
    files.save({ key: null, leaf: chain, bundle: root.pem });
    await files.close();
    assert.deepEqual(said, ['the identity cannot be kept on disk']);
  });
});

describe('an identity that somebody else has made', () => {
  const settingsOf = (identityDir: string) => ({ identityDir, identity: name });

  it('has its key, which is written nowhere, and its request', async (t) => {
    const made = makeFolder(t);
    const request = createRequest(name, key);
    writeFileSync(join(made, 'key.p8'), keyDer(key));
    writeFileSync(join(made, 'csr.der'), request);
    const folder = makeFolder(t);
    write(folder, { 'key.p8': null });
    const { beginning, said } = await read(folder, settingsOf(made));
    assert.equal(said, '');
    assert.equal(beginning.name, name);
    assert.deepEqual(beginning.request, request);
    assert.ok(beginning.key.equals(key));
  });

  it('is needed as a whole', async (t) => {
    const made = makeFolder(t);
    const fails = (reason: RegExp) => assert.rejects(read(makeFolder(t), settingsOf(made)), reason);
    await fails(/^IdentityError: identityDir: there is no \S+key\.p8/);
    writeFileSync(join(made, 'key.p8'), 'x');
    await fails(/there is no \S+csr\.der/);
    writeFileSync(join(made, 'csr.der'), createRequest(name, createKey()));
    await fails(/is no key in PKCS#8/);
    writeFileSync(join(made, 'key.p8'), keyDer(key));
    await fails(/csr\.der is no request for the key/);
  });
});

function failWith(t: TestContext): (message: string, fields: object) => void {
  return (message, fields) => t.assert.fail(`${message} ${JSON.stringify(fields)}`);
}
