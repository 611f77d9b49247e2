/**
 * Goal: one control plane has a state folder at a time, also after one that was killed, and its
 * secrets are the owner's alone. Method: real folders, and the process of the test as the holder.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { verifyJoinToken } from './issuer/join-token.ts';
import { openStateFolder, StateError } from './state-folder.ts';

const wallMs = Date.UTC(2026, 0, 1);

function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-state-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('it makes a key and a token for any name, for the owner alone', (t) => {
  const path = join(scratch(t), 'a/up');
  const state = openStateFolder({ path, joinKeyPath: null });
  state.writeLocalToken({ trustDomain: 'mesh.test', pins: ['ab'.repeat(32)] }, wallMs);
  for (const name of ['join.key', 'local.token', 'up.pid']) {
    assert.equal(statSync(join(path, name)).mode & 0o777, 0o600, name);
  }
  const token = readFileSync(join(path, 'local.token'), 'utf8').trim();
  const claims = verifyJoinToken(state.joinKey.publicKey, token, wallMs);
  assert.ok('namespace' in claims);
  assert.deepEqual([claims.namespace, claims.service], ['*', '*']);
  assert.deepEqual([claims.trustDomain, claims.pins], ['mesh.test', ['ab'.repeat(32)]]);
  state.close();
  const again = openStateFolder({ path, joinKeyPath: null });
  assert.ok('namespace' in verifyJoinToken(again.joinKey.publicKey, token, wallMs));
  again.close();
});

test('a folder that is in use is refused with its holder, one of a dead process is not', (t) => {
  const path = scratch(t);
  const state = openStateFolder({ path, joinKeyPath: null });
  assert.throws(
    () => openStateFolder({ path, joinKeyPath: null }),
    (error) =>
      error instanceof StateError &&
      error.message.includes(`in use by the heddle up of process ${process.pid}; stop it, or name`),
  );
  state.close();
  // Numbers of processes are used again; what began at another time is another process.
  for (const left of ['', 'x', '999999999 5\n', `${process.pid} 1\n`, `${process.pid}\n`]) {
    writeFileSync(join(path, 'up.pid'), left);
    openStateFolder({ path, joinKeyPath: null }).close();
  }
});

test('several share a key by its file, and each has a folder of its own', (t) => {
  const folder = scratch(t);
  const joinKeyPath = join(folder, 'shared.key');
  const [first, second] = ['a', 'b'].map((name) =>
    openStateFolder({ path: join(folder, name), joinKeyPath }),
  );
  first.writeLocalToken({}, wallMs);
  const token = readFileSync(join(folder, 'a/local.token'), 'utf8').trim();
  assert.ok('namespace' in verifyJoinToken(second.joinKey.publicKey, token, wallMs));
  first.close();
  second.close();
});

test('what cannot be is said with the flag and the path', (t) => {
  const folder = scratch(t);
  const file = join(folder, 'file');
  writeFileSync(file, 'no key', { mode: 0o600 });
  const open = (path: string, joinKeyPath: string | null) => () =>
    openStateFolder({ path, joinKeyPath });
  assert.throws(open(join(file, 'up'), null), /^StateError: --state-dir: cannot make .*file\/up/);
  assert.throws(open(folder, file), /^StateError: .*file is no Ed25519 key: remove it/);
  // What was refused holds nothing.
  openStateFolder({ path: folder, joinKeyPath: null }).close();
});
