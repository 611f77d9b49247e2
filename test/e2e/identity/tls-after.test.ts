/**
 * Classes 40 to 42 behind the handshake: KeyUpdates without end, with and without a wish for an
 * answer, read and unread, end their connection; data that was sent early is nothing; and nobody
 * else notices. Method: a client of TLS 1.3 made of bytes before a real inbound listener whose
 * time the test moves.
 */

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import {
  secureSilentBytesMax,
  secureUnsentBytesMax,
  secureWatchMs,
} from '../../../core/base/limits.ts';
import { meshName } from '../../support/certificates.ts';
import { mesh, serverName, startInboundMesh } from '../../support/inbound-mesh.ts';
import { untilQuiet } from '../../support/proxy-harness.ts';
import { dialTls } from '../../support/tls-client.ts';
import { record, recordType } from '../../support/tls-hello.ts';
import { Tls13Client } from '../../support/tls13-client.ts';
import { untilStill } from '../../support/turns.ts';
import { dial, type Wire } from '../../support/wire.ts';

let inbound: Awaited<ReturnType<typeof startInboundMesh>>;
const alice = mesh.identity(meshName('alice'));
/** What the origin has been asked. */
const requests: string[] = [];
const get = 'GET / HTTP/1.1\r\nhost: web\r\n\r\n';

before(async () => {
  inbound = await startInboundMesh(serve);
});

after(async () => {
  await inbound.close();
});

/** The bystander: asks behind every attack. */
afterEach(async () => {
  const { harness, origin } = inbound;
  const wire = await dialTls(harness.inboundPort, { serverName, identity: alice });
  wire.write(get);
  assert.match(await wire.readResponse(), /^HTTP\/1.1 200 OK/);
  wire.destroy();
  for (const one of origin.connections) one.destroy();
  await untilQuiet(harness);
  requests.length = 0;
});

/** Answers each request at once, a POST with more than the kernel holds. */
function serve(wire: Wire): void {
  let taken = 0;
  wire.socket.on('data', () => {
    for (;;) {
      const end = wire.received.indexOf('\r\n\r\n', taken);
      if (end === -1) return;
      const head = wire.received.slice(taken, end);
      taken = head.startsWith('POST') ? Number.POSITIVE_INFINITY : end + 4;
      requests.push(head.slice(0, head.indexOf(' HTTP')));
      const body = head.startsWith('POST') ? 'x'.repeat(fillBytes) : 'ok';
      wire.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    }
  });
}

async function connect(): Promise<Tls13Client> {
  const client = new Tls13Client(await dial(inbound.harness.inboundPort));
  await client.shake({ serverName });
  return client;
}

async function pass(wire: Wire, bytes: Buffer): Promise<void> {
  await new Promise((resolve) => wire.socket.write(bytes, resolve));
  await untilStill('what is read', () => wire.received.length);
}

/** No client is connected, seen from the proxy: one that does not read hears of no end. */
function isQuiet(): boolean {
  return inbound.harness.metric('tcp_open_connections', { peer: 'src' }) === 0;
}

function hasEnded({ wire }: Tls13Client): boolean {
  return wire.ended || wire.closed;
}

