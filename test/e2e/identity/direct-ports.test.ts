/**
 * Goal: in a pod a peer of the mesh reaches by a transport header every port but the proxy's own,
 * at the address that it dialled. Method: clients of node:tls at the inbound port itself, an
 * application driven by hand.
 */

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import type { TransportHeader } from '../../../core/tls/transport-header.ts';
import { meshName } from '../../support/certificates.ts';
import { mesh, serverName } from '../../support/inbound-mesh.ts';
import { type Harness, startHarness, untilQuiet } from '../../support/proxy-harness.ts';
import { dialTls } from '../../support/tls-client.ts';
import { type Origin, startOrigin, type Wire } from '../../support/wire.ts';

const alice = mesh.identity(meshName('alice'));

let origin: Origin;
let harness: Harness;

before(async () => {
  origin = await startOrigin((wire) => {
    wire.socket.on('data', () => wire.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'));
  });
  harness = await startHarness({}, { originalDestination: 'tproxy', identity: serverName });
  harness.send({ kind: 'identity', identity: mesh.identity(serverName, 1) });
});

after(async () => {
  await harness.close();
  await origin.close();
});

afterEach(async () => {
  for (const app of origin.connections) app.destroy();
  await untilQuiet(harness);
});

function dialWith(header: Partial<TransportHeader>): Promise<Wire> {
  const whole = { port: origin.port, name: '', session: null, ...header };
  return dialTls(harness.inboundPort, { serverName, identity: alice, header: whole });
}

function refused(reason: string): number {
  return harness.metric('heddle_transport_header_refused_total', { reason });
}

async function untilEnd(wire: Wire): Promise<string> {
  await wire.until('the end', () => wire.ended || wire.closed);
  wire.destroy();
  return wire.received;
}

test('any port may be named, and is waited for until it is known', async () => {
  const key = `inbound:127.0.0.1:${origin.port}`;
  const wire = await dialWith({});
  wire.write('hello');
  while (!harness.wants.includes(key)) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(origin.connections.length, 0);
  harness.setTarget(key, { endpoints: [{ port: origin.port }] });
  assert.match(await wire.readResponse(), /^HTTP\/1.1 200 OK/);
  assert.equal(origin.connections[0].received, 'hello');
  wire.destroy();
});

test('HTTP is served with the identity', async () => {
  const count = origin.connections.length;
  const wire = await dialWith({ session: 'http1' });
  wire.write('GET / HTTP/1.1\r\nhost: web\r\n\r\n');
  assert.match(await wire.readResponse(), /^HTTP\/1.1 200 OK/);
  assert.match(origin.connections[count].received, new RegExp(alice.name));
  wire.destroy();
});

test('our own ports may not be named', async () => {
  for (const port of [harness.inboundPort, harness.outboundPort, harness.bindPort]) {
    await untilEnd(await dialWith({ port }));
  }
  assert.equal(refused('own_port'), 3);
});

test('a port that nobody knows of in time', async () => {
  const wire = await dialWith({ port: 1 });
  while (!harness.wants.includes('inbound:127.0.0.1:1')) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  harness.passTime(20_000);
  await untilEnd(wire);
  assert.equal(refused('undiscovered'), 1);
});

test('a client that leaves while its port is looked up', async () => {
  const wire = await dialWith({ port: 2 });
  while (!harness.wants.includes('inbound:127.0.0.1:2')) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  wire.destroy();
  harness.setTarget('inbound:127.0.0.1:2', { endpoints: [{ port: origin.port }] });
});

test('TLS without a transport header is for nobody here', async () => {
  const wire = await dialTls(harness.inboundPort, { serverName, identity: alice });
  assert.equal(await untilEnd(wire), '');
  assert.equal(refused('not_asked'), 1);
});

test('TLS for another name is for nobody here', async () => {
  const options = { serverName: meshName('other'), identity: alice };
  await assert.rejects(async () => untilEnd(await dialTls(harness.inboundPort, options)));
  const labels = { direction: 'inbound', reason: 'not_direct' };
  assert.equal(harness.metric('heddle_arrivals_refused_total', labels), 1);
});
