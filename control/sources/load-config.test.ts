/**
 * Goal: whatever the path leads to, loading ends with a configuration or with problems that name
 * it. Method: real files in a folder of the test's own.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { formatProblem, loadConfig, loadProxyConfig } from './load-config.ts';

const folder = mkdtempSync(join(tmpdir(), 'heddle-load-'));
after(() => rmSync(folder, { recursive: true }));

async function firstProblem(path: string): Promise<string> {
  const result = await loadConfig(path);
  assert.ok('problems' in result);
  return formatProblem(result.problems[0]);
}

test('a valid file is loaded, its own path is absolute', async () => {
  const path = join(folder, 'heddle.yaml');
  writeFileSync(path, 'services: { web: { port: 80, file: web.endpoints } }\n');
  const result = await loadConfig(path);
  assert.ok('config' in result);
  assert.equal(result.config.path, path);
  assert.deepEqual(result.config.services[0].source, {
    kind: 'file',
    path: join(folder, 'web.endpoints'),
  });
});

test('a proxy refuses alone what it needs a control plane for, if that is an entry', async () => {
  const path = join(folder, 'proxy.yaml');
  const services =
    'services: { web: { port: 80, join: true }, api: { port: 1 }, db: { port: 2, dns: "a:1" } }';
  writeFileSync(path, `${services}\n`);
  const result = await loadProxyConfig(path, '');
  assert.ok('problems' in result && result.rest !== undefined);
  assert.deepEqual(
    result.problems.map(({ entry }) => entry),
    ['services.api', 'services.web'],
  );
  assert.deepEqual(result.rest.refused, ['api', 'web']);
  assert.deepEqual(
    result.rest.config.services.map(({ name }) => name),
    ['db'],
  );
  const beside = await loadProxyConfig(path, '127.0.0.1:8086');
  assert.ok('problems' in beside);
  assert.deepEqual(beside.rest?.refused, ['api']);
  writeFileSync(path, `${services}\nmanifests: ./mesh.d\n`);
  const whole = await loadProxyConfig(path, '');
  assert.ok('problems' in whole);
  assert.equal(whole.rest, undefined);
});

test('what is no readable file of a sane size is refused by name', async () => {
  assert.match(await firstProblem(join(folder, 'none.yaml')), /none\.yaml:1:1: cannot be read/);
  assert.match(await firstProblem(folder), /not a regular file/);
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  assert.match(await firstProblem(pipe), /not a regular file/);
  const huge = join(folder, 'huge.yaml');
  writeFileSync(huge, `# ${'x'.repeat(1024 * 1024)}\n`);
  assert.match(await firstProblem(huge), /1048579 bytes, more than 1048576/);
});

test('nesting that no parser survives is a problem of the file', async () => {
  const path = join(folder, 'deep.yaml');
  writeFileSync(path, '['.repeat(20_000));
  assert.match(await firstProblem(path), /deep\.yaml:\d+:\d+: /);
});
