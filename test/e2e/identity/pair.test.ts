/**
 * Goal: an application behind two of our proxies gets what the other application has sent, by mTLS
 * and with the caller's identity, whatever it speaks and whichever way the proxies agree on.
 * Method: one data plane on either side, raw applications at both ends, a relay between the
 * proxies that sees all bytes.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { after, afterEach, before, describe, test } from 'node:test';
import { makeMesh, meshName } from '../../support/certificates.ts';
import { request } from '../../support/h2-block.ts';
import { H2Peer, type PeerStream } from '../../support/h2-peer.ts';
import { type Harness, startHarness } from '../../support/proxy-harness.ts';
import { untilTurn } from '../../support/turns.ts';
import { dial, type Origin, startOrigin, type Wire } from '../../support/wire.ts';

const mesh = makeMesh();
const web = meshName('web');
const caller = meshName('caller');

let origin: Origin;
let callee: Harness;
let between: Server;
let seen = '';

before(async () => {
  origin = await startOrigin();
  callee = await startHarness(
    { 'inbound:': { endpoints: [{ port: origin.port }] } },
    { identity: web, inboundTo: { host: '127.0.0.1', port: origin.port } },
  );
  callee.send({ kind: 'identity', identity: mesh.identity(web, 1) });
  between = createServer({ noDelay: true, allowHalfOpen: true }, (near) => {
    const options = { port: callee.inboundPort, host: '127.0.0.1', allowHalfOpen: true };
    const far = connect({ ...options, noDelay: true });
    near.on('data', (bytes: Buffer) => (seen += bytes.toString('latin1')));
    near.pipe(far).pipe(near);
    for (const one of [near, far]) one.on('error', () => [near, far].map((it) => it.destroy()));
  });
  between.listen(0, '127.0.0.1');
  await once(between, 'listening');
});

after(async () => {
  between.close();
  await callee.close();
  await origin.close();
});

for (const mode of ['transport-header', 'transparent'] as const) {
  describe(mode, () => {
    let harness: Harness;

    before(async () => {
      const { port } = between.address() as AddressInfo;
      const isDirect = mode === 'transport-header';
      const traits = {
        identity: web,
        serverName: web,
        opaqueTransportPort: isDirect ? port : 0,
        authorityOverride: '',
        http2: null,
        labels: {},
      };
      const endpoint = { port: isDirect ? origin.port : port };
      const target = (protocolHint: '' | 'h2' | 'opaque', protocol: 'auto' | 'opaque') => ({
        protocol,
        endpoints: [{ ...endpoint, traits: { ...traits, protocolHint } }],
      });
      harness = await startHarness(
        {
          'host:web': target('h2', 'auto'),
          'host:old': target('', 'auto'),
          'bind:bound:1': target('opaque', 'opaque'),
        },
        { identity: caller, outboundTransportMode: mode },
      );
      harness.send({ kind: 'identity', identity: mesh.identity(caller, 1) });
    });

    after(() => harness.close());

    afterEach(async () => {
      for (const app of origin.connections) app.destroy();
      harness.proxy.receive({ kind: 'drain', stage: 'force' });
      await untilTurn('the callee', () => callee.inFlight() === 0);
    });

    for (const [host, what] of [
      ['web', 'over HTTP/2'],
      ['old', 'over HTTP/1'],
    ]) {
      test(`HTTP/1.1 ${what} is HTTP/1.1 again`, async () => {
        seen = '';
        const wire = await dial(harness.outboundPort);
        const app = await nextConnection(() => {
          wire.write(
            `POST /secret?q HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n` +
              'l5d-client-id: root\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
          );
        });
        const head = await app.read('\r\n\r\n');
        assert.match(head, /^POST \/secret\?q HTTP\/1.1\r\n/);
        assert.match(head, new RegExp(`\r\nhost: ${host}\r\n`, 'i'));
        assert.match(head, /\r\ntransfer-encoding: chunked\r\n/i);
        assert.equal(head.match(/l5d-client-id/g)?.length, 1, head);
        assert.ok(head.includes(`\r\nl5d-client-id: ${caller}\r\n`), head);
        assert.doesNotMatch(head, /orig-proto/);
        assert.equal(await app.read('0\r\n\r\n'), '3\r\nabc\r\n0\r\n\r\n');
        app.write('HTTP/1.1 200 Fine\r\ncontent-length: 2\r\nx-secret: 1\r\n\r\nok');
        const response = await wire.readResponse();
        assert.match(response, /^HTTP\/1.1 200 .*\r\n[\s\S]*\r\nx-secret: 1\r\n[\s\S]*ok$/);
        assert.doesNotMatch(response, /orig-proto|connection:/i);
        assert.ok(seen.length > 0 && !seen.includes('secret'), 'nothing of it is plaintext');
        wire.destroy();
      });

      test(`HTTP/1.0 and an upgrade ${what}`, async () => {
        const wire = await dial(harness.outboundPort);
        const app = await nextConnection(() =>
          wire.write(`GET / HTTP/1.0\r\nHost: ${host}\r\n\r\n`),
        );
        assert.match(await app.read('\r\n\r\n'), /^GET \/ HTTP\/1\.[01]\r\n/);
        app.write('HTTP/1.0 200 OK\r\n\r\nuntil the end');
        app.end();
        assert.match(await wire.readAll(), /^HTTP\/1.[01] 200 OK\r\n[\s\S]*\r\nuntil the end$/);
        const upgraded = await dial(harness.outboundPort);
        const server = await nextConnection(() => {
          upgraded.write(
            `GET /ws HTTP/1.1\r\nHost: ${host}\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n`,
          );
        });
        assert.match(await server.read('\r\n\r\n'), /\r\nconnection: upgrade\r\n/i);
        server.write(
          'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n',
        );
        assert.match(await upgraded.read('\r\n\r\n'), /^HTTP\/1.1 101 /);
        upgraded.write('ping');
        assert.equal(await server.readBytes(4), 'ping');
        for (const one of [wire, upgraded, server]) one.destroy();
      });
    }

    test('HTTP/2 stays HTTP/2, with large content both ways', async () => {
      const wire = await dial(harness.outboundPort);
      const client = new H2Peer(wire, true);
      const content = 'x'.repeat(300_000);
      const streams: PeerStream[] = [];
      const accepted = await nextConnection(() => {
        const fields = request('POST', '/').map((field) =>
          field[0] === ':authority' ? ([':authority', 'web'] as const) : field,
        );
        streams.push(client.request(fields, content));
      });
      const app = new H2Peer(accepted, false);
      const asked = await app.nextRequest();
      await app.ending(asked);
      assert.equal(asked.content, content);
      assert.ok(asked.heads[0].includes(`l5d-client-id=${caller}`), asked.heads[0]);
      app.respond(asked, [[':status', '200']], content, [['x-sum', '1']]);
      const answered = await client.ending(streams[0]);
      assert.equal(answered.content, content);
      assert.equal(answered.heads[1], 'x-sum=1');
      wire.destroy();
    });

    test('opaque bytes go through, the server speaks first, each side ends by itself', async () => {
      let wire: Wire | undefined;
      const app = await nextConnection(async () => {
        wire = await dial(harness.bindPort);
      });
      app.write('220 ready\r\n');
      assert.equal(await wire?.read('\r\n'), '220 ready\r\n');
      const content = 'y'.repeat(2_000_000);
      wire?.write(content);
      assert.equal(await app.readBytes(content.length), content);
      wire?.end();
      await app.until('the end', () => app.ended);
      app.write('bye');
      app.end();
      assert.equal(await wire?.readAll(), 'bye');
    });
  });
}

/** The connection that the application gets next. */
async function nextConnection(act: () => unknown): Promise<Wire> {
  const count = origin.connections.length;
  await act();
  await origin.until('a connection', () => origin.connections.length > count);
  return origin.connections[count];
}
