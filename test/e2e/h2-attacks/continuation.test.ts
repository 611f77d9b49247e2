/**
 * Class 19: field blocks that do not end (CVE-2024-27316, CVE-2024-30255, CVE-2023-45288). A block
 * has at most 64 frames, the bytes of a head, and the time of one.
 */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { h2ContinuationsMax, headBytesMax, headTimeoutMs } from '../../../core/base/limits.ts';
import { block, get, post, response } from '../../support/h2-block.ts';
import { code, frame } from '../../support/h2-frames.ts';
import { dialH2 } from '../../support/h2-peer.ts';
import { startThrough } from '../../support/h2-through.ts';
import { pour, startSiege } from '../../support/siege.ts';
import { untilTurn } from '../../support/turns.ts';

const attack = block(get('/attack'));
const calm = /^GOAWAY 0 ENHANCE_YOUR_CALM: /;

describe('CONTINUATION without end', () => {
  const parts: Readonly<Record<string, readonly [part: Buffer, frames: number]>> = {
    'of nothing': [Buffer.alloc(0), h2ContinuationsMax],
    'of a byte': [Buffer.from([0x82]), h2ContinuationsMax],
    'of 16 KB': [block([['x', 'v'.repeat(16_000)]]), Math.ceil(headBytesMax / 16_000)],
  };
  for (const [name, [part, frames]] of Object.entries(parts)) {
    test(name, async () => {
      await using siege = await startSiege();
      const wire = await siege.connect();
      wire.write(frame.headers(1, attack, { partial: true, ends: true }));
      const rest = Array(frames - 3).fill(frame.continuation(1, part, { partial: true }));
      wire.write(...rest);
      const grown = await siege.endure(async () => {
        await pour(wire, 2_000, () =>
          Array(5).fill(frame.continuation(1, part, { partial: true })),
        );
        assert.match(await wire.readGoaway(), calm);
      });
      assert.equal(siege.seen.total, 0);
      assert.ok(grown < 8_000_000, `${grown} bytes`);
    });
  }
});

test('exactly as many frames as are allowed', async () => {
  for (const [frames, expected] of [
    [h2ContinuationsMax, /^HEADERS 1 END_STREAM: :status=204/],
    [h2ContinuationsMax + 1, calm],
  ] as const) {
    await using siege = await startSiege({
      serve: (peer, stream) => peer.respond(stream, response(204)),
    });
    const wire = await siege.connect();
    const whole = block(get('/attack', [['x', 'v'.repeat(100)]]));
    const pieces = Array.from({ length: frames }, (_, at) => whole.subarray(at, at + 1));
    pieces[frames - 1] = whole.subarray(frames - 1);
    wire.write(
      ...pieces.map((piece, at) => {
        const partial = at < frames - 1;
        if (at === 0) return frame.headers(1, piece, { ends: true, partial });
        return frame.continuation(1, piece, { partial });
      }),
    );
    const answer = expected === calm ? wire.readGoaway() : wire.read('HEADERS 1');
    assert.match(await answer, expected);
  }
});

test('a block that drips ends with the time of a head, whatever else goes on', async () => {
  await using siege = await startSiege({
    serve: (peer, stream) => peer.respond(stream, response(200), 'ok'),
  });
  const { harness } = siege;
  harness.stopTime();
  const wire = await siege.connect();
  // A response that ends meanwhile, or SETTINGS, do not give more time.
  wire.write(frame.headers(1, attack, { ends: true }));
  wire.write(frame.headers(3, attack.subarray(0, 3), { ends: true, partial: true }));
  await wire.read('DATA 1 END_STREAM');
  for (let second = 1; second < headTimeoutMs / 1_000; second++) {
    harness.passTime(1_000);
    wire.write(frame.continuation(3, attack.subarray(2 + second, 3 + second), { partial: true }));
    await untilRead(harness, wire.wire.socket.bytesWritten);
    assert.equal(wire.count(7), 0, `after ${second} s`);
  }
  harness.passTime(1_500);
  assert.match(await wire.readGoaway(), /^GOAWAY 1 ENHANCE_YOUR_CALM: a field block did not end/);
});

test('frames of others in a block, and blocks of nobody', async () => {
  const begun = frame.headers(1, attack.subarray(0, 5), { ends: true, partial: true });
  const rest = attack.subarray(5);
  const cases: readonly (readonly Buffer[])[] = [
    [begun, frame.continuation(3, rest)],
    [begun, frame.ping()],
    [begun, frame.settings()],
    [begun, frame.rstStream(1, code.CANCEL)],
    [begun, frame.windowUpdate(1, 1)],
    [begun, frame.headers(1, rest)],
    [begun, frame.raw(0x77, 0, 1)],
    [frame.continuation(1, attack)],
    [frame.headers(1, attack, { ends: true }), frame.continuation(1, attack)],
    [frame.continuation(0, attack)],
  ];
  await using siege = await startSiege();
  for (const frames of cases) {
    const wire = await siege.connect();
    wire.write(...frames);
    assert.match(await wire.readGoaway(), /^GOAWAY [01] PROTOCOL_ERROR: .*CONTINUATION/);
  }
});

test('trailers and responses in parts are bounded too', async () => {
  await using through = await startThrough();
  const { client, server } = through;
  const asked = client.open(post());
  const seen = await server.nextRequest();
  const piece = frame.continuation(seen.id, Buffer.alloc(0), { partial: true });
  server.frames.write(frame.headers(seen.id, block(response(200)), { partial: true }));
  server.frames.write(...Array(h2ContinuationsMax).fill(piece));
  await server.until('the end', () => server.isOver);
  assert.deepEqual(server.goaways, ['0 ENHANCE_YOUR_CALM']);
  assert.match(await client.headOf(asked), /^:status=502 heddle-error=UPSTREAM_RESET /);
  const fresh = await dialH2(through.harness.outboundPort);
  const again = fresh.open(post('/again'));
  await untilTurn('the request', () => through.origin.peers.length === 2);
  fresh.frames.write(frame.headers(again.id, Buffer.alloc(0), { ends: true, partial: true }));
  const trailing = frame.continuation(again.id, Buffer.alloc(0), { partial: true });
  fresh.frames.write(...Array(h2ContinuationsMax).fill(trailing));
  await fresh.until('the end', () => fresh.isOver);
  assert.deepEqual(fresh.goaways, [`${again.id} ENHANCE_YOUR_CALM`]);
  fresh.destroy();
});

function untilRead(
  harness: { metric: (family: 'tcp_read_bytes_total', labels: { peer: string }) => number },
  bytes: number,
): Promise<void> {
  const read = (): number => harness.metric('tcp_read_bytes_total', { peer: 'src' });
  return untilTurn('all to be read', () => read() >= bytes);
}
