/**
 * Class 27: clients that take their time, in each way that HTTP/2 knows: no preface, no SETTINGS,
 * half a head, half a body, no credit, no reading. Every wait has its limit, and when it is over
 * everything is released, also at the origin.
 */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bodyIdleTimeoutMs, detectTimeoutMs, headTimeoutMs } from '../../../core/base/limits.ts';
import type { FrameWire } from '../../support/frame-wire.ts';
import { block, get, post, response } from '../../support/h2-block.ts';
import { clientPreface, frame, setting } from '../../support/h2-frames.ts';
import type { H2Peer, PeerStream } from '../../support/h2-peer.ts';
import type { Harness } from '../../support/proxy-harness.ts';
import { memoryInUse, startSiege } from '../../support/siege.ts';
import { untilStill, untilTurn } from '../../support/turns.ts';

const attack = block(get('/attack'));

describe('500 connections that', () => {
  const begun = Buffer.concat([clientPreface, frame.settings(), frame.settingsAck()]);
  const cases: Readonly<Record<string, readonly [bytes: Buffer, limitMs: number, end: string]>> = {
    'stop within the preface': [clientPreface.subarray(0, 18), detectTimeoutMs, ''],
    'never send SETTINGS': [clientPreface, headTimeoutMs, 'GOAWAY 0 SETTINGS_TIMEOUT: '],
    'stop within a head': [
      Buffer.concat([begun, frame.headers(1, attack.subarray(0, 9), { partial: true })]),
      headTimeoutMs,
      'GOAWAY 0 ENHANCE_YOUR_CALM: a field block did not end in time',
    ],
    'stop within a body': [
      Buffer.concat([begun, frame.headers(1, block(post('/attack'))), frame.data(1, 'x')]),
      bodyIdleTimeoutMs,
      'HEADERS 1: :status=408 heddle-error=REQUEST_TIMEOUT ',
    ],
  };
  for (const [name, [bytes, limitMs, end]] of Object.entries(cases)) {
    test(name, async () => {
      await using siege = await startSiege();
      const { harness } = siege;
      harness.stopTime();
      const before = memoryInUse();
      const wires: FrameWire[] = [];
      await siege.endure(async () => {
        for (let batch = 0; batch < 5; batch++) {
          wires.push(...(await Promise.all(Array.from({ length: 100 }, () => siege.begin(bytes)))));
        }
      });
      await untilStill('what is read', () => bytesRead(harness, 'src'));
      const held = memoryInUse() - before;
      assert.ok(held < 40_000_000, `${held / 500} bytes a connection`);
      harness.passTime(limitMs - 500);
      assert.ok(wires.every(({ wire }) => !wire.ended));
      harness.passTime(1_000);
      for (const wire of wires) {
        if (end !== '') assert.ok((await wire.read(end)).startsWith(end));
        await wire.wire.until('the end', () => wire.wire.ended || wire.count(1) > 0);
      }
    });
  }
});

test('a body that drips goes on as long as something comes', async () => {
  await using siege = await startSiege();
  const { harness } = siege;
  harness.stopTime();
  const wire = await siege.connect();
  wire.write(frame.headers(1, block(post('/attack'))));
  for (let round = 0; round < 4; round++) {
    wire.write(frame.data(1, 'x'));
    await untilStill('what is read', () => bytesRead(harness, 'src'));
    harness.passTime(bodyIdleTimeoutMs - 1_000);
  }
  assert.equal(wire.count(1), 0);
  // Frames that carry nothing are no progress.
  wire.write(frame.data(1, ''), frame.data(1, '', { padding: 10 }), frame.windowUpdate(1, 1));
  await untilStill('what is read', () => bytesRead(harness, 'src'));
  harness.passTime(2_000);
  assert.match(await wire.read('HEADERS 1'), /:status=408 .*bodyIdleTimeoutMs/);
});

describe('a response that is not taken', () => {
  const clientIdleTimeoutMs = 30_000;
  const settings = { clientIdleTimeoutMs };
  const large = Buffer.alloc(1_000_000, 'x');
  const serve = (peer: H2Peer, stream: PeerStream): void => {
    peer.respond(stream, response(200), large);
  };

  test('because there is no window', async () => {
    await using siege = await startSiege({ serve, settings });
    const { harness } = siege;
    harness.stopTime();
    const wire = await siege.connect({ [setting.INITIAL_WINDOW_SIZE]: 0 });
    for (let id = 1; id < 100; id += 2) wire.write(frame.headers(id, attack, { ends: true }));
    await wire.wire.until('all heads', () => wire.count(1) === 50);
    await untilStill('what is read', () => bytesRead(harness, 'dst'));
    harness.passTime(clientIdleTimeoutMs - 1_000);
    assert.equal(wire.count(3), 0);
    harness.passTime(2_000);
    await wire.wire.until('all resets', () => wire.count(3) === 50);
    assert.ok(wire.unread.every((text) => !text.startsWith('RST') || text.endsWith(' CANCEL')));
    const { streams } = siege.servers[0];
    await untilTurn('the resets', () => [...streams.values()].every((s) => s.reset === 'CANCEL'));
    wire.write(frame.ping('still up'));
    await wire.read('PING ACK: still up');
  });

  test('because nobody reads', async () => {
    await using siege = await startSiege({ serve, settings });
    const { harness } = siege;
    harness.stopTime();
    const wire = await siege.connect({ [setting.INITIAL_WINDOW_SIZE]: 2 ** 31 - 1 });
    wire.wire.socket.pause();
    wire.write(frame.windowUpdate(0, 2 ** 30));
    for (let id = 1; id < 100; id += 2) wire.write(frame.headers(id, attack, { ends: true }));
    await untilTurn('all requests', () => siege.seen.total === 50);
    await untilStill('what is read', () => bytesRead(harness, 'dst'));
    for (let round = 0; round < 3; round++) harness.passTime(clientIdleTimeoutMs + 1_000);
    const [server] = siege.servers;
    await untilTurn('the resets', () => [...server.streams.values()].every((s) => s.reset !== ''));
  });
});

function bytesRead(harness: Harness, peer: 'src' | 'dst'): number {
  return harness.metric('tcp_read_bytes_total', { peer });
}
