/**
 * Goal: what goes to an endpoint with an identity goes by mTLS to exactly that one, with the
 * transport header where there is one, and never in plaintext. Method: the outbound proxy between
 * raw clients and peers made of node:tls.
 */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { identityOf, makeLeaf, makeMesh, meshName } from '../support/certificates.ts';
import {
  clientName,
  endpointOf,
  mesh,
  startMeshHarness,
  traitsOf,
  webName,
} from '../support/mesh-harness.ts';
import { startTlsPeer } from '../support/tls-peer.ts';
import { untilTurn } from '../support/turns.ts';
import { startOrigin } from '../support/wire.ts';

const get = 'GET / HTTP/1.1\r\nHost: web\r\n\r\n';
const identity = mesh.identity(webName);

describe('where a connection goes', () => {
  test('to the inbound port, behind a header that names the port', async () => {
    await using peer = await startTlsPeer({ identity });
    await using proxy = await startMeshHarness({ 'host:web': { endpoints: [endpointOf(peer)] } });
    assert.match(await proxy.ask(get), /^HTTP\/1.1 200 OK/);
    const [connection] = peer.connections;
    assert.equal(connection.serverName, webName);
    assert.equal(connection.clientNames, `DNS:${clientName}`);
    assert.deepEqual(connection.header, { port: 8080, name: '', session: 'http1' });
    const labels = { tls: 'true', server_id: webName, target_port: '8080' };
    assert.equal(proxy.harness.metric('request_total', labels), 1);
    assert.equal(proxy.harness.metric('tcp_open_total', { ...labels, peer: 'dst' }), 1);
  });

  test('transparent: to the port that is meant, without a header', async () => {
    await using peer = await startTlsPeer({ identity });
    const traits = traitsOf({ opaqueTransportPort: 1 });
    const endpoints = [{ port: peer.port, traits }];
    const settings = { outboundTransportMode: 'transparent' } as const;
    await using proxy = await startMeshHarness({ 'host:web': { endpoints } }, settings);
    assert.match(await proxy.ask(get), /^HTTP\/1.1 200 OK/);
    assert.equal(peer.connections[0].header, null);
    assert.equal(peer.connections[0].socket.alpnProtocol, false);
  });

  test('to a gateway: where it is, with a name in the header', async () => {
    await using peer = await startTlsPeer({ identity });
    const traits = traitsOf({ authorityOverride: 'web.default.svc.cluster.local:80' });
    const endpoints = [{ port: peer.port, traits }];
    await using proxy = await startMeshHarness({ 'host:web': { endpoints } });
    assert.match(await proxy.ask(get), /^HTTP\/1.1 200 OK/);
    const name = 'web.default.svc.cluster.local';
    assert.deepEqual(peer.connections[0].header, { port: 80, name, session: 'http1' });
  });

  test('endpoints with other traits are others, and share no connection', async () => {
    await using peer = await startTlsPeer({ identity });
    const other = meshName('other');
    await using second = await startTlsPeer({ identity: mesh.identity(other) });
    await using proxy = await startMeshHarness({ 'host:web': { endpoints: [endpointOf(peer)] } });
    const { harness } = proxy;
    assert.match(await proxy.ask(get), /^HTTP\/1.1 200 OK/);
    const changes = [
      [peer, { serverName: 'web.example' }],
      [peer, { authorityOverride: 'web:81', opaqueTransportPort: peer.port }],
      [second, { identity: other, serverName: other }],
    ] as const;
    for (const [at, overrides] of changes) {
      const changed = endpointOf(at, overrides);
      if ('authorityOverride' in overrides) changed.port = peer.port;
      harness.setTarget('host:web', { endpoints: [changed] });
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
      const before = at.connections.length;
      assert.match(await proxy.ask(get), /^HTTP\/1.1 200 OK/);
      assert.equal(at.connections.length, before + 1);
    }
  });
});

