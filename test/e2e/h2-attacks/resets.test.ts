/**
 * Classes 17, 18, 24 and 25: streams that are opened to be reset, by the client or by making us do
 * it. Each reset counts in one budget, whoever sent it; over it the connection ends with
 * ENHANCE_YOUR_CALM, and the origin has seen no more than the budget.
 */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { h2ResetsMax, http2ConcurrentStreamsMax } from '../../../core/base/limits.ts';
import { block, get, post } from '../../support/h2-block.ts';
import { code, frame, setting } from '../../support/h2-frames.ts';
import { dialH2, type PeerStream } from '../../support/h2-peer.ts';
import { pour, startSiege } from '../../support/siege.ts';
import { untilTurn } from '../../support/turns.ts';

const getBlock = block(get('/attack'));
const postBlock = block(post('/attack'));
/** The id of the stream that is opened in round `at`. */
const idOf = (at: number): number => 2 * at + 1;

test('Rapid Reset: 100000 times HEADERS and RST_STREAM (CVE-2023-44487)', async () => {
  await using siege = await startSiege();
  siege.harness.stopTime();
  const wire = await siege.connect();
  const grown = await siege.endure(async () => {
    await pour(wire, 10_000, (batch) => {
      return Array.from({ length: 10 }, (_, index) => {
        const id = idOf(batch * 10 + index);
        return Buffer.concat([
          frame.headers(id, getBlock, { ends: true }),
          frame.rstStream(id, code.CANCEL),
        ]);
      });
    });
    assertCalmed(await wire.readGoaway(), h2ResetsMax);
  });
  assert.ok(siege.seen.total <= h2ResetsMax + 1, `the origin saw ${siege.seen.total}`);
  assert.ok(grown < 8_000_000, `${grown} bytes`);
});

describe('MadeYouReset (CVE-2025-8671): what makes us reset counts like a reset', () => {
  const triggers: Readonly<Record<string, (id: number) => Buffer[]>> = {
    'WINDOW_UPDATE by 0': (id) => [
      frame.headers(id, getBlock, { ends: true }),
      frame.windowUpdate(id, 0),
    ],
    'a window above 2^31 - 1': (id) => [
      frame.headers(id, getBlock, { ends: true }),
      frame.windowUpdate(id, 2 ** 31 - 1),
    ],
    'DATA behind the end': (id) => [
      frame.headers(id, getBlock, { ends: true }),
      frame.data(id, 'x'),
    ],
    'PRIORITY of 4 bytes': (id) => [
      frame.headers(id, getBlock, { ends: true }),
      frame.raw(2, 0, id, Buffer.alloc(4)),
    ],
    'PRIORITY on itself': (id) => [
      frame.headers(id, getBlock, { ends: true }),
      frame.priority(id, id),
    ],
    'content-length and more content': (id) => [
      frame.headers(id, block(post('/attack', [['content-length', '3']]))),
      frame.data(id, 'xxxx', { ends: true }),
    ],
    'HEADERS behind the end': (id) => [
      frame.headers(id, getBlock, { ends: true }),
      frame.headers(id, getBlock, { ends: true }),
    ],
    'a field without a name (CVE-2019-9516)': (id) => [
      frame.headers(id, block(get('/attack', [['', '']])), { ends: true }),
    ],
    'a malformed head': (id) => [frame.headers(id, block([[':method', 'GET']]), { ends: true })],
    'trailers that end nothing': (id) => [
      frame.headers(id, postBlock),
      frame.headers(id, block([['x', 'y']])),
    ],
    'more than the window of a stream': (id) => [
      frame.headers(id, postBlock),
      ...Array.from({ length: 5 }, () => frame.data(id, Buffer.alloc(16_384))),
    ],
  };
  for (const [name, trigger] of Object.entries(triggers)) {
    test(name, async () => {
      await using siege = await startSiege({ origin: { credit: false } });
      siege.harness.stopTime();
      const wire = await siege.connect();
      const grown = await siege.endure(async () => {
        await pour(wire, 2_000, (batch) => {
          return Array.from({ length: 5 }, (_, index) => trigger(idOf(batch * 5 + index))).flat();
        });
        // The first stream may use the window of the origin's connection.
        assertCalmed(await wire.readGoaway(), h2ResetsMax + 1);
      });
      assert.ok(wire.count(3) <= h2ResetsMax + 1, `we reset ${wire.count(3)} streams`);
      assert.ok(siege.seen.total <= h2ResetsMax + 1, `the origin saw ${siege.seen.total}`);
      assert.ok(siege.seen.atOnce <= http2ConcurrentStreamsMax);
      assert.ok(grown < 8_000_000, `${grown} bytes`);
    });
  }
});

test('100000 streams at once: no more than we announced, and the others count', async () => {
  await using siege = await startSiege();
  siege.harness.stopTime();
  const wire = await siege.connect();
  const grown = await siege.endure(async () => {
    await pour(wire, 10_000, (batch) => {
      return Array.from({ length: 10 }, (_, index) =>
        frame.headers(idOf(batch * 10 + index), getBlock, { ends: true }),
      );
    });
    assertCalmed(await wire.readGoaway(), http2ConcurrentStreamsMax + h2ResetsMax);
  });
  assert.ok(siege.seen.total <= http2ConcurrentStreamsMax, `the origin saw ${siege.seen.total}`);
  assert.ok(grown < 16_000_000, `${grown} bytes`);
});

test('5000 streams that an origin allows, and resets in one batch (CVE-2021-32778)', async () => {
  const settings = { [setting.MAX_CONCURRENT_STREAMS]: 2 ** 31 - 1 };
  await using siege = await startSiege({ origin: { settings } });
  const clients = await Promise.all(
    Array.from({ length: 20 }, () => dialH2(siege.harness.outboundPort)),
  );
  const asked: PeerStream[] = [];
  await siege.endure(async () => {
    for (const client of clients) {
      for (let at = 0; at < 250; at++) asked.push(client.request(post('/attack')));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await untilTurn('all requests', () => siege.seen.total === asked.length);
    for (const server of siege.servers) {
      const open = [...server.streams.values()].filter(({ heads }) => heads[0].includes('/attack'));
      server.frames.write(...open.map(({ id }) => frame.rstStream(id, code.CANCEL)));
    }
    await untilTurn('all answers', () => asked.every(({ ended }) => ended));
  });
  for (const { head } of asked)
    assert.match(head ?? '', /^:status=502 heddle-error=UPSTREAM_RESET .*CANCEL/);
  for (const client of clients) client.destroy();
});

/** ENHANCE_YOUR_CALM, before more than `streams` have been opened. */
function assertCalmed(goaway: string, streams: number): void {
  const [, last] = /^GOAWAY (\d+) ENHANCE_YOUR_CALM: /.exec(goaway) ?? [];
  assert.ok(last !== undefined, goaway);
  assert.ok(Number(last) <= idOf(streams), `${goaway} after ${streams} streams`);
}
