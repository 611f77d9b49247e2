/**
 * Goal: a connection goes to where it was going before it came to the proxy; what was going to
 * ourselves, or to an address that is not ours, is closed. Method: a listener of the test's stands
 * for the port that was meant, because a local address is what TPROXY leaves.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { ListenerName } from '../../api/messages.ts';
import type { ProxySettings } from '../../api/settings.ts';
import { cleanUp } from '../../test/support/cleanup.ts';
import { type Harness, startHarness } from '../../test/support/proxy-harness.ts';
import { dial, type Origin, startOrigin } from '../../test/support/wire.ts';

interface Redirected {
  readonly harness: Harness;
  readonly origin: Origin;
  /** The port that clients dial, and the proxy's listener for what they say. */
  readonly port: number;
  readonly ask: () => Promise<string>;
}

async function redirect(
  t: TestContext,
  listener: ListenerName,
  settings: Partial<ProxySettings>,
): Promise<Redirected> {
  const origin = await startOrigin((wire) => {
    wire.socket.on('data', () => wire.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  });
  const endpoints = [{ port: origin.port }];
  const harness = await startHarness(
    { '*': { endpoints } },
    {
      originalDestination: 'tproxy',
      ...settings,
    },
  );
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    harness.proxy.adopt(listener, socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUp(t, async () => {
    server.close();
    await harness.close();
    await origin.close();
  });
  const port = portOf(server);
  return { harness, origin, port, ask: () => ask(port) };
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** The first line of the answer; empty where the connection is reset. */
async function ask(port: number): Promise<string> {
  const wire = await dial(port).catch(() => null);
  if (wire === null) return '';
  wire.write('GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n');
  const answer = await wire.readAll();
  wire.destroy();
  return answer.split('\r\n')[0];
}

function refused(harness: Harness, reason: string): number {
  return harness.metric('heddle_arrivals_refused_total', { direction: 'inbound', reason });
}

test('inbound goes to the address that was meant', async (t) => {
  const { harness, port, ask } = await redirect(t, 'inbound', {});
  assert.equal(await ask(), 'HTTP/1.1 200 OK');
  assert.deepEqual(harness.wants, [`inbound:127.0.0.1:${port}`]);
});

test('inbound goes to the configured address where there is one', async (t) => {
  const { harness, ask } = await redirect(t, 'inbound', {
    inboundTo: { host: '127.0.0.1', port: 1 },
  });
  assert.equal(await ask(), 'HTTP/1.1 200 OK');
  assert.deepEqual(harness.wants, ['inbound:']);
});

test('a CONNECT for the application is not ours to answer', async (t) => {
  const { origin, port } = await redirect(t, 'inbound', {});
  const wire = await dial(port);
  const asked = 'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n';
  wire.write(asked);
  await wire.readResponse();
  assert.equal(origin.connections[0].received, asked);
  wire.destroy();
});

test('a request in absolute form stays so for an application that is a proxy', async (t) => {
  const { origin, port } = await redirect(t, 'inbound', {});
  const wire = await dial(port);
  wire.write('GET http://example.com/x?y HTTP/1.1\r\nHost: example.com\r\n\r\n');
  await wire.readResponse();
  const [line] = origin.connections[0].received.split('\r\n');
  assert.equal(line, 'GET http://example.com/x?y HTTP/1.1');
  wire.write('CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n');
  assert.match(await wire.readResponse(), /heddle-error: UNKNOWN_SERVICE/);
  wire.destroy();
});

test('an address that is not ours is closed', async (t) => {
  const { harness, ask } = await redirect(t, 'inbound', { inboundIps: ['10.0.0.1', 'fd00::1'] });
  assert.equal(await ask(), '');
  assert.deepEqual(harness.wants, []);
  assert.equal(refused(harness, 'not_inbound_ip'), 1);
  assert.match(harness.logs[0].fields.error as string, /inboundIps/);
});

test('one of our addresses is served', async (t) => {
  const { ask } = await redirect(t, 'inbound', { inboundIps: ['fd00:0::1', '::ffff:127.0.0.1'] });
  assert.equal(await ask(), 'HTTP/1.1 200 OK');
});

test('the inbound port itself takes peers of the mesh alone', async (t) => {
  const { harness } = await redirect(t, 'inbound', {});
  assert.equal(await ask(harness.inboundPort), '');
  const ended = await dial(harness.inboundPort);
  ended.end();
  await ended.until('the end', () => ended.closed);
  assert.equal(refused(harness, 'not_direct'), 2);
  assert.deepEqual(harness.wants, []);
});

test('what was redirected from our own outbound port is closed', async (t) => {
  const { harness } = await redirect(t, 'inbound', {});
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    Object.defineProperty(socket, 'localPort', { value: harness.outboundPort });
    harness.proxy.adopt('inbound', socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUp(t, () => server.close());
  assert.equal(await ask(portOf(server)), '');
  assert.equal(refused(harness, 'loop'), 1);
});

test('outbound is served by name where nothing was redirected', async (t) => {
  const { harness } = await redirect(t, 'outbound', { originalDestination: 'redirect' });
  assert.equal(await ask(harness.outboundPort), 'HTTP/1.1 200 OK');
  assert.deepEqual(harness.wants, ['host:web']);
});

test('an endpoint that is this very pod is dialled without the mesh', async (t) => {
  const { harness, origin } = await redirect(t, 'outbound', { inboundIps: ['127.0.0.1'] });
  const traits = {
    identity: 'web.demo.serviceaccount.identity.linkerd.cluster.local',
    serverName: 'web.demo.serviceaccount.identity.linkerd.cluster.local',
    protocolHint: 'h2',
    opaqueTransportPort: 4143,
    authorityOverride: '',
    http2: null,
    labels: {},
  } as const;
  harness.setTarget('host:web', { endpoints: [{ port: origin.port, traits }] });
  assert.equal(await ask(harness.outboundPort), 'HTTP/1.1 200 OK');
});
