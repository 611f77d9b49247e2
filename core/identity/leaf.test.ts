/**
 * Goal: a certificate of our own is used only if peers would take it.
 * Method: right and wrong certificates, each with the reason that is given.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  dnsName,
  type Certificate as Made,
  type makeCertificate,
  makeIssuer,
  makeLeaf,
  makeRoot,
  meshName,
  uriName,
  usages,
} from '../../test/support/certificates.ts';
import { readBundle } from './certificate.ts';
import { createKey } from './csr.ts';
import { checkLeaf } from './leaf.ts';

const hourMs = 3_600_000;
const now = Date.now();
const name = meshName('web');
const key = createKey();
const root = makeRoot();
const issuer = makeIssuer(root);

function judge(leaf: Made, chain: readonly Made[] = [issuer], roots: readonly Made[] = [root]) {
  const bundle = readBundle(roots.map(({ der }) => der));
  assert.ok(typeof bundle !== 'string');
  const intermediates = chain.map(({ der }) => der);
  return checkLeaf({ leaf: leaf.der, intermediates, bundle, name, key, nowWallMs: now });
}

function refusal(...question: Parameters<typeof judge>): string {
  const judged = judge(...question);
  assert.ok(typeof judged === 'string', 'it is refused');
  return judged;
}

const good = makeLeaf(issuer, name, { key });

describe('a leaf of our own', () => {
  it('ends with the first of its chain', () => {
    const short = makeIssuer(root, { notAfter: now + hourMs });
    const judged = judge(makeLeaf(short, name, { key }), [short]);
    assert.ok(typeof judged !== 'string');
    assert.equal(judged.endMs, Math.floor((now + hourMs) / 1000) * 1000);
    assert.equal(judged.chain.length, 2);
  });

  it('may be signed by a trust anchor, or by issuers of issuers', () => {
    assert.ok(typeof judge(makeLeaf(root, name, { key }), []) !== 'string');
    const second = makeIssuer(issuer);
    const leaf = makeLeaf(second, name, { key });
    const judged = judge(leaf, [second, issuer]);
    assert.ok(typeof judged !== 'string');
    assert.equal(judged.chain.length, 3);
    assert.match(refusal(leaf, [issuer, second]), /do not sign each other in their order/);
    assert.match(refusal(leaf, [second]), /no trust anchor has signed/);
  });

  it('leaves a trust anchor out of its chain', () => {
    const judged = judge(good, [issuer, root]);
    assert.ok(typeof judged !== 'string');
    assert.equal(judged.chain.length, 2);
  });

  it('may be signed by keys of other kinds', () => {
    for (const kind of ['rsa2048', 'p384', 'ed25519'] as const) {
      const other = makeRoot({ key: kind });
      const signer = makeIssuer(other, { key: kind });
      assert.ok(typeof judge(makeLeaf(signer, name, { key }), [signer], [other]) !== 'string');
    }
  });

  const names = [uriName('spiffe://mesh.local/web'), dnsName(name)];
  const wrong: readonly (readonly [string, () => string, RegExp])[] = [
    ['another root', () => refusal(good, [issuer], [makeRoot()]), /no trust anchor has signed/],
    ['no issuer', () => refusal(good, []), /no trust anchor has signed/],
    ['another key', () => refusal(makeLeaf(issuer, name)), /another key/],
    ['expired', () => refusal(leafWith({ notAfter: now - 1_000 })), /has expired/],
    ['not yet', () => refusal(leafWith({ notBefore: now + hourMs })), /begins in \d+ s/],
    ['another name', () => refusal(makeLeaf(issuer, meshName('db'), { key })), /is for db/],
    ['a name before ours', () => refusal(leafWith({ names })), /is for spiffe:/],
    ['no name', () => refusal(leafWith({ names: [], subject: name })), /is for nobody/],
    ['a server alone', () => refusal(leafWith({ extendedKeyUsage: [usages.server] })), /both ends/],
    [
      'an issuer that has expired',
      () => refusal(...of({ notAfter: now - 1_000 })),
      /not valid now/,
    ],
    ['an issuer that may not sign', () => refusal(...of({ ca: false })), /do not sign each other/],
    ['a root that has expired', () => refusal(...ofRoot({ notAfter: now - 1 })), /no trust anchor/],
    ['malformed', () => refusal(leafWith({ names: [dnsName('web\0')] })), /is malformed/],
    ['too many issuers', () => refusal(good, new Array<Made>(9).fill(issuer)), /more than 8/],
  ];
  for (const [what, refuse, reason] of wrong) {
    it(`is refused: ${what}`, () => assert.match(refuse(), reason));
  }
});

type Shape = Parameters<typeof makeCertificate>[0];

function leafWith(shape: Shape): Made {
  return makeLeaf(issuer, name, { key, ...shape });
}

function of(shape: Shape): [Made, Made[]] {
  const signer = makeIssuer(root, shape);
  return [makeLeaf(signer, name, { key }), [signer]];
}

function ofRoot(shape: Shape): [Made, Made[], Made[]] {
  const anchor = makeRoot(shape);
  const signer = makeIssuer(anchor);
  return [makeLeaf(signer, name, { key }), [signer], [anchor]];
}
