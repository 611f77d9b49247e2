/**
 * Goal: commands keep their conventions: what goes to which stream, exit codes, help. Method: the
 * executable itself as a child process, an admin port that answers with fixed metrics.
 */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const executable = resolve(import.meta.dirname, 'heddle');

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

async function run(
  args: string,
  options: { path?: string; color?: string } = {},
): Promise<Outcome> {
  const child = spawn(options.path ?? executable, args === '' ? [] : args.split(' '), {
    env: { ...process.env, NO_COLOR: '', FORCE_COLOR: options.color ?? '' },
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-test-'));
  try {
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const names = 'check demo endpoints proxy run stat stop token up validate version wait';

test('every command has help with an example, on stdout', async () => {
  const overview = await run('--help');
  assert.equal(overview.code, 0);
  for (const name of names.split(' ')) {
    assert.match(overview.out, new RegExp(`^  ${name} `, 'm'));
    const { code, out, err } = await run(`${name} --help`);
    assert.deepEqual([code, err], [0, ''], name);
    assert.match(out, new RegExp(`Example:\n  heddle ${name}`));
  }
});

test('help with the words of a command is its help', async () => {
  for (const [args, expected] of [
    ['help', /Usage: heddle <command>/],
    ['help stat', /Usage: heddle stat /],
    ['help proxy', /Usage: heddle proxy /],
    ['help token create', /Usage: heddle token create /],
  ] as const) {
    const { code, out, err } = await run(args);
    assert.deepEqual([code, err], [0, ''], args);
    assert.match(out, expected);
  }
});

test('wrong usage is explained on stderr and ends with 2', async () => {
  const rows: [string, RegExp][] = [
    ['', /Usage: heddle/],
    ['weave', /no command weave; there are demo, proxy/],
    ['stpo', /no command stpo; did you mean stop\?/],
    ['help weave', /no command weave; there are demo, proxy/],
    ['help hlep', /no command hlep; did you mean help\?/],
    ['help token creat', /token has no command creat; did you mean create\?/],
    ['help stat x', /stat has no command x\n/],
    ['--weave', /unknown option '--weave'/],
    ['version extra', /too many arguments/],
    ['version -o xml', /Allowed choices are text, json/],
    ['validate', /missing required argument/],
    ['stat 4191', /Expected host:port/],
    ['stat --interval 0', /from 0\.1 to 3600/],
    ['demo --rate 9999', /from 1 to 500/],
    ['proxy', /--config FILE.*--control/],
  ];
  for (const [args, expected] of rows) {
    const { code, out, err } = await run(args);
    assert.deepEqual([code, out], [2, ''], args);
    assert.match(err, expected, args);
  }
});

test('runs by a symbolic link, as npm makes it', async () => {
  await withFolder(async (folder) => {
    symlinkSync(executable, join(folder, 'first'));
    symlinkSync('first', join(folder, 'second'));
    const { code, out } = await run('version -o json', { path: join(folder, 'second') });
    assert.equal(code, 0);
    const manifest: unknown = JSON.parse(
      readFileSync(resolve(executable, '../../package.json'), 'utf8'),
    );
    const { version } = manifest as { version: string };
    assert.equal((JSON.parse(out) as { heddle: string }).heddle, version);
  });
});

test('validate says OK, or all problems with their place and 64', async () => {
  await withFolder(async (folder) => {
    const good = join(folder, 'good.yaml');
    const bad = join(folder, 'bad.yaml');
    writeFileSync(good, 'services:\n  web: { port: 80, endpoints: [127.0.0.1:8080] }\n');
    writeFileSync(bad, 'services:\n  web: { prt: 80 }\nproxy:\n  workers: many\n');
    const right = await run(`validate ${good}`);
    assert.deepEqual([right.code, right.err], [0, '']);
    assert.match(right.out, /good\.yaml: OK, 1 service\n {2}web:80 {2}1 endpoint\n/);
    const wrong = await run(`validate --quiet ${good} ${bad} ${join(folder, 'none.yaml')}`);
    assert.equal(wrong.code, 64);
    assert.match(
      wrong.out,
      /bad\.yaml:2:\d+: services\.web\.prt: unknown key; did you mean port\?/,
    );
    assert.match(wrong.out, /bad\.yaml:4:12: proxy\.workers: expected auto or /);
    assert.match(wrong.out, /none\.yaml:1:1: cannot be read/);
    assert.doesNotMatch(wrong.out, /OK/);
  });
});

test('stat shows what changed between two scrapes', async () => {
  let requests = 0;
  const labels = 'direction="outbound",dst_namespace="default",dst_service="web"';
  const server = createServer((request, response) => {
    assert.equal(request.url, '/metrics');
    requests += 10;
    response.end(
      `request_total{${labels}} ${requests}\n` +
        `response_total{${labels},classification="success",grpc_status="0"} ${requests - 1}\n` +
        `response_total{${labels},classification="failure",grpc_status="14"} 1\n` +
        `response_latency_ms_bucket{${labels},le="2"} ${requests}\n` +
        `response_latency_ms_bucket{${labels},le="+Inf"} ${requests}\n`,
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const address = `127.0.0.1:${port}`;
  try {
    const table = await run(`stat ${address} -i 0.1`);
    assert.deepEqual([table.code, table.err], [0, '']);
    assert.match(table.out, /^PROXY .*\n127\.0\.0\.1:\d+ +outbound +web +100\.00% /);
    const colored = await run(`stat ${address} -i 0.1`, { color: '1' });
    assert.ok(colored.out.startsWith('\x1b[1mPROXY'));
    const wide = await run(`stat ${address} -i 0.1 -o wide`);
    assert.match(wide.out, / PROTOCOL .* GRPC\n.* web +grpc +100\.00% .* OK 100%\n/);
    const json = await run(`stat ${address} 127.0.0.1:1 -i 0.1 -o json`);
    assert.equal(json.code, 1);
    assert.match(
      json.err,
      /127\.0\.0\.1:1\/metrics: .*ECONNREFUSED.*; is it the admin port of a proxy\?/,
    );
    const { services } = JSON.parse(json.out) as { services: Record<string, unknown>[] };
    const [row] = services;
    assert.deepEqual([row.proxy, row.p50Ms, row.grpc], [address, 1, { OK: 10 }]);
  } finally {
    server.close();
  }
});

test('a reader that has enough ends the writer without a word', async () => {
  const child = spawn(executable, ['--help']);
  child.stdout.destroy();
  let err = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  assert.deepEqual([code, err], [0, '']);
});

test('an output that takes nothing ends the command with one line', () => {
  const full = openSync('/dev/full', 'w');
  try {
    const { status, stderr } = spawnSync(executable, ['version'], {
      stdio: ['ignore', full, 'pipe'],
      encoding: 'utf8',
    });
    assert.match(stderr, /^heddle: cannot write the output: ENOSPC[^\n]*\n$/);
    assert.equal(status, 1);
  } finally {
    closeSync(full);
  }
});
