/**
 * Goal: in ingress mode a request goes by `l5d-dst-override`, else by its authority, and the field
 * goes no further. Method: a client and services on the wire.
 */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Harness, startHarness, untilQuiet } from '../support/proxy-harness.ts';
import { dial, type Origin, startOrigin } from '../support/wire.ts';

let web: Origin;
let api: Origin;
let harness: Harness;

before(async () => {
  web = await startOrigin();
  api = await startOrigin();
  const targets = {
    'host:web': { endpoints: [{ port: web.port }] },
    'host:api.demo:8080': { endpoints: [{ port: api.port }] },
  };
  harness = await startHarness(targets, { ingressMode: true });
});

after(async () => {
  await harness.close();
  await web.close();
  await api.close();
});

async function headAt(origin: Origin, fields: string): Promise<string> {
  const client = await dial(harness.outboundPort);
  client.write(`GET / HTTP/1.1\r\nhost: web\r\n${fields}\r\n`);
  const app = await origin.accept();
  const head = await app.read('\r\n\r\n');
  app.write('HTTP/1.1 204 No Content\r\n\r\n');
  assert.match(await client.readResponse(), /^HTTP\/1.1 204 /);
  client.destroy();
  app.destroy();
  await untilQuiet(harness);
  return head;
}

test('it goes where the field says, which is not forwarded', async () => {
  assert.equal(
    await headAt(api, 'l5d-dst-override: API.demo:8080\r\nl5d-x: 1\r\n'),
    'GET / HTTP/1.1\r\nhost: web\r\nl5d-x: 1\r\n\r\n',
  );
});

test('without it, it goes by its authority', async () => {
  assert.equal(await headAt(web, ''), 'GET / HTTP/1.1\r\nhost: web\r\n\r\n');
});

test('a field that is no name, or comes twice, is refused', async () => {
  for (const fields of [
    'l5d-dst-override: a b\r\n',
    'l5d-dst-override: api.demo:0\r\n',
    'l5d-dst-override: web\r\nl5d-dst-override: web\r\n',
  ]) {
    const client = await dial(harness.outboundPort);
    client.write(`GET / HTTP/1.1\r\nhost: web\r\n${fields}\r\n`);
    assert.match(await client.readResponse(), /^HTTP\/1.1 400 /, fields);
    client.destroy();
  }
  assert.ok(!harness.wants.some((key) => key.includes('a b')));
});
