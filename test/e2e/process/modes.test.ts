/**
 * Goal: whatever the number of workers and whoever accepts, a proxy carries HTTP, bytes and
 * upgrades. Method: the executable in each mode, a WebSocket library, an echo; curl where it is.
 */

import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { WebSocket, WebSocketServer } from 'ws';
import { dial, ask as say } from '../../support/dial.ts';
import { ask, keepOne, startHttpOrigin, startProxy } from '../../support/process.ts';

async function startWebSocketOrigin(t: TestContext): Promise<number> {
  const server = createServer((_incoming, outgoing) => outgoing.end('plain'));
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => {
    socket.on('message', (data) => socket.send(`echo ${(data as Buffer).toString()}`));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const client of sockets.clients) client.terminate();
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** It greets, as a database does, and then echoes. */
async function startGreeter(t: TestContext): Promise<number> {
  const server = createTcpServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.write('hello');
    socket.pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

const modes: readonly (readonly string[])[] = [
  ['--workers', '0'],
  ['--workers', '1'],
  ['--workers', '2'],
  ['--workers', '2', '--accept', 'reuseport'],
  ['--workers', '0', '--accept', 'reuseport'],
];

describe('modes', { concurrency: 2 }, () => {
  for (const args of modes) {
    test(args.join(' '), async (t) => {
      const web = await startWebSocketOrigin(t);
      const db = await startGreeter(t);
      const yaml = `
services:
  web: { port: 80, endpoints: [127.0.0.1:${web}] }
  db: { port: 5432, protocol: opaque, bind: 127.0.0.1:0, endpoints: [127.0.0.1:${db}] }
proxy: { outbound: 127.0.0.1:0, inbound: 127.0.0.1:0, inboundTo: 127.0.0.1:${web}, admin: false }
`;
      const proxy = await startProxy(t, yaml, { args });
      const outbound = proxy.port('Outbound interface');
      const agent = keepOne(t);
      for (const method of ['GET', 'POST']) {
        const answer = await ask(outbound, '/', { method, headers: { host: 'web' }, agent });
        assert.deepEqual([answer.status, answer.body], [200, 'plain']);
      }
      assert.equal((await ask(proxy.port('Inbound interface'), '/')).body, 'plain');

      const port = proxy.port('Service db.default.svc.cluster.local:5432');
      const bytes = await dial({ host: '127.0.0.1', port });
      assert.equal(String((await once(bytes, 'data'))[0]), 'hello');
      assert.equal(await say(bytes, 'select'), 'select');
      bytes.end();
      await once(bytes, 'close');

      const client = new WebSocket(`ws://127.0.0.1:${outbound}/`, { headers: { host: 'web' } });
      await once(client, 'open');
      client.send('over two hops');
      assert.equal(String((await once(client, 'message'))[0]), 'echo over two hops');
      client.close();
      await once(client, 'close');
    });
  }
});

const curlMissing = spawnSync('curl', ['--version']).error !== undefined && 'needs curl';

describe('names', () => {
  test('unknown ones are refused unless passthrough allows them', async (t) => {
    const origin = await startHttpOrigin(t, (_incoming, outgoing) => outgoing.end('through'));
    const yaml = (passthrough: string): string =>
      `proxy: { outbound: 127.0.0.1:0, admin: false, workers: 1, passthrough: ${passthrough} }\n`;
    const strict = await startProxy(t, yaml('refuse'));
    const open = await startProxy(t, yaml('allow'));
    for (const host of [`localhost:${origin}`, `127.0.0.1:${origin}`]) {
      const headers = { host };
      const refused = await ask(strict.port('Outbound interface'), '/', { headers });
      assert.equal(refused.status, 404);
      assert.equal(refused.headers['heddle-error'], 'UNKNOWN_SERVICE');
      assert.match(String(refused.headers['l5d-proxy-error']), /localhost|127\.0\.0\.1/);
      const through = await ask(open.port('Outbound interface'), '/', { headers });
      assert.deepEqual([through.status, through.body], [200, 'through']);
    }
    const own = open.port('Outbound interface');
    const loop = await ask(own, '/', { headers: { host: `127.0.0.1:${own}` } });
    assert.deepEqual([loop.status, loop.headers['heddle-error']], [508, 'LOOP']);
  });

  test('curl reaches a service by Host, as a proxy and by CONNECT', {
    skip: curlMissing,
  }, async (t) => {
    const origin = await startHttpOrigin(t, (_incoming, outgoing) => outgoing.end('curled'));
    const yaml = `
services: { web: { port: 80, endpoints: [127.0.0.1:${origin}] } }
proxy: { outbound: 127.0.0.1:0, admin: false, workers: 1 }
`;
    const proxy = await startProxy(t, yaml);
    const url = `http://127.0.0.1:${proxy.port('Outbound interface')}`;
    const run = async (...args: string[]): Promise<string> => {
      const common = ['-sS', '--fail-with-body', '--max-time', '10', '--noproxy', ''];
      return (await promisify(execFile)('curl', [...common, ...args])).stdout;
    };
    assert.equal(await run('-H', 'Host: web', `${url}/`), 'curled');
    assert.equal(await run('-x', url, 'http://web/'), 'curled');
    assert.equal(await run('-p', '-x', url, 'http://web/'), 'curled');
    await assert.rejects(run('-p', '-x', url, 'http://nobody/'), /404/);
  });
});
