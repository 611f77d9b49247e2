/**
 * Goal: a control plane follows what others change of its certificates, and its files are mended
 * without it. Method: real files, watched; the command for those whose control plane does not run.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemClock as clock } from '../core/base/clock.ts';
import { TimerWheel } from '../core/base/timers.ts';
import { Logger } from '../core/telemetry/log.ts';
import { cleanUp } from '../test/support/cleanup.ts';
import { runCli } from '../test/support/run-cli.ts';
import { untilTurn } from '../test/support/turns.ts';
import { ControlIdentity, type IdentityPlaces } from './identity.ts';
import { verifyJoinToken } from './issuer/join-token.ts';
import { createIssuer, createRoot, type Signer } from './issuer/signer.ts';
import { ControlMetrics } from './serve/metrics.ts';
import { openStateFolder } from './state-folder.ts';

test('an issuer that others replace is followed, and the token names its root', async (t) => {
  const folder = scratch(t);
  const [first, second] = [1, 2].map(() => createRoot('mesh.test', clock.wallMs()));
  put(folder, createIssuer(first, 'mesh.test', clock.wallMs()), first);
  const { identity, pins } = start(t, folder, { issuerDir: folder });
  const { authority, ownLeaf } = identity;
  assert.deepEqual(pins(), [first.certificate.fingerprint]);
  const before = authority.view;
  const own = ownLeaf.snapshot;
  assert.ok(own?.chain.includes(first.certificate.pem));
  const next = createIssuer(first, 'mesh.test', clock.wallMs());
  put(folder, next, first);
  await untilTurn('the new issuer', () => authority.view.issuer === next.certificate.fingerprint);
  assert.equal(authority.view.digest, before.digest);
  put(folder, createIssuer(second, 'mesh.test', clock.wallMs()), second);
  await untilTurn('both roots', () => authority.view.anchors.length === 2);
  assert.equal(authority.view.phase, 'distribute');
  assert.equal(pins()?.length, 2);
  assert.equal(ownLeaf.snapshot?.roots.match(/BEGIN/g)?.length, 2);
});

test('trust anchors of a file are followed; one that cannot be read changes nothing', async (t) => {
  const folder = scratch(t);
  const other = createRoot('mesh.other', clock.wallMs());
  const path = join(folder, 'anchors.pem');
  writeFileSync(path, other.certificate.pem);
  const { identity, lines } = start(t, folder, { trustAnchorsPath: path });
  const { authority } = identity;
  assert.equal(authority.view.anchors.length, 2);
  assert.equal(authority.view.phase, 'idle');
  const more = createRoot('mesh.more', clock.wallMs());
  writeFileSync(path, `${other.certificate.pem}${more.certificate.pem}`);
  await untilTurn('the third', () => authority.view.anchors.length === 3);
  writeFileSync(path, 'none\n');
  await untilTurn('a warning', () => lines.some((line) => line.includes('not taken over')));
  assert.equal(authority.view.anchors.length, 3);
  const fresh = createRoot('mesh.fresh', clock.wallMs());
  writeFileSync(path, `${other.certificate.pem}${more.certificate.pem}${fresh.certificate.pem}`);
  await untilTurn('the fourth', () => authority.view.anchors.length === 4);
  assert.throws(
    () => start(t, scratch(t), { trustAnchorsPath: join(folder, 'missing') }),
    /^StateError: --trust-anchors: there is no /,
  );
});

test('control planes over the same files follow each other', async (t) => {
  const identityDir = join(scratch(t), 'shared');
  const [one, other] = [1, 2].map(() => start(t, scratch(t), { identityDir }));
  assert.equal(one.identity.authority.view.digest, other.identity.authority.view.digest);
  one.identity.authority.rotate();
  const wanted = one.identity.authority.view.digest;
  await untilTurn('the bundle', () => other.identity.authority.view.digest === wanted);
  assert.deepEqual(other.pins(), one.pins());
});

test('metrics have the end of each certificate', async (t) => {
  const { identity } = start(t, scratch(t), {});
  const metrics = new ControlMetrics(clock);
  identity.sample(metrics);
  const text = [...(await metrics.render())].join('');
  const ttl = Number(/^issuer_cert_ttl_seconds (\S+)$/m.exec(text)?.[1]);
  assert.ok(ttl > 29 * 86_400 && ttl <= 30 * 86_400);
  for (const certificate of ['issuer', 'anchor', 'control']) {
    const shape = new RegExp(`heddle_control_cert_expiry_seconds{certificate="${certificate}"} 1`);
    assert.match(text, shape);
  }
  assert.match(text, /heddle_control_rotation_phase{phase="idle"} 1/);
});

test('a rotation that is begun on the disk is gone on with by the next start', async (t) => {
  const folder = scratch(t);
  const { identity, stop } = start(t, folder, {});
  const { digest, issuer } = identity.authority.view;
  const running = await runCli(['identity', 'rotate', '--issuer', '--state-dir', folder]);
  assert.match(running.err, /is in use by the heddle up of process/);
  identity.close();
  stop();
  const begun = await runCli(['identity', 'rotate', '--issuer', '--state-dir', folder]);
  assert.deepEqual(
    [begun.code, begun.out, begun.err],
    [0, 'rotation: switch; heddle up goes on with it when it starts\n', ''],
  );
  const twice = await runCli(['identity', 'rotate', '--state-dir', folder]);
  assert.deepEqual([twice.code, twice.out], [1, '']);
  assert.match(twice.err, /a rotation is under way already/);
  const { view } = start(t, folder, {}).identity.authority;
  assert.deepEqual([view.phase, view.digest], ['switch', digest]);
  assert.notEqual(view.issuer, issuer);
});

test('what is lost is repaired on the disk, but not while it is in use', async (t) => {
  const folder = scratch(t);
  const { identity, pins, stop } = start(t, folder, {});
  const before = pins();
  const repair = ['identity', 'repair', '--state-dir', folder];
  const running = await runCli(repair);
  assert.equal(running.code, 1);
  assert.match(running.err, /is in use by the heddle up of process/);
  identity.close();
  stop();
  for (const name of ['root.key', 'issuer.key']) rmSync(join(folder, 'identity', name));
  const repaired = await runCli(repair);
  assert.deepEqual([repaired.code, repaired.err], [0, '']);
  assert.match(repaired.out, /^root and issuer are whole, until 20/);
  const again = start(t, folder, {});
  assert.equal(again.identity.authority.view.problem, '');
  assert.equal(again.pins()?.length, 2);
  assert.ok(again.pins()?.includes(before?.[0] ?? ''));
  assert.equal(again.identity.authority.trustDomain, 'mesh.test');
});

function start(t: TestContext, folder: string, places: Partial<IdentityPlaces>) {
  const state = openStateFolder({ path: folder, joinKeyPath: null });
  const stop = (): void => state.close();
  cleanUp(t, stop);
  const timers = new TimerWheel(clock);
  cleanUp(t, () => timers.close());
  const lines: string[] = [];
  const identity = new ControlIdentity({
    clock,
    timers,
    log: new Logger((line) => lines.push(JSON.stringify(line)), clock, 'warn'),
    config: { trustDomain: 'mesh.test' },
    state,
    places: { identityDir: null, issuerDir: null, trustAnchorsPath: null, ...places },
  });
  cleanUp(t, () => identity.close());
  const pins = (): readonly string[] | undefined => {
    const token = readFileSync(join(folder, 'local.token'), 'utf8').trim();
    const claims = verifyJoinToken(state.joinKey.publicKey, token, clock.wallMs());
    return 'refusal' in claims ? assert.fail(claims.refusal) : claims.pins;
  };
  return { identity, pins, stop, lines };
}

function put(folder: string, issuer: Signer, root: Signer): void {
  writeFileSync(join(folder, 'tls.key'), issuer.key.export({ type: 'pkcs8', format: 'pem' }));
  writeFileSync(join(folder, 'tls.crt'), issuer.certificate.pem);
  writeFileSync(join(folder, 'ca.crt'), root.certificate.pem);
}

function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-test-'));
  cleanUp(t, () => rmSync(folder, { recursive: true }));
  return folder;
}
