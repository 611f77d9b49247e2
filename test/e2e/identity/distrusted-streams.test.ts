/**
 * Goal: a response that is under way with a peer that was proved by a trust anchor that has left
 * goes on for its hour and is then ended, on either side and over either version; others are left
 * alone. Method: either direction of a proxy with peers of node:tls; time is put forward by hand.
 */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { makeMesh, meshName } from '../../support/certificates.ts';
import { block, get } from '../../support/h2-block.ts';
import { frame } from '../../support/h2-frames.ts';
import { H2Peer, startH2Origin } from '../../support/h2-peer.ts';
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

const chunked = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';
const versions = ['HTTP/1', 'HTTP/2'] as const;
const minuteMs = 60_000;
const nobody = { endpoints: [] };
const dayMs = 86_400_000;
const other = makeMesh();
/** What else would end a response that says nothing for an hour. */
const patience = {
  responseTimeoutMs: dayMs,
  clientIdleTimeoutMs: dayMs,
  http2KeepAliveIntervalMs: dayMs,
};

describe('from an endpoint that was proved by it', () => {
  for (const version of versions) {
    test(`over ${version}`, async () => {
      await using peer = await startTlsPeer({
        identity: mesh.identity(webName),
        http1: (_request, response) => response.writeHead(200).write('begun'),
        ...(version === 'HTTP/2'
          ? {
              http2: (stream) => {
                stream.on('error', () => undefined);
                stream.respond({ ':status': 200 });
                stream.write('begun');
              },
            }
          : {}),
      });
      const endpoints = [endpointOf(peer, { protocolHint: version === 'HTTP/2' ? 'h2' : '' })];
      await using proxy = await startMeshHarness(
        { 'host:web': { endpoints }, 'host:unused': nobody },
        patience,
      );
      const { harness } = proxy;
      const begin = async (): Promise<Wire> => {
        const wire = await proxy.dial();
        wire.write('GET / HTTP/1.1\r\nHost: web\r\n\r\n');
        await wire.read('begun');
        return wire;
      };
      const roots = mesh.roots + other.roots;
      harness.send({ kind: 'identity', identity: { ...mesh.identity(clientName, 2), roots } });
      const leaving = await begin();
      harness.send({ kind: 'identity', identity: mesh.identity(clientName, 3) });
      harness.passTime(6_000);
      const staying = await begin();
      assert.equal(peer.connections.length, 2);
      await passHour(harness, 'dst', leaving, staying);
      for (const { socket } of peer.connections) socket.destroy();
    });
  }
});

describe('to a client that was proved by it', () => {
  for (const version of versions) {
    test(`over ${version}`, async () => {
      const serverName = meshName('web');
      const origin = await startApplication(version);
      const harness = await startHarness(
        { 'inbound:': { endpoints: [{ port: origin.port }] }, 'host:unused': nobody },
        { ...patience, identity: serverName, inboundTo: { host: '127.0.0.1', port: origin.port } },
      );
      const begin = async (wire: Wire): Promise<Wire> => {
        if (version === 'HTTP/1') {
          wire.write('GET / HTTP/1.1\r\nHost: web\r\n\r\n');
          await wire.read('begun');
          return wire;
        }
        const client = new H2Peer(wire, true);
        const stream = client.request(get());
        await client.until('its content', () => stream.content === 'begun');
        return wire;
      };
      const roots = mesh.roots + other.roots;
      harness.send({ kind: 'identity', identity: { ...mesh.identity(serverName, 1), roots } });
      const identity = mesh.identity(meshName('alice'));
      const secure = () => dialTls(harness.inboundPort, { serverName, identity });
      const leaving = await begin(await secure());
      harness.send({ kind: 'identity', identity: mesh.identity(serverName, 2) });
      harness.passTime(6_000);
      const staying = await begin(await secure());
      const plain = await begin(await dial(harness.inboundPort));
      await passHour(harness, 'src', leaving, staying);
      assert.equal(plain.closed || plain.ended, false);
      for (const one of [staying, plain]) one.destroy();
      await origin.close();
      await untilQuiet(harness);
      await harness.close();
    });
  }
});

/** An application whose answers begin and do not end. */
async function startApplication(
  version: string,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  if (version === 'HTTP/1') {
    return startOrigin((wire) => {
      wire.socket.on('data', () => wire.write(`${chunked}5\r\nbegun\r\n`));
    });
  }
  return startH2Origin(({ frames }, { id }) => {
    frames.write(frame.headers(id, block([[':status', '200']])), frame.data(id, 'begun'));
  });
}

/** Nobody is sent away in the first 53 minutes, and only the one that has to be in all of them. */
async function passHour(
  harness: Harness,
  peer: string,
  leaving: Wire,
  staying: Wire,
): Promise<void> {
  const direction = peer === 'dst' ? 'outbound' : 'inbound';
  const labels = { direction, peer, carried: 'http' };
  const ended = () => harness.metric('heddle_distrusted_connections_ended_total', labels);
  const unused = await dial(harness.outboundPort);
  unused.write('GET / HTTP/1.1\r\nHost: unused\r\n\r\n');
  await unused.readResponse();
  unused.destroy();
  harness.passTime(53 * minuteMs);
  await untilTurn('the housekeeping', () => harness.idles.includes('host:unused'));
  assert.equal(ended(), 0);
  assert.equal(leaving.ended || leaving.closed, false);
  harness.passTime(8 * minuteMs);
  await leaving.until('the end', () => leaving.ended || leaving.closed);
  assert.equal(ended(), 1);
  assert.equal(staying.ended || staying.closed, false);
  assert.ok(harness.logs.some(({ message }) => message === 'Connection closed'));
}
