/**
 * Goal: a request that goes round in two proxies ends, and others pass as they came. Method: two
 * proxies that are each other's endpoints; and one whose origin is shown what it passes on.
 */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { hopsCountedMin, hopsMax } from '../../core/base/limits.ts';
import { type Harness, startHarness, untilQuiet } from '../support/proxy-harness.ts';
import { dial, type Origin, startOrigin, type Wire } from '../support/wire.ts';

const answer = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
let harness: Harness;
let origin: Origin;

before(async () => {
  origin = await startOrigin();
  const target = { endpoints: [{ port: origin.port }] };
  harness = await startHarness({ 'host:web': target, 'inbound:': target });
});

after(async () => {
  await harness.close();
  await origin.close();
});

/** What the origin is sent for a request with these fields, which it then answers. */
async function passOn(port: number, fields: string): Promise<string> {
  const client = await dial(port);
  client.write(`GET / HTTP/1.1\r\nhost: web\r\n${fields}\r\n`);
  const upstream = await origin.accept();
  const head = await upstream.read('\r\n\r\n');
  upstream.write(answer);
  await client.readResponse();
  client.destroy();
  upstream.destroy();
  return head;
}

test('two proxies that are endpoints of each other end a request with 508', async () => {
  const proxies = await Promise.all([startHarness({}), startHarness({})]);
  const [one, two] = proxies;
  one.setTarget('host:web', { endpoints: [{ port: two.outboundPort }] });
  two.setTarget('host:web', { endpoints: [{ port: one.outboundPort }] });
  const client = await dial(one.outboundPort);
  client.write('GET / HTTP/1.1\r\nhost: web\r\n\r\n');
  const head = await client.readResponse();
  assert.match(head, /^HTTP\/1\.1 508 Loop Detected\r\n/);
  assert.match(head, new RegExp(`: ${hopsMax} proxies have passed it on`));
  client.destroy();
  for (const proxy of proxies) {
    const passed = proxy.metric('request_total', { direction: 'outbound' });
    assert.ok(passed >= hopsCountedMin && passed <= hopsCountedMin + hopsMax, `${passed} times`);
    await untilQuiet(proxy);
  }
  await Promise.all(proxies.map((proxy) => proxy.close()));
});

test('with few requests in flight nothing is added', async () => {
  const head = await passOn(harness.outboundPort, '');
  assert.equal(head, 'GET / HTTP/1.1\r\nhost: web\r\n\r\n');
});

test('with many requests in flight they are counted', async () => {
  const held: Wire[] = [];
  for (let count = 0; count < hopsCountedMin; count++) {
    const client = await dial(harness.outboundPort);
    client.write('GET /held HTTP/1.1\r\nhost: web\r\n\r\n');
    const upstream = await origin.accept();
    assert.equal(await upstream.read('\r\n\r\n'), 'GET /held HTTP/1.1\r\nhost: web\r\n\r\n');
    held.push(client, upstream);
  }
  const head = await passOn(harness.outboundPort, '');
  assert.equal(head, 'GET / HTTP/1.1\r\nhost: web\r\nl5d-hops: 1\r\n\r\n');
  for (const wire of held) wire.destroy();
  await untilQuiet(harness);
});

for (const [direction, portOf] of [
  ['outbound', () => harness.outboundPort],
  ['inbound', () => harness.inboundPort],
] as const) {
  test(`${direction}: a count goes on, whatever stands beside it`, async () => {
    for (const [fields, sent] of [
      ['l5d-hops: 41\r\n', 'l5d-hops: 42\r\n'],
      ['L5D-Hops: 7\r\nx: y\r\nl5d-hops: 3\r\n', 'x: y\r\nl5d-hops: 8\r\n'],
      ['connection: l5d-hops\r\nl5d-hops: 1\r\n', 'l5d-hops: 2\r\n'],
      ['l5d-hops: -1\r\n', ''],
      ['l5d-hops: 1e9\r\nl5d-hops: \r\n', ''],
    ]) {
      const head = await passOn(portOf(), fields);
      assert.equal(head, `GET / HTTP/1.1\r\nhost: web\r\n${sent}\r\n`);
      await untilQuiet(harness);
    }
  });

  test(`${direction}: too many are answered 508`, async () => {
    for (const hops of [String(hopsMax), '999999999']) {
      const client = await dial(portOf());
      client.write(`GET / HTTP/1.1\r\nhost: web\r\nl5d-hops: ${hops}\r\n\r\n`);
      assert.match(await client.readAll(), /^HTTP\/1\.1 508 [\s\S]*\r\nheddle-error: LOOP\r\n/);
      client.destroy();
    }
    await untilQuiet(harness);
  });
}