describe('a peer that is not who it has to be gets no byte of the request', () => {
  const other = makeMesh();
  const cases = {
    'another name': [mesh.identity(meshName('other')), 'IDENTITY_MISMATCH', /it is other\.demo/],
    'another root': [other.identity(webName), 'TLS_FAILED', /certificate is not good/],
    'an expired leaf': [
      identityOf(
        webName,
        [
          makeLeaf(mesh.issuer, webName, {
            notBefore: Date.now() - 100_000,
            notAfter: Date.now() - 10_000,
          }),
          mesh.issuer,
        ],
        [mesh.root],
      ),
      'TLS_FAILED',
      /CERT_HAS_EXPIRED/,
    ],
  } as const;
  for (const [name, [shown, code, reason]] of Object.entries(cases)) {
    test(name, async () => {
      await using peer = await startTlsPeer({
        identity: shown,
        tls: { rejectUnauthorized: false },
      });
      await using proxy = await startMeshHarness({
        'host:web': { endpoints: [endpointOf(peer)] },
      });
      const answer = await proxy.ask(get);
      assert.match(answer, /^HTTP\/1.1 502 /);
      assert.ok(answer.includes(`heddle-error: ${code}`), answer);
      assert.match(answer, reason);
      assert.match(answer, /connection: close/i);
      const { harness } = proxy;
      assert.equal(harness.metric('heddle_tls_dial_failures_total', { code }), 1);
      const log = harness.logs.find(({ message }) => message === 'Failed to connect');
      assert.match(JSON.stringify(log), reason);
      // The failure counts as one to connect: the gate is shut.
      (await proxy.dial()).write(get);
      await untilTurn('the queue', () => harness.metric('heddle_queue_length') === 1);
    });
  }

  test('TLS 1.2', async () => {
    const tls = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const;
    await using peer = await startTlsPeer({ identity, tls });
    await using proxy = await startMeshHarness({ 'host:web': { endpoints: [endpointOf(peer)] } });
    assert.match(await proxy.ask(get), /heddle-error: TLS_FAILED/);
    assert.equal(peer.connections.length, 0);
  });

  test('no transport header where one is needed', async () => {
    await using peer = await startTlsPeer({ identity, header: false });
    await using proxy = await startMeshHarness({ 'host:web': { endpoints: [endpointOf(peer)] } });
    const answer = await proxy.ask(get);
    assert.match(answer, /heddle-error: TLS_FAILED/);
    assert.match(answer, /transport\.l5d\.io\/v1/);
  });

  test('plaintext', async () => {
    const origin = await startOrigin();
    await using proxy = await startMeshHarness({
      'host:web': { endpoints: [endpointOf(origin)] },
    });
    const asked = proxy.ask(get);
    const server = await origin.accept();
    await server.readBytes(5);
    server.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
    assert.match(await asked, /heddle-error: TLS_FAILED/);
    assert.ok(!server.received.includes('Host'), 'nothing but a ClientHello');
    await origin.close();
  });

  test('silence: the connect timeout bounds connection and handshake', async () => {
    const origin = await startOrigin();
    await using proxy = await startMeshHarness({
      'host:web': { endpoints: [endpointOf(origin)] },
    });
    const asked = proxy.ask(get);
    await (await origin.accept()).readBytes(5);
    proxy.harness.passTime(1_200);
    const answer = await asked;
    assert.match(answer, /^HTTP\/1.1 504 /);
    assert.match(answer, /heddle-error: CONNECT_TIMEOUT/);
    await origin.close();
  });
});

describe('a proxy without a certificate', () => {
  test('waits for one, and then dials', async () => {
    await using peer = await startTlsPeer({ identity });
    const targets = { 'host:web': { endpoints: [endpointOf(peer)] } };
    await using proxy = await startMeshHarness(targets, {}, false);
    const asked = proxy.ask(get);
    await untilTurn('the request', () => proxy.harness.metric('request_total') === 1);
    proxy.harness.send({ kind: 'identity', identity: mesh.identity(clientName, 1) });
    assert.match(await asked, /^HTTP\/1.1 200 OK/);
  });

  test('waits no longer than for a connection', async () => {
    await using peer = await startTlsPeer({ identity });
    const targets = { 'host:web': { endpoints: [endpointOf(peer)] } };
    await using proxy = await startMeshHarness(targets, {}, false);
    const asked = proxy.ask(get);
    await untilTurn('the request', () => proxy.harness.metric('request_total') === 1);
    proxy.harness.passTime(1_200);
    const answer = await asked;
    assert.match(answer, /^HTTP\/1.1 502 /);
    assert.match(answer, /heddle-error: NOT_CERTIFIED/);
    // It was not the endpoint's fault: its gate stays open.
    proxy.harness.send({ kind: 'identity', identity: mesh.identity(clientName, 1) });
    assert.match(await proxy.ask(get), /^HTTP\/1.1 200 OK/);
  });

  test('and without an identity says so, and sends nothing', async () => {
    const origin = await startOrigin();
    const targets = { 'host:web': { endpoints: [endpointOf(origin)] } };
    await using proxy = await startMeshHarness(targets, { identity: '' }, false);
    const answer = await proxy.ask(get);
    assert.match(answer, /heddle-error: NOT_CERTIFIED/);
    assert.match(answer, /proxy\.identity/);
    assert.equal(origin.connections.length, 0);
    await origin.close();
  });
});
