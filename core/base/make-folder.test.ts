/** Goal: a folder is made with its parents, or refused at once. Method: real folders. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeFolder } from './make-folder.ts';

test('a folder and its parents are made, for their owner alone', (t) => {
  const base = mkdtempSync(join(tmpdir(), 'make-folder-'));
  t.after(() => rmSync(base, { recursive: true }));
  const path = join(base, 'a/b/c');
  makeFolder(path);
  makeFolder(path);
  for (const one of [path, join(base, 'a')]) assert.equal(statSync(one).mode & 0o777, 0o700);
});

test('what cannot be made is refused at once', (t) => {
  const base = mkdtempSync(join(tmpdir(), 'make-folder-'));
  t.after(() => rmSync(base, { recursive: true }));
  const file = join(base, 'file');
  writeFileSync(file, '');
  assert.throws(() => makeFolder(file), { code: 'EEXIST' });
  assert.throws(() => makeFolder(join(file, 'x')), { code: /EEXIST|ENOTDIR/ });
  assert.throws(() => makeFolder('/proc/heddle/x'), { code: 'ENOENT' });
});
