/**
 * Goal: the policy of an inbound port lets in whom it names and nobody else, in plaintext and over
 * mutual TLS, for every protocol, and who is inside is judged again when it changes. Method:
 * clients of node:tls and raw ones, which come from 127.0.0.2 because 127.0.0.1 is always let in.
 */

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import type { AccessSnapshot, Authorization, PolicyName } from '../../../api/access.ts';
import type { Protocol } from '../../../api/snapshot.ts';
import { meshName } from '../../support/certificates.ts';
import { request } from '../../support/h2-block.ts';
import { H2Peer } from '../../support/h2-peer.ts';
import { mesh, serverName } from '../../support/inbound-mesh.ts';
import { type Harness, startHarness, untilQuiet } from '../../support/proxy-harness.ts';
import { dialTls } from '../../support/tls-client.ts';
import { untilTurn } from '../../support/turns.ts';
import { dial, type Origin, startOrigin, type Wire } from '../../support/wire.ts';

const alice = mesh.identity(meshName('alice'));
const bob = mesh.identity(meshName('bob'));
const elsewhere = '127.0.0.2';
const get = 'GET /a HTTP/1.1\r\nhost: web\r\n\r\n';

let origin: Origin;
let harness: Harness;

before(async () => {
  origin = await startOrigin((wire) => {
    wire.socket.on('data', (bytes: Buffer) => wire.write(answerTo(bytes.toString('latin1'))));
  });
});

after(() => origin.close());

beforeEach(async () => {
  harness = await startHarness(
    {},
    { identity: serverName, inboundTo: { host: '127.0.0.1', port: origin.port } },
  );
  harness.send({ kind: 'identity', identity: mesh.identity(serverName, 1) });
});

afterEach(async () => {
  for (const app of origin.connections) app.destroy();
  await untilQuiet(harness);
  await harness.close();
});

/** What is no request is sent back. */
function answerTo(text: string): string {
  if (text.includes('upgrade: echo')) {
    return 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n';
  }
  return text.includes('HTTP/1.1') ? 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok' : text;
}

const defaultName = (name: string): PolicyName => ({ group: '', kind: 'default', name });

function authorization(name: string, more: Partial<Authorization> = {}): Authorization {
  const networks = ['0.0.0.0/0', '::/0'].map((net) => ({ net, except: [] }));
  const nothing = { proof: 'none', identities: [], suffixes: [] } as const;
  return { name: defaultName(name), networks, ...nothing, ...more };
}

const authenticated = authorization('all-authenticated', { proof: 'identity', suffixes: [''] });
const aliceAlone = authorization('alice', { proof: 'identity', identities: [alice.name] });
const probes = {
  name: defaultName('probe'),
  authorizations: [authorization('probe')],
  matches: [{ method: 'GET', path: '/ready' }],
};

function setPolicy(
  authorizations: readonly Authorization[],
  more: Partial<AccessSnapshot> & { readonly protocol?: Protocol } = {},
): void {
  const { protocol = 'auto', ...parts } = more;
  const access = {
    server: { group: 'policy.linkerd.io', kind: 'server', name: 'web' },
    authorizations,
    route: { name: defaultName('default'), authorizations: [] },
    exceptions: [],
    ...parts,
  };
  harness.setTarget('inbound:', { endpoints: [{ port: origin.port }], protocol, access });
}

function dialAs(identity: typeof alice | null): Promise<Wire> {
  if (identity === null) return dial(harness.inboundPort, '127.0.0.1', elsewhere);
  const from = { localAddress: elsewhere } as object;
  return dialTls(harness.inboundPort, { serverName, identity, tls: from });
}

async function statusOf(wire: Wire, text = get): Promise<number> {
  wire.write(text);
  return Number((await wire.readResponse()).split(' ', 2)[1]);
}

/** The fields of the only line that says so. */
async function said(message: string): Promise<Readonly<Record<string, unknown>>> {
  const lines = () => harness.logs.filter((line) => line.message === message);
  await untilTurn(message, () => lines().length > 0);
  assert.equal(lines().length, 1);
  return lines()[0].fields ?? {};
}

async function untilEnd(wire: Wire): Promise<string> {
  await wire.until('the end', () => wire.ended || wire.closed);
  wire.destroy();
  return wire.received;
}

