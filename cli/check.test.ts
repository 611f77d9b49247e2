/**
 * Goal: `heddle check` asks everybody that it can find, and its exit code says whether all is well.
 * Method: the command beside a real proxy and a control plane that answers what a test says.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { version } from '../core/base/version.ts';
import { startFakeView } from '../test/support/fake-view.ts';
import { startHttpOrigin, startProxy } from '../test/support/process.ts';
import { runCli } from '../test/support/run-cli.ts';

const yaml = `services:
  web: { port: 80, endpoints: [127.0.0.1:1] }
proxy: { outbound: '127.0.0.1:0', admin: '127.0.0.1:0', workers: 1 }
`;

async function startRealProxy(t: TestContext) {
  const proxy = await startProxy(t, yaml);
  return { folder: proxy.folder, admin: `127.0.0.1:${proxy.port('Admin interface')}` };
}

/** A control plane that is well and knows a proxy. */
function startControl(t: TestContext, config: string, admin: string, settling = () => 0) {
  return startFakeView(t, {
    endpoints: () => ({ services: [] }),
    status: () => {
      const nowMs = BigInt(Date.now());
      return {
        version,
        nowMs,
        settlingMs: settling(),
        sources: [{ kind: 'config', location: config, objects: 1, confirmedMs: nowMs }],
        proxies: [{ workload: '{"ns":"demo","pod":"web-1"}', peer: '127.0.0.1:9', admin, version }],
      };
    },
  });
}

test('all of a mesh that is well', async (t) => {
  const { folder, admin } = await startRealProxy(t);
  const config = join(folder, 'heddle.yaml');
  const view = await startControl(t, config, admin);
  const { code, out, err } = await runCli(['check', '--control', view.address]);
  const told = out
    .replaceAll(view.address, 'CONTROL')
    .replaceAll(config, 'CONFIG')
    .replace(/confirmed \d+s/, 'confirmed 0s')
    .replaceAll(version, 'VERSION')
    .replaceAll(process.versions.node, 'NODE');
  assert.deepEqual(told.split('\n'), [
    'configuration',
    '-------------',
    '\u221a CONFIG is valid',
    '',
    'control plane',
    '-------------',
    '\u221a CONTROL answers',
    '\u221a CONTROL has read its sources',
    '\u221a CONTROL has settled after its start',
    "\u221a the clock of CONTROL agrees with this machine's",
    '',
    'sources',
    '-------',
    '\u221a config CONFIG: 1 object, confirmed 0s ago',
    '\u221a no object is refused',
    '\u221a endpoints of services are confirmed (0)',
    '\u221a services have endpoints',
    '',
    'proxies',
    '-------',
    '\u221a proxies answer on their admin ports (1)',
    '\u221a proxies are ready (1)',
    '\u221a proxies refuse nothing of their configuration files',
    '\u221a watches of proxies are live (1)',
    '\u221a no target of theirs is refused',
    '',
    'versions',
    '--------',
    '\u221a control planes are at version VERSION, as this command is',
    '\u221a proxies are at version VERSION, as this command is',
    '',
    'runtime',
    '-------',
    '\u221a Node NODE is recent enough',
    '\u221a file descriptors suffice',
    '\u221a workers are alive',
    '',
    'Status check results are \u221a',
    '',
  ]);
  assert.deepEqual([code, err], [0, '']);
});

test('the forms for logs and for programs, and colours', async (t) => {
  const { folder, admin } = await startRealProxy(t);
  const view = await startControl(t, join(folder, 'heddle.yaml'), admin);
  const args = ['check', '--control', view.address, '-o'];
  assert.equal((await runCli([...args, 'short'])).out, 'Status check results are \u221a\n');
  const { success, categories } = JSON.parse((await runCli([...args, 'json'])).out) as {
    success: boolean;
    categories: { categoryName: string; checks: object[] }[];
  };
  assert.equal(success, true);
  assert.deepEqual(
    categories.map(({ categoryName, checks }) => [categoryName, checks.length]),
    [
      ['configuration', 1],
      ['control plane', 4],
      ['sources', 4],
      ['proxies', 5],
      ['versions', 2],
      ['runtime', 3],
    ],
  );
  const colored = await runCli([...args, 'short'], true);
  assert.equal(colored.out, 'Status check results are \x1b[32m\u221a\x1b[0m\n');
});

