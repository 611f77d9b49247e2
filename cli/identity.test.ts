/**
 * Goal: what proxies serve is fetched from them, whoever they are, and rotations are asked for with
 * the right to do so. Method: servers of Node's TLS, a control plane that answers what a test says.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createServer } from 'node:tls';
import { Code } from '../core/grpc/status.ts';
import { makeLeaf, makeMesh, meshName } from '../test/support/certificates.ts';
import { cleanUp } from '../test/support/cleanup.ts';
import { startFakeView } from '../test/support/fake-view.ts';
import { startHttpOrigin } from '../test/support/process.ts';
import { runCli } from '../test/support/run-cli.ts';

const mesh = makeMesh();
const name = meshName('web');

/** Serves a leaf for whoever is asked for, and wants a certificate, as a proxy does. */
async function startProxy(t: TestContext, leaf = makeLeaf(mesh.issuer, name)): Promise<number> {
  const asked: string[] = [];
  const server = createServer({
    key: leaf.key,
    cert: `${leaf.pem}${mesh.issuer.pem}`,
    minVersion: 'TLSv1.3',
    requestCert: true,
    rejectUnauthorized: false,
    SNICallback: (serverName, done) => {
      asked.push(serverName);
      done(null);
    },
  });
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUp(t, () => {
    server.close();
    assert.ok(asked.every((one) => one === name));
  });
  return (server.address() as AddressInfo).port;
}

async function startMesh(t: TestContext, inboundPort: number, admin = '') {
  const address = { ip: { ip: { case: 'ipv4' as const, value: 0x7f000001 } }, port: 9000 };
  const about = { instance: 'web-1', namespace: 'demo', service: 'web', connected: true };
  return startFakeView(t, {
    status: () => ({ instances: [{ ...about, address, identity: name, inboundPort, admin }] }),
    authority: () => ({ anchors: [{ certificate: mesh.root.der, role: 'current' }] }),
  });
}

test('a joined proxy is asked at the port of its peers, by its name', async (t) => {
  const port = await startProxy(t);
  const { address: control } = await startMesh(t, port);
  const table = await runCli(['identity', '--control', control]);
  assert.match(
    table.out,
    /^web\.demo +127\.0\.0\.1:\d+ +web\.demo +issuer +[0-9a-f]{12} .*\u221a$/m,
  );
  assert.deepEqual([table.code, table.err], [0, '']);
  for (const word of ['web', 'web.demo', `127.0.0.1:${port}`]) {
    const { code, out } = await runCli(['identity', word, '--control', control]);
    assert.equal(code, 0, word);
    assert.match(out, new RegExp(`^PROXY web\\.demo \\(127\\.0\\.0\\.1:${port}\\)$`, 'm'));
    assert.match(out, /^Status: good$/m);
  }
  const unknown = await runCli(['identity', 'nobody', '--control', control]);
  assert.equal(unknown.code, 1);
  assert.match(
    unknown.err,
    /no proxy of nobody is known: heddle identity without a name lists all/,
  );
});

test('a place is asked for what its admin port, or the user, says', async (t) => {
  const port = await startProxy(t);
  const place = `127.0.0.1:${port}`;
  const named = ['identity', place, '--control', 'off', '--server-name', name, '-o', 'json'];
  const { code, out } = await runCli(named);
  const [{ certificates, problem }] = JSON.parse(out) as [
    { certificates: { names: string[] }[]; problem: string },
  ];
  assert.deepEqual([code, problem, certificates[0].names], [0, '', [name]]);
  const unnamed = await runCli(['identity', place, '--control', 'off']);
  assert.equal(unnamed.code, 1);
  assert.match(unnamed.out, /it does not say who it is: name it by --server-name/);
  const plain = await startHttpOrigin(t, (_, response) => {
    response.end('{"name":null,"state":"off"}');
  });
  const off = await runCli(['identity', `127.0.0.1:${plain}`, '--control', 'off']);
  assert.deepEqual([off.code, off.err], [0, '']);
  assert.match(off.out, /It has no identity\./);
});

