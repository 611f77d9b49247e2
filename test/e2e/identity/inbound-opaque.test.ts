/**
 * Goal: an application whose protocol is declared to be opaque still gets what is inside of TLS for
 * this proxy, plaintext reaches it at once, and it may speak first to whoever is silent. Method:
 * raw clients and clients of node:tls; time is put forward by hand.
 */

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { makeMesh, meshName } from '../../support/certificates.ts';
import { type Harness, startHarness, untilQuiet } from '../../support/proxy-harness.ts';
import { dialTls, helloFor } from '../../support/tls-client.ts';
import { untilTurn } from '../../support/turns.ts';
import { dial, type Origin, startOrigin, type Wire } from '../../support/wire.ts';

const mesh = makeMesh();
const serverName = meshName('web');
const alice = mesh.identity(meshName('alice'));
const get = 'GET / HTTP/1.1\r\nhost: web\r\n\r\n';

let origin: Origin;

before(async () => {
  origin = await startOrigin();
});

after(() => origin.close());

describe('an application whose protocol is declared to be opaque', () => {
  let opaque: Harness;

  before(async () => {
    opaque = await startHarness(
      { 'inbound:': { protocol: 'opaque', endpoints: [{ port: origin.port }] } },
      { identity: serverName, inboundTo: { host: '127.0.0.1', port: origin.port } },
    );
    opaque.send({ kind: 'identity', identity: mesh.identity(serverName, 1) });
  });

  after(() => opaque.close());

  afterEach(() => untilQuiet(opaque));

  test('gets plaintext at once, whatever it looks like', async () => {
    for (const text of ['G', 'GET / HTTP/1.1\r\nhost: web\r\n\r\n', '\0\x01']) {
      const wire = await dial(opaque.inboundPort);
      const app = await nextConnection(() => wire.write(text));
      assert.equal(await app.readBytes(text.length), text);
      wire.destroy();
      app.destroy();
    }
  });

  test('gets what is inside of TLS for us, and all other TLS as it is', async () => {
    const wire = await dialTls(opaque.inboundPort, { serverName, identity: alice });
    const app = await nextConnection(() => wire.write(get));
    assert.equal(await app.read('\r\n\r\n'), get);
    const hello = await helloFor('elsewhere.test');
    const other = await dial(opaque.inboundPort);
    const second = await nextConnection(() => other.write(hello));
    assert.equal(await second.readBytes(hello.length), hello);
    for (const one of [wire, app, other, second]) one.destroy();
  });

  test('may speak first to a silent client, but only after a moment', async () => {
    opaque.stopTime();
    const wire = await dial(opaque.inboundPort);
    const before = origin.connections.length;
    await untilTurn('the client', () => {
      return opaque.metric('tcp_open_connections', { peer: 'src' }) === 1;
    });
    opaque.passTime(240);
    assert.equal(origin.connections.length, before);
    const app = await nextConnection(() => opaque.passTime(20));
    app.write('220 ready\r\n');
    assert.equal(await wire.read('\r\n'), '220 ready\r\n');
    wire.destroy();
    app.destroy();
  });

  test('is not given what it was dialled for when the client begins with TLS late', async () => {
    const raw = await dial(opaque.inboundPort);
    const early = await nextConnection(async () => {
      await untilTurn('the client', () => {
        return opaque.metric('tcp_open_connections', { peer: 'src' }) === 1;
      });
      opaque.passTime(260);
    });
    const wire = await dialTls(0, {
      serverName,
      identity: alice,
      tls: { socket: raw.socket, checkServerIdentity: () => undefined },
    });
    const app = await nextConnection(() => wire.write(get));
    assert.equal(await app.read('\r\n\r\n'), get);
    await early.until('the end', () => early.ended || early.closed);
    assert.equal(early.received, '');
    for (const one of [wire, app, early]) one.destroy();
  });
});

/** The connection that the application gets next. */
async function nextConnection(act: () => unknown): Promise<Wire> {
  const count = origin.connections.length;
  await act();
  await origin.until('a connection', () => origin.connections.length > count);
  return origin.connections[count];
}
