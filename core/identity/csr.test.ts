/**
 * Goal: a request is byte by byte what Linkerd's proxies send, and OpenSSL takes it. Method: a
 * fixed key, whose request is the same but for its signature; OpenSSL where it is installed.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createPublicKey, verify } from 'node:crypto';
import { it } from 'node:test';
import { makeCertificate, meshName } from '../../test/support/certificates.ts';
import { createKey, createRequest, isRequestFor, keyDer, keyPem, parseKey } from './csr.ts';

/** PKCS#8 of the key of RFC 6979, A.2.5. */
const pointHex = [
  '60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6',
  '7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299',
].join('');
const keyHex = [
  '308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420',
  'c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721a14403420004',
  pointHex,
].join('');

/** What is signed, for `web.demo`. */
const infoHex = [
  '30819b',
  // Version 0.
  '020100',
  // Subject: CN=web.demo
  '30133111300f06035504030c087765622e64656d6f',
  // The public key: of an elliptic curve, P-256, uncompressed.
  `3059301306072a8648ce3d020106082a8648ce3d03010703420004${pointHex}`,
  // Attributes: extensionRequest, with the extension subjectAltName, with one DNS name.
  'a026302406092a864886f70d01090e3117',
  '301530130603551d11040c300a82087765622e64656d6f',
].join('');
/** ecdsa-with-SHA256 */
const algorithmHex = '300a06082a8648ce3d040302';

function fixedKey() {
  const key = parseKey(Buffer.from(keyHex, 'hex'));
  assert.ok(key !== null);
  return key;
}

it('is written byte by byte', () => {
  const key = fixedKey();
  assert.equal(keyDer(key).toString('hex'), keyHex);
  const request = createRequest('web.demo', key);
  const lines = /^3081(..)(.*)(300a.{20})03(..)00(.*)$/.exec(request.toString('hex'));
  assert.ok(lines !== null);
  const [, length, info, algorithm, bits, signature] = lines;
  assert.equal(info, infoHex);
  assert.equal(algorithm, algorithmHex);
  assert.equal(Number.parseInt(length, 16), request.length - 3);
  assert.equal(Number.parseInt(bits, 16), signature.length / 2 + 1);
  const signed = Buffer.from(info, 'hex');
  assert.ok(verify('sha256', signed, createPublicKey(key), Buffer.from(signature, 'hex')));
});

it('is taken by OpenSSL, also for a name that is too long for a subject', (t) => {
  if (spawnSync('openssl', ['version']).error !== undefined) {
    t.skip('openssl is not installed');
    return;
  }
  for (const name of [meshName('web'), meshName('a'.repeat(63), 'b'.repeat(63))]) {
    const input = createRequest(name, createKey());
    const args = ['req', '-inform', 'DER', '-verify', '-noout', '-text'];
    const { stdout, stderr, status } = spawnSync('openssl', args, { input, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    assert.match(stderr + stdout, /verify OK/);
    assert.match(stdout, new RegExp(`DNS:${name}\n`));
    assert.match(stdout, name.length > 64 ? /Subject: *\n/ : new RegExp(`Subject: CN = ${name}`));
    assert.match(stdout, /Signature Algorithm: ecdsa-with-SHA256/);
  }
});

it('belongs to one key', () => {
  const key = createKey();
  const request = createRequest('web.demo', key);
  assert.equal(isRequestFor(request, key), true);
  assert.equal(isRequestFor(request, createKey()), false);
  assert.equal(isRequestFor(Buffer.concat([request, Buffer.from([0])]), key), false);
  assert.equal(isRequestFor(request.subarray(0, 40), key), false);
  assert.equal(isRequestFor(makeCertificate({ key }).der, key), false);
});

it('has a key that can be kept', () => {
  const key = createKey();
  assert.ok(parseKey(keyDer(key))?.equals(key));
  assert.match(keyPem(key), /^-----BEGIN PRIVATE KEY-----\n/);
  assert.equal(parseKey(Buffer.from('no key')), null);
  assert.equal(parseKey(Buffer.from(keyPem(key))), null);
});
