/**
 * Class 20, from the other side: a client that goes on asking and never reads the answers. Heads
 * are outside of flow control, so that nothing but our own bound keeps them from piling up
 * (CVE-2019-9517, and Envoy's bound for all frames that wait to be sent).
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { block, get, request, response } from '../../support/h2-block.ts';
import { frame } from '../../support/h2-frames.ts';
import type { H2Peer, PeerStream } from '../../support/h2-peer.ts';
import { pour, startSiege } from '../../support/siege.ts';

test('heads of 8 KB that nobody reads', async () => {
  const head = response(200, [['x-long', 'v'.repeat(8_000)]]);
  const serve = (peer: H2Peer, stream: PeerStream): void => {
    peer.respond(stream, head);
    peer.forget(stream);
  };
  await using siege = await startSiege({ serve });
  const wire = await siege.connect();
  wire.wire.socket.pause();
  const grown = await siege.endure(async () => {
    await pour(wire, 2_000, (round) => {
      return Array.from({ length: 10 }, (_, index) => {
        const id = 2 * (round * 10 + index) + 1;
        return frame.headers(id, block(get('/attack')), { ends: true });
      });
    });
  });
  assert.ok(grown < 8_000_000, `${grown} bytes`);
  assert.ok(siege.seen.total < 3_000, `the origin saw ${siege.seen.total}`);
  wire.wire.socket.resume();
  assert.match(await wire.readGoaway(), /^GOAWAY \d+ ENHANCE_YOUR_CALM: /);
});

test('answers of our own that nobody reads', async () => {
  await using siege = await startSiege();
  siege.harness.setTarget('host:nowhere', { endpoints: [], state: 'absent' });
  const wire = await siege.connect();
  wire.wire.socket.pause();
  wire.write(frame.windowUpdate(0, 2 ** 30));
  const fields = request('GET', '/').map(([name, value]) => {
    return [name, name === ':authority' ? 'nowhere' : value] as const;
  });
  const grown = await siege.endure(async () => {
    await pour(wire, 3_000, (round) => {
      return Array.from({ length: 20 }, (_, index) => {
        return frame.headers(2 * (round * 20 + index) + 1, block(fields), { ends: true });
      });
    });
  });
  assert.ok(grown < 8_000_000, `${grown} bytes`);
  wire.wire.socket.resume();
  assert.match(await wire.readGoaway(), /^GOAWAY \d+ ENHANCE_YOUR_CALM: /);
});
