/**
 * Class 23: connections that each end in a protocol error, in thousands (CVE-2026-21714,
 * CVE-2026-48937, CVE-2025-23085). Each gets the code for what it did, another client is answered
 * meanwhile, and afterwards there are as many handles, and as much memory, as before, and no
 * exchange, stream or gauge is left.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FrameWire } from '../../support/frame-wire.ts';
import { block, get, post } from '../../support/h2-block.ts';
import { clientPreface, frame } from '../../support/h2-frames.ts';
import { startSiege } from '../../support/siege.ts';
import { untilTurn } from '../../support/turns.ts';
import { dial } from '../../support/wire.ts';

const attack = frame.headers(1, block(get('/attack')), { ends: true });
/** What ends a connection, and its last stream and code in the GOAWAY. */
const ends: readonly (readonly [bytes: Buffer, end: string])[] = [
  [Buffer.concat([clientPreface, clientPreface]), '0 FRAME_SIZE_ERROR'],
  [Buffer.concat([clientPreface, attack]), '0 PROTOCOL_ERROR'],
  begun('0 PROTOCOL_ERROR', frame.windowUpdate(0, 0)),
  begun(
    '0 FLOW_CONTROL_ERROR',
    frame.windowUpdate(0, 2 ** 31 - 1),
    frame.windowUpdate(0, 2 ** 31 - 1),
  ),
  begun('0 PROTOCOL_ERROR', frame.data(1, 'x')),
  begun('0 FRAME_SIZE_ERROR', frame.raw(4, 0, 0, 'short')),
  begun('0 FRAME_SIZE_ERROR', frame.raw(6, 0, 0, 'short')),
  begun('0 PROTOCOL_ERROR', frame.pushPromise(1, 2, block(get()))),
  begun('0 PROTOCOL_ERROR', frame.headers(2, block(get()), { ends: true })),
  begun('0 COMPRESSION_ERROR', frame.headers(1, Buffer.from([0xff, 0xff]), { ends: true })),
  begun('0 PROTOCOL_ERROR', frame.raw(1, 0x4, 0, block(get()))),
  begun('0 FRAME_SIZE_ERROR', Buffer.from('ffffff000000000001', 'hex')),
  begun('1 FRAME_SIZE_ERROR', attack, frame.raw(3, 0, 1, 'short')),
  begun('1 FLOW_CONTROL_ERROR', attack, frame.settings({ 4: 2 ** 31 })),
  begun(
    '1 PROTOCOL_ERROR',
    frame.headers(1, block(post('/attack'))),
    frame.data(1, 'x', { padding: 3 }),
    frame.raw(0, 0x8, 1, Buffer.from([9, 0])),
  ),
];
/** Those that send a request first. */
const requests = ends.filter(([, end]) => end.startsWith('1 ')).length;

function begun(end: string, ...frames: readonly Buffer[]): readonly [Buffer, string] {
  return [Buffer.concat([clientPreface, frame.settings(), ...frames]), end];
}

test('10000 connections', async () => {
  await using siege = await startSiege();
  const attempt = async (at: number): Promise<void> => {
    const [bytes, end] = ends[at % ends.length];
    const wire = new FrameWire(await dial(siege.harness.outboundPort));
    wire.write(bytes);
    assert.ok((await wire.readGoaway()).startsWith(`GOAWAY ${end}: `), end);
    await wire.wire.until('the end', () => wire.wire.ended);
    wire.destroy();
  };
  const run = async (): Promise<void> => {
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < 5_000) await attempt(next++);
    };
    await Promise.all(Array.from({ length: 40 }, worker));
    await untilTurn('only the client beside them to be left', () => open() <= 1);
  };
  const open = (): number => siege.harness.metric('tcp_open_connections', { peer: 'src' });
  await siege.endure(run);
  await untilTurn('all to be closed', () => open() === 0);
  const handles = process.getActiveResourcesInfo().length;
  const { rss } = process.memoryUsage();
  const grown = await siege.endure(run);
  await untilTurn('all to be closed', () => open() === 0);
  assert.ok(process.getActiveResourcesInfo().length <= handles + 5);
  const grownRss = process.memoryUsage().rss - rss;
  assert.ok(grown < 4_000_000, `${grown} bytes`);
  assert.ok(grownRss < 64_000_000, `${grownRss} bytes resident`);
  const most = 2 * Math.ceil(5_000 / ends.length) * requests;
  assert.ok(siege.seen.total <= most, `the origin saw ${siege.seen.total}`);
});
