/**
 * Goal: the command asks everybody, prints what Linkerd's `viz edges` prints, and says what it
 * could not learn. Method: a control plane and admin ports that answer what a test says.
 */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startFakeView } from '../test/support/fake-view.ts';
import { startHttpOrigin } from '../test/support/process.ts';
import { runCli } from '../test/support/run-cli.ts';

const suffix = 'serviceaccount.identity.heddle.mesh.local';
const users = 'direction="outbound",peer="dst",dst_namespace="demo",dst_service="users"';
const echo = 'direction="outbound",peer="dst",dst_namespace="demo",dst_service="echo"';
const metrics = `
tcp_open_connections{${users},tls="true",server_id="users.demo.${suffix}"} 2
tcp_open_connections{${echo},tls="no_identity",no_tls_reason="not_provided_by_service_discovery"} 1
`;

async function startAdmin(t: TestContext): Promise<string> {
  const port = await startHttpOrigin(t, ({ url }, response) => {
    const identity = { name: `web.demo.${suffix}`, state: 'certified' };
    response.end(url === '/metrics' ? metrics : JSON.stringify(identity));
  });
  return `127.0.0.1:${port}`;
}

async function startMesh(t: TestContext, ...admins: readonly string[]): Promise<string> {
  const view = await startFakeView(t, {
    status: () => ({
      proxies: admins.map((admin, index) => ({
        workload: `{"ns":"demo","pod":"web-${index}"}`,
        peer: '127.0.0.1:999',
        admin,
      })),
    }),
  });
  return view.address;
}

test('the table says who is who, and why something is not secured', async (t) => {
  const admin = await startAdmin(t);
  const control = await startMesh(t, admin);
  const table = await runCli(['edges', '--control', control]);
  assert.deepEqual(table.out.split('\n'), [
    'SRC     DST     SRC_NS   DST_NS   CLIENT_ID   SERVER_ID    SECURED',
    'web-0   echo    demo     demo     -           -            not_provided_by_service_discovery',
    'web-0   users   demo     demo     web.demo    users.demo   \u221a',
    '',
  ]);
  assert.deepEqual([table.code, table.err], [0, '']);
  const wide = await runCli([
    'edges',
    'users.demo',
    '--control',
    'off',
    '--proxy',
    admin,
    '-o',
    'wide',
  ]);
  const [title, line, ...rest] = wide.out.trimEnd().split('\n');
  assert.match(title, /^SRC .* TCP +SECURED$/);
  assert.ok(line.includes(` web.demo.${suffix} `) && line.endsWith('  2   \u221a'), line);
  assert.deepEqual(rest, []);
  const json = await runCli(['edges', 'users', '--control', control, '-o', 'json']);
  assert.deepEqual(JSON.parse(json.out), [
    {
      src: 'web-0',
      src_namespace: 'demo',
      dst: 'users',
      dst_namespace: 'demo',
      client_id: `web.demo.${suffix}`,
      server_id: `users.demo.${suffix}`,
      no_tls_reason: '',
      secured: true,
      connections: 2,
    },
  ]);
  const none = await runCli(['edges', 'nobody', '--control', control]);
  const said = 'heddle: no connection of nobody has been seen\n';
  assert.deepEqual(none, { code: 0, out: '', err: said });
});

test('colour is for what is not secured', async (t) => {
  const control = await startMesh(t, await startAdmin(t));
  const { out } = await runCli(['edges', '--control', control], true);
  const [title, plain, secured] = out.split('\n');
  assert.ok(title.startsWith('\x1b[1mSRC') && plain.startsWith('\x1b[33mweb-0'), out);
  assert.ok(secured.startsWith('web-0'), out);
});

test('who cannot be asked is told, the others are shown, and the end is 1', async (t) => {
  const control = await startMesh(t, await startAdmin(t), '127.0.0.1:1');
  const { code, out, err } = await runCli(['edges', '--control', control]);
  assert.deepEqual([code, out.split('\n').length], [1, 4]);
  assert.match(err, /^heddle: web-1\.demo: http:\/\/127\.0\.0\.1:1\/metrics: connect ECONNREFUSED/);
  const alone = await runCli(['edges', '--control', '127.0.0.1:1']);
  assert.deepEqual([alone.code, alone.out], [1, '']);
  assert.match(alone.err, /ECONNREFUSED.*; start a control plane by heddle up/);
});

test('wrong usage ends with 2', async () => {
  const rows: [string[], RegExp][] = [
    [['a b'], /Expected the name of a service/],
    [['--proxy', '127.0.0.1'], /Expected host:port/],
    [['-o', 'yaml'], /Allowed choices are table, wide, json/],
  ];
  for (const [args, expected] of rows) {
    const { code, out, err } = await runCli(['edges', ...args]);
    assert.deepEqual([code, out], [2, ''], args.join(' '));
    assert.match(err, expected);
  }
});
