/**
 * Goal: what the settings say of one direction alone is so there and nowhere else. Method: the data
 * plane with real sockets, its time put forward.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cleanUp } from '../../test/support/cleanup.ts';
import { startHarness } from '../../test/support/proxy-harness.ts';
import { dial, startOrigin } from '../../test/support/wire.ts';

test('each direction waits as long for the first bytes as it is told', async (t) => {
  const origin = await startOrigin();
  const harness = await startHarness(
    { '*': { endpoints: [{ port: origin.port }] } },
    {
      detectTimeoutMs: 60_000,
      inboundOnly: { detectTimeoutMs: 1_000 },
      outboundOnly: { detectTimeoutMs: 5_000 },
    },
  );
  const wires = [await dial(harness.inboundPort), await dial(harness.bindPort)];
  cleanUp(t, async () => {
    for (const wire of wires) wire.destroy();
    await harness.close();
    await origin.close();
  });
  const timedOut = (direction: 'inbound' | 'outbound'): number =>
    harness.metric(`${direction}_tcp_detect_http_results_total`, { result: 'read_timeout' });
  for (const wire of wires) wire.write('GE');
  // Both are looked at, and their targets are known.
  while (
    harness.metric('tcp_read_bytes_total', { peer: 'src', direction: 'inbound' }) < 2 ||
    harness.metric('tcp_read_bytes_total', { peer: 'src', direction: 'outbound' }) < 2
  ) {
    await turn();
  }
  harness.passTime(2_000);
  await turn();
  assert.deepEqual([timedOut('inbound'), timedOut('outbound')], [1, 0]);
  harness.passTime(4_000);
  await turn();
  assert.deepEqual([timedOut('inbound'), timedOut('outbound')], [1, 1]);
});

test('an endpoint that failed is left alone as long as the direction says', async (t) => {
  const origin = await startOrigin();
  const { port } = origin;
  await origin.close();
  const harness = await startHarness(
    { 'host:gone': { endpoints: [{ port }] } },
    {
      failfastTimeoutMs: 0,
      outboundOnly: { connectBackoffMinMs: 100_000, connectBackoffMaxMs: 100_000 },
    },
  );
  cleanUp(t, () => harness.close());
  const ask = async (): Promise<string> => {
    const wire = await dial(harness.outboundPort);
    wire.write('GET / HTTP/1.1\r\nHost: gone\r\nConnection: close\r\n\r\n');
    const answer = await wire.readAll();
    wire.destroy();
    return /heddle-error: (\w+)/.exec(answer)?.[1] ?? '';
  };
  harness.stopTime();
  assert.equal(await ask(), 'CONNECT_REFUSED');
  harness.passTime(90_000);
  const shut = ask();
  while (harness.metric('heddle_queue_length') === 0) {
    await turn();
  }
  harness.passTime(1_000);
  assert.equal(await shut, 'FAILFAST');
});

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
