/**
 * Goal: a proxy never dials its own listeners, by whatever way a request would come back to it
 * (attack class 43). Method: endpoints that are the proxy's own ports, over real sockets.
 */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Harness, startHarness } from '../support/proxy-harness.ts';
import { dial, type Origin, startOrigin } from '../support/wire.ts';

let origin: Origin;
let harness: Harness;

before(async () => {
  origin = await startOrigin((wire) => {
    wire.socket.on('data', () => wire.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  });
  harness = await startHarness({});
  const { outboundPort, inboundPort, bindPort } = harness;
  harness.setTarget('host:outbound', { endpoints: [{ port: outboundPort }] });
  const mapped = { host: '::ffff:127.0.0.1', port: outboundPort };
  harness.setTarget('host:mapped', { endpoints: [mapped] });
  harness.setTarget('host:wildcard', { endpoints: [{ host: '0.0.0.0', port: inboundPort }] });
  harness.setTarget('host:inbound', { endpoints: [{ port: inboundPort }] });
  harness.setTarget('host:bind', { endpoints: [{ port: bindPort }, { port: outboundPort }] });
  harness.setTarget('host:both', { endpoints: [{ port: outboundPort }, { port: origin.port }] });
  harness.setTarget('inbound:', { endpoints: [{ port: outboundPort }] });
  harness.setTarget('bind:bound:1', { protocol: 'opaque', endpoints: [{ port: bindPort }] });
});

after(async () => {
  await harness.close();
  await origin.close();
});

async function ask(port: number, host: string): Promise<string> {
  const client = await dial(port);
  client.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  const answer = await client.readAll();
  client.destroy();
  return answer;
}

for (const host of ['outbound', 'inbound', 'bind', 'mapped', 'wildcard']) {
  test(`a service at our own port (${host}) is answered 508`, async () => {
    const answer = await ask(harness.outboundPort, host);
    assert.match(answer, /^HTTP\/1\.1 508 [\s\S]*\r\nheddle-error: LOOP\r\n/);
  });
}

test('inbound traffic does not come back by the outbound port', async () => {
  assert.match(await ask(harness.inboundPort, 'web'), /^HTTP\/1\.1 508 /);
});

test('of several endpoints those that are not ourselves are used', async () => {
  for (let round = 0; round < 5; round++) {
    assert.match(await ask(harness.outboundPort, 'both'), /^HTTP\/1\.1 200 /);
  }
});

test('a connection that is not HTTP is closed', async () => {
  const client = await dial(harness.bindPort);
  client.write('anything');
  await client.until('the end', () => client.ended || client.closed);
  client.destroy();
  assert.equal(client.received, '');
});
