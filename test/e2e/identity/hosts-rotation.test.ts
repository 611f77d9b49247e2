/**
 * Goal: a new root reaches the proxies of other hosts, and one that was away meanwhile comes back.
 * Method: as `hosts.test.ts`, with a rotation; skipped where there can be no namespaces.
 */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { meshName } from '../../support/certificates.ts';
import { startHostMesh } from '../../support/host-mesh.ts';
import { whyNoHosts } from '../../support/hosts.ts';
import { readAuthority } from '../../support/identity-status.ts';
import { runCommand } from '../../support/run-process.ts';

test('a root is replaced over hosts', { skip: whyNoHosts() ?? false }, async (t) => {
  const mesh = await startHostMesh(t);
  const { inside } = mesh.controlHost;
  const web = mesh.runWeb(await mesh.createToken('web'));
  await web.events.until(`heddle: joined ${mesh.control} as web in default`);
  const answer = `answer 200  ${meshName('default', 'default')} says hello`;
  const call = async () => {
    // A token of now: one of before pins the root that is gone.
    const lines = await mesh.call(await mesh.createToken('default'), 'get', 'http://web/', 'hello');
    return lines.at(-1);
  };
  assert.equal(await call(), answer);
  const before = await readAuthority(local, inside);
  const right = ['--token-file', join(mesh.up.folder, 'state/local.token')];
  const rotate = ['identity', 'rotate', '--control', local, ...right];
  // Who is on its way back is not waited for here, but who is there is.
  for (const [command, phase] of [
    [rotate, 'distribute'],
    [[...rotate, '--force'], 'switch'],
  ] as const) {
    const { code, err } = await runCommand(command, inside);
    assert.equal(code, 0, err);
    await untilConfirmed(t, phase, inside);
  }
  const { code, err } = await runCommand([...rotate, '--force'], inside);
  if (code !== 0) assert.match(err, /no rotation is under way/);
  const after = await readAuthority(local, inside);
  assert.equal(after.phase, 'idle');
  assert.equal(after.anchors.length, 1);
  assert.notEqual(after.anchors[0].fingerprint, before.anchors[0].fingerprint);
  // Their admin ports are out of reach from here: it is the control plane who knows.
  for (;;) {
    const { proxies } = await readAuthority(local, inside);
    const web = proxies.find(({ name }) => name.startsWith('web'));
    if (web?.bundle === 'yes' && web.issuer === 'yes' && web.problem === '') break;
    assert.ok(!t.signal.aborted, `${web?.bundle} ${web?.issuer} ${web?.problem}`);
  }
  assert.equal(await call(), answer);
  assert.equal(web.events.all.filter((line) => line.includes('WARN')).length, 0);
});

async function untilConfirmed(
  t: TestContext,
  phase: string,
  inside: readonly string[],
): Promise<void> {
  for (;;) {
    const status = await readAuthority(local, inside);
    // On a slow machine it has gone on by itself before anybody could look.
    if (status.phase === 'idle' && phase === 'switch') return;
    assert.equal(status.phase, phase);
    if (status.unconfirmed.length === 0) return;
    assert.ok(!t.signal.aborted, `not confirmed by ${status.unconfirmed.join(', ')}`);
  }
}

const local = '127.0.0.1:8086';
