/**
 * Goal: a shutdown finishes what runs, of every kind and in both directions, patient or strict, and
 * nothing outlasts the grace time. Method: the executable; one origin for HTTP/1.1, HTTP/2,
 * upgrades and bytes, which holds requests until the test says so.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttp, request } from 'node:http';
import {
  type ClientHttp2Session,
  connect as connectHttp2,
  createServer as createHttp2,
} from 'node:http2';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { cleanUp } from '../../support/cleanup.ts';
import { ask, keepOne, type ProxyProcess, startProxy } from '../../support/process.ts';

/** `/held` is answered by `release`; an upgrade, and what begins with `raw`, comes back. */
async function startOrigin(t: TestContext) {
  const held: (() => void)[] = [];
  let changed = Promise.withResolvers<void>();
  const hold = (answer: () => void): void => {
    held.push(answer);
    changed.resolve();
    changed = Promise.withResolvers<void>();
  };
  const http = createHttp((incoming, outgoing) => {
    if (incoming.url === '/held') hold(() => outgoing.end('at last'));
    else outgoing.end('quick');
  });
  http.on('upgrade', (_incoming, socket) => {
    const fields = 'connection: upgrade\r\nupgrade: echo\r\n';
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n`);
    socket.pipe(socket);
  });
  const http2 = createHttp2();
  http2.on('request', (_incoming, outgoing) => {
    hold(() => outgoing.end('at last'));
  });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', (first: Buffer) => {
      socket.pause();
      socket.unshift(first);
      const start = first.toString('latin1', 0, 3);
      if (start === 'PRI') {
        http2.emit('connection', socket);
        return;
      }
      if (start === 'raw') socket.pipe(socket);
      else http.emit('connection', socket);
      socket.resume();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUp(t, () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    async untilHeld(count: number): Promise<void> {
      while (held.length < count) await changed.promise;
    },
    release: () => {
      for (const answer of held.splice(0)) answer();
    },
  };
}

function yamlOf(originPort: number, drain: string, graceMs: number): string {
  return `
services:
  web: { port: 80, endpoints: [127.0.0.1:${originPort}] }
  raw: { port: 81, protocol: opaque, bind: 127.0.0.1:0, endpoints: [127.0.0.1:${originPort}] }
proxy:
  outbound: 127.0.0.1:0
  inbound: 127.0.0.1:0
  inboundTo: 127.0.0.1:${originPort}
  admin: 127.0.0.1:0
  workers: 1
  announceMs: 0
  graceMs: ${graceMs}
  drain: ${drain}
`;
}

type Side = 'inbound' | 'outbound';
type Drain = 'patient' | 'strict';

/** Where HTTP and where mere bytes are taken. */
function portsOf(proxy: ProxyProcess, side: Side) {
  if (side === 'inbound') {
    const port = proxy.port('Inbound interface');
    return { http: port, raw: port };
  }
  const raw = proxy.port('Service raw.default.svc.cluster.local:81');
  return { http: proxy.port('Outbound interface'), raw };
}

async function startTunnel(t: TestContext, port: number): Promise<Socket> {
  const headers = { host: 'web', connection: 'upgrade', upgrade: 'echo' };
  const sent = request({ host: '127.0.0.1', port, headers });
  sent.end();
  const [, socket] = (await once(sent, 'upgrade')) as [unknown, Socket];
  socket.on('error', () => undefined);
  cleanUp(t, () => socket.destroy());
  return socket;
}

async function startRaw(t: TestContext, port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  cleanUp(t, () => socket.destroy());
  await echo(socket, 'raw\n');
  return socket;
}

async function echo(socket: Socket, text: string): Promise<void> {
  socket.write(text);
  let answer = '';
  while (answer.length < text.length) {
    const [part] = (await once(socket, 'data')) as [Buffer];
    answer += part.toString();
  }
  assert.equal(answer, text);
}

function startStream(t: TestContext, port: number) {
  const session: ClientHttp2Session = connectHttp2(`http://127.0.0.1:${port}`);
  cleanUp(t, () => session.destroy());
  const goaway = once(session, 'goaway');
  const stream = session.request({ ':path': '/held', ':authority': 'web' });
  const body = (async () => {
    let text = '';
    for await (const part of stream.setEncoding('utf8')) text += String(part);
    return text;
  })();
  return { goaway, body };
}

describe('a shutdown', { concurrency: 4 }, () => {
  for (const drain of ['patient', 'strict'] as const) {
    for (const side of ['inbound', 'outbound'] as const) {
      test(`${drain}: what is under way ${side} is finished`, (t) => finishAll(t, drain, side));
    }
    test(`${drain}: the grace time ends what does not end`, (t) => outlastGrace(t, drain));
  }

  test('POST /shutdown says so, and a second one is too late', async (t) => {
    const origin = await startOrigin(t);
    const yaml = `${yamlOf(origin.port, 'strict', 50_000)}  adminShutdown: true\n`;
    const proxy = await startProxy(t, yaml);
    const raw = await startRaw(t, portsOf(proxy, 'inbound').raw);
    const admin = proxy.port('Admin interface');
    const first = await ask(admin, '/shutdown', { method: 'POST' });
    assert.deepEqual([first.status, first.body], [200, 'shutdown\n']);
    await proxy.untilSaid(/ heddle: Received shutdown via admin interface$/);
    const second = await ask(admin, '/shutdown', { method: 'POST' });
    assert.deepEqual([second.status, second.body], [500, 'shutdown listener dropped\n']);
    await echo(raw, 'not forced');
    raw.end();
    const { code, said } = await proxy.ended;
    assert.equal(code, 0, said);
    assert.doesNotMatch(said, /reset/);
  });
});

async function finishAll(t: TestContext, drain: Drain, side: Side): Promise<void> {
  const origin = await startOrigin(t);
  const proxy = await startProxy(t, yamlOf(origin.port, drain, 50_000));
  const ports = portsOf(proxy, side);
  const outbound = proxy.port('Outbound interface');
  const headers = { host: 'web' };
  const answer = ask(ports.http, '/held', { headers, agent: keepOne(t) });
  const { goaway, body } = startStream(t, ports.http);
  await origin.untilHeld(2);
  const tunnel = await startTunnel(t, ports.http);
  const raw = await startRaw(t, ports.raw);

  proxy.signal('SIGTERM');
  await proxy.untilSaid(/ heddle: received SIGTERM, starting shutdown$/);
  await proxy.untilSaid(/ heddle: Received shutdown signal$/);
  const admin = proxy.port('Admin interface');
  assert.equal((await ask(admin, '/ready')).status, 503);
  assert.equal((await ask(admin, '/live')).status, 200);
  await proxy.untilSaid('inbound accepts no more');
  if (drain === 'strict') {
    await proxy.untilSaid('outbound accepts no more');
    await assert.rejects(untilRefused(outbound), { code: 'ECONNREFUSED' });
  } else {
    assert.equal((await ask(outbound, '/', { headers })).body, 'quick');
  }
  await echo(tunnel, 'after the signal');
  await echo(raw, 'after the signal');
  origin.release();
  const { status, headers: fields, body: text } = await answer;
  assert.deepEqual([status, text], [200, 'at last']);
  const mayGoOn = drain === 'patient' && side === 'outbound';
  assert.equal(fields.connection === 'close', !mayGoOn);
  assert.equal(await body, 'at last');
  await goaway;
  await echo(tunnel, 'after the last answer');
  await echo(raw, 'after the last answer');
  tunnel.end();
  raw.end();
  const { code, said } = await proxy.ended;
  assert.equal(code, 0, said);
  assert.match(said, /drained/);
  assert.doesNotMatch(said, /did not complete|reset/);
}

async function outlastGrace(t: TestContext, drain: Drain): Promise<void> {
  const origin = await startOrigin(t);
  const proxy = await startProxy(t, yamlOf(origin.port, drain, 1_500));
  const raw = await startRaw(t, portsOf(proxy, 'inbound').raw);
  proxy.signal('SIGTERM');
  const { code, said } = await proxy.ended;
  assert.equal(code, 0, said);
  const line = / WARN ThreadId\(01\) heddle: Graceful shutdown did not complete in 1\.5s, termin/;
  assert.match(said, line);
  if (!raw.closed) await once(raw, 'close');
}

/** Clients that come while a listener closes are let in, and told to go. */
async function untilRefused(port: number): Promise<never> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    socket.destroy();
  }
}
