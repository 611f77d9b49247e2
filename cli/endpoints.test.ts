/**
 * Goal: `heddle endpoints` shows what control planes say, and names who has something else. Method:
 * the command beside a control plane and admin ports that answer what a test says; exact lines.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { endpointSetVersion } from '../api/endpoint-set.ts';
import { Code } from '../core/grpc/status.ts';
import { startFakeView } from '../test/support/fake-view.ts';
import { startHttpOrigin } from '../test/support/process.ts';
import { runCli } from '../test/support/run-cli.ts';

const loopback = { ip: { case: 'ipv4', value: 0x7f00_0001 } } as const;
const loopback6 = { ip: { case: 'ipv6', value: { first: 0n, last: 1n } } } as const;

const own = [
  { host: '127.0.0.1', port: 8080, weight: 1, zone: '' },
  { host: '::1', port: 8081, weight: 2.5, zone: 'a' },
];

function now(): bigint {
  return BigInt(Date.now());
}

function webService() {
  return {
    authority: 'web.demo.svc.cluster.local:80',
    namespace: 'demo',
    name: 'web',
    port: 80,
    protocol: 'http',
    source: 'file',
    location: '/srv/web.endpoints',
    confirmedMs: now() - 300_500n,
    version: endpointSetVersion(own),
    endpoints: [
      { address: { ip: loopback, port: 8080 }, weight: 10_000, zone: '' },
      { address: { ip: loopback6, port: 8081 }, weight: 25_000, zone: 'a' },
    ],
  };
}

function emptyService() {
  return {
    authority: 'db.demo.svc.cluster.local:5432',
    namespace: 'demo',
    name: 'db',
    port: 5432,
    protocol: 'opaque',
    source: 'dns',
    location: 'db.internal',
    error: 'NXDOMAIN\x1b[2J',
  };
}

/** An admin port with these targets. */
async function startAdmin(t: TestContext, targets: readonly object[]): Promise<string> {
  const port = await startHttpOrigin(t, (request, response) => {
    if (request.url === '/endpoints') response.end(JSON.stringify({ targets }));
    else response.writeHead(404).end();
  });
  return `127.0.0.1:${port}`;
}

function proxyTarget(endpoints: readonly object[], more: object = {}): object {
  const authority = 'web.demo.svc.cluster.local:80';
  const about = {
    target: 'host:web',
    state: 'ready',
    source: 'control',
    ageMs: 2_500,
    error: null,
  };
  return { authority, ...about, endpoints, ...more };
}

const right = [
  { address: '127.0.0.1:8080', weight: 1, zone: '' },
  { address: '[::1]:8081', weight: 2.5, zone: 'a' },
];

test('a line for each endpoint, and one for a service without', async (t) => {
  const view = await startFakeView(t, {
    endpoints: () => ({ services: [webService(), emptyService()] }),
  });
  const { code, out, err } = await runCli(['endpoints', '--control', view.address]);
  const set = endpointSetVersion(own);
  assert.deepEqual(out.split('\n'), [
    'NAMESPACE   IP          PORT   SERVICE        SOURCE   WEIGHT   ZONE   VERSION    AGE',
    'demo        -           -      db.demo:5432   dns      -        -      -          -',
    `demo        127.0.0.1   8080   web.demo:80    file     1        -      ${set}   5m`,
    `demo        ::1         8081   web.demo:80    file     2.5      a      ${set}   5m`,
    '',
  ]);
  assert.equal(err, 'heddle: db.demo.svc.cluster.local:5432: dns db.internal: NXDOMAIN?[2J\n');
  assert.equal(code, 0);
  const wide = await runCli(['endpoints', '--control', view.address, '-o', 'wide']);
  assert.match(wide.out, / AGE {3}PROTOCOL {3}LOCATION\n.* opaque +db\.internal\n/);
  const colored = await runCli(['endpoints', '--control', view.address], true);
  assert.ok(colored.out.startsWith('\x1b[1mNAMESPACE '));
});

test('JSON has all of it, and null for what nobody knows', async (t) => {
  const view = await startFakeView(t, {
    endpoints: () => ({ services: [webService(), emptyService()] }),
  });
  const args = ['endpoints', 'web', '-n', 'demo', '--control', view.address, '-o', 'json'];
  const { code, out } = await runCli(args);
  assert.equal(code, 0);
  const { services } = JSON.parse(out) as { services: Record<string, unknown>[] };
  const [db, web] = services;
  assert.deepEqual([db.ageMs, db.error, db.endpoints], [null, 'NXDOMAIN\x1b[2J', []]);
  assert.equal(typeof web.ageMs, 'number');
  assert.deepEqual(web.endpoints, right);
  assert.deepEqual(
    view.asked.map(({ name, namespace }) => [name, namespace]),
    [['web', 'demo']],
  );
});

