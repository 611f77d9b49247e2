/**
 * Goal: a certificate is exactly the bytes that came, and a set of anchors has one digest however
 * it is written. Method: certificates of tests, bent and in other orders.
 */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { it } from 'node:test';
import { makeLeaf, makeRoot } from '../../test/support/certificates.ts';
import { parseCertificate, parsePem, readBundle, readPemBundle } from './certificate.ts';

const roots = [makeRoot(), makeRoot(), makeRoot()];
const [root] = roots;

it('is all of its bytes, in their one form', () => {
  const print = createHash('sha256').update(root.der).digest('hex');
  assert.equal(parseCertificate(root.der)?.fingerprint, print);
  assert.equal(parseCertificate(Buffer.concat([root.der, Buffer.from([0])])), null);
  assert.equal(parseCertificate(root.der.subarray(0, -1)), null);
  assert.equal(parseCertificate(Buffer.from(root.pem)), null);
  assert.equal(parseCertificate(Buffer.alloc(0)), null);
  // Found by the fuzzer: unused bits of the signature, which OpenSSL reads and writes as none.
  const bent = Buffer.from(root.der);
  const signature = bent.lastIndexOf(Buffer.from('2a8648ce3d040302', 'hex')) + 8;
  assert.equal(bent[signature], 0x03);
  bent[signature + 2] = 0xf4;
  assert.equal(parseCertificate(bent), null);
});

it('are one set in whatever order, and each once', () => {
  const ders = roots.map(({ der }) => der);
  const bundle = readBundle(ders);
  assert.ok(typeof bundle !== 'string');
  const again = readBundle([...ders.toReversed(), ders[0]]);
  assert.ok(typeof again !== 'string');
  assert.equal(again.digest, bundle.digest);
  const written = readPemBundle(`a remark\n${again.pem}`);
  assert.ok(typeof written !== 'string');
  assert.equal(written.digest, bundle.digest);
  const hashes = ders.map((der) => createHash('sha256').update(der).digest('hex')).toSorted();
  const all = Buffer.from(hashes.join(''), 'hex');
  assert.equal(bundle.digest, createHash('sha256').update(all).digest('hex'));
});

it('are refused with their reason', () => {
  const leaf = makeLeaf(root, 'web.demo');
  assert.equal(readBundle([]), 'there is no trust anchor');
  assert.equal(readBundle([root.der, leaf.der]), 'a trust anchor may not sign certificates');
  assert.equal(readBundle([root.der, Buffer.from('x')]), 'a trust anchor cannot be read');
  const many = new Array<Buffer>(33).fill(root.der);
  assert.equal(readBundle(many), 'there are more than 32 trust anchors');
  assert.equal(parsePem('nothing', 3), 'there is no certificate in PEM');
  assert.equal(parsePem(root.pem.repeat(4), 3), 'there are more than 3 certificates');
  const broken = root.pem.replace(/\n.{8}/, '\nAAAAAAAA');
  assert.equal(parsePem(root.pem + broken, 3), 'certificate 2 cannot be read');
});
