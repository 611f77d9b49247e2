/**
 * Goal: TLS for this proxy is terminated and proves who the client is, other TLS passes by, and
 * nothing that a client says of itself reaches the application. Method: clients of node:tls and raw
 * bytes before the inbound listener, the application driven by hand.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { after, afterEach, before, describe, test } from 'node:test';
import { makeMesh, meshName } from '../../support/certificates.ts';
import { request } from '../../support/h2-block.ts';
import { H2Peer, type PeerStream } from '../../support/h2-peer.ts';
import { type Harness, startHarness, untilQuiet } from '../../support/proxy-harness.ts';
import { dialTls, helloFor } from '../../support/tls-client.ts';
import { untilTurn } from '../../support/turns.ts';
import { dial, type Origin, startOrigin, type Wire } from '../../support/wire.ts';

const mesh = makeMesh();
const serverName = meshName('web');
const alice = mesh.identity(meshName('alice'));
const bob = mesh.identity(meshName('bob'));
const stranger = makeMesh().identity(meshName('mallory'));

let origin: Origin;
let harness: Harness;

before(async () => {
  origin = await startOrigin();
  harness = await startHarness(
    { 'inbound:': { endpoints: [{ port: origin.port }] } },
    {
      identity: serverName,
      inboundTo: { host: '127.0.0.1', port: origin.port },
      accessLog: 'json',
    },
  );
  harness.send({ kind: 'identity', identity: mesh.identity(serverName, 1) });
});

after(async () => {
  await harness.close();
  await origin.close();
});

afterEach(async () => {
  for (const app of origin.connections) app.destroy();
  await untilQuiet(harness);
});

/** One request, and the head that the application gets. */
async function ask(wire: Wire, text: string): Promise<string> {
  wire.write(text);
  const hasHead = (one: Wire): boolean => one.received.includes('\r\n\r\n');
  await origin.until('a head', () => origin.connections.some(hasHead));
  const app = origin.connections.find(hasHead) as Wire;
  const head = await app.read('\r\n\r\n');
  app.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
  assert.match(await wire.readResponse(), /^HTTP\/1.1 200 OK/);
  return head;
}

/** The connection that the application gets next. */
async function nextConnection(act: () => unknown): Promise<Wire> {
  const before = origin.connections.length;
  await act();
  await origin.until('a connection', () => origin.connections.length > before);
  return origin.connections[before];
}

function failures(reason: string): number {
  return harness.metric('heddle_tls_handshake_failures_total', { reason });
}

async function untilFailed(reason: string, count: number): Promise<void> {
  await untilTurn(`${count} failures for ${reason}`, () => failures(reason) === count);
}

const get = 'GET / HTTP/1.1\r\nhost: web\r\n\r\n';

describe('the identity of a client', () => {
  test('reaches the application, the access log and the metrics', async () => {
    const wire = await dialTls(harness.inboundPort, { serverName, identity: alice });
    assert.match(await ask(wire, get), new RegExp(`\r\nl5d-client-id: ${alice.name}\r\n`));
    wire.destroy();
    for (const app of origin.connections) app.destroy();
    await untilQuiet(harness);
    const labels = { direction: 'inbound', tls: 'true', client_id: alice.name };
    assert.equal(harness.metric('request_total', labels), 1);
    assert.equal(harness.metric('response_total', { ...labels, status_code: '200' }), 1);
    assert.equal(harness.metric('tcp_open_total', { ...labels, peer: 'src' }), 1);
    assert.equal(harness.metric('tcp_close_total', { ...labels, peer: 'src' }), 1);
    assert.equal(harness.metric('tcp_read_bytes_total', { ...labels, peer: 'src' }), get.length);
    harness.passTime(300);
    await untilTurn('the access log', () => harness.access.join('').includes(alice.name));
    const plain = { direction: 'inbound', tls: 'no_identity', peer: 'src' };
    assert.equal(harness.metric('tcp_open_total', plain), 0);
  });

  test('nobody claims another one, by no spelling and by no option of Connection', async () => {
    const wire = await dialTls(harness.inboundPort, { serverName, identity: bob });
    const head = await ask(
      wire,
      `GET / HTTP/1.1\r\nhost: web\r\nl5d-client-id: ${alice.name}\r\nL5D-Client-Id: root\r\n` +
        'l5d_client_id: root\r\nl5d-client_id: root\r\nconnection: l5d-client-id\r\n\r\n',
    );
    assert.equal(head.match(/l5d.client.id/gi)?.length, 1, head);
    assert.match(head, new RegExp(`\r\nl5d-client-id: ${bob.name}\r\n`));
    wire.destroy();
  });

  test('is that of its connection, also where all share one to the application', async () => {
    const clients = [alice, bob, alice, bob];
    const wires = await Promise.all(
      clients.map((identity) => dialTls(harness.inboundPort, { serverName, identity })),
    );
    const plain = await dial(harness.inboundPort);
    for (let round = 0; round < 3; round++) {
      for (const [index, wire] of wires.entries()) {
        const head = await ask(wire, get);
        assert.ok(head.includes(`l5d-client-id: ${clients[index].name}\r\n`), head);
      }
      assert.doesNotMatch(await ask(plain, get), /l5d-client-id/i);
    }
    for (const one of [...wires, plain]) one.destroy();
  });

  test('is nobody for plaintext and for a client without a certificate', async () => {
    const plain = await dial(harness.inboundPort);
    const spoofed = `GET / HTTP/1.1\r\nhost: web\r\nl5d-client-id: ${alice.name}\r\n\r\n`;
    assert.doesNotMatch(await ask(plain, spoofed), /l5d-client-id/i);
    const anonymous = await dialTls(harness.inboundPort, {
      serverName,
      identity: alice,
      anonymous: true,
    });
    assert.doesNotMatch(await ask(anonymous, spoofed), /l5d-client-id/i);
    const labels = { direction: 'inbound', tls: 'true', client_id: '' };
    assert.equal(harness.metric('request_total', labels), 1);
    plain.destroy();
    anonymous.destroy();
  });

  test('goes over HTTP/2, where no stream claims another one', async () => {
    const wire = await dialTls(harness.inboundPort, { serverName, identity: alice });
    const client = new H2Peer(wire, true);
    const fields = request('GET', '/', [
      ['l5d-client-id', bob.name],
      ['l5d_client_id', bob.name],
    ]);
    const streams: PeerStream[] = [];
    const accepted = await nextConnection(() => streams.push(client.request(fields)));
    const app = new H2Peer(accepted, false);
    const asked = await app.nextRequest();
    assert.equal(asked.heads[0].match(/l5d-client-id/g)?.length, 1, asked.heads[0]);
    assert.ok(asked.heads[0].includes(`l5d-client-id=${alice.name}`), asked.heads[0]);
    app.respond(asked, [[':status', '204']]);
    assert.match(await client.headOf(streams[0]), /:status=204/);
    wire.destroy();
    accepted.destroy();
  });
});