test('what cannot be shown says why and what to do, and ends with 1', async (t) => {
  const unknown = await startFakeView(t, {
    endpoints: () => ({ code: Code.NOT_FOUND, message: 'no such service' }),
  });
  const stranger = await startFakeView(t, {});
  const settling = await startFakeView(t, {
    endpoints: () => ({ code: Code.UNAVAILABLE, message: 'not known yet, ask again' }),
  });
  const rows: [string[], RegExp][] = [
    [
      ['web', '--control', unknown.address],
      /no service web in namespace default; heddle endpoints/,
    ],
    [['--control', '127.0.0.1:1'], /ECONNREFUSED; start a control plane by heddle up, or name/],
    [['web', '--control', settling.address], /UNAVAILABLE: not known yet, ask again \(127/],
    [['--control', stranger.address], /UNIMPLEMENTED.*; this is no control plane of Heddle's/],
    [
      ['--control', 'none.invalid:1'],
      /none\.invalid:1: .*; name a control plane that can be found/,
    ],
    [['--compare', '--control', '127.0.0.1:1'], /ECONNREFUSED; start a control plane/],
  ];
  for (const [args, expected] of rows) {
    const { code, out, err } = await runCli(['endpoints', ...args]);
    assert.deepEqual([code, out], [1, ''], args.join(' '));
    assert.match(err, expected);
  }
});

test('the first control plane that answers is shown', async (t) => {
  const view = await startFakeView(t, { endpoints: () => ({ services: [webService()] }) });
  const { code, out, err } = await runCli([
    'endpoints',
    '--control',
    `127.0.0.1:1,${view.address}`,
  ]);
  assert.match(err, /^heddle: UNAVAILABLE: 127\.0\.0\.1:1: /);
  assert.match(out, / web\.demo:80 /);
  assert.equal(code, 0);
});

test('wrong usage ends with 2', async () => {
  const rows: [string[], RegExp][] = [
    [['a b'], /Expected the name of a service/],
    [['web:0'], /Expected the name of a service/],
    [['-n', 'De mo'], /Expected letters a-z/],
    [['--control', '127.0.0.1'], /Expected host:port/],
    [['--control', 'off'], /Expected host:port/],
    [['--control', '127.0.0.1:1,127.0.0.1:99999'], /Expected host:port/],
    [['-o', 'yaml'], /Allowed choices are table, wide, json/],
    [['web', 'users'], /too many arguments/],
  ];
  for (const [args, expected] of rows) {
    const { code, out, err } = await runCli(['endpoints', ...args]);
    assert.deepEqual([code, out], [2, ''], args.join(' '));
    assert.match(err, expected);
  }
});

/** A control plane that knows `web` and these proxies. */
async function startMesh(t: TestContext, admins: readonly string[], service = webService()) {
  return startFakeView(t, {
    endpoints: () => ({ services: [service] }),
    status: () => ({
      proxies: admins.map((admin, index) => ({
        workload: `{"ns":"demo","pod":"web-${index}"}`,
        peer: '127.0.0.1:999',
        admin,
      })),
    }),
  });
}

/** The lines without what differs from run to run, their cells with one space between. */
function shape(text: string): string[] {
  return text
    .replaceAll(/127\.0\.0\.1:\d{5}/g, 'ADDRESS')
    .replaceAll(/ [0-9a-f]{8} /g, ' VERSION ')
    .trimEnd()
    .split('\n')
    .map((line) => line.replaceAll(/ +/g, ' '));
}

test('places that have the same are alike, and the end is 0', async (t) => {
  const inbound = { target: 'inbound:', authority: '127.0.0.1:8080' };
  const admin = await startAdmin(t, [proxyTarget(right.toReversed()), proxyTarget([], inbound)]);
  const view = await startMesh(t, [admin]);
  const { code, out, err } = await runCli(['endpoints', '--compare', '--control', view.address]);
  assert.deepEqual(shape(out), [
    ' SERVICE PLACE NAME VERSION ENDPOINTS AGE DIFFERENCE',
    '\u221a web.demo:80 source file /srv/web.endpoints VERSION 2 5m as the control plane read it',
    '\u221a web.demo:80 control ADDRESS VERSION 2 5m',
    '\u221a web.demo:80 proxy web-0.demo ADDRESS VERSION 2 2s',
  ]);
  assert.deepEqual([code, err], [0, '']);
});

test('what differs is marked and named, and the end is 1', async (t) => {
  const [first, second] = right;
  const admins = await Promise.all([
    startAdmin(t, [proxyTarget([first], { source: 'disk', error: 'ECONNREFUSED' })]),
    startAdmin(t, [
      proxyTarget([{ ...first, weight: 3 }, second, { ...first, address: '10.0.0.9:1' }]),
      proxyTarget([], { authority: 'gone.demo.svc.cluster.local:80' }),
      proxyTarget([], { authority: 'example.com:80', source: 'unmeshed' }),
    ]),
    startAdmin(t, [proxyTarget([], { state: 'absent' })]),
  ]);
  const view = await startMesh(t, admins);
  const other = await startFakeView(t, {
    endpoints: () => ({ services: [] }),
    status: () => ({}),
  });
  const args = ['endpoints', '--compare', '--control', `${view.address},${other.address}`];
  const { code, out } = await runCli(args);
  assert.deepEqual(shape(out).slice(1), [
    '\u221a gone.demo.svc.cluster.local:80 control ADDRESS - - -',
    '\u00d7 gone.demo.svc.cluster.local:80 proxy web-1.demo ADDRESS VERSION 0 2s ' +
      'has a service that should not exist',
    '\u221a web.demo:80 source file /srv/web.endpoints VERSION 2 5m as the control plane read it',
    '\u221a web.demo:80 control ADDRESS VERSION 2 5m',
    '\u00d7 web.demo:80 control ADDRESS - - - no such service',
    '\u00d7 web.demo:80 proxy web-0.demo ADDRESS VERSION 1 2s ' +
      'lacks [::1]:8081; from disk: ECONNREFUSED',
    '\u00d7 web.demo:80 proxy web-1.demo ADDRESS VERSION 3 2s ' +
      'has also 10.0.0.9:1; differs in weight 3 of ADDRESS'.replace('ADDRESS', '127.0.0.1:8080'),
    '\u00d7 web.demo:80 proxy web-2.demo ADDRESS - - 2s no such service',
  ]);
  assert.equal(code, 1);
  const named = await runCli([...args, 'web', '-o', 'json']);
  const { differences, rows } = JSON.parse(named.out) as {
    differences: number;
    rows: Record<string, unknown>[];
  };
  assert.deepEqual([named.code, differences, rows.length], [1, 4, 6]);
  assert.deepEqual(rows.at(-1)?.endpoints, null);
});

test('a change that is under way is no difference', async (t) => {
  let asked = 0;
  const port = await startHttpOrigin(t, (_, response) => {
    asked += 1;
    const targets = [proxyTarget(asked === 1 ? [] : right)];
    response.end(JSON.stringify({ targets }));
  });
  const view = await startMesh(t, [`127.0.0.1:${port}`]);
  const { code } = await runCli(['endpoints', '--compare', '--control', view.address]);
  assert.deepEqual([code, asked], [0, 2]);
});

test('a proxy that cannot be asked is told, and the others are compared', async (t) => {
  const answers: [number, string][] = [
    [403, 'Requests are only permitted from localhost.\n'],
    [500, ''],
    [200, 'hello'],
    [200, '{"targets":{}}'],
    [200, '{"targets":[null,7,{"endpoints":[{"address":"x"},3]}]}'],
  ];
  const ports = await Promise.all(
    answers.map(([status, body]) =>
      startHttpOrigin(t, (_, response) => response.writeHead(status).end(body)),
    ),
  );
  const view = await startMesh(t, [...ports.map((port) => `127.0.0.1:${port}`), '127.0.0.1:1']);
  const { code, out, err } = await runCli(['endpoints', '--compare', '--control', view.address]);
  assert.deepEqual([code, shape(out).length], [1, 3]);
  assert.deepEqual(shape(err), [
    "heddle: web-0.demo: http://ADDRESS/endpoints: shown on the proxy's own host only; ask there",
    'heddle: web-1.demo: http://ADDRESS/endpoints: answered 500',
    "heddle: web-2.demo: http://ADDRESS/endpoints: no list of targets; is it a proxy's admin port?",
    "heddle: web-3.demo: http://ADDRESS/endpoints: no list of targets; is it a proxy's admin port?",
    'heddle: web-5.demo: http://127.0.0.1:1/endpoints: connect ECONNREFUSED 127.0.0.1:1',
  ]);
});

test('the configuration of a control plane on this host is read again', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-test-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'heddle.yaml');
  const endpoints = join(folder, 'users.endpoints');
  writeFileSync(endpoints, '127.0.0.1 1\n');
  writeFileSync(
    path,
    'services:\n' +
      '  web: { port: 80, namespace: demo, endpoints: [127.0.0.1:8080] }\n' +
      '  users: { port: 80, namespace: demo, file: users.endpoints }\n' +
      '  gone: { port: 80, file: none.endpoints }\n',
  );
  const users = { ...webService(), authority: 'users.demo.svc.cluster.local:80', name: 'users' };
  const gone = { ...webService(), authority: 'gone.default.svc.cluster.local:80', name: 'gone' };
  const view = await startFakeView(t, {
    endpoints: () => ({ services: [webService(), users, { ...gone, namespace: 'default' }] }),
    status: () => ({ sources: [{ kind: 'config', location: path }] }),
  });
  const { code, out, err } = await runCli(['endpoints', '--compare', '--control', view.address]);
  assert.equal(code, 1);
  assert.match(err, /^heddle: gone\.default:80 of .*heddle\.yaml: .*none\.endpoints/);
  assert.deepEqual(shape(out.replaceAll(folder, 'FOLDER')).slice(3), [
    '\u221a users.demo:80 source file FOLDER/users.endpoints VERSION 1 0s',
    '\u00d7 users.demo:80 control ADDRESS VERSION 2 5m ' +
      'lacks 127.0.0.1:1; has also 127.0.0.1:8080, [::1]:8081',
    '\u221a web.demo:80 source inline VERSION 1 0s',
    '\u00d7 web.demo:80 control ADDRESS VERSION 2 5m has also [::1]:8081',
  ]);
});
