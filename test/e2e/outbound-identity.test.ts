/**
 * Goal: who demands an identity gets exactly that one or an answer that says why not, also where
 * bytes are opaque; and what was verified by a trust anchor that has left serves nobody. Method:
 * the outbound proxy between raw clients and peers, meshed and not.
 */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { identityOf, makeLeaf, makeRoot, meshName } from '../support/certificates.ts';
import {
  clientName,
  endpointOf,
  mesh,
  startMeshHarness,
  webName,
} from '../support/mesh-harness.ts';
import { startTlsPeer } from '../support/tls-peer.ts';
import { dial, startOrigin } from '../support/wire.ts';

const identity = mesh.identity(webName);
const plainAnswer = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

function get(fields = ''): string {
  return `GET / HTTP/1.1\r\nHost: web\r\n${fields}\r\n`;
}

describe('l5d-require-id', () => {
  const refused = /^HTTP\/1.1 502 .*heddle-error: IDENTITY_MISMATCH.*connection: close/is;
  const other = meshName('other');
  const cases = {
    'the right one': [`l5d-require-id: ${webName}\r\n`, /^HTTP\/1.1 200 /],
    'another one': [`L5D-Require-Id: ${other}\r\n`, refused],
    'the right one, and another one': [
      `l5d-require-id: ${other}\r\nl5d-require-id: ${webName}\r\n`,
      refused,
    ],
    'in capitals: no identity, and ignored': [
      `l5d-require-id: ${webName.toUpperCase()}\r\n`,
      /^HTTP\/1.1 200 /,
    ],
    'nonsense, and ignored': ['l5d-require-id: a b\r\n', /^HTTP\/1.1 200 /],
    'nothing, and ignored': ['l5d-require-id:\r\n', /^HTTP\/1.1 200 /],
  } as const;
  for (const [name, [fields, expected]] of Object.entries(cases)) {
    test(name, async () => {
      const seen: (string | undefined)[] = [];
      await using peer = await startTlsPeer({
        identity,
        http1(request, response) {
          seen.push(...request.rawHeaders.map((text) => text.toLowerCase()));
          response.end('ok');
        },
      });
      await using proxy = await startMeshHarness({ 'host:web': { endpoints: [endpointOf(peer)] } });
      assert.match(await proxy.ask(get(fields)), expected);
      assert.ok(!seen.includes('l5d-require-id'), 'the peer does not see it');
      if (expected === refused) assert.equal(peer.connections.length, 0);
    });
  }

  test('an endpoint without identity is a mismatch', async () => {
    const origin = await startOrigin((wire) => wire.socket.end(plainAnswer));
    await using proxy = await startMeshHarness({
      'host:web': { endpoints: [{ port: origin.port }] },
    });
    assert.match(await proxy.ask(get(`l5d-require-id: ${webName}\r\n`)), refused);
    assert.equal(origin.connections.length, 0);
    await origin.close();
  });

  test('another endpoint may be the right one', async () => {
    const origin = await startOrigin((wire) => wire.socket.end(plainAnswer));
    await using peer = await startTlsPeer({ identity });
    const endpoints = [{ port: origin.port }, endpointOf(peer)];
    await using proxy = await startMeshHarness({ 'host:web': { endpoints } });
    for (let time = 0; time < 10; time++) {
      const answer = await proxy.ask(get(`l5d-require-id: ${webName}\r\n`));
      assert.match(answer, /^HTTP\/1.1 200 /);
    }
    assert.equal(origin.connections.length, 0);
    await origin.close();
  });
});

test('CONNECT with l5d-require-id is for endpoints that are all that one', async () => {
  await using peer = await startTlsPeer({ identity });
  await using proxy = await startMeshHarness({ 'host:web:80': { endpoints: [endpointOf(peer)] } });
  const connect = (name: string): string =>
    `CONNECT web:80 HTTP/1.1\r\nHost: web:80\r\nl5d-require-id: ${name}\r\n\r\n`;
  assert.match(await proxy.ask(connect(meshName('other'))), /^HTTP\/1.1 502 .*MISMATCH/s);
  const wire = await proxy.dial();
  wire.write(connect(webName));
  assert.match(await wire.read('\r\n\r\n'), /^HTTP\/1.1 200 /);
  wire.write(get());
  assert.match(await wire.readResponse(), /^HTTP\/1.1 200 /);
});

