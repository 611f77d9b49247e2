/**
 * Endpoints that refuse, never answer or leave the set, and targets without a ready one: what the
 * client is answered, when other requests recover, and that nothing is lost or left over.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerAlways } from '../support/answer-always.ts';
import { startHarness, untilQuiet } from '../support/proxy-harness.ts';
import { dial, startOrigin } from '../support/wire.ts';

const get = 'GET / HTTP/1.1\r\nHost: web\r\n\r\n';
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

test('an endpoint that refuses: the other one is asked, and its gate is shut', async () => {
  const good = await startOrigin(answerAlways(ok));
  const gone = await startOrigin();
  await gone.close();
  const endpoints = [{ port: gone.port }, { port: good.port }];
  const harness = await startHarness({ 'host:web': { endpoints } });
  const client = await dial(harness.outboundPort);
  for (let index = 0; index < 20; index++) {
    client.write(get);
    assert.equal(await client.readResponse(), ok);
  }
  const refused = { target_port: String(gone.port) };
  assert.ok(harness.metric('request_total', refused) <= 1, 'shut after the first failure');
  harness.passTime(3_500);
  await finish(client, harness);
  await good.close();
});

test('an endpoint that accepts and never answers: 504 that names the setting', async () => {
  const silent = await startOrigin();
  const harness = await startHarness({ 'host:web': { endpoints: [{ port: silent.port }] } });
  const client = await dial(harness.outboundPort);
  client.write(get);
  await (await silent.accept()).read('\r\n\r\n');
  harness.passTime(301_000);
  const response = await client.readResponse();
  assert.ok(response.startsWith('HTTP/1.1 504 '), response);
  assert.ok(response.includes('responseTimeoutMs'), response);
  assert.ok(response.includes('heddle-error: RESPONSE_TIMEOUT'), response);
  await finish(client, harness);
  await silent.close();
});

test('an endpoint that leaves the set finishes its request, then its slot is free', async () => {
  const first = await startOrigin();
  const second = await startOrigin(answerAlways(ok));
  const harness = await startHarness({ 'host:web': { endpoints: [{ port: first.port }] } });
  const client = await dial(harness.outboundPort);
  client.write(get);
  const server = await first.accept();
  await server.read('\r\n\r\n');
  harness.setTarget('host:web', { endpoints: [{ port: second.port }] });
  const other = await dial(harness.outboundPort);
  await new Promise((resolve) => setImmediate(resolve));
  other.write(get);
  assert.equal(await other.readResponse(), ok);
  assert.deepEqual(harness.released, []);
  server.write(ok);
  assert.equal(await client.readResponse(), ok);
  await server.until('the end', () => server.ended || server.closed);
  // Every snapshot looks for what can be let go.
  harness.setTarget('host:web', { endpoints: [{ port: second.port }] });
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  other.destroy();
  harness.passTime(3_500);
  await finish(client, harness);
  assert.deepEqual(harness.released, [0]);
  await first.close();
  await second.close();
});

async function finish(
  client: Awaited<ReturnType<typeof dial>>,
  harness: Awaited<ReturnType<typeof startHarness>>,
): Promise<void> {
  client.destroy();
  await untilQuiet(harness);
  await harness.close();
}