test('what is wrong is told, and the end is 1', async (t) => {
  const hourMs = 3_600_000;
  const times = { notBefore: Date.now() - 2 * hourMs, notAfter: Date.now() - hourMs };
  const expired = await startProxy(t, makeLeaf(mesh.issuer, name, times));
  const foreign = await startProxy(t, makeLeaf(makeMesh().issuer, name));
  const plain = await startHttpOrigin(t, (_, response) => response.end());
  const closing = createTcpServer((socket) => socket.destroy());
  closing.listen(0, '127.0.0.1');
  await once(closing, 'listening');
  cleanUp(t, () => closing.close());
  const { port: shut } = closing.address() as AddressInfo;
  const rows: [number, RegExp][] = [
    [expired, / expired 60m ago$/m],
    [foreign, / leads to no trust anchor$/m],
    [plain, /127\.0\.0\.1:\d+: it does not speak TLS$/m],
    [shut, /: it has ended the handshake: is it certified, and asked for its own name\?$/m],
    [1, /127\.0\.0\.1:1: ECONNREFUSED$/m],
  ];
  for (const [port, expected] of rows) {
    const { address: control } = await startMesh(t, port);
    const { code, out } = await runCli(['identity', '--control', control]);
    assert.match(out, expected);
    assert.equal(code, 1);
  }
});

test('a rotation is asked for with a token, and shows how far it is', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-test-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, 'good\n', { mode: 0o600 });
  const identity = { name, state: 'certified', bundle: 'b1', issuer: 'i0', error: '' };
  const port = await startHttpOrigin(t, (_, response) => response.end(JSON.stringify(identity)));
  const status = { phase: 'distribute', bundle: 'b1', trustDomain: 'mesh.local', own: true };
  const asked: unknown[] = [];
  const view = await startFakeView(t, {
    status: () => ({
      proxies: [{ workload: 'web', peer: '127.0.0.1:9', admin: `127.0.0.1:${port}` }],
    }),
    authority: () => ({ ...status, unconfirmed: ['emoji.far'], unconfirmedCount: 1 }),
    change: (request) => {
      const { token } = request;
      asked.push('force' in request ? [token, request.force] : [token]);
      const message = 'a rotation is under way already';
      return token === 'good' ? status : { code: Code.FAILED_PRECONDITION, message };
    },
  });
  const at = ['--control', view.address];
  const told = await runCli(['identity', 'status', ...at]);
  assert.equal(told.code, 0);
  assert.match(told.out, /^confirmed +the trust anchors: 1 of 1 proxies/m);
  assert.match(
    told.out,
    /^not confirmed, 1; nothing is retired before they have:\n {2}emoji\.far$/m,
  );
  const changes = [['rotate'], ['rotate', '--force'], ['rotate', '--issuer'], ['repair']];
  for (const words of changes) {
    const { code, out } = await runCli(['identity', ...words, ...at, '--token-file', tokenFile]);
    assert.equal(code, 0);
    assert.match(out, /^phase +distribute: the next root is on its way/m);
  }
  assert.deepEqual(asked, [['good', false], ['good', true], ['good'], ['good']]);
  writeFileSync(tokenFile, 'other\n', { mode: 0o600 });
  const refused = await runCli(['identity', 'rotate', ...at, '--token-file', tokenFile]);
  assert.deepEqual([refused.code, refused.out], [1, '']);
  assert.match(refused.err, /FAILED_PRECONDITION: a rotation is under way already/);
  const none = await runCli(['identity', 'rotate', ...at]);
  assert.deepEqual([none.code, none.out], [1, '']);
  assert.match(none.err, /there is no token: give a token by --token-file or HEDDLE_TOKEN/);
});

test('wrong usage ends with 2', async () => {
  const rows: [string[], RegExp][] = [
    [['a b'], /Expected a name such as web/],
    [['--server-name', 'Web'], /Expected the whole name of an identity/],
    [['-o', 'yaml'], /Allowed choices are table, wide, text, json/],
    [['rotate', '--issuer', '--force'], /'--force' cannot be used with option '--issuer'/],
    [['rotate', 'x'], /too many arguments for 'rotate'/],
    [['status', '--control', 'off'], /Expected host:port/],
  ];
  for (const [args, expected] of rows) {
    const { code, out, err } = await runCli(['identity', ...args]);
    assert.deepEqual([code, out], [2, ''], args.join(' '));
    assert.match(err, expected);
  }
});
