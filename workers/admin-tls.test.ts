/**
 * Goal: the admin port answers in mutual TLS as it does in plaintext, in both versions of HTTP.
 * Method: clients of Node with and without a certificate of the mesh.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { get } from 'node:https';
import { type AddressInfo, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { systemClock } from '../core/base/clock.ts';
import { TimerWheel } from '../core/base/timers.ts';
import { TlsContexts } from '../core/tls/contexts.ts';
import { makeMesh, meshName } from '../test/support/certificates.ts';
import { cleanUp } from '../test/support/cleanup.ts';
import { createAdminServer } from './admin-server.ts';

const mesh = makeMesh();
const name = meshName('web');

async function serve(t: TestContext, tls: TlsContexts): Promise<number> {
  const timers = new TimerWheel(systemClock);
  const admin = createAdminServer({
    clock: systemClock,
    timers,
    tls,
    answer: async ({ method, path, body }) => ({
      status: 200,
      body: path === '/large' ? 'x'.repeat(1_000_000) : `${method} ${path} ${body}`,
    }),
  });
  const server = createServer(
    { pauseOnConnect: true, allowHalfOpen: true },
    admin.accept.bind(admin),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUp(t, () => timers.close());
  cleanUp(t, () => server.close());
  cleanUp(t, () => admin.close());
  return (server.address() as AddressInfo).port;
}

function certified(): TlsContexts {
  const tls = new TlsContexts();
  tls.replace(mesh.identity(name));
  return tls;
}

function clientOptions(port: number) {
  const { key, chain } = mesh.identity(meshName('prometheus'));
  return { host: '127.0.0.1', port, servername: name, ca: mesh.roots, key, cert: chain };
}

async function read(stream: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  for await (const part of stream) text += String(part);
  return text;
}

test('HTTP/1.1 inside of TLS', async (t) => {
  const port = await serve(t, certified());
  const request = get({ ...clientOptions(port), path: '/ready', agent: false });
  const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream];
  assert.equal(await read(response), 'GET /ready ');
});

test('HTTP/2 by prior knowledge inside of TLS, also a large body', async (t) => {
  const port = await serve(t, certified());
  const session = connectHttp2(`http://${name}`, {
    createConnection: () => connectTls(clientOptions(port)),
  });
  cleanUp(t, () => session.destroy());
  const small = session.request({ ':path': '/live', ':method': 'PUT' }, { endStream: false });
  small.end('body');
  assert.equal(await read(small), 'PUT /live body');
  assert.equal((await read(session.request({ ':path': '/large' }))).length, 1_000_000);
});

test('a client without a certificate is served, TLS 1.2 is not', async (t) => {
  const port = await serve(t, certified());
  const { key: _key, cert: _cert, ...bare } = clientOptions(port);
  const socket = connectTls(bare);
  socket.write('GET /live HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n');
  assert.match(await read(socket), /^HTTP\/1\.1 200 OK\r\n[\s\S]*GET \/live $/);
  const old = connectTls({ ...bare, maxVersion: 'TLSv1.2' });
  const [error] = (await once(old, 'error')) as [NodeJS.ErrnoException];
  assert.match(String(error.code), /PROTOCOL_VERSION/);
});

test('before the first certificate TLS is closed and plaintext served', async (t) => {
  const port = await serve(t, new TlsContexts());
  const socket = connectTls(clientOptions(port));
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ECONNRESET');
  const response = await fetch(`http://127.0.0.1:${port}/live`);
  assert.equal(await response.text(), 'GET /live ');
});
