/**
 * Goal: processes that join are replaced one after the other, and no request fails for it. Method:
 * a real control plane, `heddle run` with applications, and a caller's proxy under load.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startJoinedMesh } from '../../support/joined-mesh.ts';

test('a rolling restart of all members costs no request', async (t) => {
  const mesh = await startJoinedMesh(t);
  const old = await Promise.all([mesh.join(), mesh.join()]);
  await mesh.untilServedBy(...old);
  const load = mesh.load();
  const left = [...old];
  for (const member of old) {
    process.kill(member.pid, 'SIGTERM');
    assert.deepEqual(await member.ended, [null, 'SIGTERM']);
    left.shift();
    await mesh.untilServedBy(...left);
    left.push(await mesh.join());
    await mesh.untilServedBy(...left);
  }
  await load.stop();
  const [all, mutual] = await mesh.countConnections();
  assert.ok(all > 0 && all === mutual, `${mutual} of ${all} connections are secured`);
  assert.ok(load.answered > 100, `${load.answered} requests`);
  assert.deepEqual(load.failures, []);
});
