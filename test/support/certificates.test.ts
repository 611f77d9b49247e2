/**
 * Goal: a certificate is what its shape says, so that a test of a wrong one fails for its reason.
 * Method: Node's own reader and OpenSSL's verdict on them.
 */

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { describe, it } from 'node:test';
import {
  addressName,
  dnsName,
  type KeyKind,
  mailName,
  makeCertificate,
  makeIssuer,
  makeLeaf,
  makeMesh,
  makeRoot,
  meshName,
  uriName,
} from './certificates.ts';

const kinds: readonly KeyKind[] = ['p256', 'p384', 'p521', 'rsa2048', 'ed25519'];

describe('certificates for tests', () => {
  for (const key of kinds) {
    it(`are signed by their issuer: ${key}`, () => {
      const root = new X509Certificate(makeRoot({ key }).pem);
      assert.ok(root.ca);
      assert.ok(root.verify(root.publicKey));
      const made = makeRoot({ key });
      const issuer = makeIssuer(made, { key });
      const leaf = new X509Certificate(makeLeaf(issuer, meshName('web')).pem);
      const read = new X509Certificate(issuer.pem);
      assert.ok(leaf.verify(read.publicKey));
      assert.ok(leaf.checkIssued(read));
      assert.ok(read.checkIssued(new X509Certificate(made.pem)));
      assert.equal(leaf.ca, false);
    });
  }

  it('have the names, the subject and the validity that they are given', () => {
    const names = [
      dnsName('a.b'),
      uriName('spiffe://b/c'),
      mailName('a@b'),
      addressName(10, 0, 0, 1),
    ];
    const { pem } = makeCertificate({
      subject: 'a subject',
      names,
      notBefore: Date.UTC(1999, 1, 2),
      notAfter: Date.UTC(2051, 2, 3, 4, 5, 6),
    });
    const read = new X509Certificate(pem);
    assert.equal(read.subject, 'CN=a subject');
    assert.equal(read.subjectAltName, 'DNS:a.b, URI:spiffe://b/c, email:a@b, IP Address:10.0.0.1');
    assert.equal(read.validFromDate.getTime(), Date.UTC(1999, 1, 2));
    assert.equal(read.validToDate.getTime(), Date.UTC(2051, 2, 3, 4, 5, 6));
  });

  it('make a mesh whose identities lead to its root', () => {
    const mesh = makeMesh();
    const web = mesh.identity(meshName('web'), 3);
    assert.equal(web.generation, 3);
    assert.equal(web.roots, mesh.root.pem);
    const [leaf, issuer] = web.chain.split(/(?<=-----END CERTIFICATE-----\n)/);
    assert.equal(issuer, mesh.issuer.pem);
    const read = new X509Certificate(leaf);
    assert.equal(read.subjectAltName, `DNS:${meshName('web')}`);
    assert.ok(read.verify(new X509Certificate(issuer).publicKey));
  });
});
