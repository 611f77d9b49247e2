/**
 * Goal: CONNECT opens a tunnel to what the mesh knows and to nothing else, and the bytes inside
 * are detected anew. Method: raw sockets through the outbound listener, exact bytes.
 */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Harness, startHarness } from '../support/proxy-harness.ts';
import { dial, type Origin, startOrigin, type Wire } from '../support/wire.ts';

let origin: Origin;
let harness: Harness;

before(async () => {
  origin = await startOrigin();
  harness = await startHarness({
    'host:db:1': { endpoints: [{ port: origin.port }] },
    'inbound:': { endpoints: [{ port: origin.port }] },
    '*': { state: 'absent', endpoints: [] },
  });
});

after(async () => {
  await harness.close();
  await origin.close();
});

const connectTo = (authority: string): string =>
  `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`;
const established = 'HTTP/1.1 200 Connection Established\r\n\r\n';

async function end(client: Wire, server: Wire): Promise<void> {
  client.destroy();
  await server.until('the end', () => server.ended || server.closed);
  server.destroy();
}

test('an unknown name is answered 404 with the reason', async () => {
  const client = await dial(harness.outboundPort);
  client.write(connectTo('nobody:1'));
  const answer = await client.readResponse();
  assert.ok(answer.startsWith('HTTP/1.1 404 '), answer);
  assert.ok(answer.includes('heddle-error: UNKNOWN_SERVICE\r\n'), answer);
  client.destroy();
});

const opaque = '\x16\x03nothing that anybody knows';

test('bytes of no known protocol pass as they are, also right behind the head', async () => {
  for (const early of [true, false]) {
    const client = await dial(harness.outboundPort);
    client.write(connectTo('db:1') + (early ? opaque : ''));
    assert.equal(await client.read('\r\n\r\n'), established);
    if (!early) client.write(opaque);
    const server = await origin.accept();
    assert.equal(await server.readBytes(opaque.length), opaque);
    server.write('answer');
    assert.equal(await client.readBytes(6), 'answer');
    await end(client, server);
  }
});

test('HTTP inside is HTTP, for the service of the tunnel whatever its host says', async () => {
  for (const early of [true, false]) {
    const client = await dial(harness.outboundPort);
    const request = 'GET / HTTP/1.1\r\nHost: elsewhere\r\nConnection: keep-alive\r\nX: y\r\n\r\n';
    client.write(connectTo('db:1') + (early ? request : ''));
    assert.equal(await client.read('\r\n\r\n'), established);
    if (!early) client.write(request);
    const server = await origin.accept();
    assert.equal(
      await server.read('\r\n\r\n'),
      'GET / HTTP/1.1\r\nHost: elsewhere\r\nX: y\r\n\r\n',
    );
    server.write('HTTP/1.1 204 No Content\r\n\r\n');
    assert.equal(await client.read('\r\n\r\n'), 'HTTP/1.1 204 No Content\r\n\r\n');
    client.destroy();
    server.destroy();
  }
});

test('a server inside that speaks first is heard', async () => {
  const client = await dial(harness.outboundPort);
  client.write(connectTo('db:1'));
  assert.equal(await client.read('\r\n\r\n'), established);
  const server = await origin.accept();
  server.write('220 ready\r\n');
  assert.equal(await client.read('\n'), '220 ready\r\n');
  client.write('EHLO a\r\n');
  assert.equal(await server.read('\n'), 'EHLO a\r\n');
  await end(client, server);
});

test('a client that ends its half right behind its bytes gets the answer', async () => {
  const client = await dial(harness.outboundPort);
  client.write(`${connectTo('db:1')}${opaque}`);
  client.end();
  assert.equal(await client.read('\r\n\r\n'), established);
  const server = await origin.accept();
  assert.equal(await server.readAll(), opaque);
  server.write('answer');
  server.end();
  assert.equal(await client.readAll(), 'answer');
});

test('the inbound listener opens no tunnel to other services', async () => {
  const client = await dial(harness.inboundPort);
  client.write(connectTo('db:1'));
  const answer = await client.readResponse();
  assert.ok(answer.startsWith('HTTP/1.1 404 '), answer);
  client.destroy();
  assert.ok(harness.wants.includes('inbound:'));
});
