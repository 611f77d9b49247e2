/**
 * Goal: exit codes and texts are what a supervisor of processes expects. Method: processes of the
 * real command, with the real data plane, in folders of their own.
 */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const folder = mkdtempSync(join(tmpdir(), 'heddle-main-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const loadConfigUrl = new URL('../control/sources/load-config.ts', import.meta.url).href;

interface Run {
  readonly child: ChildProcess;
  readonly ended: Promise<{ code: number | null; stderr: string }>;
  until(part: string): Promise<void>;
  said(): string;
}

function run(yaml: string, environment: Record<string, string> = {}): Run {
  const path = join(folder, `${Math.random()}.yaml`);
  writeFileSync(path, yaml);
  const script = `
    import { runProxy } from ${JSON.stringify(new URL('./main.ts', import.meta.url).href)};
    import { loadConfig } from ${JSON.stringify(loadConfigUrl)};
    const configPath = ${JSON.stringify(path)};
    const loading = loadConfig(configPath);
    process.exitCode = await runProxy({ configPath, loading, overrides: {} });
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...environment },
  });
  let stderr = '';
  const waiters: { part: string; resolve: () => void }[] = [];
  child.stderr.on('data', (bytes: Buffer) => {
    stderr += bytes.toString();
    for (const { part, resolve } of waiters) if (stderr.includes(part)) resolve();
  });
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stderr }));
  return {
    child,
    ended,
    until: (part) => new Promise((resolve) => waiters.push({ part, resolve })),
    said: () => stderr,
  };
}

const yaml =
  'proxy: { outbound: "127.0.0.1:0", admin: "127.0.0.1:0", workers: 0, announceMs: 0 }\n';

test('SIGTERM drains and the code is 0, a second one does not wait', async () => {
  const proxy = run(yaml);
  await proxy.until('ready');
  // Traffic of late is what the drain waits for.
  const [, port] = /Outbound interface on 127\.0\.0\.1:(\d+)/.exec(proxy.said()) ?? [];
  assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 404);
  proxy.child.kill('SIGTERM');
  await proxy.until('received SIGTERM, starting shutdown');
  proxy.child.kill('SIGINT');
  const { code, stderr } = await proxy.ended;
  assert.equal(code, 0);
  assert.match(stderr, /what is left is reset[\s\S]*drained/);
});

test('a broken file is 64 with file, line, key and remedy', async () => {
  const { code, stderr } = await run('proxy:\n  workers: many\n').ended;
  assert.equal(code, 64);
  assert.match(stderr, /^heddle: \/.*\.yaml:2:\d+: proxy\.workers: expected auto or .*; /);
});

test('a broken variable is 64 and named', async () => {
  const { code, stderr } = await run(yaml, { HEDDLE_WORKERS: '99' }).ended;
  assert.equal(code, 64);
  assert.match(stderr, /^heddle: HEDDLE_WORKERS: expected auto or a whole number from 0 to 32/);
});

test('a taken port is 1 and named with its setting', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const taken = other.address();
  assert.ok(taken !== null && typeof taken === 'object');
  const { code, stderr } = await run(yaml.replace('127.0.0.1:0', `127.0.0.1:${taken.port}`)).ended;
  other.close();
  assert.equal(code, 1);
  assert.match(stderr, /^heddle: proxy\.outbound: cannot listen on 127\.0\.0\.1:\d+: another/);
});
