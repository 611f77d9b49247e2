/**
 * Class 23: connections that each end in a protocol error, in thousands (CVE-2026-21714,
 * CVE-2026-48937, CVE-2025-23085). Afterwards there are as many handles, and as much memory, as
 * before, and no exchange, stream or gauge is left.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { block, get, post } from '../../support/h2-block.ts';
import { clientPreface, frame } from '../../support/h2-frames.ts';
import { memoryInUse, startSiege } from '../../support/siege.ts';
import { untilTurn } from '../../support/turns.ts';
import { dial } from '../../support/wire.ts';

const attack = frame.headers(1, block(get('/attack')), { ends: true });
const settings = frame.settings();
/** Each ends its connection, with a code of its own. */
const ends: readonly Buffer[] = [
  Buffer.concat([clientPreface, clientPreface]),
  Buffer.concat([clientPreface, attack]),
  ...[
    frame.windowUpdate(0, 0),
    Buffer.concat([frame.windowUpdate(0, 2 ** 31 - 1), frame.windowUpdate(0, 2 ** 31 - 1)]),
    frame.data(1, 'x'),
    frame.raw(4, 0, 0, 'short'),
    frame.raw(6, 0, 0, 'short'),
    frame.pushPromise(1, 2, block(get())),
    frame.headers(2, block(get()), { ends: true }),
    frame.headers(1, Buffer.from([0xff, 0xff]), { ends: true }),
    frame.raw(1, 0x4, 0, block(get())),
    Buffer.from('ffffff000000000001', 'hex'),
    Buffer.concat([attack, frame.raw(3, 0, 1, 'short')]),
    Buffer.concat([attack, frame.settings({ 4: 2 ** 31 })]),
    Buffer.concat([
      frame.headers(1, block(post('/attack'))),
      frame.data(1, 'x', { padding: 3 }),
      frame.raw(0, 0x8, 1, Buffer.from([9, 0])),
    ]),
  ].map((bytes) => Buffer.concat([clientPreface, settings, bytes])),
];

test('10000 connections', async () => {
  await using siege = await startSiege();
  const attempt = async (at: number): Promise<void> => {
    const wire = await dial(siege.harness.outboundPort);
    wire.socket.write(ends[at % ends.length]);
    const answer = await wire.readAll();
    assert.ok(answer.includes('\x07\x00\x00\x00\x00\x00'), `a GOAWAY: ${at % ends.length}`);
    wire.destroy();
  };
  const run = async (count: number): Promise<void> => {
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < count) await attempt(next++);
    };
    await Promise.all(Array.from({ length: 40 }, worker));
    await untilTurn('all to be closed', () => open() === 0);
  };
  const open = (): number => siege.harness.metric('tcp_open_connections', { peer: 'src' });
  await run(5_000);
  const handles = process.getActiveResourcesInfo().length;
  const [memory, { rss }] = [memoryInUse(), process.memoryUsage()];
  await run(5_000);
  assert.ok(process.getActiveResourcesInfo().length <= handles + 5);
  const [grown, grownRss] = [memoryInUse() - memory, process.memoryUsage().rss - rss];
  assert.ok(grown < 4_000_000, `${grown} bytes`);
  assert.ok(grownRss < 64_000_000, `${grownRss} bytes resident`);
  await siege.endure(async () => {});
});
