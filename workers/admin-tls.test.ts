/**
 * Goal: the admin port answers in mutual TLS as it does in plaintext, in both versions of HTTP.
 * Method: clients of Node with and without a certificate of the mesh.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { get } from 'node:https';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { type Clock, systemClock } from '../core/base/clock.ts';
import { secureSilentBytesMax, secureWatchMs } from '../core/base/limits.ts';
import { adminDetectMs } from '../core/base/limits-admin.ts';
import { systemTurn, TimerWheel } from '../core/base/timers.ts';
import { TlsContexts } from '../core/tls/contexts.ts';
import { makeMesh, meshName } from '../test/support/certificates.ts';
import { cleanUp } from '../test/support/cleanup.ts';
import { FakeClock } from '../test/support/fake-clock.ts';
import { Tls13Client } from '../test/support/tls13-client.ts';
import { dial } from '../test/support/wire.ts';
import { createAdminServer } from './admin-server.ts';

const mesh = makeMesh();
const name = meshName('web');

async function serve(t: TestContext, tls: TlsContexts): Promise<number> {
  return (await serveBy(t, tls, systemClock, new TimerWheel(systemClock))).port;
}

/** `accepted` resolves with the next connection. */
async function serveBy(t: TestContext, tls: TlsContexts, clock: Clock, timers: TimerWheel) {
  const admin = createAdminServer({
    clock,
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
  const accepted = async (): Promise<void> => {
    await once(server, 'connection');
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUp(t, () => timers.close());
  cleanUp(t, () => server.close());
  cleanUp(t, () => admin.close());
  return { port: (server.address() as AddressInfo).port, accepted };
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

/** A connection that has been accepted, and a clock for it. */
async function open(t: TestContext, connectTo: (port: number) => Socket) {
  const clock = new FakeClock();
  const timers = new TimerWheel(clock, clock.wakeSource);
  const { port, accepted } = await serveBy(t, certified(), clock, timers);
  const coming = accepted();
  const socket = connectTo(port);
  socket.on('error', () => undefined);
  cleanUp(t, () => socket.destroy());
  await coming;
  const pass = async (): Promise<void> => {
    clock.advance(adminDetectMs);
    for (let turns = 0; turns < 4; turns++)
      await new Promise<void>((resolve) => systemTurn(resolve));
  };
  return { socket, pass };
}

test('a client that is silent in plaintext is one of HTTP/1', async (t) => {
  const { socket, pass } = await open(t, (port) => connect(port, '127.0.0.1'));
  for (let second = 0; second < 5; second++) await pass();
  socket.end('GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n');
  assert.match(await read(socket), /GET \/live $/);
});

test('a client that begins to ask is waited for', async (t) => {
  const { socket, pass } = await open(t, (port) => connect(port, '127.0.0.1'));
  socket.write('G');
  for (let second = 0; second < 3; second++) await pass();
  socket.end('ET /live HTTP/1.1\r\nHost: localhost\r\n\r\n');
  assert.match(await read(socket), /GET \/live $/);
});

test('a client that is silent inside of TLS is one of HTTP/2', async (t) => {
  const { socket, pass } = await open(t, (port) => connectTls(clientOptions(port)));
  await once(socket, 'secureConnect');
  const parts: Buffer[] = [];
  socket.on('data', (part: Buffer) => parts.push(part));
  while (parts.length === 0) await pass();
  assert.equal(parts[0][3], 4, 'it begins with SETTINGS');
});

test('half a hello is not waited for longer', async (t) => {
  const { socket, pass } = await open(t, (port) => connect(port, '127.0.0.1'));
  socket.write(Buffer.from([0x16, 3, 1, 2, 0, 1]));
  socket.resume();
  while (!socket.closed) await pass();
  assert.equal(socket.bytesRead, 0);
});

test('who asks for another server is closed, who names none is served', async (t) => {
  const port = await serve(t, certified());
  const foreign = connectTls({ ...clientOptions(port), servername: meshName('other') });
  const [error] = (await once(foreign, 'error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ECONNRESET');
  const { servername: _servername, ...nameless } = clientOptions(port);
  const socket = connectTls({ ...nameless, checkServerIdentity: () => undefined });
  socket.write('GET /live HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n');
  assert.match(await read(socket), /GET \/live $/);
});

test('what is neither TLS nor HTTP is closed without a word', async (t) => {
  const port = await serve(t, certified());
  const socket = connect(port, '127.0.0.1');
  socket.write('SSH-2.0-OpenSSH_9.2\r\n');
  assert.equal(await read(socket), '');
});

test('KeyUpdates without end, end their connection', async (t) => {
  const clock = new FakeClock();
  const timers = new TimerWheel(clock, clock.wakeSource);
  const { port } = await serveBy(t, certified(), clock, timers);
  const client = new Tls13Client(await dial(port));
  cleanUp(t, () => client.wire.destroy());
  await client.shake({ serverName: name });
  client.write('GET /ready HTTP/1.1\r\nhost: web\r\n\r\n');
  await client.read('GET /ready ');
  const updates: Buffer[] = [];
  for (let sent = 0; sent < 2 * secureSilentBytesMax; sent += updates[0].length) {
    updates.push(client.keyUpdate(false));
  }
  client.wire.socket.write(Buffer.concat(updates));
  // The answer comes behind them: they have been read.
  client.write('GET /live HTTP/1.1\r\nhost: web\r\n\r\n');
  await client.read('GET /live ');
  assert.equal(client.wire.ended || client.wire.closed, false);
  clock.advance(2 * secureWatchMs);
  await client.wire.until('the end', () => client.wire.ended || client.wire.closed);
});
