/**
 * Goal: an upgrade becomes a tunnel by a 101 that was asked for and by nothing else. Method: the
 * `ws` library at both ends, through Host and through CONNECT; raw sockets for what it never does.
 */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Agent } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { type Harness, startHarness } from '../support/proxy-harness.ts';
import { dial, type Origin, startOrigin, type Wire } from '../support/wire.ts';

let origin: Origin;
let sockets: WebSocketServer;
let harness: Harness;

before(async () => {
  origin = await startOrigin();
  sockets = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  sockets.on('connection', (socket) => {
    socket.on('message', (data, binary) => socket.send(data, { binary }));
  });
  await once(sockets, 'listening');
  const { port } = sockets.address() as AddressInfo;
  harness = await startHarness({
    'host:web': { endpoints: [{ port: origin.port }] },
    'host:chat': { endpoints: [{ port }] },
    'host:chat:80': { endpoints: [{ port }] },
  });
});

after(async () => {
  await harness.close();
  await origin.close();
  sockets.close();
});

describe('WebSocket', () => {
  test('messages of all sizes come back whole, through Host and through CONNECT', async () => {
    const url = `ws://127.0.0.1:${harness.outboundPort}/`;
    const tunnel = await dial(harness.outboundPort);
    tunnel.write('CONNECT chat:80 HTTP/1.1\r\nHost: chat:80\r\n\r\n');
    await tunnel.read('\r\n\r\n');
    const clients = [
      () => new WebSocket(url, { headers: { host: 'chat' } }),
      () => new WebSocket('ws://chat/', { agent: agentOf(tunnel) }),
    ];
    for (const start of clients) {
      const client = start();
      await once(client, 'open');
      for (const size of [0, 1, 125, 126, 65_536, 3_000_000]) {
        const message = randomBytes(size);
        client.send(message);
        const [data] = (await once(client, 'message')) as [Buffer];
        assert.equal(Buffer.compare(data, message), 0, `${size} bytes`);
      }
      client.close(1000);
      assert.deepEqual((await once(client, 'close'))[0], 1000);
    }
  });
});

const upgrade = (lines = ''): string =>
  `GET / HTTP/1.1\r\nHost: web\r\nConnection: Upgrade\r\nUpgrade: chat/1\r\n${lines}\r\n`;
const switched =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat/1\r\n\r\n';

describe('a 101', () => {
  test('joins both sides, with the bytes behind request and response', async () => {
    const client = await dial(harness.outboundPort);
    client.write(`${upgrade()}early client`);
    const server = await origin.accept();
    await server.read('\r\n\r\n');
    assert.equal(server.received, '');
    server.write(`${switched}early server`);
    assert.match(await client.read('\r\n\r\n'), /^HTTP\/1\.1 101 /);
    assert.equal(await client.readBytes(12), 'early server');
    assert.equal(await server.readBytes(12), 'early client');
    client.end();
    await server.until('the end', () => server.ended);
    server.write('after');
    server.end();
    assert.equal(await client.readAll(), 'after');
  });

  test('is what it takes: any other response leaves HTTP as it was', async () => {
    const client = await dial(harness.outboundPort);
    client.write(upgrade());
    const server = await origin.accept();
    await server.read('\r\n\r\n');
    server.write(
      'HTTP/1.1 200 OK\r\nConnection: Upgrade\r\nUpgrade: chat/1\r\nContent-Length: 2\r\n\r\nok',
    );
    const response = await client.readResponse();
    assert.equal(response, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    client.write('not HTTP\r\n\r\n');
    assert.match(await client.readAll(), /^HTTP\/1\.1 400 /);
    assert.equal(server.received, '');
    client.destroy();
    server.destroy();
  });

  test('for h2c never happens: the origin does not see the wish', async () => {
    const client = await dial(harness.outboundPort);
    const wish = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n';
    client.write(`GET / HTTP/1.1\r\nHost: web\r\n${wish}\r\n`);
    const server = await origin.accept();
    assert.equal(await server.read('\r\n\r\n'), 'GET / HTTP/1.1\r\nHost: web\r\n\r\n');
    client.destroy();
    server.destroy();
  });
});

/** Uses a connection that is there already. */
function agentOf(wire: Wire): Agent {
  wire.socket.removeAllListeners('data');
  const agent = new Agent();
  agent.createConnection = () => wire.socket;
  return agent;
}
