/**
 * Goal: what goes to an endpoint with an identity goes by mTLS to exactly that one, with the
 * transport header where there is one, and never in plaintext. Method: the outbound proxy between
 * raw clients and peers made of node:tls.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndpointTraits } from '../../api/snapshot.ts';
import { makeMesh, meshName } from '../support/certificates.ts';
import { startHarness } from '../support/proxy-harness.ts';
import { startTlsPeer } from '../support/tls-peer.ts';
import { dial } from '../support/wire.ts';

const mesh = makeMesh();
const web = meshName('web');
const client = meshName('client');

test('a request goes by mTLS to the inbound port, behind a header that names the port', async () => {
  await using peer = await startTlsPeer({ identity: mesh.identity(web) });
  const endpoints = [{ port: 8080, traits: traits({ opaqueTransportPort: peer.port }) }];
  const harness = await startHarness({ 'host:web': { endpoints } }, { identity: client });
  harness.send({ kind: 'identity', identity: mesh.identity(client, 1) });
  const wire = await dial(harness.outboundPort);
  wire.write('GET / HTTP/1.1\r\nHost: web\r\n\r\n');
  assert.match(await wire.readResponse(), /^HTTP\/1.1 200 OK/);
  const [connection] = peer.connections;
  assert.equal(connection.serverName, web);
  assert.equal(connection.clientNames, `DNS:${client}`);
  assert.deepEqual(connection.header, { port: 8080, name: '', session: 'http1' });
  wire.destroy();
  await harness.close();
});

function traits(overrides: Partial<EndpointTraits> = {}): EndpointTraits {
  return {
    identity: web,
    serverName: web,
    protocolHint: '',
    opaqueTransportPort: 0,
    authorityOverride: '',
    http2: null,
    labels: {},
    ...overrides,
  };
}
