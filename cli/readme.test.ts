/**
 * Goal: what a newcomer is told to type exists, and reference pages are not stale. Method: the
 * commands, scripts and folders that README.md names are looked up; docs/CLI.md is made again.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(import.meta.dirname, '..');
const readme = readFileSync(resolve(root, 'README.md'), 'utf8');
const reference = readFileSync(resolve(root, 'docs/CLI.md'), 'utf8');

test('docs/CLI.md is what the commands say', () => {
  const { status, stderr } = spawnSync(process.execPath, ['tools/docs-cli.ts', '--check'], {
    cwd: root,
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
});

test('commands and flags that the README names exist', () => {
  const named = [...readme.matchAll(/cli\/heddle ([a-z-]+)(.*)/g)];
  assert.ok(named.length >= 4);
  for (const [, command, rest] of named) {
    const section = reference.split(`\n## heddle ${command}\n`)[1]?.split('\n## ')[0];
    assert.ok(section !== undefined, `heddle ${command}`);
    for (const [flag] of rest.matchAll(/--[a-z-]+/g)) assert.ok(section.includes(flag), flag);
  }
});

test('scripts that the README names exist', () => {
  const manifest: unknown = JSON.parse(readFileSync(resolve(root, 'package.json'), 'utf8'));
  const { scripts } = manifest as { scripts: Readonly<Record<string, string>> };
  for (const [, name] of readme.matchAll(/npm (?:run )?(start|test|(?<=run )[a-z]+)/g)) {
    assert.ok(name in scripts, `npm run ${name}`);
  }
});

test('folders of the map exist', () => {
  const folders = [...readme.matchAll(/^\| `([\w-]+)\/` \|/gm)].map((match) => match[1]);
  assert.ok(folders.length >= 8);
  for (const folder of folders) assert.ok(existsSync(resolve(root, folder)), folder);
});

test('the configuration of the README is valid', () => {
  const text = /```yaml\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  assert.match(text, /^# heddle\.yaml\n/);
  const folder = mkdtempSync(join(tmpdir(), 'heddle-test-'));
  try {
    const path = join(folder, 'heddle.yaml');
    writeFileSync(path, text);
    const heddle = resolve(root, 'cli/heddle');
    const { status, stdout } = spawnSync(heddle, ['validate', path], { encoding: 'utf8' });
    assert.equal(status, 0, stdout);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
