/**
 * Every case of request smuggling through the data plane: what the client is answered, and the
 * exact bytes that an origin saw, while an innocent client on another connection is served.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startHarness } from '../support/proxy-harness.ts';
import { smugglingCases } from '../support/smuggling-cases.ts';
import { dial, startOrigin, type Wire } from '../support/wire.ts';

test('smuggling cases: no byte of a refused head reaches an origin', async (t) => {
  const origin = await startOrigin();
  const innocent = await startOrigin((wire) => {
    wire.socket.on('data', () => wire.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  });
  const harness = await startHarness({
    '*': { endpoints: [{ port: origin.port }] },
    'host:innocent': { endpoints: [{ port: innocent.port }] },
  });
  const other = await dial(harness.outboundPort);
  t.after(async () => {
    other.destroy();
    await harness.close();
    await origin.close();
    await innocent.close();
  });
  const failures: string[] = [];
  let run = 0;
  for (const { name, request, expected } of smugglingCases()) {
    for (const server of origin.connections) server.received = '';
    const saw = (): string => origin.connections.map(received).join('');
    const client = await dial(harness.outboundPort);
    client.write(request);
    if ('origin' in expected) {
      await origin.until(name, () => saw().length >= expected.origin.length || client.ended);
      if (saw() !== expected.origin) failures.push(`${name}: ${JSON.stringify(saw())}`);
      for (const server of origin.connections.splice(0)) server.destroy();
      await client.readAll();
    } else {
      const response = await client.readAll();
      const status = Number(response.slice(9, 12));
      if (status !== expected.status) failures.push(`${name}: ${response.slice(0, 300)}`);
      if (!expected.originHead.startsWith(saw())) failures.push(`${name}: saw ${saw()}`);
    }
    client.destroy();
    run += 1;
    if (run % 50 === 0) {
      other.write('GET / HTTP/1.1\r\nHost: innocent\r\n\r\n');
      assert.ok((await other.readResponse()).endsWith('ok'), 'the innocent client is served');
    }
  }
  assert.deepEqual(failures.slice(0, 10), []);
  assert.ok(run > 500, `${run} cases ran`);
});

function received(wire: Wire): string {
  return wire.received;
}
