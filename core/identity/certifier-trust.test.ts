/**
 * Goal: trust anchors are only ever replaced by way of those that are believed, and another issuer
 * is asked at once, but never hammered. Method: as in `certifier.test.ts`.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hourMs, printOf, CertifierRig as Rig, turns } from '../../test/support/certifier-rig.ts';

describe('trust', () => {
  it('moves to other anchors by way of those that are believed', async () => {
    const rig = new Rig();
    const certifier = await rig.start();
    const { root } = rig.issuer;
    const next = rig.issuer.makeRoot();
    const before = certifier.bundle?.digest;
    assert.match(certifier.offerBundle([]), /no trust anchor/);
    assert.match(certifier.offerBundle([next.der]), /other trust anchors/);
    assert.match(certifier.offerBundle([Buffer.from('30', 'hex')]), /cannot be read/);
    assert.match(certifier.offerBundle([rig.issuer.requests[0].token]), /cannot be read/);
    assert.equal(certifier.bundle?.digest, before);
    const changes = rig.changes;
    assert.equal(certifier.offerBundle([next.der, root.der]), '');
    assert.equal(certifier.offerBundle([root.der, next.der, root.der]), '');
    assert.equal(rig.changes, changes + 1);
    assert.equal(certifier.bundle?.roots.length, 2);
    assert.equal(rig.asked, 1);
  });

  it('asks at once when the leaf is of an anchor that has left', async () => {
    const rig = new Rig();
    const certifier = await rig.start();
    const { root } = rig.issuer;
    rig.issuer.root = rig.issuer.makeRoot();
    rig.issuer.issuer = rig.issuer.makeIssuer();
    rig.issuer.bundle = [rig.issuer.root];
    assert.equal(certifier.offerBundle([root.der, rig.issuer.root.der]), '');
    assert.equal(certifier.offerBundle([rig.issuer.root.der]), '');
    await turns();
    assert.equal(rig.asked, 2);
    assert.equal(certifier.leaf?.issuer, printOf(rig.issuer.issuer));
  });

  it('asks at once for a leaf of the issuer that is wanted', async () => {
    const rig = new Rig();
    const certifier = await rig.start();
    rig.issuer.issuer = rig.issuer.makeIssuer();
    const wanted = printOf(rig.issuer.issuer);
    certifier.wantIssuer(wanted);
    certifier.wantIssuer(wanted);
    await turns();
    assert.equal(rig.asked, 2);
    assert.equal(certifier.leaf?.issuer, wanted);
    certifier.wantIssuer(wanted);
    await rig.pass(hourMs, 60_000);
    assert.equal(rig.asked, 2);
  });

  it('does not hammer an issuer that is never the wanted one', async () => {
    const rig = new Rig();
    const certifier = await rig.start();
    for (let round = 0; round < 50; round++) {
      certifier.wantIssuer('ab'.repeat(32));
      await turns();
    }
    assert.equal(rig.asked, 2);
    await rig.pass(hourMs, 2_000);
    // 1 s, doubled up to 5 minutes, and up to a half more each.
    assert.ok(rig.asked > 10 && rig.asked < 25, String(rig.asked));
    assert.equal(certifier.state, 'certified');
  });

  it('that changes while it asks is asked for again', async () => {
    const rig = new Rig();
    const certifier = await rig.start();
    rig.issuer.issuer = rig.issuer.makeIssuer();
    certifier.wantIssuer(printOf(rig.issuer.issuer));
    rig.issuer.issuer = rig.issuer.makeIssuer();
    certifier.wantIssuer('cd'.repeat(32));
    certifier.wantIssuer(printOf(rig.issuer.issuer));
    await turns();
    assert.equal(certifier.leaf?.issuer, printOf(rig.issuer.issuer));
    assert.equal(rig.asked, 2);
  });
});
