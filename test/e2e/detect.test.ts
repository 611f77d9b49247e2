/**
 * Goal: what a connection speaks is found out within bounds, never wrongly, and without a stall
 * where the server speaks first (attack class 42). Method: real TLS, HTTP/2 and raw clients; time
 * stands still and is put forward by hand, so that "at once" and "after 50 ms" can be told apart.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { type Harness, startHarness } from '../support/proxy-harness.ts';
import { dial, type Origin, startOrigin, type Wire } from '../support/wire.ts';

let origin: Origin;
let harness: Harness;

before(async () => {
  origin = await startOrigin();
});

after(() => origin.close());

/** Everything that is on its way has arrived when nothing happens for some turns of the loop. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe('TLS by server name', () => {
  const psk = Buffer.from('shared');
  const common = { ciphers: 'PSK', maxVersion: 'TLSv1.2' } as const;
  const clientOptions = {
    ...common,
    pskCallback: () => ({ psk, identity: 'client' }),
    checkServerIdentity: () => undefined,
  };
  const server = createTlsServer({ ...common, pskCallback: () => psk }, (socket) => {
    socket.pipe(socket);
  });

  before(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    harness = await startHarness({
      'sni:secure.test': { endpoints: [{ port }] },
      'sni:raw.test': { protocol: 'http', endpoints: [{ port: origin.port }] },
      'sni:nobody.test': { state: 'absent', endpoints: [] },
    });
  });

  after(async () => {
    await harness.close();
    server.close();
  });

  function startTls(servername: string, port = harness.outboundPort) {
    return connectTls({ ...clientOptions, host: '127.0.0.1', port, servername });
  }

  test('the handshake and the data are between client and server', async () => {
    const client = startTls('secure.test');
    await once(client, 'secureConnect');
    client.write('secret');
    const [echo] = (await once(client, 'data')) as [Buffer];
    assert.equal(echo.toString(), 'secret');
    client.end();
    await once(client, 'close');
    assert.equal(harness.metric('outbound_tcp_detect_http_results_total'), 1);
  });

  test('an unknown name is answered with the alert for it', async () => {
    const client = startTls('nobody.test');
    const [error] = (await once(client, 'error')) as [NodeJS.ErrnoException];
    assert.equal(error.code, 'ERR_SSL_TLSV1_UNRECOGNIZED_NAME');
    const hello = await helloOf('nobody.test');
    const raw = await dial(harness.outboundPort);
    raw.write(hello);
    assert.equal(await raw.readAll(), '\x15\x03\x03\x00\x02\x02\x70');
    raw.destroy();
  });

  /** What a real client sends first. */
  async function helloOf(servername: string): Promise<string> {
    const client = startTls(servername, origin.port);
    client.on('error', () => {});
    const wire = await origin.accept();
    const header = await wire.readBytes(5);
    const body = await wire.readBytes(header.charCodeAt(3) * 256 + header.charCodeAt(4));
    wire.destroy();
    client.destroy();
    return header + body;
  }

  test('a ClientHello in records of any size goes on as it came', async () => {
    const body = (await helloOf('raw.test')).slice(5);
    for (let size = 1; size <= body.length; size++) {
      let hello = '';
      for (let at = 0; at < body.length; at += size) {
        const part = body.slice(at, at + size);
        hello += `\x16\x03\x01${String.fromCharCode(part.length >> 8, part.length & 255)}${part}`;
      }
      const client = await dial(harness.outboundPort);
      client.write(hello);
      const wire = await origin.accept();
      assert.equal(await wire.readBytes(hello.length), hello, `records of ${size} bytes`);
      client.destroy();
      wire.destroy();
    }
  });

  test('one that comes byte by byte goes on as it came', async () => {
    const hello = await helloOf('raw.test');
    const client = await dial(harness.outboundPort);
    for (const byte of hello) {
      client.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const wire = await origin.accept();
    assert.equal(await wire.readBytes(hello.length), hello);
    client.destroy();
    wire.destroy();
  });
});

