/**
 * Goal: a configuration that was kept is found for the very same file, reader and owner, and
 * nothing else ever is. Method: real files; each test changes one thing after an entry was kept.
 */

import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { contentDigest } from '../../core/base/content-digest.ts';
import { configBytesMax, configsCachedMax } from '../../core/base/limits.ts';
import type { LoadedConfig } from '../model/loaded-config.ts';
import { ConfigCache } from './config-cache.ts';
import { parseConfig } from './parse-config.ts';

const root = mkdtempSync(join(tmpdir(), 'heddle-cache-'));
after(() => rmSync(root, { recursive: true, force: true }));

const text = 'services: { web: { port: 80, endpoints: [127.0.0.1:8080], protocol: http } }\n';
const path = join(root, 'heddle.yaml');
const folder = join(root, 'cache', 'heddle');
const reader = join(root, 'reader.cjs');

beforeEach(() => {
  rmSync(join(root, 'cache'), { recursive: true, force: true });
  writeFileSync(path, text);
  writeFileSync(reader, 'code');
});

function load(file = path): LoadedConfig {
  const result = parseConfig(file, readFileSync(file, 'utf8'));
  assert.ok('config' in result);
  return result.config;
}

function keep(): string {
  new ConfigCache(folder, reader).keep(load());
  const [name] = readdirSync(folder);
  return join(folder, name);
}

function find(file = path): LoadedConfig | null {
  return new ConfigCache(folder, reader).find(file);
}

test('what was kept is found whole, in a file for its owner alone', () => {
  assert.equal(find(), null);
  const entry = keep();
  assert.deepEqual(find(), load());
  assert.equal(statSync(entry).mode & 0o777, 0o600);
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  assert.deepEqual(readdirSync(folder).length, 1);
});

test('a text that has changed is not found, nor is one at another path', () => {
  const entry = keep();
  writeFileSync(path, text.replace('8080', '8081'));
  assert.equal(find(), null);
  writeFileSync(path, text);
  assert.notEqual(find(), null);
  const other = join(root, 'other.yaml');
  writeFileSync(other, text);
  renameSync(entry, join(folder, `config-${contentDigest(other)}`));
  assert.equal(find(other), null);
  rmSync(path);
  assert.equal(find(), null);
});

test('another build of the reader finds nothing', () => {
  keep();
  writeFileSync(reader, 'more code');
  assert.equal(find(), null);
  keep();
  assert.notEqual(find(), null);
  utimesSync(reader, 1, 1);
  assert.equal(find(), null);
});

test('an entry that is not whole counts as none', () => {
  const entry = keep();
  const bytes = readFileSync(entry);
  for (let at = 0; at < bytes.length; at += 5) {
    const broken = Buffer.from(bytes);
    broken[at] ^= 1;
    writeFileSync(entry, broken);
    assert.equal(find(), null, `byte ${at}`);
  }
  for (const length of [0, 1, 17, bytes.length - 1]) {
    writeFileSync(entry, bytes.subarray(0, length));
    assert.equal(find(), null);
  }
  writeFileSync(entry, bytes);
  assert.notEqual(find(), null);
});

test('what others may write is not trusted, and nothing is kept among it', () => {
  const entry = keep();
  chmodSync(entry, 0o660);
  assert.equal(find(), null);
  chmodSync(entry, 0o600);
  renameSync(entry, `${entry}.moved`);
  symlinkSync(`${entry}.moved`, entry);
  assert.equal(find(), null);
  rmSync(folder, { recursive: true });
  mkdirSync(folder);
  chmodSync(folder, 0o777);
  new ConfigCache(folder, reader).keep(load());
  assert.deepEqual(readdirSync(folder), []);
});

test('a file that has changed since it was read is not kept', () => {
  const config = load();
  writeFileSync(path, `${text}# later\n`);
  new ConfigCache(folder, reader).keep(config);
  assert.equal(find(), null);
});

test('a folder that cannot be had, and files that are none, do no harm', () => {
  writeFileSync(join(root, 'cache'), 'a file');
  new ConfigCache(folder, reader).keep(load());
  assert.equal(find(), null);
  assert.equal(find(root), null);
  writeFileSync(path, `# ${'x'.repeat(configBytesMax)}`);
  assert.equal(find(), null);
});

test('the oldest entries make room', () => {
  for (let index = 0; index < configsCachedMax + 5; index++) {
    const file = join(root, `${index}.yaml`);
    writeFileSync(file, text);
    new ConfigCache(folder, reader).keep(load(file));
    utimesSync(join(folder, `config-${contentDigest(file)}`), index, index);
  }
  const found = Array.from({ length: configsCachedMax + 5 }, (_, index) =>
    find(join(root, `${index}.yaml`)),
  );
  assert.equal(found.filter((config) => config !== null).length, configsCachedMax);
  assert.notEqual(found.at(-1), null);
  assert.equal(found[0], null);
});
