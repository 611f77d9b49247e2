/**
 * Goal: a peer of the mesh that sends a transport header reaches the one port that this proxy
 * serves, without detection, and no other port of the host; whoever says anything else is told by
 * the end of the connection, and the log tells why. Method: clients of node:tls, an application
 * driven by hand, a second listener of the host that nobody has declared.
 */

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { encodeTransportHeader, type TransportHeader } from '../../../core/tls/transport-header.ts';
import { meshName } from '../../support/certificates.ts';
import { request } from '../../support/h2-block.ts';
import { H2Peer, type PeerStream } from '../../support/h2-peer.ts';
import { mesh, serverName, startInboundMesh } from '../../support/inbound-mesh.ts';
import { type Harness, untilQuiet } from '../../support/proxy-harness.ts';
import { dialTls } from '../../support/tls-client.ts';
import { untilTurn } from '../../support/turns.ts';
import { type Origin, startOrigin, type Wire } from '../../support/wire.ts';

const alice = mesh.identity(meshName('alice'));

let inbound: Awaited<ReturnType<typeof startInboundMesh>>;
let origin: Origin;
let undeclared: Origin;
let harness: Harness;

before(async () => {
  inbound = await startInboundMesh();
  ({ origin, harness } = inbound);
  undeclared = await startOrigin();
});

after(async () => {
  await inbound.close();
  await undeclared.close();
});

afterEach(async () => {
  for (const app of origin.connections) app.destroy();
  await untilQuiet(harness);
  assert.equal(undeclared.connections.length, 0);
});

function dialWith(header: Partial<TransportHeader>): Promise<Wire> {
  const whole = { port: origin.port, name: '', session: null, ...header };
  return dialTls(harness.inboundPort, { serverName, identity: alice, header: whole });
}

/** The connection that the application gets next. */
async function nextConnection(act: () => unknown): Promise<Wire> {
  const count = origin.connections.length;
  await act();
  await origin.until('a connection', () => origin.connections.length > count);
  return origin.connections[count];
}

function directed(session: string): number {
  const labels = { session_protocol: session, target_port: String(origin.port) };
  return harness.metric('inbound_tcp_transport_header_connections_total', labels);
}