test('without a control plane a proxy and a configuration can be checked', async (t) => {
  const { admin } = await startRealProxy(t);
  const args = ['check', '--control', 'off', '--proxy', admin, '--proxy', '127.0.0.1:1'];
  const { code, out } = await runCli([...args, '-c', '/nowhere/heddle.yaml', '-o', 'short']);
  assert.equal(code, 1);
  assert.deepEqual(out.replace(/ENOENT: .*?;/, 'ENOENT;').split('\n'), [
    'configuration',
    '-------------',
    '\u00d7 /nowhere/heddle.yaml is valid',
    '    /nowhere/heddle.yaml:1:1: cannot be read: ENOENT; check the path and its permissions',
    '    see docs/CHECKS.md#configuration-is-valid for hints',
    '',
    'proxies',
    '-------',
    '\u00d7 proxies answer on their admin ports (2)',
    '    127.0.0.1:1: http://127.0.0.1:1/ready: connect ECONNREFUSED 127.0.0.1:1',
    '    see docs/CHECKS.md#proxies-answer for hints',
    '',
    'Status check results are \u00d7',
    '',
  ]);
});

test('a control plane that is not there says what to start', async () => {
  const { code, out } = await runCli(['check', '--control', '127.0.0.1:1', '-o', 'short']);
  assert.equal(code, 1);
  assert.match(out, /\u00d7 127\.0\.0\.1:1 answers\n.*; start a control plane by heddle up/);
});

test('a proxy that is not ready says why', async (t) => {
  const port = await startHttpOrigin(t, (request, response) => {
    if (request.url === '/ready') response.writeHead(503).end('not ready: no answer yet\n');
    else response.writeHead(200).end('a 1\n');
  });
  const args = ['check', '--control', 'off', '--proxy', `127.0.0.1:${port}`, '-o', 'short'];
  const { code, out } = await runCli(args);
  assert.equal(code, 1);
  assert.match(
    out,
    /\u00d7 proxies are ready \(1\)\n {4}127\.0\.0\.1:\d+: not ready: no answer yet\n/,
  );
});

test('waits until nothing fails, and not for warnings', async (t) => {
  let asked = 0;
  const port = await startHttpOrigin(t, (request, response) => {
    if (request.url === '/ready') asked += 1;
    response.writeHead(request.url === '/ready' && asked < 2 ? 503 : 200).end();
  });
  const view = await startControl(t, '', `127.0.0.1:${port}`, () => 5_000);
  const args = ['check', '--control', view.address, '--wait', '60s', '-o', 'short'];
  const { code, out } = await runCli(args);
  assert.deepEqual([code, asked], [0, 2]);
  assert.match(out, /\u203c 127\.0\.0\.1:\d+ has settled after its start\n {4}for another 5 s /);
});

test('colours are those of the environment', () => {
  const heddle = resolve(import.meta.dirname, 'heddle');
  const rows: [Record<string, string>, string][] = [
    [{ FORCE_COLOR: '1', NO_COLOR: '' }, ' \x1b[32m\u221a\x1b[0m\n'],
    [{ FORCE_COLOR: '1', NO_COLOR: '1' }, ' \u221a\n'],
    [{ FORCE_COLOR: '', NO_COLOR: '' }, ' \u221a\n'],
  ];
  for (const [colors, expected] of rows) {
    const env = { ...process.env, ...colors };
    const args = ['check', '--control', 'off', '-o', 'short'];
    const { status, stdout } = spawnSync(heddle, args, { env, encoding: 'utf8' });
    assert.equal(status, 0);
    assert.ok(stdout.endsWith(expected), stdout);
  }
});

test('wrong usage ends with 2', async () => {
  const rows: [string[], RegExp][] = [
    [['--proxy', '4191'], /Expected host:port/],
    [['--wait', '2h'], /Expected a time .*1h/],
    [['--wait', 'soon'], /Expected a time .*1h/],
    [['-o', 'wide'], /Allowed choices are table, short, json/],
    [['--control', ''], /Expected host:port/],
    [['all'], /too many arguments/],
  ];
  for (const [args, expected] of rows) {
    const { code, out, err } = await runCli(['check', ...args]);
    assert.deepEqual([code, out], [2, ''], args.join(' '));
    assert.match(err, expected);
  }
});
