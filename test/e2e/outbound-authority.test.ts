/**
 * Goal: an endpoint whose control plane overrides the authority is told that one, by whichever
 * version, and nothing that names the service here; others are told what the client said. Method:
 * the outbound proxy between raw clients and a peer that keeps the heads that it gets.
 */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { get, response } from '../support/h2-block.ts';
import { code } from '../support/h2-frames.ts';
import { dialH2, startH2Origin } from '../support/h2-peer.ts';
import { mesh, startMeshHarness, traitsOf, webName } from '../support/mesh-harness.ts';
import { startTlsPeer } from '../support/tls-peer.ts';
import { startOrigin } from '../support/wire.ts';

const override = 'web.far.example:81';
const asked = 'GET /a?b HTTP/1.1\r\nX: 1\r\nHost: web\r\nl5d-dst-canonical: web:80\r\nY: 2\r\n\r\n';

describe('HTTP/1.1, byte for byte', () => {
  const cases: readonly (readonly [name: string, traits: object, expected: string])[] = [
    [
      'overridden',
      { identity: '', authorityOverride: override },
      `GET /a?b HTTP/1.1\r\nhost: ${override}\r\nX: 1\r\nY: 2\r\n\r\n`,
    ],
    ['not overridden', { identity: '' }, asked],
    ['by what is no authority', { identity: '', authorityOverride: 'a\r\nb: c' }, asked],
  ];
  for (const [name, traits, expected] of cases) {
    test(name, async () => {
      const origin = await startOrigin();
      const endpoints = [{ port: origin.port, traits: traitsOf(traits) }];
      await using proxy = await startMeshHarness({ 'host:web': { endpoints } });
      const answer = proxy.ask(asked);
      const wire = await origin.accept();
      const head = await wire.read('\r\n\r\n');
      assert.equal(head, expected);
      wire.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
      assert.match(await answer, /^HTTP\/1.1 200 OK/);
      await origin.close();
    });
  }

  test('the absolute form and HTTP/1.0, which names no host', async () => {
    const heads: string[] = [];
    const origin = await startOrigin();
    const traits = traitsOf({ identity: '', authorityOverride: override });
    const target = { endpoints: [{ port: origin.port, traits }] };
    await using proxy = await startMeshHarness({ 'host:web': target });
    for (const text of [
      'GET http://web/a HTTP/1.1\r\nHost: web\r\n\r\n',
      'GET http://web HTTP/1.0\r\n\r\n',
    ]) {
      const answer = proxy.ask(text);
      const wire = origin.connections[0] ?? (await origin.accept());
      heads.push(await wire.read('\r\n\r\n'));
      wire.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
      await answer;
    }
    assert.deepEqual(heads, [
      `GET /a HTTP/1.1\r\nhost: ${override}\r\n\r\n`,
      `GET / HTTP/1.1\r\nhost: ${override}\r\n\r\n`,
    ]);
    await origin.close();
  });
});

describe('HTTP/2', () => {
  test('as it came; an attempt at another endpoint says what the client said', async () => {
    const heads: string[] = [];
    const gateway = await startH2Origin((peer, stream) => {
      heads.push(`gateway ${stream.head}`);
      peer.cancel(stream, code.REFUSED_STREAM);
    });
    const other = await startH2Origin((peer, stream) => {
      heads.push(`other ${stream.head}`);
      peer.respond(stream, response(200));
    });
    const endpoints = [
      { port: gateway.port, traits: traitsOf({ identity: '', authorityOverride: override }) },
      { port: other.port, traits: traitsOf({ identity: '' }) },
    ];
    // Which one a new proxy asks first is left to chance; an old one goes by what it has measured.
    for (let turn = 0; turn < 40 && new Set(heads).size < 3; turn++) {
      await using proxy = await startMeshHarness({ 'host:web': { endpoints } });
      const client = await dialH2(proxy.harness.outboundPort);
      await client.ending(client.request(get('/', [['l5d-dst-canonical', 'web:80']])));
      client.destroy();
    }
    const base = ':method=GET :scheme=http :path=/ :authority=';
    assert.deepEqual([...new Set(heads)].toSorted(), [
      `gateway ${base}${override}`,
      `other ${base}web`,
      `other ${base}web l5d-dst-canonical=web:80`,
    ]);
    await gateway.close();
    await other.close();
  });

  test('restored from HTTP/1.1, to a gateway with an identity', async () => {
    const heads: (string | undefined)[][] = [];
    await using peer = await startTlsPeer({
      identity: mesh.identity(webName),
      http2(stream, headers) {
        const seen = [':authority', 'host', 'l5d-dst-canonical', 'l5d-orig-proto'];
        heads.push(seen.map((name) => headers[name]?.toString()));
        stream.respond({ ':status': 200, 'l5d-orig-proto': 'HTTP/1.1' }, { endStream: true });
      },
    });
    const traits = traitsOf({ protocolHint: 'h2', authorityOverride: override });
    const target = { endpoints: [{ port: peer.port, traits }] };
    await using proxy = await startMeshHarness({ 'host:web': target });
    assert.match(await proxy.ask(asked), /^HTTP\/1.1 200 OK/);
    assert.deepEqual(heads, [[override, undefined, undefined, 'HTTP/1.1']]);
    const { header } = peer.connections[0];
    assert.deepEqual(header, { port: 81, name: 'web.far.example', session: 'http2' });
  });
});