describe('requests', () => {
  test('of clients with an identity are let in, others are answered 403', async () => {
    setPolicy([authenticated]);
    const wire = await dialAs(alice);
    for (let count = 0; count < 3; count++) assert.equal(await statusOf(wire), 200);
    const plain = await dialAs(null);
    plain.write(get);
    const refused = await plain.readResponse();
    assert.match(refused, /^HTTP\/1.1 403 /);
    assert.match(refused, /\r\nheddle-error: UNAUTHORIZED\r\n/);
    const labels = { srv_name: 'web', route_name: 'default', target_port: String(origin.port) };
    const allowed = { ...labels, authz_name: 'all-authenticated', client_id: alice.name };
    assert.equal(harness.metric('inbound_http_authz_allow_total', allowed), 3);
    const denied = { ...labels, tls: 'no_identity' };
    assert.equal(harness.metric('inbound_http_authz_deny_total', denied), 1);
    // The connection stays, and so does the answer.
    assert.equal(await statusOf(plain), 403);
    const line = await said('Request denied');
    assert.deepEqual(
      [line['server.name'], line['route.name'], line['client.tls'], line['client.ip']],
      ['web', 'default', 'no_identity', elsewhere],
    );
    for (const one of [wire, plain]) one.destroy();
  });

  test('of the loopback are let in, whatever the policy says', async () => {
    setPolicy([]);
    const wire = await dial(harness.inboundPort);
    assert.equal(await statusOf(wire), 200);
    const labels = { authz_name: 'localhost' };
    assert.equal(harness.metric('inbound_http_authz_allow_total', labels), 1);
    wire.destroy();
  });

  test('are judged by the policy of their moment', async () => {
    setPolicy([authenticated]);
    const wires = [await dialAs(alice), await dialAs(bob)];
    for (const wire of wires) assert.equal(await statusOf(wire), 200);
    setPolicy([aliceAlone]);
    await untilStatus(wires[1], 403);
    assert.equal(await statusOf(wires[0]), 200);
    setPolicy([authenticated]);
    await untilStatus(wires[1], 200);
    for (const wire of wires) wire.destroy();
  });

  test('that an audit lets in are told', async () => {
    setPolicy([authenticated, authorization('audit')]);
    const wires = [await dialAs(alice), await dialAs(null)];
    for (const wire of wires) assert.equal(await statusOf(wire), 200);
    const line = await said('Request allowed');
    assert.deepEqual([line['authz.name'], line['client.tls']], ['audit', 'no_identity']);
    for (const wire of wires) wire.destroy();
  });

  test('of a route may have more who may send them', async () => {
    const route = { name: defaultName('mine'), authorizations: [authorization('mine')] };
    setPolicy([], { route });
    const wire = await dialAs(null);
    assert.equal(await statusOf(wire), 200);
    wire.destroy();
    setPolicy([], { route, protocol: 'opaque' });
    const opaque = await dialAs(null);
    opaque.write(get);
    assert.equal(await untilEnd(opaque), '');
  });

  test('of a kubelet are let in by their path and method, and by nothing else', async () => {
    setPolicy([authenticated], { exceptions: [probes] });
    const wire = await dialAs(null);
    const rows = [
      ['GET /ready', 200],
      ['GET /ready?verbose', 200],
      ['GET /ready/', 403],
      ['GET /Ready', 403],
      ['GET /ready%2f', 403],
      ['POST /ready', 403],
      ['GET http://web/ready', 200],
      ['GET http://web/', 403],
      ['GET http://web', 403],
      ['GET /', 403],
      ['OPTIONS *', 403],
    ] as const;
    for (const [line, status] of rows) {
      assert.equal(await statusOf(wire, `${line} HTTP/1.1\r\nhost: web\r\n\r\n`), status, line);
    }
    const labels = { route_name: 'probe', authz_name: 'probe' };
    assert.equal(harness.metric('inbound_http_authz_allow_total', labels), 3);
    wire.destroy();
  });

  test('of gRPC are answered in its terms', async () => {
    setPolicy([authenticated]);
    const wire = await dialAs(null);
    const client = new H2Peer(wire, true);
    const fields = request('POST', '/a.B/C', [['content-type', 'application/grpc']]);
    const stream = client.request(fields);
    const head = await client.headOf(stream);
    assert.match(head, /:status=200/);
    assert.match(head, /grpc-status=7/);
    assert.match(head, /heddle-error=UNAUTHORIZED/);
    wire.destroy();
  });
});

