/**
 * Goal: a peer of the mesh reaches the services behind a gateway that its transport header names,
 * and no others; nothing goes round. Method: clients of node:tls, services driven by hand.
 */

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import type { TransportHeader } from '../../../core/tls/transport-header.ts';
import { makeMesh, meshName } from '../../support/certificates.ts';
import { H2Peer } from '../../support/h2-peer.ts';
import { type Harness, startHarness, untilQuiet } from '../../support/proxy-harness.ts';
import { dialTls } from '../../support/tls-client.ts';
import { type Origin, startOrigin, type Wire } from '../../support/wire.ts';

const mesh = makeMesh();
const serverName = meshName('gateway');
const alice = mesh.identity(meshName('alice'));
const name = 'api.demo.svc.cluster.local';
const key = `bind:${name}:80`;

let origin: Origin;
let harness: Harness;
let ownKey = '';

before(async () => {
  origin = await startOrigin();
  harness = await startHarness(
    { 'inbound:': { endpoints: [{ port: origin.port }] } },
    {
      identity: serverName,
      inboundTo: { host: '127.0.0.1', port: origin.port },
      gatewaySuffixes: ['svc.cluster.local.'],
    },
  );
  ownKey = `inbound:127.0.0.1:${harness.inboundPort}`;
  harness.setTarget(ownKey, { endpoints: [] });
  harness.setTarget(key, { endpoints: [{ port: origin.port }] });
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

function dialFor(header: Partial<TransportHeader>, identity = alice): Promise<Wire> {
  const whole = { port: 80, name, session: 'http1' as const, ...header };
  return dialTls(harness.inboundPort, { serverName, identity, header: whole });
}

async function statusOf(wire: Wire, fields = ''): Promise<string> {
  wire.write(`GET / HTTP/1.1\r\nhost: ${name}\r\n${fields}\r\n`);
  const answer = await wire.readResponse();
  wire.destroy();
  return answer.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length);
}

describe('through a gateway', () => {
  test('requests reach the service that the header names, and say for whom', async () => {
    const wire = await dialFor({});
    wire.write(`GET /x HTTP/1.1\r\nhost: other\r\nforwarded: by=first;for=bob\r\n\r\n`);
    const app = await origin.accept();
    const head = await app.read('\r\n\r\n');
    assert.match(head, /^GET \/x HTTP\/1.1\r\nhost: other\r\nforwarded: by=first;for=bob\r\n/);
    const said = `forwarded: by=${serverName};for=${alice.name};host=${name}:80;proto=https\r\n`;
    assert.ok(head.includes(`\r\n${said}`), head);
    app.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
    assert.match(await wire.readResponse(), /^HTTP\/1.1 200 OK/);
    const labels = { direction: 'outbound', peer: 'src', client_id: alice.name };
    assert.equal(harness.metric('tcp_open_connections', labels), 1);
    wire.destroy();
  });

  test('requests of HTTP/2 that were HTTP/1 are that again', async () => {
    const wire = await dialFor({ session: 'http2' });
    const client = new H2Peer(wire, true);
    const stream = client.request([
      [':method', 'GET'],
      [':scheme', 'http'],
      [':path', '/x'],
      [':authority', name],
      ['l5d-orig-proto', 'HTTP/1.1'],
    ]);
    const app = await origin.accept();
    const head = await app.read('\r\n\r\n');
    assert.match(head, /^GET \/x HTTP\/1.1\r\n/);
    assert.doesNotMatch(head, /orig-proto/);
    assert.ok(head.includes(`;for=${alice.name};`), head);
    app.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
    const answered = await client.ending(stream);
    assert.equal(answered.content, 'ok');
    assert.ok(answered.heads[0].endsWith('l5d-orig-proto=HTTP/1.1'), answered.heads[0]);
    wire.destroy();
  });

  test('bytes reach it without being looked at', async () => {
    const wire = await dialFor({ session: null });
    wire.write('GET / anything\r\n');
    const app = await origin.accept();
    assert.equal(await app.read('\r\n'), 'GET / anything\r\n');
    app.write('answer\n');
    assert.equal(await wire.read('\n'), 'answer\n');
    wire.destroy();
  });

  test('names in another spelling are the same name', async () => {
    const wire = await dialFor({ name: `${name.toUpperCase()}.`, session: null });
    wire.write('x\n');
    const app = await origin.accept();
    assert.equal(await app.read('\n'), 'x\n');
    wire.destroy();
  });
});

describe('no way through a gateway has', () => {
  test('a name that is not below its suffixes', async () => {
    const asked = harness.wants.length;
    for (const other of ['example.org', 'notsvc.cluster.local', '10.0.0.1', 'a b', '[::1']) {
      assert.equal(await statusOf(await dialFor({ name: other })), '404', other);
      const wire = await dialFor({ name: other, session: null });
      await wire.until('the end', () => wire.closed);
    }
    assert.equal(harness.wants.length, asked);
  });

  test('a name below them that nobody knows', async () => {
    harness.setTarget(`bind:no.svc.cluster.local:80`, { endpoints: [], state: 'absent' });
    assert.equal(await statusOf(await dialFor({ name: 'no.svc.cluster.local' })), '404');
  });

  test('a request that it has forwarded before, or of its own', async () => {
    const again = `forwarded: for=x, by=a;for=b;BY="${serverName}";proto=https\r\n`;
    assert.equal(await statusOf(await dialFor({}), again), '508');
    const own = mesh.identity(serverName, 2);
    assert.equal(await statusOf(await dialFor({}, own)), '508');
    const wire = await dialFor({ session: null }, own);
    await wire.until('the end', () => wire.closed);
    const labels = { direction: 'outbound', error: 'unexpected' };
    assert.ok(harness.metric('outbound_tcp_errors_total', { error: labels.error }) > 0);
  });

  test('CONNECT', async () => {
    const wire = await dialFor({});
    wire.write('CONNECT other:1 HTTP/1.1\r\nhost: other:1\r\n\r\n');
    assert.match(await wire.readResponse(), /^HTTP\/1.1 404 /);
    assert.ok(!harness.wants.includes('host:other:1'));
    wire.destroy();
  });

  test('whom the policy of its own port does not let in', async () => {
    harness.setTarget(ownKey, { endpoints: [], refusal: 'nobody may' });
    assert.equal(await statusOf(await dialFor({})), '403');
    const wire = await dialFor({ session: null });
    await wire.until('the end', () => wire.closed);
    harness.setTarget(ownKey, { endpoints: [] });
  });
});

test('who is inside goes when the policy of its own port changes', async () => {
  const some = { group: '', kind: 'default', name: 'some' };
  const accessFor = (identity: string) => ({
    server: some,
    authorizations: [
      {
        name: some,
        networks: ['0.0.0.0/0', '::/0'].map((net) => ({ net, except: [] })),
        proof: 'identity' as const,
        identities: [identity],
        suffixes: [],
      },
    ],
    route: { name: some, authorizations: [] },
    exceptions: [],
  });
  // 127.0.0.1 may always.
  const dialWith = (session: 'http1' | null): Promise<Wire> =>
    dialTls(harness.inboundPort, {
      serverName,
      identity: alice,
      header: { port: 80, name, session },
      tls: { localAddress: '127.0.0.2' } as object,
    });
  harness.setTarget(ownKey, { endpoints: [], access: accessFor(alice.name) });
  const [asks, tunnels] = [await dialWith('http1'), await dialWith(null)];
  asks.write(`GET / HTTP/1.1\r\nhost: ${name}\r\n\r\n`);
  const app = await origin.accept();
  await app.read('\r\n\r\n');
  app.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
  assert.match(await asks.readResponse(), /^HTTP\/1.1 200 /);
  tunnels.write('hello');
  await origin.until('the bytes', () => origin.connections.some((one) => one.received === 'hello'));
  harness.setTarget(ownKey, { endpoints: [], access: accessFor('nobody.test') });
  await tunnels.until('the end', () => tunnels.closed);
  assert.equal(await statusOf(asks), '403');
  tunnels.destroy();
  const refused = await dialWith('http1');
  assert.equal(await statusOf(refused), '403');
  harness.setTarget(ownKey, { endpoints: [] });
});
