/**
 * Goal: what a peer of the mesh says to have been HTTP/1 reaches the application as HTTP/1 of that
 * version and form, and its response says what it was; nobody else is believed, and neither side
 * can make a request of another meaning of it. Method: a client of HTTP/2 over TLS, an application
 * that reads bytes.
 */

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { meshName } from '../../support/certificates.ts';
import type { Fields } from '../../support/h2-block.ts';
import { H2Peer, type PeerStream } from '../../support/h2-peer.ts';
import { mesh, serverName, startInboundMesh } from '../../support/inbound-mesh.ts';
import { type Harness, untilQuiet } from '../../support/proxy-harness.ts';
import { dialTls } from '../../support/tls-client.ts';
import { dial, type Origin, type Wire } from '../../support/wire.ts';

const alice = mesh.identity(meshName('alice'));

let inbound: Awaited<ReturnType<typeof startInboundMesh>>;
let origin: Origin;
let harness: Harness;
let wire: Wire;
let client: H2Peer;

before(async () => {
  inbound = await startInboundMesh();
  ({ origin, harness } = inbound);
});

after(async () => {
  await inbound.close();
});

afterEach(async () => {
  wire.destroy();
  for (const app of origin.connections) app.destroy();
  await untilQuiet(harness);
});

async function connect(anonymous = false): Promise<void> {
  wire = await dialTls(harness.inboundPort, { serverName, identity: alice, anonymous });
  client = new H2Peer(wire, true);
}

function was(proto: string, method = 'GET', more: Fields = []): Fields {
  return [
    [':method', method],
    [':scheme', 'http'],
    [':path', '/a?b'],
    [':authority', 'web.test:80'],
    ['l5d-orig-proto', proto],
    ...more,
  ];
}

/** The request's stream, and the connection on which the application gets it. */
async function send(fields: Fields, body?: string): Promise<[PeerStream, Wire]> {
  const count = origin.connections.length;
  const stream = client.request(fields, body);
  await origin.until('a connection', () => origin.connections.length > count);
  return [stream, origin.connections[count]];
}

describe('a request of a peer', () => {
  const cases: readonly (readonly [proto: string, line: string])[] = [
    ['HTTP/1.1', 'GET /a?b HTTP/1.1'],
    ['HTTP/1.0', 'GET /a?b HTTP/1.0'],
    ['HTTP/1.1; absolute-form', 'GET http://web.test:80/a?b HTTP/1.1'],
    ['HTTP/1.0; absolute-form', 'GET http://web.test:80/a?b HTTP/1.0'],
  ];
  for (const [proto, line] of cases) {
    test(`that was ${proto} is that again`, async () => {
      await connect();
      const [stream, app] = await send(was(proto));
      const head = await app.read('\r\n\r\n');
      assert.deepEqual(head.split('\r\n').slice(0, 2), [line, 'host: web.test:80']);
      assert.ok(head.includes(`\r\nl5d-client-id: ${alice.name}\r\n`), head);
      assert.doesNotMatch(head, /orig-proto/);
      app.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
      const answered = await client.ending(stream);
      assert.equal(answered.content, 'ok');
      assert.ok(answered.heads[0].endsWith('l5d-orig-proto=HTTP/1.1'), answered.heads[0]);
    });
  }

  test('keeps how its content is delimited', async () => {
    await connect();
    const [stream, app] = await send(was('HTTP/1.1', 'POST', [['content-length', '3']]), 'abc');
    const head = await app.read('\r\n\r\n');
    assert.match(head, /\r\ncontent-length: 3\r\n/);
    assert.doesNotMatch(head, /transfer-encoding/);
    assert.equal(await app.readBytes(3), 'abc');
    app.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n');
    const answered = await client.ending(stream);
    assert.equal(answered.content, 'ok');
    assert.doesNotMatch(answered.heads[0], /transfer-encoding/);
    const chunked = client.request(was('HTTP/1.1', 'POST'), 'abc');
    assert.match(await app.read('\r\n\r\n'), /\r\ntransfer-encoding: chunked\r\n/);
    assert.equal(await app.read('0\r\n\r\n'), '3\r\nabc\r\n0\r\n\r\n');
    app.write('HTTP/1.1 204 No Content\r\n\r\n');
    assert.match((await client.ending(chunked)).heads[0], /:status=204.*orig-proto=HTTP\/1.1/);
  });

  test('of HTTP/1.0 ends its connection unless the application keeps it', async () => {
    await connect();
    const [first, app] = await send(was('HTTP/1.0'));
    assert.doesNotMatch(await app.read('\r\n\r\n'), /connection:/i);
    app.write('HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok');
    const kept = await client.ending(first);
    assert.ok(kept.heads[0].endsWith('l5d-orig-proto=HTTP/1.0'), kept.heads[0]);
    assert.doesNotMatch(kept.heads[0], /keep-alive/);
    const second = client.request(was('HTTP/1.0'));
    await app.read('\r\n\r\n');
    app.write('HTTP/1.0 200 OK\r\n\r\nuntil the end');
    app.end();
    assert.equal((await client.ending(second)).content, 'until the end');
    await app.until('the end', () => app.ended || app.closed);
  });

  test('of HTTP/1.0 has no content without a length', async () => {
    await connect();
    const stream = client.request(was('HTTP/1.0', 'POST'), 'abc');
    assert.match(await client.headOf(stream), /:status=400/);
  });

  test('is believed once, and by its exact words', async () => {
    await connect();
    for (const proto of ['HTTP/2', 'HTTP/1.1;absolute-form', 'HTTP/1.1, HTTP/1.0', '']) {
      await expectHttp2(was(proto));
    }
    await expectHttp2(was('HTTP/1.1', 'GET', [['l5d-orig-proto', 'HTTP/1.0']]));
    await expectHttp2(was('HTTP/1.1', 'GET').with(4, ['l5d_orig_proto', 'HTTP/1.1']));
  });

  test('never becomes an upgrade', async () => {
    await connect();
    const fields = was('HTTP/1.1', 'CONNECT', [[':protocol', 'websocket']]);
    await expectHttp2([fields[0], fields[5], ...fields.slice(1, 5)]);
  });

  test('that is reset ends at the application, and one that it breaks off is reset', async () => {
    await connect();
    const [stream, app] = await send(was('HTTP/1.1'));
    await app.read('\r\n\r\n');
    client.cancel(stream, 8);
    await app.until('the end', () => app.ended || app.closed);
    const [cut, other] = await send(was('HTTP/1.1'));
    await other.read('\r\n\r\n');
    other.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok');
    await client.until('content', () => cut.content === 'ok');
    other.destroy();
    assert.notEqual((await client.ending(cut)).reset, '');
    const [silent, third] = await send(was('HTTP/1.1', 'POST', [['content-length', '0']]));
    await third.read('\r\n\r\n');
    third.destroy();
    assert.match(await client.headOf(silent), /:status=502/);
  });
});

