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
import { ask, dial, untilEnd } from '../test/support/dial.ts';
import { runEcho } from '../test/support/echo-worker.ts';
import { readMetrics } from '../test/support/process.ts';

const folder = mkdtempSync(join(tmpdir(), 'heddle-main-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const echoWorkerUrl = new URL('../test/support/echo-worker.ts', import.meta.url).href;
const loadConfigUrl = new URL('../control/sources/load-config.ts', import.meta.url).href;

interface Run {
  readonly child: ChildProcess;
  readonly ended: Promise<{ code: number | string | null; stderr: string }>;
  until(part: string): Promise<void>;
  said(): string;
}

/** `start` is what `runProxy` is given under this name. */
function run(yaml: string, environment: Record<string, string> = {}, start?: object): Run {
  const path = join(folder, `${Math.random()}.yaml`);
  writeFileSync(path, yaml);
  const script = `
    import { runProxy } from ${JSON.stringify(new URL('./main.ts', import.meta.url).href)};
    import { loadConfig } from ${JSON.stringify(loadConfigUrl)};
    const configPath = ${JSON.stringify(path)};
    const loading = loadConfig(configPath);
    const start = ${JSON.stringify(start)};
    process.exitCode = await runProxy({ configPath, loading, overrides: {}, start });
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
  const ended = once(child, 'close').then(([code, signal]) => ({
    code: (code ?? signal) as number | string | null,
    stderr,
  }));
  return {
    child,
    ended,
    until: (part) =>
      new Promise((resolve) => {
        if (stderr.includes(part)) resolve();
        else waiters.push({ part, resolve });
      }),
    said: () => stderr,
  };
}

const yaml =
  'proxy: { outbound: "127.0.0.1:0", admin: "127.0.0.1:0", workers: 0, announceMs: 0 }\n';

const inboundYaml = `
proxy: { outbound: false, inbound: "127.0.0.1:0", inboundTo: "127.0.0.1:9", admin: "127.0.0.1:0",
  workers: 2, announceMs: 0 }
`;

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

test('a worker that cannot be ended: the others finish, then the process is killed', async () => {
  const echo = { filename: echoWorkerUrl, name: runEcho.name };
  const limits = { heartbeatMs: 100, silenceMs: 1_000, endMs: 200, heapMib: 64 };
  const proxy = run(inboundYaml, {}, { entry: echo, limits });
  await proxy.until('heddle: ready');
  const portOf = (what: string): number =>
    Number(new RegExp(`${what} interface on 127\\.0\\.0\\.1:(\\d+)`).exec(proxy.said())?.[1]);
  const address = { host: '127.0.0.1', port: portOf('Inbound') };
  const clients = [await dial(address), await dial(address)];
  for (const client of clients) await ask(client, 'who');
  const [doomed, spared] = clients;
  const doomedEnd = untilEnd(doomed);
  doomed.write('stuck');
  await proxy.until('draining: inbound accepts no more');
  const metrics = await readMetrics(portOf('Admin'));
  assert.equal(metrics.sum('heddle_workers_stuck_total'), 1);
  assert.equal(metrics.sum('heddle_worker_connections_lost_total'), 1);
  assert.equal(await ask(spared, 'still'), 'still');
  spared.destroy();
  const { code, stderr } = await proxy.ended;
  assert.equal(code, 'SIGKILL');
  assert.match(stderr, /ERROR .*a worker does not end: the proxy drains and ends worker=[01]/);
  assert.match(stderr, /drained/);
  await doomedEnd;
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
