/**
 * Class 24: requests that are opened and reset faster than an origin takes them. What waits for
 * its connections is bounded in bytes, also when small blocks of the client are large heads for
 * the origin.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { h2ResetsMax, h2StalledConnectionsMax } from '../../../core/base/limits.ts';
import type { FrameWire } from '../../support/frame-wire.ts';
import { block, type Fields, get, indexed, indexing } from '../../support/h2-block.ts';
import { code, frame } from '../../support/h2-frames.ts';
import { pour, startSiege } from '../../support/siege.ts';
import { startOrigin } from '../../support/wire.ts';

test('an origin that reads nothing, and 4000 large heads that are reset', async () => {
  const deaf = await startOrigin((wire) => {
    wire.socket.write(frame.settings());
    wire.socket.pause();
  });
  await using siege = await startSiege();
  siege.harness.setTarget('host:deaf', { endpoints: [{ port: deaf.port }] });
  const large = Buffer.concat([block(deafGet), ...Array(15).fill(indexed(62))]);
  const roundOf = (at: number): Buffer[] => [
    frame.headers(2 * at + 3, large, { ends: true }),
    frame.rstStream(2 * at + 3, code.CANCEL),
  ];
  const wires: FrameWire[] = [];
  const grown = await siege.endure(async () => {
    for (let connection = 0; connection < 10; connection++) {
      const wire = await siege.connect();
      wires.push(wire);
      wire.write(
        frame.headers(1, Buffer.concat([block(deafGet), indexing('x', 'v'.repeat(3_900))])),
        frame.rstStream(1, code.CANCEL),
      );
      await pour(wire, 400, roundOf);
      wire.write(frame.ping('are you?'));
      await wire.read('PING ACK: are you?');
    }
  });
  assert.ok(grown < 40_000_000, `${grown} bytes`);
  assert.ok(deaf.connections.length <= h2StalledConnectionsMax + 1);
  await siege.endure(async () => {
    for (const wire of wires) await pour(wire, 10 * h2ResetsMax, (at) => roundOf(400 + at));
  });
  for (const wire of wires) {
    assert.match(await wire.readGoaway(), /^GOAWAY \d+ ENHANCE_YOUR_CALM: /);
  }
  for (const wire of deaf.connections) wire.destroy();
  assert.equal(siege.seen.total, 0);
  await deaf.close();
});

const deafGet: Fields = get('/attack').map(([name, value]) => {
  return [name, name === ':authority' ? 'deaf' : value];
});
