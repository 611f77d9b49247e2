/**
 * Goal: two control planes over the same certificates are one authority: both certify, one changes
 * at a time, each goes on with what the other began, and either may die. Method: real `heddle up`
 * processes with a state folder each and one `--identity-dir`, killed in the middle of a rotation.
 */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { waitingFreshMs } from '../../../core/base/certificate-limits.ts';
import { readAuthority } from '../../support/identity-status.ts';
import { makeFolder, type ProxyProcess, startProxy, startUp } from '../../support/process.ts';
import { controlOf, runCommand } from '../../support/run-process.ts';
import { untilTurn } from '../../support/turns.ts';

test('both certify, both rotate in turn, and either may die in the middle', async (t) => {
  const shared = makeFolder(t);
  const one = await startPlane(t, shared);
  const two = await startPlane(t, shared);
  await Promise.all([startCaller(t, one, 'a'), startCaller(t, two, 'b')]);
  const [first, second] = await readBoth(one, two);
  assert.deepEqual(
    [second.bundle, second.issuer[0].fingerprint],
    [first.bundle, first.issuer[0].fingerprint],
  );

  // Both are asked at once: one rotation begins, or none where both found the other at it.
  const answers = await Promise.all([one, two].map((plane) => rotate(plane)));
  const refusals = answers.filter(({ code }) => code !== 0);
  assert.ok(refusals.length >= 1, 'one at a time');
  for (const { err } of refusals) {
    assert.match(err, /a rotation is under way already|another control plane is changing/);
  }
  await two.untilSaid('phase=distribute');
  const during = await readAuthority(controlOf(two));
  assert.ok(during.anchors.length === 2, `${during.anchors.length} anchors`);

  // Whoever is left goes on when the dead one's word is old, and not before.
  const folder = join(shared, 'identity');
  await untilTurn('a word of each', () => findWords(folder).length === 2);
  one.signal('SIGKILL');
  await one.ended;
  assert.notEqual((await readAuthority(controlOf(two))).phase, 'idle');
  ageWords(folder);
  await two.untilSaid('phase=idle', 40_000);
  const after = await readAuthority(controlOf(two));
  assert.equal(after.anchors.length, 1);
  assert.notEqual(after.anchors[0].fingerprint, first.anchors[0].fingerprint);

  // The dead one's place is taken by another, which begins where this one is, and rotates too.
  const three = await startPlane(t, shared);
  const back = await readAuthority(controlOf(three));
  assert.deepEqual([back.bundle, back.phase], [after.bundle, 'idle']);
  await startCaller(t, three, 'c');
  const next = await rotate(three, '--issuer');
  assert.equal(next.code, 0, next.err);
  three.signal('SIGKILL');
  await three.ended;
  const { issuer } = await untilIssuer(t, two, after.issuer[0].fingerprint);
  await startCaller(t, two, 'd');
  assert.notEqual(issuer[0].fingerprint, after.issuer[0].fingerprint);
  assert.deepEqual(
    readdirSync(shared).filter((name) => name.includes('lock')),
    [],
  );
});

/** What control planes tell each other. */
function findWords(folder: string): string[] {
  const names = readdirSync(folder).filter((name) => /^waiting-[^.]+$/.test(name));
  return names.map((name) => join(folder, name));
}

/** All of it becomes old; who lives says it again. */
function ageWords(folder: string): void {
  for (const path of findWords(folder)) {
    const said = JSON.parse(readFileSync(path, 'utf8')) as { wallMs: number };
    assert.ok(Number.isFinite(said.wallMs));
    writeFileSync(path, JSON.stringify({ ...said, wallMs: said.wallMs - waitingFreshMs }));
  }
}

interface Plane extends ProxyProcess {
  readonly token: string;
}

async function startPlane(t: TestContext, shared: string): Promise<Plane> {
  const args = ['--identity-dir', join(shared, 'identity'), '--join-key', join(shared, 'join.key')];
  const up = await startUp(t, null, { args });
  return Object.assign(up, { token: join(up.folder, 'state/local.token') });
}

/** Ready: it has a certificate of this control plane. */
async function startCaller(t: TestContext, plane: Plane, name: string): Promise<void> {
  const own = { stateDir: makeFolder(t), identity: `${name}.default`, identityToken: plane.token };
  const ports = { outbound: '127.0.0.1:0', admin: '127.0.0.1:0', workers: 1 };
  const proxy = await startProxy(
    t,
    JSON.stringify({ proxy: { control: controlOf(plane), ...own, ...ports } }),
  );
  await proxy.untilSaid('Certified identity');
}

function readBoth(one: Plane, two: Plane) {
  return Promise.all([readAuthority(controlOf(one)), readAuthority(controlOf(two))]);
}

function rotate(plane: Plane, ...more: readonly string[]) {
  const right = ['--control', controlOf(plane), '--token-file', plane.token];
  return runCommand(['identity', 'rotate', ...right, ...more]);
}

async function untilIssuer(t: TestContext, plane: Plane, before: string) {
  for (;;) {
    const status = await readAuthority(controlOf(plane));
    if (status.issuer[0].fingerprint !== before) return status;
    assert.ok(!t.signal.aborted, 'the other has seen the next issuer');
  }
}