describe('KeyUpdates', () => {
  for (const requestsUpdate of [false, true]) {
    const what = requestsUpdate ? 'that ask for an answer' : 'that ask for nothing';

    test(`${what} are followed`, async () => {
      const client = await connect();
      for (let round = 0; round < 100; round++) {
        client.wire.socket.write(client.keyUpdate(requestsUpdate));
      }
      client.write(get);
      assert.match(await client.read('ok'), /^HTTP\/1.1 200 OK/);
      inbound.harness.passTime(2 * secureWatchMs);
      client.write(get);
      assert.match(await client.read('ok'), /^HTTP\/1.1 200 OK/);
      client.wire.destroy();
    });

    test(`${what}, thousands of them, end their connection`, async () => {
      const client = await connect();
      client.write(get);
      await client.read('ok');
      const updates: Buffer[] = [];
      for (let sent = 0; sent < 2 * secureSilentBytesMax; sent += updates[0].length) {
        updates.push(client.keyUpdate(requestsUpdate));
      }
      await pass(client.wire, Buffer.concat(updates));
      assert.equal(hasEnded(client), false);
      inbound.harness.passTime(2 * secureWatchMs);
      await client.wire.until('the end', () => hasEnded(client));
      client.wire.destroy();
    });
  }

  test('between data, whose answers nobody reads, end their connection', async () => {
    const { harness } = inbound;
    const client = await connect();
    client.write('POST / HTTP/1.1\r\nhost: web\r\ncontent-length: 100000000\r\n\r\n');
    client.wire.socket.pause();
    await inbound.origin.until('a request', () => requests.length === 1);
    const app = inbound.origin.connections.at(-1) as Wire;
    // What fills the buffers of the kernel, so that nothing more goes out.
    await untilStill('the answer', () => app.socket.bytesWritten - app.socket.writableLength);
    assert.ok(app.socket.writableLength > 0);
    const roundsMax = Math.ceil((2 * secureUnsentBytesMax) / (roundUpdates * 27));
    let round = 0;
    for (; round < roundsMax && !isQuiet(); round++) {
      const parts: Buffer[] = [client.seal(recordType.data, Buffer.alloc(dataBytes))];
      for (let at = 0; at < roundUpdates; at++) parts.push(client.keyUpdate(true));
      await pass(client.wire, Buffer.concat(parts));
      harness.passTime(secureWatchMs);
    }
    assert.ok(isQuiet());
    assert.ok(round > 5, `${round} rounds`);
    client.wire.destroy();
  });
});

describe('data that is sent early', () => {
  /** Of a session that we have never had, with a binder of zeros. */
  const session = Buffer.concat([
    Buffer.from('00260020', 'hex'),
    Buffer.alloc(32, 5),
    Buffer.from('00000000002120', 'hex'),
    Buffer.alloc(32),
  ]);
  const offer = { serverName, extensions: [[42, Buffer.alloc(0)]], last: [41, session] } as const;

  test('is passed over: the handshake goes on, and no request is served from it', async () => {
    const client = new Tls13Client(await dial(inbound.harness.inboundPort));
    const early = record(recordType.data, Buffer.concat([Buffer.from(get), Buffer.alloc(17, 1)]));
    await client.shake(offer, early);
    client.write('GET /late HTTP/1.1\r\nhost: web\r\n\r\n');
    await client.read('ok');
    assert.deepEqual(requests, ['GET /late']);
    client.wire.destroy();
  });

  test('in plaintext, or without end, ends its connection', async () => {
    const part = record(recordType.data, Buffer.alloc(16_384, 1));
    for (const early of [
      Buffer.from(get),
      record(recordType.handshake, Buffer.from(get)),
      Buffer.concat(new Array<Buffer>(8).fill(part)),
    ]) {
      const client = new Tls13Client(await dial(inbound.harness.inboundPort));
      const hello = record(recordType.handshake, client.hello(offer));
      client.wire.socket.write(Buffer.concat([hello, early]));
      await client.wire.until('the end', () => hasEnded(client));
      assert.deepEqual(requests, []);
      client.wire.destroy();
    }
  });

  test('has no session to be of: a ticket allows none', async () => {
    const client = await connect();
    for (const _ of [1, 2]) {
      const { type, body } = await client.readRecord();
      assert.deepEqual([type, body[0]], [recordType.handshake, 4]);
      // Its last field is a list of extensions, of which early_data would be one.
      assert.equal(body.subarray(-2).toString('hex'), '0000');
    }
    client.wire.destroy();
  });
});

const fillBytes = 16 * 1024 * 1024;
const roundUpdates = 5_000;
const dataBytes = 8_192;