describe('a header for the declared port', () => {
  test('without a session is opaque, whatever the bytes look like', async () => {
    let wire: Wire | undefined;
    const app = await nextConnection(async () => {
      wire = await dialWith({});
    });
    // The application may speak first, and HTTP is not looked at.
    app.write('220 ready\r\n');
    assert.equal(await wire?.read('\r\n'), '220 ready\r\n');
    wire?.write('GET / HTTP/1.1\r\nl5d-client-id: root\r\n\r\n');
    assert.equal(await app.read('\r\n\r\n'), 'GET / HTTP/1.1\r\nl5d-client-id: root\r\n\r\n');
    const labels = { direction: 'inbound', peer: 'src', tls: 'true', client_id: alice.name };
    assert.equal(harness.metric('tcp_open_connections', labels), 1);
    assert.equal(directed(''), 1);
    wire?.end();
    await app.until('the end', () => app.ended);
    app.end();
    await wire?.until('the end', () => wire?.ended === true);
  });

  test('with HTTP/1 is served so, with the identity', async () => {
    const wire = await dialWith({ session: 'http1' });
    const app = await nextConnection(() => wire.write('GET / HTTP/1.1\r\nhost: web\r\n\r\n'));
    assert.ok((await app.read('\r\n\r\n')).includes(`\r\nl5d-client-id: ${alice.name}\r\n`));
    app.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
    assert.match(await wire.readResponse(), /^HTTP\/1.1 200 OK/);
    wire.write('not http\r\n\r\n');
    assert.match(await wire.readResponse(), /^HTTP\/1.1 400 /);
    assert.equal(directed('http/1'), 1);
    wire.destroy();
  });

  test('with HTTP/2 is served so, and nothing else is taken for it', async () => {
    const wire = await dialWith({ session: 'http2' });
    const client = new H2Peer(wire, true);
    const streams: PeerStream[] = [];
    const accepted = await nextConnection(() => streams.push(client.request(request('GET', '/'))));
    const app = new H2Peer(accepted, false);
    const asked = await app.nextRequest();
    assert.ok(asked.heads[0].includes(`l5d-client-id=${alice.name}`), asked.heads[0]);
    app.respond(asked, [[':status', '204']]);
    assert.match(await client.headOf(streams[0]), /:status=204/);
    const other = await dialWith({ session: 'http2' });
    other.write('GET / HTTP/1.1\r\nhost: web\r\n\r\n');
    await other.until('the end', () => other.ended || other.closed);
    assert.ok(!other.received.includes('HTTP/1.1'));
    for (const one of [wire, other]) one.destroy();
  });

  test('may come byte by byte, and together with what is behind it', async () => {
    const header = encodeTransportHeader({ port: origin.port, name: '', session: null });
    const drip = await dialTls(harness.inboundPort, {
      serverName,
      identity: alice,
      protocol: true,
    });
    const app = await nextConnection(async () => {
      for (const byte of header) {
        drip.socket.write(Buffer.from([byte]));
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
    drip.write('behind');
    assert.equal(await app.readBytes(6), 'behind');
    const whole = await dialTls(harness.inboundPort, {
      serverName,
      identity: alice,
      protocol: true,
    });
    const second = await nextConnection(() => {
      whole.socket.write(Buffer.concat([header, Buffer.from('at once')]));
    });
    assert.equal(await second.readBytes(7), 'at once');
    drip.destroy();
    whole.destroy();
  });
});

describe('anything else ends the connection', () => {
  async function refused(reason: string, wire: Wire, text: RegExp): Promise<void> {
    await wire.until('the end', () => wire.ended || wire.closed);
    assert.equal(wire.received, '');
    assert.equal(harness.metric('heddle_transport_header_refused_total', { reason }), 1);
    harness.passTime(20_000);
    const told = () =>
      harness.logs.findLast(
        ({ message, fields }) =>
          message.startsWith('Connection closed') && text.test(JSON.stringify(fields)),
      );
    await untilTurn(`a line that says ${text}`, () => told() !== undefined);
    wire.destroy();
  }

  test('a port of the host that nobody has declared', async () => {
    const wire = await dialWith({ port: undeclared.port });
    await refused('port_not_declared', wire, /is not declared.*remedy/);
  });

  test('a name, which is for a gateway', async () => {
    const wire = await dialWith({ name: 'web.demo', session: 'http1' });
    await refused('gateway', wire, /web\.demo is behind a gateway/);
  });

  test('a client without a certificate', async () => {
    const header = { port: origin.port, name: '', session: null };
    const options = { serverName, identity: alice, anonymous: true, header };
    const wire = await dialTls(harness.inboundPort, options);
    await refused('no_client_identity', wire, /prove an identity/);
  });

  test('bytes that are no header, also HTTP', async () => {
    const wire = await dialTls(harness.inboundPort, {
      serverName,
      identity: alice,
      protocol: true,
    });
    wire.write('GET / HTTP/1.1\r\nhost: web\r\n\r\n');
    await refused('malformed', wire, /does not begin with transport/);
  });

  test('a header that is cut off', async () => {
    const wire = await dialTls(harness.inboundPort, {
      serverName,
      identity: alice,
      protocol: true,
    });
    wire.write('transport.l5d.io/v1\r\n\r\n\0\0\0\x05\x08');
    wire.end();
    await refused('ended', wire, /ended before its transport header/);
  });

  test('a header that does not come in time, and a length that is too large', async () => {
    const wire = await dialTls(harness.inboundPort, {
      serverName,
      identity: alice,
      protocol: true,
    });
    wire.write('transport.l5d.io/v1\r\n\r\n\0\0\xff\0');
    await untilTurn('the connection', () => {
      return harness.metric('tcp_open_connections', { client_id: alice.name }) === 1;
    });
    harness.passTime(11_000);
    await refused('timeout', wire, /no transport header within 10000 ms/);
    const large = await dialTls(harness.inboundPort, {
      serverName,
      identity: alice,
      protocol: true,
    });
    large.write('transport.l5d.io/v1\r\n\r\n\x7f\xff\xff\xff');
    await large.until('the end', () => large.ended || large.closed);
    const labels = { reason: 'malformed' };
    assert.equal(harness.metric('heddle_transport_header_refused_total', labels), 2);
  });
});
