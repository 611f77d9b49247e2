/**
 * Goal: a new issuer takes the old one's place by command while requests run: every proxy has a
 * leaf of it, no trust anchor changes, and no connection is replaced. Method: real processes that
 * have joined, load, and `heddle identity rotate --issuer`.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAuthority } from '../../support/identity-status.ts';
import { startEchoMesh } from '../../support/long-streams.ts';
import { readMetrics, startLoad } from '../../support/process.ts';
import { runCommand } from '../../support/run-process.ts';
import { untilTurn } from '../../support/turns.ts';

test('an issuer is replaced under load, and nobody dials anew', async (t) => {
  const { up, control, token, outbound, admin } = await startEchoMesh(t);
  const load = startLoad(t, outbound, 'web', 1, 5);
  const before = await readAuthority(control);
  await untilTurn('some requests', () => load.answered > 20);
  const dialled = await opened(admin);

  const rotation = ['identity', 'rotate', '--issuer', '--control', control, '--token-file', token];
  const { code, out, err } = await runCommand(rotation);
  assert.equal(code, 0, err);
  assert.match(
    out,
    /^phase +switch.*: leaves are signed by the next issuer, below the same root$/m,
  );
  await up.untilSaid('phase=idle', 45_000);
  const after = await readAuthority(control);
  assert.deepEqual(fingerprints(after.anchors), fingerprints(before.anchors));
  assert.notEqual(after.issuer[0].fingerprint, before.issuer[0].fingerprint);
  assert.deepEqual(
    after.proxies.map(({ bundle, issuer, problem }) => [bundle, issuer, problem]),
    Array.from({ length: 4 }, () => ['yes', 'yes', '']),
  );
  await load.stop();
  assert.deepEqual(load.failures, []);
  assert.equal(await opened(admin), dialled);
});

function fingerprints(list: readonly { readonly fingerprint: string }[]): string[] {
  return list.map(({ fingerprint }) => fingerprint);
}

async function opened(admin: number): Promise<number> {
  return (await readMetrics(admin)).sum('tcp_open_total', { peer: 'dst' });
}
