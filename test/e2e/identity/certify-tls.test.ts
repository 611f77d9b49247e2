/**
 * Goal: a control plane on another machine is believed by the trust anchor that a token pins and by
 * nothing else, also after an end or a new beginning. Method: real proxies, and a control plane on
 * an address of this machine that is not of the loopback.
 */

import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { describe, it } from 'node:test';
import {
  fingerprintOf,
  showIdentity,
  startCertifyRig,
  untilReady,
} from '../../support/certify-rig.ts';
import { ask } from '../../support/process.ts';
import { untilTurn } from '../../support/turns.ts';

const otherHost = Object.values(networkInterfaces())
  .flat()
  .find((one) => one !== undefined && one.family === 'IPv4' && !one.internal)?.address;
const skip = otherHost === undefined && 'this machine has no address beside the loopback';

describe('a certificate from another machine', () => {
  it('comes over TLS from another machine, by the pin of the token', { skip }, async (t) => {
    const { issuer, start } = await startCertifyRig(t, otherHost);
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

  it('comes back over TLS after it has expired, and to a mesh that was made anew', {
    skip,
  }, async (t) => {
    const { issuer, start, pin, serveWith } = await startCertifyRig(t, otherHost);
    issuer.lifetimeMs = 3_000;
    const limits = { identityRefreshMinMs: 1_000, identityRefreshMaxMs: 3_600_000 };
    const proxy = await start(limits);
    const before = await untilReady(t, proxy);
    issuer.refuse = 'not now';
    await proxy.untilSaid('the certificate has expired');
    issuer.lifetimeMs = 86_400_000;
    issuer.refuse = '';
    while ((await showIdentity(proxy)).state !== 'certified') assert.ok(!t.signal.aborted);
    proxy.signal('SIGTERM');
    await proxy.ended;
    issuer.root = issuer.makeRoot();
    issuer.issuer = issuer.makeIssuer();
    issuer.bundle = [issuer.root];
    serveWith(issuer);
    pin(fingerprintOf(issuer.root));
    const next = await start(limits);
    await next.untilSaid(/Certified identity .*source=issued/);
    const after = await showIdentity(next);
    assert.equal(after.issuer, fingerprintOf(issuer.issuer));
    assert.notEqual(after.bundle, before.bundle);
  });

  it('is not asked for from somebody who has no pinned anchor', { skip }, async (t) => {
    const { issuer, start, pin } = await startCertifyRig(t, otherHost);
    pin('00'.repeat(32));
    const proxy = await start();
    const line = await proxy.untilSaid('certification has failed');
    assert.match(line, /none of its certificates is one that the token pins/);
    assert.equal(issuer.requests.length, 0);
  });
});
