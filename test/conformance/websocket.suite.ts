/**
 * Goal: a WebSocket is a tunnel of bytes once it has been agreed to. Method: the `ws` library at
 * both ends, by upgrade in HTTP/1.1 and through CONNECT: messages of all kinds and sizes,
 * compressed and in parts, closing from either side, and refusals.
 */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type ClientOptions, WebSocket, WebSocketServer } from 'ws';
import { startMesh } from './mesh.ts';
import { listen } from './web-origin.ts';

test('WebSocket', async (t) => {
  const port = await startChat(t);
  const mesh = await startMesh(t, { chat: { port, protocol: 'http1' } });
  for (const way of mesh.ways('chat')) {
    const url = `ws://127.0.0.1:${way.port}/chat`;
    await t.test(`by ${way.name}`, (t) => converse(t, () => open(t, url)));
    await t.test(`through CONNECT by ${way.name}`, async (t) => {
      await converse(t, async () => {
        const socket = await tunnelTo(t, mesh.outbound, `${way.service}:80`);
        return open(t, `ws://${way.service}/chat`, { createConnection: () => socket });
      });
    });
    await t.test(`a refusal by ${way.name}`, async () => {
      const client = new WebSocket(`ws://127.0.0.1:${way.port}/nowhere`);
      const [error] = (await once(client, 'error')) as [Error];
      assert.match(error.message, /400/);
    });
  }
  await t.test('nothing is left', () => mesh.assertQuiet());
});

async function converse(t: TestContext, connect: () => Promise<WebSocket>): Promise<void> {
  await t.test('messages of all sizes, text and binary', async () => {
    const client = await connect();
    assert.equal(client.protocol, 'talk');
    for (const size of [0, 1, 125, 126, 65_535, 65_536, 2_000_000]) {
      const message = randomBytes(size);
      client.send(message);
      const [data, isBinary] = (await once(client, 'message')) as [Buffer, boolean];
      assert.deepEqual([isBinary, Buffer.compare(data, message)], [true, 0]);
    }
    client.send('text, ☺');
    const [text, isBinary] = (await once(client, 'message')) as [Buffer, boolean];
    assert.deepEqual([isBinary, text.toString()], [false, 'text, ☺']);
    client.close();
    await once(client, 'close');
  });

  await t.test('compressed, in parts, many without waiting', async () => {
    const client = await connect();
    assert.match(client.extensions, /permessage-deflate/);
    client.send('first ', { fin: false });
    client.send('second', { fin: true });
    assert.equal(String((await once(client, 'message'))[0]), 'first second');
    let received = 0;
    const all = new Promise<void>((resolve) => {
      client.on('message', (data: Buffer) => {
        assert.equal(data.length, 1_000 + received);
        received += 1;
        if (received === 1_000) resolve();
      });
    });
    for (let turn = 0; turn < 1_000; turn++) client.send(Buffer.alloc(1_000 + turn, 'z'));
    await all;
    client.close();
    await once(client, 'close');
  });

  await t.test('ping and pong, close with a reason from either side', async () => {
    const client = await connect();
    client.ping('are you there');
    assert.equal(String((await once(client, 'pong'))[0]), 'are you there');
    client.send('close 4001');
    const [code, reason] = (await once(client, 'close')) as [number, Buffer];
    assert.deepEqual([code, reason.toString()], [4001, 'as you wish']);

    const other = await connect();
    other.send('report my close');
    await once(other, 'message');
    other.close(4002, 'enough');
    assert.equal((await once(other, 'close'))[0], 4002);
    assert.equal(await closing, '4002 enough');
  });

  await t.test('a client that is gone', async () => {
    const client = await connect();
    client.send('report my close');
    await once(client, 'message');
    client.terminate();
    assert.equal(await closing, '1006 ');
  });
}

/** How the client that asked for it has closed. */
let closing: Promise<string>;

/** It echoes, and closes when it is told to. */
async function startChat(t: TestContext): Promise<number> {
  const server = createServer((_request, response) => response.end());
  const sockets = new WebSocketServer({ server, path: '/chat', perMessageDeflate: true });
  sockets.on('connection', (socket) => {
    socket.on('message', (data: Buffer, binary) => {
      const text = binary ? '' : data.toString();
      if (text === 'close 4001') {
        socket.close(4001, 'as you wish');
        return;
      }
      if (text === 'report my close') {
        closing = once(socket, 'close').then(([code, reason]) => `${code} ${reason}`);
      }
      socket.send(data, { binary });
    });
  });
  t.after(() => {
    for (const client of sockets.clients) client.terminate();
    sockets.close();
    server.closeAllConnections();
  });
  return listen(t, server);
}

async function open(t: TestContext, url: string, options: ClientOptions = {}): Promise<WebSocket> {
  const client = new WebSocket(url, ['talk', 'shout'], options);
  t.after(() => client.terminate());
  await once(client, 'open');
  return client;
}

async function tunnelTo(t: TestContext, port: number, authority: string): Promise<Socket> {
  const asked = request({ host: '127.0.0.1', port, method: 'CONNECT', path: authority });
  asked.end();
  const [response, socket] = (await once(asked, 'connect')) as [{ statusCode: number }, Socket];
  assert.equal(response.statusCode, 200);
  t.after(() => socket.destroy());
  return socket;
}
