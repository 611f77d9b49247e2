/**
 * Goal: what is under way with a peer that was proved by a trust anchor that has left, opaque bytes
 * and streams of HTTP, goes on for its hour and is then ended, on either side; others are left
 * alone. Method: either direction of a proxy with peers of node:tls; time is put forward by hand.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeMesh, meshName } from '../../support/certificates.ts';
import {
  clientName,
  endpointOf,
  mesh,
  startMeshHarness,
  webName,
} from '../../support/mesh-harness.ts';
import { type Harness, startHarness, untilQuiet } from '../../support/proxy-harness.ts';
import { dialTls } from '../../support/tls-client.ts';
import { startTlsPeer } from '../../support/tls-peer.ts';
import { untilTurn } from '../../support/turns.ts';
import { dial, startOrigin, type Wire } from '../../support/wire.ts';

const minuteMs = 60_000;
const other = makeMesh();

/** After 53 minutes all are there, after an hour those are reset that have to be. */
async function passHour(
  harness: Harness,
  direction: string,
  [leaving, staying]: readonly [leaving: Wire, staying: Wire],
  swept: () => boolean,
): Promise<void> {
  const ended = () => harness.metric('heddle_distrusted_connections_ended_total', { direction });
  harness.passTime(53 * minuteMs);
  await untilTurn('connections of HTTP to be let go', swept);
  for (const wire of [leaving, staying]) await echo(wire);
  assert.equal(ended(), 0);
  harness.passTime(8 * minuteMs);
  await leaving.until('the end', () => leaving.closed);
  assert.equal(ended(), 1);
  await echo(staying);
}

async function echo(wire: Wire): Promise<void> {
  wire.write('\0x');
  assert.equal(await wire.readBytes(2), '\0x');
}

test('of an endpoint that was proved by it', async () => {
  await using peer = await startTlsPeer({
    identity: mesh.identity(webName),
    opaque: ({ socket }) => socket.pipe(socket).on('error', () => undefined),
  });
  await using web = await startTlsPeer({ identity: mesh.identity(webName) });
  const target = { protocol: 'opaque', endpoints: [endpointOf(peer)] } as const;
  await using proxy = await startMeshHarness({
    'bind:bound:1': target,
    'host:web': { endpoints: [endpointOf(web)] },
  });
  const { harness } = proxy;
  const roots = mesh.roots + other.roots;
  harness.send({ kind: 'identity', identity: { ...mesh.identity(clientName, 2), roots } });
  const leaving = await dial(harness.bindPort);
  await echo(leaving);
  await proxy.ask('GET / HTTP/1.1\r\nHost: web\r\n\r\n');
  harness.send({ kind: 'identity', identity: mesh.identity(clientName, 3) });
  const staying = await dial(harness.bindPort);
  await echo(staying);
  await passHour(harness, 'outbound', [leaving, staying], () => web.accepted[0].destroyed);
  staying.destroy();
});

test('of a client that was proved by it; plaintext stays', async () => {
  const serverName = meshName('web');
  const origin = await startOrigin((wire) => {
    wire.socket.on('data', (bytes: Buffer) => {
      const isHttp = bytes.subarray(0, 3).toString() === 'GET';
      wire.socket.write(isHttp ? 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n' : bytes);
    });
  });
  const harness = await startHarness(
    { 'inbound:': { endpoints: [{ port: origin.port }] } },
    { identity: serverName, inboundTo: { host: '127.0.0.1', port: origin.port } },
  );
  const roots = mesh.roots + other.roots;
  harness.send({ kind: 'identity', identity: { ...mesh.identity(serverName, 1), roots } });
  const identity = mesh.identity(meshName('alice'));
  const leaving = await dialTls(harness.inboundPort, { serverName, identity });
  const http = await dialTls(harness.inboundPort, { serverName, identity });
  http.write('GET / HTTP/1.1\r\nHost: web\r\n\r\n');
  await http.readResponse();
  const plain = await dial(harness.inboundPort);
  for (const wire of [leaving, plain]) await echo(wire);
  harness.send({ kind: 'identity', identity: mesh.identity(serverName, 2) });
  await passHour(harness, 'inbound', [leaving, plain], () => http.ended || http.closed);
  for (const one of [plain, http, ...origin.connections]) one.destroy();
  await untilQuiet(harness);
  await harness.close();
  await origin.close();
});