describe('a handshake', () => {
  test('is for our name in any case and with a final dot', async () => {
    for (const name of [serverName.toUpperCase(), `${serverName}.`]) {
      const wire = await dialTls(harness.inboundPort, {
        serverName: name,
        identity: alice,
        tls: { checkServerIdentity: () => undefined },
      });
      assert.match(await ask(wire, get), new RegExp(alice.name));
      wire.destroy();
    }
  });

  test('may come byte by byte, and what is behind it belongs to the stream', async () => {
    // The client's TLS is carried by a connection that hands on each byte by itself.
    const raw = await dial(harness.inboundPort);
    const relay = createServer((near) => {
      near.on('data', (bytes: Buffer) => {
        for (const byte of bytes) raw.socket.write(Buffer.from([byte]));
      });
      near.on('error', () => {});
      raw.socket.pipe(near);
    });
    relay.listen(0, '127.0.0.1');
    await once(relay, 'listening');
    const { port } = relay.address() as AddressInfo;
    const wire = await dialTls(port, { serverName, identity: alice });
    assert.match(await ask(wire, get), new RegExp(alice.name));
    wire.destroy();
    raw.destroy();
    relay.close();
  });

  test('fails for a certificate of another root, and nothing reaches the application', async () => {
    const before = origin.connections.length;
    const failed = failures('certificate');
    const identity = { ...stranger, roots: alice.roots };
    const wire = await dialTls(harness.inboundPort, { serverName, identity });
    wire.write(get);
    assert.equal(await wire.readAll(), '');
    assert.equal(failures('certificate'), failed + 1);
    assert.equal(origin.connections.length, before);
    const closed = harness.logs.findLast(({ message }) => message.startsWith('Connection closed'));
    assert.match(String(closed?.fields.error), /certificate is not good/);
    wire.destroy();
  });

  test('is no TLS 1.2', async () => {
    const failed = failures('protocol');
    const tls = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const;
    await assert.rejects(dialTls(harness.inboundPort, { serverName, identity: alice, tls }));
    await untilFailed('protocol', failed + 1);
  });

  test('that is half has its time, and one that ends or breaks off is over', async () => {
    const hello = await helloFor(serverName);
    const [late, ended, reset, garbled] = [
      await dial(harness.inboundPort),
      await dial(harness.inboundPort),
      await dial(harness.inboundPort),
      await dial(harness.inboundPort),
    ];
    const before = ['timeout', 'ended', 'protocol'].map((reason) => failures(reason));
    for (const wire of [late, ended, reset, garbled]) wire.write(hello);
    for (const wire of [late, ended, reset, garbled]) {
      await wire.until('an answer', () => wire.received.length > 0);
    }
    ended.end();
    reset.socket.resetAndDestroy();
    await untilFailed('ended', before[1] + 2);
    garbled.write('GET / HTTP/1.1\r\nhost: web\r\n\r\n');
    await untilFailed('protocol', before[2] + 1);
    assert.equal(late.closed || late.ended, false);
    harness.passTime(11_000);
    await untilFailed('timeout', before[0] + 1);
    await late.until('the end', () => late.ended || late.closed);
    for (const wire of [late, ended, garbled]) wire.destroy();
  });

  test('is followed by TLS alone: plaintext behind it ends the connection', async () => {
    const wire = await dialTls(harness.inboundPort, { serverName, identity: alice });
    await ask(wire, get);
    const { _handle: handle } = wire.socket as unknown as { _handle: { _parent: Handle } };
    writeBelow(handle._parent, 'GET /plain HTTP/1.1\r\nhost: web\r\n\r\n');
    await wire.until('the end', () => wire.ended || wire.closed);
    assert.ok(!origin.connections.some((one) => one.received.includes('plain')));
    wire.destroy();
  });

  test('is not answered before there is a certificate', async () => {
    const joined = { ...mesh.identity(serverName, 0), key: '', chain: '', roots: '' };
    const early = await startHarness(
      { 'inbound:': { endpoints: [{ port: origin.port }] } },
      { identity: serverName, inboundTo: { host: '127.0.0.1', port: origin.port } },
    );
    const reason = 'not_certified';
    for (const count of [1, 2]) {
      await assert.rejects(dialTls(early.inboundPort, { serverName, identity: alice }));
      assert.equal(early.metric('heddle_tls_handshake_failures_total', { reason }), count);
      early.send({ kind: 'identity', identity: joined });
    }
    const broken = { ...mesh.identity(serverName, 2), key: 'no key' };
    early.send({ kind: 'identity', identity: broken });
    await assert.rejects(dialTls(early.inboundPort, { serverName, identity: alice }));
    assert.equal(early.metric('heddle_tls_handshake_failures_total', { reason }), 3);
    await untilQuiet(early);
    await early.close();
  });
});

