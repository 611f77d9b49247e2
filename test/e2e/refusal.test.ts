/**
 * Goal: nothing reaches a target whose policy is not understood, whatever the client speaks, and
 * the client, or the log where it cannot be told, learns why. Method: real sockets, an origin that
 * must stay without a connection, and the same target once its policy is plain.
 */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Harness, startHarness } from '../support/proxy-harness.ts';
import { untilTurn } from '../support/turns.ts';
import { dial, type Origin, startOrigin } from '../support/wire.ts';

const refusal = 'HTTPRoute demo/web has a filter';
const summary = 'the policy of the service asks for what has no effect yet';
let origin: Origin;
let harness: Harness;

before(async () => {
  origin = await startOrigin();
  const endpoints = [{ port: origin.port }];
  harness = await startHarness({
    'host:web': { endpoints, refusal },
    'host:web:80': { endpoints, refusal },
    'sni:web': { endpoints, refusal },
    'bind:bound:1': { endpoints, refusal },
    'inbound:': { endpoints, refusal },
  });
});

after(async () => {
  assert.equal(origin.connections.length, 0);
  await harness.close();
  await origin.close();
});

for (const request of ['GET / HTTP/1.1\r\nHost: web', 'CONNECT web:80 HTTP/1.1\r\nHost: web:80']) {
  test(`${request.split(' ')[0]} is answered 403 with the reason`, async () => {
    const client = await dial(harness.outboundPort);
    client.write(`${request}\r\n\r\n`);
    const response = await client.readResponse();
    assert.ok(response.startsWith('HTTP/1.1 403 Forbidden\r\n'), response);
    assert.ok(response.includes('\r\nheddle-error: POLICY_UNSUPPORTED\r\n'), response);
    assert.ok(response.includes(`\r\nl5d-proxy-error: ${summary}: ${refusal}\r\n`), response);
    client.destroy();
  });
}

test('a client from outside learns the code alone', async () => {
  const client = await dial(harness.inboundPort);
  client.write('GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n');
  const response = await client.readAll();
  assert.ok(response.includes('\r\nheddle-error: POLICY_UNSUPPORTED\r\n'), response);
  assert.ok(!response.includes('HTTPRoute'), response);
});

test('bytes that are not HTTP are reset, and the log has the reason', async () => {
  const client = await dial(harness.bindPort);
  client.write('\x00\x01\x02\x03 no protocol that we know');
  await client.until('the end', () => client.closed);
  const lines = harness.logs.filter(({ message }) => message === 'Connection closed');
  assert.equal(lines.length, 1, JSON.stringify(harness.logs));
  assert.equal(String(lines[0].fields.error).endsWith(refusal), true);
});

test('the same name is served once its policy is plain', async () => {
  const other = await startOrigin();
  harness.setTarget('host:web', { endpoints: [{ port: other.port }] });
  const client = await dial(harness.outboundPort);
  client.write('GET / HTTP/1.1\r\nHost: web\r\n\r\n');
  const server = await other.accept();
  await untilTurn('the request', () => server.received.includes('\r\n\r\n'));
  client.destroy();
  server.destroy();
  await other.close();
});
