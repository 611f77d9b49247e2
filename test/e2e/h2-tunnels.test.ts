/**
 * Goal: CONNECT and WebSocket work over HTTP/2 as over HTTP/1.1, in every combination of what
 * client and endpoint speak (RFC 9113 8.5, RFC 8441). Method: node:http2 and ws as clients and
 * endpoints of a whole data plane.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer, type Server } from 'node:http';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  createServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { after, afterEach, before, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { type Harness, startHarness, untilQuiet } from '../support/proxy-harness.ts';

let harness: Harness;
let http: Server;
let http2: Http2Server;
let plain: Http2Server;
const sessions = new Set<ClientHttp2Session | ServerHttp2Session>();

before(async () => {
  http = createHttpServer((request, response) => {
    response.end(`${request.method} ${request.url} ${request.headers.host}`);
  });
  const sockets = new WebSocketServer({ server: http, path: '/echo' });
  sockets.on('connection', (socket) => {
    socket.on('message', (data: Buffer, isBinary) => socket.send(data, { binary: isBinary }));
  });
  http2 = createServer({ settings: { enableConnectProtocol: true } });
  http2.on('stream', (stream: ServerHttp2Stream, headers) => {
    stream.on('error', () => {});
    assert.equal(headers[':protocol'], 'websocket');
    assert.equal(headers['sec-websocket-key'], undefined);
    stream.respond({ ':status': 200, 'sec-websocket-protocol': 'chat' });
    stream.pipe(stream);
  });
  plain = createServer();
  for (const server of [http2, plain]) server.on('session', (one) => sessions.add(one));
  for (const server of [http, http2, plain]) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
  const [httpPort, http2Port, plainPort] = [http, http2, plain].map(
    (server) => (server.address() as AddressInfo).port,
  );
  harness = await startHarness({
    'host:web': { endpoints: [{ port: httpPort }], protocol: 'http1' },
    'host:web:80': { endpoints: [{ port: httpPort }] },
    'host:web2': { endpoints: [{ port: http2Port }], protocol: 'http2' },
    'host:plain': { endpoints: [{ port: plainPort }], protocol: 'http2' },
  });
});

after(async () => {
  for (const session of sessions) session.destroy();
  await harness.close();
  for (const server of [http, http2, plain]) server.close();
});

afterEach(async () => {
  for (const session of sessions) session.destroy();
  sessions.clear();
  harness.passTime(120_000);
  await untilQuiet(harness);
});

function open(headers: Record<string, string>): ClientHttp2Stream {
  const session = connect(`http://127.0.0.1:${harness.outboundPort}`);
  sessions.add(session);
  const stream = session.request(headers);
  stream.on('error', () => {});
  return stream;
}

async function openWhenAllowed(headers: Record<string, string>): Promise<ClientHttp2Stream> {
  const session = connect(`http://127.0.0.1:${harness.outboundPort}`);
  sessions.add(session);
  await once(session, 'remoteSettings');
  assert.equal(session.remoteSettings.enableConnectProtocol, true);
  const stream = session.request(headers);
  stream.on('error', () => {});
  return stream;
}

/** All up to and with `text`. */
async function readText(stream: ClientHttp2Stream, text: string): Promise<string> {
  let received = '';
  while (!received.endsWith(text)) {
    const [bytes] = (await once(stream, 'data')) as [Buffer];
    received += bytes.toString();
  }
  return received;
}

async function readUntil(stream: ClientHttp2Stream, length: number): Promise<Buffer> {
  let received = Buffer.alloc(0);
  while (received.length < length) {
    const [bytes] = (await once(stream, 'data')) as [Buffer];
    received = Buffer.concat([received, bytes]);
  }
  return received;
}

test('CONNECT: what is inside is detected and served anew', async () => {
  const stream = open({ ':method': 'CONNECT', ':authority': 'web:80' });
  const [head] = await once(stream, 'response');
  assert.equal(head[':status'], 200);
  stream.write('GET /inside HTTP/1.1\r\nHost: web:80\r\n\r\n');
  assert.match(await readText(stream, 'GET /inside web:80'), /^HTTP\/1\.1 200 OK\r\n/);
  stream.write('GET /again HTTP/1.1\r\nHost: web:80\r\nConnection: close\r\n\r\n');
  await readText(stream, 'GET /again web:80');
  stream.resume();
  await once(stream, 'end');
});

const socketHead = {
  ':method': 'CONNECT',
  ':protocol': 'websocket',
  ':path': '/echo',
  ':scheme': 'http',
  'sec-websocket-version': '13',
};

/** A text frame, masked with zeros (RFC 6455 5.2). */
function textFrame(text: string): Buffer {
  const head = Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]);
  return Buffer.concat([head, Buffer.from(text)]);
}

test('WebSocket: a client of HTTP/2, an endpoint of HTTP/1.1', async () => {
  const stream = await openWhenAllowed({ ...socketHead, ':authority': 'web' });
  const [head] = await once(stream, 'response');
  assert.equal(head[':status'], 200);
  assert.equal(head['sec-websocket-accept'], undefined);
  assert.equal(head.upgrade, undefined);
  stream.write(textFrame('hello'));
  assert.deepEqual(await readUntil(stream, 7), Buffer.from('\x81\x05hello', 'latin1'));
  stream.close();
});

test('WebSocket: a client of HTTP/1.1, an endpoint of HTTP/2', async () => {
  const socket = new WebSocket(`ws://127.0.0.1:${harness.outboundPort}/echo`, ['chat'], {
    headers: { host: 'web2' },
    maskGenerator: () => {},
  } as object);
  await once(socket, 'open');
  assert.equal(socket.protocol, 'chat');
  socket.terminate();
});

test('WebSocket: HTTP/2 on both sides, 1 MB through small windows', async () => {
  const stream = await openWhenAllowed({ ...socketHead, ':authority': 'web2' });
  const [head] = await once(stream, 'response');
  assert.equal(head[':status'], 200);
  assert.equal(head['sec-websocket-protocol'], 'chat');
  const sent = Buffer.alloc(1_000_000, 'x');
  stream.write(sent);
  assert.deepEqual(await readUntil(stream, sent.length), sent);
  stream.end();
  stream.resume();
  await once(stream, 'end');
});

test('an endpoint that does not know RFC 8441 is not asked', async () => {
  const stream = await openWhenAllowed({ ...socketHead, ':authority': 'plain' });
  const [head] = await once(stream, 'response');
  assert.equal(head[':status'], 502);
  assert.equal(head['heddle-error'], 'UPGRADE_REFUSED');
});

test('an endpoint that refuses the upgrade answers as usual', async () => {
  const stream = await openWhenAllowed({ ...socketHead, ':path': '/other', ':authority': 'web' });
  const [head] = await once(stream, 'response');
  assert.equal(head[':status'], 400);
});
