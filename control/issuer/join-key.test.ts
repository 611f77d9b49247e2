/** Goal: one key for all, which only its owner reads. Method: real files in a temporary folder. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type JoinKey, type KeyProblem, openJoinKey, readJoinKey } from './join-key.ts';
import { createJoinToken, verifyJoinToken } from './join-token.ts';
import { readSecretFile, writeSecretFile } from './secret-file.ts';

test('it is made once, is the owner’s alone, and then is the same', (t) => {
  const folder = join(scratch(t), 'state/up');
  assert.match(problemOf(readJoinKey(folder)), /^there is no .*join\.key: heddle up makes it/);
  const made = keyOf(openJoinKey(folder));
  const path = join(folder, 'join.key');
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  assert.deepEqual(readdirSync(folder), ['join.key']);
  const claims = { namespace: 'a', service: 'b', expiresWallMs: 5_000 };
  const token = createJoinToken(made.privateKey, claims);
  for (const key of [keyOf(openJoinKey(folder)), keyOf(readJoinKey(folder))]) {
    assert.deepEqual(verifyJoinToken(key.publicKey, token, 0), claims);
  }
});

test('a key that others can use, or that is none, is refused and stays', (t) => {
  const folder = scratch(t);
  const path = join(folder, 'join.key');
  keyOf(openJoinKey(folder));
  for (const mode of [0o640, 0o604, 0o620]) {
    chmodSync(path, mode);
    assert.match(problemOf(openJoinKey(folder)), /can be used by others: chmod 600/);
  }
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  for (const text of ['', 'no key', rsa.export({ type: 'pkcs8', format: 'pem' })]) {
    writeFileSync(path, text);
    chmodSync(path, 0o600);
    assert.match(problemOf(openJoinKey(folder)), /is no Ed25519 key: remove it/);
  }
  assert.equal(statSync(path).size > 1_000, true);
});

test('a secret is a file of bounded size, written as a whole', (t) => {
  const folder = scratch(t);
  const path = join(folder, 'token');
  writeSecretFile(path, 'one');
  writeSecretFile(path, 'two', true);
  assert.deepEqual(readSecretFile(path), { text: 'one' });
  writeSecretFile(path, 'x'.repeat(20_000));
  assert.match(problemOf(readSecretFile(path)), /has more than 16384 bytes/);
  assert.match(problemOf(readSecretFile(folder)), /is not a file/);
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', ['-m', '600', pipe]);
  assert.match(problemOf(readSecretFile(pipe)), /is not a file/);
  assert.match(problemOf(readSecretFile(join(path, 'below'))), /^there is no /);
  assert.match(problemOf(openJoinKey(path)), /^cannot write /);
});

function problemOf(result: object): string {
  return 'problem' in result ? String(result.problem) : '';
}

function keyOf(result: JoinKey | KeyProblem): JoinKey {
  if ('problem' in result) assert.fail(result.problem);
  return result;
}

function scratch(t: { after: (clean: () => void) => void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-test-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}
