/**
 * Class 24: requests that are opened and reset faster than an origin takes them. What waits for
 * its connections is bounded in bytes, also when small blocks of the client are large heads for
 * the origin.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { h2StalledConnectionsMax } from '../../../core/base/limits.ts';
import { FrameWire } from '../../support/frame-wire.ts';
import { block, get, indexed, indexing } from '../../support/h2-block.ts';
import { clientPreface, code, frame } from '../../support/h2-frames.ts';
import { startHarness, untilQuiet } from '../../support/proxy-harness.ts';
import { memoryInUse, pour } from '../../support/siege.ts';
import { dial, startOrigin } from '../../support/wire.ts';

test('an origin that reads nothing, and 4000 large heads that are reset', async () => {
  const deaf = await startOrigin((wire) => {
    wire.socket.write(frame.settings());
    wire.socket.pause();
  });
  const harness = await startHarness({ 'host:web': { endpoints: [{ port: deaf.port }] } });
  const large = Buffer.concat([block(get('/attack')), ...Array(15).fill(indexed(62))]);
  const wires: FrameWire[] = [];
  const before = memoryInUse();
  for (let connection = 0; connection < 10; connection++) {
    const wire = new FrameWire(await dial(harness.outboundPort));
    wires.push(wire);
    wire.write(
      clientPreface,
      frame.settings(),
      frame.headers(1, Buffer.concat([block(get()), indexing('x', 'v'.repeat(3_900))])),
      frame.rstStream(1, code.CANCEL),
    );
    await pour(wire, 400, (at) => [
      frame.headers(2 * at + 3, large, { ends: true }),
      frame.rstStream(2 * at + 3, code.CANCEL),
    ]);
    wire.write(frame.ping('are you?'));
    await wire.read('PING ACK: are you?');
  }
  const grown = memoryInUse() - before;
  assert.ok(grown < 40_000_000, `${grown} bytes`);
  assert.ok(deaf.connections.length <= h2StalledConnectionsMax + 1);
  for (const wire of wires) wire.destroy();
  for (const wire of deaf.connections) wire.destroy();
  await untilQuiet(harness);
  await harness.close();
  await deaf.close();
});