describe('nobody else is believed', () => {
  test('neither in plaintext nor without a certificate', async () => {
    wire = await dial(harness.inboundPort);
    client = new H2Peer(wire, true);
    await expectHttp2(was('HTTP/1.1'));
    wire.destroy();
    await connect(true);
    await expectHttp2(was('HTTP/1.1'));
  });

  test('nor over HTTP/1, nor the application in its response', async () => {
    wire = await dialTls(harness.inboundPort, { serverName, identity: alice });
    const count = origin.connections.length;
    wire.write('GET / HTTP/1.1\r\nhost: web\r\nl5d-orig-proto: HTTP/1.0\r\n\r\n');
    await origin.until('a connection', () => origin.connections.length > count);
    const app = origin.connections[count];
    const head = await app.read('\r\n\r\n');
    assert.match(head, /^GET \/ HTTP\/1.1\r\n/);
    assert.doesNotMatch(head, /orig-proto/);
    app.write('HTTP/1.1 200 OK\r\nl5d-orig-proto: HTTP/1.0\r\ncontent-length: 2\r\n\r\nok');
    assert.doesNotMatch(await wire.readResponse(), /orig-proto/);
  });
});

/** The application gets the request as HTTP/2, without a word about what it was. */
async function expectHttp2(fields: Fields): Promise<void> {
  const count = origin.connections.length;
  const stream = client.request(fields, fields[0][1] === 'CONNECT' ? '' : undefined);
  await origin.until('a connection', () => origin.connections.length > count);
  const accepted = origin.connections[count];
  const app = new H2Peer(accepted, false, { settings: { 8: 1 } });
  const asked = await app.nextRequest();
  assert.doesNotMatch(asked.heads[0], /orig.proto/);
  app.respond(asked, [
    [':status', '403'],
    ['l5d-orig-proto', 'HTTP/1.1'],
  ]);
  const head = await client.headOf(stream);
  assert.match(head, /:status=403/);
  assert.doesNotMatch(head, /orig-proto/);
  accepted.destroy();
  await untilGone(accepted);
}

function untilGone(one: Wire): Promise<void> {
  return one.until('the end', () => one.closed);
}
