/** Goal: a demo of a given time ends by itself and has shown it. Method: the real thing for 1 s. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

test('a demo shorter than an interval ends behind a table of all of it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-test-'));
  const heddle = resolve(import.meta.dirname, '../heddle');
  const child = spawn(heddle, ['demo', '--rate', '20', '--duration', '1'], {
    env: { ...process.env, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  try {
    assert.deepEqual(await once(child, 'close'), [0, null]);
    assert.match(text, /\nPROXY .*\nedge /);
    assert.deepEqual(readdirSync(folder), []);
  } finally {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
});