describe('a port that is bound to a service', () => {
  beforeEach(async () => {
    harness = await startHarness({ 'bind:bound:1': { endpoints: [{ port: origin.port }] } });
    harness.stopTime();
  });

  afterEach(() => harness.close());

  test('HTTP/2 passes as it is, between a real client and server', async () => {
    const server = createHttp2Server((request, response) => {
      response.end(`hello ${request.headers[':path']}`);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    harness.setTarget('bind:bound:1', { endpoints: [{ port }] });
    const client = connectHttp2(`http://127.0.0.1:${harness.bindPort}`);
    const stream = client.request({ ':path': '/a' });
    let body = '';
    for await (const chunk of stream) body += String(chunk);
    assert.equal(body, 'hello /a');
    client.close();
    await once(client, 'close');
    server.close();
    assert.equal(results('http/2'), 1);
  });

  test('a server that speaks first is heard after the silence, then at once for 60 s', async () => {
    const banner = async (): Promise<void> => {
      const server = await origin.accept();
      server.write('220 ready\r\n');
      assert.equal(await client.read('\n'), '220 ready\r\n');
      client.write('GET / HTTP/1.1\r\n');
      assert.equal(await server.read('\n'), 'GET / HTTP/1.1\r\n');
      client.destroy();
      await server.until('the end', () => server.ended);
      server.destroy();
    };
    let client = await silentClient();
    await pass(60);
    await banner();
    assert.equal(harness.metric('heddle_detect_server_first_total', { authority: 'bound:1' }), 1);
    client = await dial(harness.bindPort);
    await banner();
    await pass(61_000);
    client = await silentClient();
    await pass(60);
    await banner();
  });

  test('a client that speaks HTTP is served on the connection that was dialled', async () => {
    await rememberServerFirst();
    for (const remembered of [true, false]) {
      const dialled = origin.connections.length;
      const client = remembered ? await dial(harness.bindPort) : await silentClient();
      if (!remembered) await pass(60);
      const server = await origin.accept();
      await serve(client, server);
      assert.equal(origin.connections.length, dialled + 1);
    }
  });

  test('a connection that is still being dialled when the client speaks is used', async () => {
    for (const text of ['GET / HTTP/1.1\r\nHost: a\r\n\r\n', '\x00opaque']) {
      const dialled = origin.connections.length;
      const client = await silentClient();
      client.write(text);
      harness.passTime(60);
      const server = await origin.accept();
      assert.equal(await server.readBytes(text.length), text);
      await settle();
      assert.equal(origin.connections.length, dialled + 1);
      client.destroy();
      server.destroy();
    }
  });

  test('what is declared is never overridden', async () => {
    await rememberServerFirst();
    harness.setTarget('bind:bound:1', { protocol: 'http', endpoints: [{ port: origin.port }] });
    await settle();
    const client = await silentClient();
    await pass(60);
    client.write('not HTTP\r\n\r\n');
    assert.match(await client.readAll(), /^HTTP\/1\.1 400 /);
    client.destroy();
  });

  test('another endpoint is dialled for a silent client when the first refuses', async () => {
    const gone = await startOrigin();
    await gone.close();
    harness.setTarget('bind:bound:1', { endpoints: [{ port: gone.port }, { port: origin.port }] });
    for (let round = 0; round < 6; round++) {
      const client = await silentClient();
      await pass(60);
      await pass(60);
      const server = await origin.accept();
      server.write('banner\n');
      assert.equal(await client.read('\n'), 'banner\n');
      client.destroy();
      await server.until('the end', () => server.ended);
      server.destroy();
      await pass(61_000);
    }
  });

  test('the wait ends after 10 s, is counted, and the log says what avoids it', async () => {
    const client = await silentClient();
    client.write('PRI * H');
    await pass(60);
    const server = await origin.accept();
    assert.equal(server.received, '');
    await pass(10_000);
    assert.equal(await server.readBytes(7), 'PRI * H');
    assert.equal(harness.metric('heddle_detect_timeouts_total', { authority: 'bound:1' }), 1);
    assert.equal(results('read_timeout'), 1);
    const record = harness.logs.find((log) => log.message.startsWith('Protocol detection timed'));
    assert.match(JSON.stringify(record), /protocol: opaque/);
    client.destroy();
    server.destroy();
  });

  test('polyglots, garbage and drips go on as they came, or are answered as HTTP', async () => {
    const opaque = [
      '\x16\x03\x01GET / HTTP/1.1\r\nHost: a\r\n\r\n',
      '\x16\x03\x01\xff\xffgarbage of the wrong length',
      '\x00GET / HTTP/1.1\r\n\r\n',
      `\x16\x03\x01\x40\x00\x01\x00\xff\xff${'\0'.repeat(20_000)}`,
      'get key\r\n',
      '\x80'.repeat(65_536),
      'A'.repeat(65_536),
    ];
    for (const text of opaque) {
      const client = await silentClient();
      client.write(text);
      const server = await origin.accept();
      assert.equal(await server.readBytes(text.length), text);
      client.destroy();
      server.destroy();
    }
    const refused: [string, number][] = [
      ['GET / HTTP/1.1\r\n\x16\x03\r\n\r\n', 400],
      ['PRI * HTTP/1.1\r\n\r\nSM\r\n\r\n', 400],
      ['PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n', 505],
    ];
    const mixed = await silentClient();
    mixed.write(`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nGET / HTTP/1.1\r\n\r\n`);
    // "GET" as the length of a frame is more than any may have.
    assert.match(await mixed.readAll(), /SETTINGS_MAX_FRAME_SIZE/);
    mixed.destroy();
    for (const [text, status] of refused) {
      const client = await silentClient();
      client.write(text);
      assert.equal((await client.readAll()).slice(0, 12), `HTTP/1.1 ${status}`, text);
      client.destroy();
    }
  });

  /** A client that the proxy has met, and for which nothing has been dialled. */
  async function silentClient(): Promise<Wire> {
    const dialled = origin.connections.length;
    const client = await dial(harness.bindPort);
    await settle();
    assert.equal(origin.connections.length, dialled, 'nothing is dialled at once');
    return client;
  }

  async function pass(ms: number): Promise<void> {
    harness.passTime(ms);
    await settle();
  }

  async function rememberServerFirst(): Promise<void> {
    const client = await silentClient();
    await pass(60);
    const server = await origin.accept();
    server.write('banner\n');
    await client.read('\n');
    client.destroy();
    await server.until('the end', () => server.ended);
    server.destroy();
  }

  async function serve(client: Wire, server: Wire): Promise<void> {
    const request = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
    client.write(request);
    assert.equal(await server.read('\r\n\r\n'), request);
    server.write('HTTP/1.1 204 No Content\r\n\r\n');
    assert.equal(await client.read('\r\n\r\n'), 'HTTP/1.1 204 No Content\r\n\r\n');
    client.destroy();
    server.destroy();
  }

  function results(result: string): number {
    return harness.metric('outbound_tcp_detect_http_results_total', { result });
  }
});

describe('the outbound listener, where nothing says for whom bytes are', () => {
  before(async () => {
    harness = await startHarness({});
    harness.stopTime();
  });

  after(() => harness.close());

  test('answers garbage as malformed HTTP', async () => {
    const cases: [string, RegExp][] = [
      ['\x80'.repeat(65_536), /^HTTP\/1\.1 400 /],
      ['\x16\x03\x01GET / HTTP/1.1\r\n\r\n', /^HTTP\/1\.1 400 /],
    ];
    for (const [text, answer] of cases) {
      const client = await dial(harness.outboundPort);
      client.write(text);
      assert.match(await client.readAll(), answer);
      client.destroy();
    }
  });

  test('a drip of a preface is waited for no longer than 10 s', async () => {
    const client = await dial(harness.outboundPort);
    for (const byte of 'PRI * H') {
      client.write(byte);
      await settle();
      harness.passTime(1_000);
    }
    assert.equal(client.ended, false);
    harness.passTime(3_500);
    assert.equal(await client.readAll(), '');
    client.destroy();
  });
});