describe('requireIdentity', () => {
  const settings = { requireIdentity: true };

  test('refuses HTTP to an endpoint that proves none', async () => {
    const origin = await startOrigin((wire) => wire.socket.end(plainAnswer));
    const target = { endpoints: [{ port: origin.port }] };
    await using proxy = await startMeshHarness({ '*': target }, settings);
    const answer = await proxy.ask(get());
    assert.match(answer, /heddle-error: IDENTITY_MISMATCH/);
    assert.match(answer, /requireIdentity/);
    assert.equal(origin.connections.length, 0);
    await origin.close();
  });

  for (const protocol of ['opaque', 'auto'] as const) {
    test(`refuses ${protocol} bytes to an endpoint that proves none`, async () => {
      const origin = await startOrigin();
      const target = { protocol, endpoints: [{ port: origin.port }] };
      await using proxy = await startMeshHarness({ 'bind:bound:1': target }, settings);
      const wire = await dial(proxy.harness.bindPort);
      wire.write('\0\0 no protocol that anybody knows');
      await wire.until('the end', () => wire.closed);
      assert.equal(wire.received, '');
      assert.equal(origin.connections.length, 0);
      await origin.close();
    });
  }

  test('lets through what has one', async () => {
    await using peer = await startTlsPeer({ identity });
    const targets = { 'host:web': { endpoints: [endpointOf(peer)] } };
    await using proxy = await startMeshHarness(targets, settings);
    assert.match(await proxy.ask(get()), /^HTTP\/1.1 200 /);
  });
});

describe('opaque bytes', () => {
  test('go by mTLS, behind a header without a session protocol, both ways to the end', async () => {
    await using peer = await startTlsPeer({
      identity,
      opaque: ({ socket }) => socket.pipe(socket),
    });
    const target = { protocol: 'opaque', endpoints: [endpointOf(peer)] } as const;
    await using proxy = await startMeshHarness({ 'bind:bound:1': target });
    const wire = await dial(proxy.harness.bindPort);
    const sent = '\0 some bytes '.repeat(100_000);
    wire.write(sent);
    wire.end();
    assert.ok((await wire.readAll()) === sent, 'the echo');
    assert.deepEqual(peer.connections[0].header, { port: 8080, name: '', session: null });
    wire.destroy();
  });

  test('a server that speaks first is heard, and remembered', async () => {
    await using peer = await startTlsPeer({
      identity,
      opaque: ({ socket }) => socket.write('220 ready\r\n'),
    });
    const target = { endpoints: [endpointOf(peer)] };
    await using proxy = await startMeshHarness({ 'bind:bound:1': target });
    const { harness } = proxy;
    const first = await dial(harness.bindPort);
    await first.read('220 ready\r\n');
    const second = await dial(harness.bindPort);
    await second.read('220 ready\r\n');
    assert.equal(harness.metric('heddle_detect_server_first_total'), 2);
    assert.ok(peer.connections.every(({ header }) => header?.session === null));
    for (const wire of [first, second]) wire.destroy();
  });

  test('a silent client that speaks HTTP after all has a connection for HTTP', async () => {
    await using peer = await startTlsPeer({ identity });
    const target = { endpoints: [endpointOf(peer)] };
    await using proxy = await startMeshHarness({ 'bind:bound:1': target });
    const { harness } = proxy;
    const wire = await dial(harness.bindPort);
    await peer.untilConnections(1);
    wire.write(get());
    assert.match(await wire.readResponse(), /^HTTP\/1.1 200 /);
    const sessions = peer.connections.map(({ header }) => header?.session);
    assert.deepEqual(sessions, [null, 'http1']);
    wire.destroy();
  });
});

describe('a rotation', () => {
  const younger = makeRoot();
  const both = mesh.roots + younger.pem;
  const leaf = mesh.identity(clientName, 1);

  for (const version of ['HTTP/1', 'HTTP/2'] as const) {
    test(`over ${version}: only an anchor that leaves ends connections`, async () => {
      const shown = identityOf(webName, [makeLeaf(younger, webName)], [mesh.root, younger]);
      await using peer = await startTlsPeer({
        identity: { ...shown, chain: identity.chain, key: identity.key },
        ...(version === 'HTTP/2'
          ? {
              http2: (stream) => {
                stream.respond({ ':status': 200, 'content-length': '0' });
                stream.end();
              },
            }
          : {}),
      });
      const protocolHint = version === 'HTTP/2' ? 'h2' : '';
      const endpoints = [endpointOf(peer, { protocolHint })];
      await using proxy = await startMeshHarness({ 'host:web': { endpoints } });
      const { harness } = proxy;
      const wire = await proxy.dial();
      const ask = async (): Promise<void> => {
        wire.write(get());
        assert.match(await wire.readResponse(), /^HTTP\/1.1 200 /);
      };
      await ask();
      harness.send({ kind: 'identity', identity: { ...leaf, generation: 2, roots: both } });
      await ask();
      harness.send({ kind: 'identity', identity: { ...leaf, generation: 3, roots: both } });
      harness.passTime(100);
      await ask();
      assert.equal(peer.connections.length, 1, 'another root and a new leaf end nothing');
      harness.send({ kind: 'identity', identity: { ...leaf, generation: 4, roots: mesh.roots } });
      // Used so often that none ends for being idle.
      for (let second = 0; second < 6; second++) {
        harness.passTime(1_000);
        await ask();
      }
      assert.equal(peer.connections.length, 2);
    });
  }
});
