/**
 * Goal: the leaves of a pair verify each other as the peers will ask them to. Method: a handshake
 * of Node's own TLS with both files of each half, and one with another root.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { connect, createServer, type TLSSocket } from 'node:tls';
import type { HopTls } from '../hop.ts';
import { Run } from '../run.ts';
import { writeCertificates } from './certificates.ts';

test('the halves of a pair take each other, by name and by chain', async (context) => {
  const { outbound, inbound } = makePair(context);
  const { server, client } = await shakeHands(context, inbound, outbound);
  assert.equal(server.authorized, true);
  assert.equal(client.authorized, true);
  assert.equal(server.getPeerCertificate().subjectaltname, `DNS:${inbound.peerName}`);
});

test('those of another run have another root', async (context) => {
  const { inbound } = makePair(context);
  const stranger = makePair(context).outbound;
  await assert.rejects(shakeHands(context, inbound, stranger), /certificate signature failure/);
});

function makePair(context: TestContext): ReturnType<typeof writeCertificates> {
  const run = new Run();
  context.after(() => run.close());
  return writeCertificates(run.makeFolder('tls'));
}

async function shakeHands(
  context: TestContext,
  inbound: HopTls,
  outbound: HopTls,
): Promise<{ server: TLSSocket; client: TLSSocket }> {
  const listener = createServer({ ...filesOf(inbound), requestCert: true, minVersion: 'TLSv1.3' });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const accepted = once(listener, 'secureConnection') as Promise<[TLSSocket]>;
  const client = connect({
    host: '127.0.0.1',
    port,
    servername: outbound.peerName,
    ...filesOf(outbound),
  });
  context.after(() => {
    client.destroy();
    listener.close();
  });
  listener.on('tlsClientError', () => undefined);
  await once(client, 'secureConnect');
  const [server] = await accepted;
  context.after(() => server.destroy());
  return { server, client };
}

function filesOf(tls: HopTls): { cert: Buffer; key: Buffer; ca: Buffer } {
  const [cert, key, ca] = [tls.chain, tls.key, tls.roots].map((file) => readFileSync(file));
  return { cert, key, ca };
}
