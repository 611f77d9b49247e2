/**
 * Goal: a run file names one process and never another. Method: files of this process, of one that
 * has ended, and of what is no run file.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { isGroupAlive, readProcess } from './process-table.ts';
import {
  describeSelf,
  isSame,
  listRuns,
  type RunFacts,
  removeRunFile,
  writeRunFile,
} from './run-file.ts';

test('what runs is listed, what has ended is swept away', (t) => {
  const folder = scratch(t);
  assert.deepEqual(listRuns(folder), []);
  const self = factsOf('web-1');
  // The number of this process, used by another before.
  const earlier = { ...self, instance: 'web-0', startTicks: '1' };
  const rebooted = { ...self, instance: 'web-2', boot: 'another' };
  for (const facts of [self, earlier, rebooted]) writeRunFile(folder, facts);
  assert.equal(statSync(join(folder, 'run/web-1.json')).mode & 0o777, 0o600);
  assert.deepEqual(listRuns(folder), [self]);
  assert.deepEqual(readdirSync(join(folder, 'run')), ['web-1.json']);
  removeRunFile(folder, 'web-1');
  assert.deepEqual(listRuns(folder), []);
});

test('what is no run file is passed by, and stays', (t) => {
  const folder = scratch(t);
  mkdirSync(join(folder, 'run'));
  const self = factsOf('web-1');
  const texts = [
    '',
    'null',
    '[]',
    JSON.stringify({ ...self, pid: -1 }),
    JSON.stringify({ ...self, pid: 0 }),
    JSON.stringify({ ...self, graceMs: null }),
    JSON.stringify({ ...self, instance: '../../other' }),
  ];
  for (const [index, text] of texts.entries()) {
    writeFileSync(join(folder, `run/web-${index}.json`), text);
  }
  assert.deepEqual(listRuns(folder), []);
  assert.equal(readdirSync(join(folder, 'run')).length, texts.length);
});

test('a process that waits to be read has ended, and so has its group', async () => {
  const child = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
  await once(child, 'spawn');
  const pid = child.pid ?? 0;
  const { startTicks = '' } = readProcess(pid) ?? {};
  const facts = { ...factsOf('sleep'), pid, startTicks };
  assert.equal(isSame(facts), true);
  assert.equal(readProcess(pid)?.group, pid);
  assert.equal(isGroupAlive(pid), true);
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
  assert.equal(isSame(facts), false);
  assert.equal(isGroupAlive(pid), false);
});

function factsOf(instance: string): RunFacts {
  const self = describeSelf();
  assert.ok(self !== null);
  const about = { instance, service: 'web', namespace: 'demo', admin: '127.0.0.1:1' };
  return { ...self, ...about, command: 'node', graceMs: 1_000 };
}

function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-test-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}