test('clients whose trust anchor has left are asked to go, others stay', async () => {
  const other = makeMesh();
  const both = { ...mesh.identity(serverName, 1), roots: mesh.roots + other.roots };
  const moved = await startHarness(
    { 'inbound:': { endpoints: [{ port: origin.port }] } },
    { identity: serverName, inboundTo: { host: '127.0.0.1', port: origin.port } },
  );
  moved.send({ kind: 'identity', identity: mesh.identity(serverName, 0) });
  const idle = await dialTls(moved.inboundPort, { serverName, identity: alice });
  await ask(idle, get);
  moved.send({ kind: 'identity', identity: both });
  await ask(idle, get);
  const plain = await dial(moved.inboundPort);
  await ask(plain, get);
  const busy = await dialTls(moved.inboundPort, { serverName, identity: alice });
  busy.write(get);
  const hasHead = (one: Wire): boolean => one.received.includes('\r\n\r\n');
  await origin.until('a head', () => origin.connections.some(hasHead));
  moved.send({ kind: 'identity', identity: other.identity(serverName, 2) });
  moved.passTime(6_000);
  await idle.until('the end', () => idle.ended || idle.closed);
  assert.equal(busy.ended || busy.closed, false);
  origin.connections.find(hasHead)?.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
  assert.match(await busy.readResponse(), /\r\nconnection: close\r\n/i);
  for (const app of origin.connections) app.received = '';
  await ask(plain, get);
  for (const one of [idle, busy, plain, ...origin.connections]) one.destroy();
  await untilQuiet(moved);
  await moved.close();
});

describe('what is not for us', () => {
  test('passes by with its server name, as the opaque TLS that it is', async () => {
    const hello = await helloFor('elsewhere.test');
    const wire = await dial(harness.inboundPort);
    const app = await nextConnection(() => wire.write(hello));
    assert.equal(await app.readBytes(hello.length), hello);
    const labels = { direction: 'inbound', peer: 'src', tls: 'opaque', sni: 'elsewhere.test' };
    assert.equal(harness.metric('tcp_open_total', labels), 1);
    assert.equal(harness.metric('tcp_open_connections', labels), 1);
    wire.destroy();
    app.destroy();
  });

  test('passes by inside of TLS, also when it names us again', async () => {
    const hello = await helloFor(serverName);
    const wire = await dialTls(harness.inboundPort, { serverName, identity: alice });
    const app = await nextConnection(() => wire.write(hello));
    assert.equal(await app.readBytes(hello.length), hello);
    wire.destroy();
    app.destroy();
  });

  test('waits a moment for the server to speak first, inside of TLS as well', async () => {
    const wire = await dialTls(harness.inboundPort, { serverName, identity: alice });
    const app = await nextConnection(() => {});
    app.write('220 ready\r\n');
    assert.equal(await wire.read('\r\n'), '220 ready\r\n');
    wire.write('EHLO\r\n');
    assert.equal(await app.read('\r\n'), 'EHLO\r\n');
    wire.end();
    await app.until('the end', () => app.ended);
    app.end();
    await wire.until('the end', () => wire.ended);
  });
});

interface Handle {
  writeLatin1String(request: object, text: string): number;
}

/** Into the connection that carries a client's TLS. */
function writeBelow(handle: Handle, text: string): void {
  const { WriteWrap } = (
    process as unknown as { binding(name: string): { WriteWrap: new () => object } }
  ).binding('stream_wrap');
  handle.writeLatin1String(new WriteWrap(), text);
}