async function untilStatus(wire: Wire, status: number): Promise<void> {
  while ((await statusOf(wire)) !== status) await new Promise((resolve) => setImmediate(resolve));
}

describe('connections that are not HTTP', () => {
  test('are let in by who the client is, or reset', async () => {
    setPolicy([authenticated], { protocol: 'opaque' });
    const wire = await dialAs(alice);
    wire.write('hello');
    assert.equal(await wire.readBytes(5), 'hello');
    const count = origin.connections.length;
    const plain = await dialAs(null);
    plain.write('hello');
    assert.equal(await untilEnd(plain), '');
    assert.equal(origin.connections.length, count);
    const labels = { srv_kind: 'server', target_port: String(origin.port) };
    const allowed = { ...labels, authz_name: 'all-authenticated', client_id: alice.name };
    assert.equal(harness.metric('inbound_tcp_authz_allow_total', allowed), 1);
    const denied = { ...labels, tls: 'no_identity' };
    assert.equal(harness.metric('inbound_tcp_authz_deny_total', denied), 1);
    assert.equal((await said('Connection denied'))['server.kind'], 'server');
    wire.destroy();
  });

  test('are judged when it is found out that they are not HTTP', async () => {
    setPolicy([authenticated]);
    const plain = await dialAs(null);
    plain.write('\0\x01\x02');
    assert.equal(await untilEnd(plain), '');
    await said('Connection denied');
  });

  test('do not make the application speak first to whom it would not be let in', async () => {
    setPolicy([authenticated]);
    const count = origin.connections.length;
    harness.stopTime();
    const plain = await dialAs(null);
    await untilTurn('the client', () => {
      return harness.metric('tcp_open_connections', { peer: 'src' }) === 1;
    });
    for (let passed = 0; passed < 1_000; passed += 50) harness.passTime(50);
    assert.equal(origin.connections.length, count);
    harness.passTime(20_000);
    assert.equal(await untilEnd(plain), '');
    assert.equal(origin.connections.length, count);
  });

  test('end when the policy lets them in no longer, and others stay', async () => {
    setPolicy([authenticated], { protocol: 'opaque' });
    const wires = [await dialAs(alice), await dialAs(bob)];
    for (const wire of wires) {
      wire.write('hello');
      assert.equal(await wire.readBytes(5), 'hello');
    }
    setPolicy([aliceAlone], { protocol: 'opaque' });
    await untilEnd(wires[1]);
    const labels = { client_id: bob.name };
    assert.equal(harness.metric('inbound_tcp_authz_terminate_total', labels), 1);
    assert.equal((await said('Connection terminated due to policy change'))['client.id'], bob.name);
    wires[0].write('again');
    await wires[0].until('an echo', () => wires[0].received.endsWith('again'));
    wires[0].destroy();
  });

  test('end too where a request has begun them', async () => {
    setPolicy([authenticated]);
    const wire = await dialAs(bob);
    wire.write('GET /a HTTP/1.1\r\nhost: web\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n');
    await wire.until('a switch', () => wire.received.includes('101 Switching'));
    wire.write('hello');
    await wire.until('an echo', () => wire.received.endsWith('hello'));
    setPolicy([aliceAlone]);
    await untilEnd(wire);
    assert.equal(harness.metric('inbound_tcp_authz_terminate_total'), 1);
  });

  test('that an audit lets in are told', async () => {
    setPolicy([authorization('audit')], { protocol: 'opaque' });
    const plain = await dialAs(null);
    plain.write('hello');
    assert.equal(await plain.readBytes(5), 'hello');
    assert.equal((await said('Connection allowed'))['authz.name'], 'audit');
    plain.destroy();
  });
});

test('a peer with a transport header is judged by the policy of its port', async () => {
  setPolicy([aliceAlone]);
  const dialDirect = (identity: typeof alice, session: 'http1' | null) =>
    dialTls(harness.inboundPort, {
      serverName,
      identity,
      header: { port: origin.port, name: '', session },
      tls: { localAddress: elsewhere } as object,
    });
  const wires = [await dialDirect(alice, 'http1'), await dialDirect(bob, 'http1')];
  assert.equal(await statusOf(wires[0]), 200);
  assert.equal(await statusOf(wires[1]), 403);
  const opaque = await dialDirect(bob, null);
  opaque.write('hello');
  assert.equal(await untilEnd(opaque), '');
  for (const wire of wires) wire.destroy();
});
