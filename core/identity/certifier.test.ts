/**
 * Goal: a proxy always has the best certificate that it can have, and asks for the next one in
 * time. Method: a certifier on a clock of the test's, and an issuer that answers what a test wants.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CertifyResponse } from '../../api/gen/proxy/identity.ts';
import { type Certificate as Made, makeLeaf, meshName } from '../../test/support/certificates.ts';
import {
  dayMs,
  hourMs,
  printOf,
  CertifierRig as Rig,
  tokenOf,
} from '../../test/support/certifier-rig.ts';
import { FakeIssuer } from '../../test/support/fake-issuer.ts';
import { readBundle } from './certificate.ts';
import type { Beginning } from './certifier.ts';

const web = meshName('web');

describe('the first certificate', () => {
  it('is for the whole name, with the trust domain of the token', async () => {
    const rig = new Rig();
    const certifier = await rig.start();
    assert.equal(certifier.state, 'certified');
    assert.equal(certifier.name, web);
    assert.equal(certifier.leaf?.issuer, printOf(rig.issuer.issuer));
    assert.equal(certifier.leaf?.chain.length, 2);
    assert.deepEqual(
      certifier.bundle?.roots.map((root) => root.fingerprint),
      [printOf(rig.issuer.root)],
    );
    const [request] = rig.issuer.requests;
    assert.equal(request.identity, web);
    assert.equal(Buffer.from(request.token).toString(), rig.sources.token);
    assert.equal(request.heddleLeaf.length, 0);
    assert.equal(rig.logged('Certified identity'), 1);
  });

  it('is waited for and told about', async () => {
    const rig = new Rig();
    rig.issuer.refuse = 'UNAVAILABLE: cert issuer not ready yet';
    const certifier = await rig.start();
    assert.equal(certifier.state, 'uncertified');
    assert.match(certifier.error, /not ready yet/);
    await rig.pass(61_000, 20);
    assert.equal(rig.logged('Waiting for identity to be initialized...'), 4);
    // 0.1 s, doubled up to 10 s, and up to a half more each.
    assert.ok(rig.asked >= 9 && rig.asked <= 14, String(rig.asked));
    rig.issuer.refuse = '';
    await rig.pass(15_000, 20);
    assert.equal(certifier.state, 'certified');
    await rig.pass(60_000, 1_000);
    assert.equal(rig.logged('Waiting'), 4);
  });

  it('waits for a token, and says that it is missing', async () => {
    const rig = new Rig();
    const problem = 'identityToken: there is no ./token';
    const { token } = rig.sources;
    rig.sources = { token: '', anchors: null, problem };
    const certifier = await rig.start();
    assert.equal(certifier.error, problem);
    assert.equal(rig.asked, 0);
    rig.sources = { token, anchors: null, problem: '' };
    await rig.pass(1_000, 20);
    assert.equal(certifier.state, 'certified');
  });

  it('wants to know whom to believe', async () => {
    const rig = new Rig();
    rig.sources = { token: tokenOf([]), anchors: null, problem: '' };
    const certifier = await rig.start();
    assert.match(certifier.error, /which trust anchors to believe: .*--identity-trust-anchors/);
    const other = new FakeIssuer(() => rig.clock.wallMs());
    rig.sources = { token: tokenOf([other.root]), anchors: null, problem: '' };
    await rig.pass(1_000, 20);
    assert.match(certifier.error, /other trust anchors than those that this proxy believes/);
    assert.equal(certifier.bundle, null);
  });

  it('may rest on trust anchors of a file, and on a control plane that tells of none', async () => {
    const rig = new Rig();
    rig.issuer.bundle = [];
    const anchors = readBundle([rig.issuer.root.der]);
    assert.ok(typeof anchors !== 'string');
    rig.sources = { token: 'a.kubernetes.token', anchors, problem: '' };
    rig.create({}, web);
    const certifier = await rig.start();
    assert.equal(certifier.state, 'certified');
    assert.equal(certifier.bundle?.digest, anchors.digest);
  });

  it('wants the whole name from a token that names no trust domain', async () => {
    const rig = new Rig();
    rig.sources = { token: 'a.kubernetes.token', anchors: null, problem: '' };
    const certifier = await rig.start();
    assert.match(
      certifier.error,
      /names no trust domain for web.demo: make another .* or give the whole name/,
    );
    assert.equal(rig.asked, 0);
  });
});

const bent: readonly (readonly [string, (answer: CertifyResponse, rig: Rig) => object, RegExp])[] =
  [
    ['without an end', () => ({ validUntil: null }), /until when/],
    [
      'with an end that has passed',
      () => ({ validUntil: { seconds: 1n, nanos: 0 } }),
      /has expired/,
    ],
    ['without a leaf', () => ({ leafCertificate: new Uint8Array() }), /cannot be read/],
    [
      'for another key',
      (_, rig) => leafOf(makeLeaf(rig.issuer.issuer, web, at(rig))),
      /another key/,
    ],
    [
      'of another root',
      (_, rig) => otherRoot(rig),
      /no trust anchor has signed|other trust anchors/,
    ],
    ['without its issuer', () => ({ intermediateCertificates: [] }), /no trust anchor/],
  ];

function leafOf({ der }: Made): object {
  return { leafCertificate: der };
}

function at(rig: Rig): { notBefore: number; notAfter: number } {
  const now = rig.clock.wallMs();
  return { notBefore: now - 1_000, notAfter: now + dayMs };
}

function otherRoot(rig: Rig): object {
  const other = new FakeIssuer(() => rig.clock.wallMs());
  const answer = other.answer(rig.issuer.requests.at(-1) as never);
  assert.ok(typeof answer !== 'string');
  return answer;
}

describe('an answer that is no certificate of ours', () => {
  for (const [what, change, reason] of bent) {
    it(`is not used: ${what}`, async () => {
      const rig = new Rig();
      rig.issuer.bend = (answer) => ({ ...answer, ...change(answer, rig) });
      const certifier = await rig.start();
      assert.equal(certifier.state, 'uncertified');
      assert.match(certifier.error, reason);
      rig.issuer.bend = (answer) => answer;
      await rig.pass(1_000, 20);
      assert.equal(certifier.state, 'certified');
      const before = certifier.leaf;
      rig.issuer.bend = (answer) => ({ ...answer, ...change(answer, rig) });
      await rig.pass(17 * hourMs);
      assert.equal(certifier.state, 'failing');
      assert.equal(certifier.leaf, before);
      assert.match(certifier.error, reason);
    });
  }

  it('is not used: for another name, and not valid yet', async () => {
    const rig = new Rig();
    const certifier = await rig.start();
    const key = certifier.key;
    const other = makeLeaf(rig.issuer.issuer, meshName('db'), { key, ...at(rig) });
    rig.issuer.bend = (answer) => ({ ...answer, ...leafOf(other) });
    await rig.pass(17 * hourMs);
    assert.match(certifier.error, /is for db\.demo\.\S+, not for web\.demo/);
    const notBefore = rig.clock.wallMs() + hourMs;
    const later = makeLeaf(rig.issuer.issuer, web, { key, notBefore, notAfter: notBefore + dayMs });
    rig.issuer.bend = (answer) => ({ ...answer, ...leafOf(later) });
    await rig.pass(20_000, 1_000);
    assert.match(certifier.error, /begins in \d+ s: set the clock/);
  });
});

describe('the next certificate', () => {
  const lives: readonly (readonly [lifetimeMs: number, waitMs: number])[] = [
    [24 * hourMs, 0.7 * 24 * hourMs],
    [20 * dayMs, dayMs],
    [12_000, 10_000],
  ];
  for (const [lifetimeMs, waitMs] of lives) {
    it(`is asked for after ${waitMs} ms of ${lifetimeMs}`, async () => {
      const rig = new Rig();
      rig.issuer.lifetimeMs = lifetimeMs;
      const certifier = await rig.start();
      await rig.pass(waitMs - 50);
      assert.equal(rig.asked, 1);
      await rig.pass(100);
      assert.equal(rig.asked, 2);
      assert.equal(certifier.state, 'certified');
      assert.ok(rig.issuer.requests[1].heddleLeaf.length > 0);
      assert.deepEqual(
        rig.issuer.requests[1].certificateSigningRequest,
        rig.issuer.requests[0].certificateSigningRequest,
      );
    });
  }

  it('leaves the old one in use until its end', async () => {
    const rig = new Rig();
    const certifier = await rig.start();
    const before = certifier.leaf;
    rig.issuer.refuse = 'UNAVAILABLE: away';
    await rig.pass(23 * hourMs, hourMs);
    assert.equal(certifier.state, 'failing');
    assert.equal(certifier.leaf, before);
    assert.ok(rig.results.filter((result) => result === 'error').length >= 4);
    await rig.pass(2 * hourMs, 600_000);
    assert.equal(certifier.state, 'expired');
    assert.equal(rig.logged('the certificate has expired'), 1);
    rig.issuer.refuse = '';
    await rig.pass(20_000, 1_000);
    assert.equal(certifier.state, 'certified');
    assert.equal(rig.issuer.requests.at(-1)?.heddleLeaf.length, 0);
  });

  it('says its end also while an answer is awaited', async () => {
    const rig = new Rig();
    const certifier = await rig.start();
    const { promise, resolve } = Promise.withResolvers<void>();
    rig.held = promise;
    await rig.pass(23 * hourMs, hourMs);
    assert.equal(rig.logged('the certificate has expired'), 0);
    await rig.pass(2 * hourMs, 600_000);
    assert.equal(rig.logged('the certificate has expired'), 1);
    resolve();
    await rig.pass(20_000, 1_000);
    assert.equal(certifier.state, 'certified');
    assert.equal(rig.asked, 2, 'nothing else was asked meanwhile');
  });

  it('needs no token while the old one lasts', async () => {
    const rig = new Rig();
    const certifier = await rig.start();
    rig.sources = { token: '', anchors: null, problem: 'identityToken: there is no ./token' };
    await rig.pass(17 * hourMs);
    assert.equal(rig.asked, 2);
    assert.equal(rig.issuer.requests[1].token.length, 0);
    assert.equal(certifier.state, 'certified');
  });

  it('is asked for soon after a sleep', async () => {
    const rig = new Rig();
    const certifier = await rig.start();
    rig.clock.sleptMs = 60 * dayMs;
    rig.issuer.issuer = rig.issuer.makeIssuer();
    assert.equal(certifier.state, 'expired');
    await rig.pass(11_000, 1_000);
    assert.equal(certifier.state, 'certified');
    assert.equal(rig.asked, 2);
  });
});

describe('a certificate of an earlier run', () => {
  async function earlier(rig: Rig): Promise<Beginning> {
    const { key, leaf, bundle, name } = await rig.start();
    rig.certifier.close();
    return { key, leaf, bundle, name, request: null };
  }

  it('is as good as a new one', async () => {
    const rig = new Rig();
    const beginning = await earlier(rig);
    rig.issuer.refuse = 'UNAVAILABLE: away';
    const certifier = rig.create(beginning);
    await rig.start();
    assert.equal(certifier.state, 'certified');
    assert.equal(certifier.error, '');
    assert.equal(rig.asked, 1);
    await rig.pass(17 * hourMs);
    assert.equal(rig.asked, 2);
  });

  it('is replaced at once where the token pins other trust anchors', async () => {
    const rig = new Rig();
    const beginning = await earlier(rig);
    rig.issuer.root = rig.issuer.makeRoot();
    rig.issuer.issuer = rig.issuer.makeIssuer();
    rig.issuer.bundle = [rig.issuer.root];
    rig.sources = { token: tokenOf([rig.issuer.root]), anchors: null, problem: '' };
    const certifier = rig.create(beginning);
    await rig.start();
    assert.equal(certifier.state, 'certified');
    assert.equal(certifier.leaf?.issuer, printOf(rig.issuer.issuer));
  });
});

it('leaves no timer behind', async () => {
  const rig = new Rig();
  rig.issuer.refuse = 'no';
  const certifier = await rig.start();
  certifier.close();
  assert.equal(rig.timers.armedCount, 0);
});
