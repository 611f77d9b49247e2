/**
 * Goal: content goes out as far as the windows allow and no further, streams take turns of a frame,
 * what follows content stays behind it, and each stream ends on its last frame. Method: the sender
 * of a server connection, and exact frames at its client.
 */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FrameWire } from '../../../test/support/frame-wire.ts';
import { block, get } from '../../../test/support/h2-block.ts';
import { clientPreface, frame, setting } from '../../../test/support/h2-frames.ts';
import { ServerRig } from '../../../test/support/h2-rig.ts';
import type { Exchange } from '../exchange.ts';
import { headOfLines } from '../field-lines.ts';

/** A client with so many requests, whose responses have begun. */
async function begin(
  rig: ServerRig,
  requests: number,
  settings: Readonly<Record<number, number>> = {},
): Promise<FrameWire> {
  const wire = await rig.connect();
  const heads = Array.from({ length: requests }, (_, index) =>
    frame.headers(2 * index + 1, block(get()), { ends: true }),
  );
  wire.write(clientPreface, frame.settings(settings), frame.settingsAck(), ...heads);
  await rig.until('request');
  rig.run(() => {
    for (const x of rig.requests) rig.respond(x, 'HTTP/1.1 200 OK\r\n\r\n');
  });
  for (const [index] of rig.requests.entries()) await wire.read(`HEADERS ${2 * index + 1}`);
  while (wire.unread.length > 0) await wire.next();
  rig.take();
  return wire;
}

/** What has come when the proxy has surely sent all that it may. */
async function arrived(wire: FrameWire): Promise<string[]> {
  wire.write(frame.ping('all sent'));
  const lines: string[] = [];
  for (;;) {
    const line = await wire.next();
    if (line === 'PING ACK: all sent') return lines;
    lines.push(line);
  }
}

const sizes = (lines: readonly string[]): string[] =>
  lines.map((line) => {
    const [head, content = ''] = line.split(': ');
    return `${head.replace('DATA ', '')}:${content.length}`;
  });

function end(rig: ServerRig, x: Exchange): void {
  rig.run(() => x.client?.end(x));
}

describe('windows', () => {
  test('of a stream: what is beyond waits for credit, byte by byte', async () => {
    await using rig = new ServerRig();
    const wire = await begin(rig, 1, { [setting.INITIAL_WINDOW_SIZE]: 3 });
    const [x] = rig.requests;
    rig.run(() => rig.send(x, 'abcdefg'));
    assert.deepEqual(await arrived(wire), ['DATA 1: abc']);
    assert.deepEqual(rig.take(), ['pause']);
    wire.write(frame.windowUpdate(1, 1));
    assert.deepEqual(await arrived(wire), ['DATA 1: d']);
    wire.write(frame.windowUpdate(1, 2), frame.windowUpdate(1, 1));
    assert.deepEqual(await arrived(wire), ['DATA 1: ef', 'DATA 1: g']);
    assert.deepEqual(rig.take(), ['resume']);
    wire.write(frame.windowUpdate(1, 100));
    rig.run(() => rig.send(x, 'more'));
    assert.deepEqual(await arrived(wire), ['DATA 1: more']);
  });

  test('of the connection: all streams share it', async () => {
    await using rig = new ServerRig();
    const wire = await begin(rig, 2, { [setting.INITIAL_WINDOW_SIZE]: 1_000_000 });
    const [one, two] = rig.requests;
    rig.run(() => rig.send(one, 'x'.repeat(60_000)));
    rig.run(() => rig.send(two, 'y'.repeat(10_000)));
    assert.deepEqual(sizes(await arrived(wire)), [
      '1:16384',
      '1:16384',
      '1:16384',
      '1:10848',
      '3:5535',
    ]);
    wire.write(frame.windowUpdate(0, 4_000));
    assert.deepEqual(sizes(await arrived(wire)), ['3:4000']);
    wire.write(frame.windowUpdate(0, 4_000));
    assert.deepEqual(sizes(await arrived(wire)), ['3:465']);
  });

  test('that the peer changes later', async () => {
    await using rig = new ServerRig();
    const wire = await begin(rig, 1, { [setting.INITIAL_WINDOW_SIZE]: 10 });
    const [x] = rig.requests;
    rig.run(() => rig.send(x, '0123456789abcdefghij'));
    assert.deepEqual(await arrived(wire), ['DATA 1: 0123456789']);
    wire.write(frame.settings({ [setting.INITIAL_WINDOW_SIZE]: 4 }));
    assert.deepEqual(await arrived(wire), ['SETTINGS ACK']);
    wire.write(frame.windowUpdate(1, 6));
    assert.deepEqual(await arrived(wire), [], 'it was 6 below zero');
    wire.write(frame.windowUpdate(1, 1));
    assert.deepEqual(await arrived(wire), ['DATA 1: a']);
    wire.write(frame.settings({ [setting.INITIAL_WINDOW_SIZE]: 100 }));
    assert.deepEqual(await arrived(wire), ['SETTINGS ACK', 'DATA 1: bcdefghij']);
  });
});

test('streams take turns, a frame each', async () => {
  await using rig = new ServerRig();
  const wire = await begin(rig, 3, { [setting.INITIAL_WINDOW_SIZE]: 0 });
  const content = 'x'.repeat(40_000);
  for (const x of rig.requests) rig.run(() => rig.send(x, content));
  assert.deepEqual(await arrived(wire), []);
  wire.write(
    frame.windowUpdate(0, 1_000_000),
    frame.settings({ [setting.INITIAL_WINDOW_SIZE]: 1_000_000 }),
  );
  const [first, ...lines] = await arrived(wire);
  assert.equal(first, 'SETTINGS ACK');
  const turns = [16_384, 16_384, 7_232].flatMap((size) => [1, 3, 5].map((id) => `${id}:${size}`));
  assert.deepEqual(sizes(lines).toSorted(), turns.toSorted());
  for (let at = 0; at < 9; at += 3) {
    const ids = sizes(lines.slice(at, at + 3)).map((line) => line.split(':')[0]);
    assert.deepEqual(ids.toSorted(), ['1', '3', '5'], 'none is two frames ahead');
  }
});

test('streams that wait for the connection take turns, a frame each', async () => {
  await using rig = new ServerRig();
  const wire = await begin(rig, 4, { [setting.INITIAL_WINDOW_SIZE]: 1_000_000 });
  const [filler, ...others] = rig.requests;
  rig.run(() => rig.send(filler, 'f'.repeat(65_535)));
  await arrived(wire);
  for (const x of others) rig.run(() => rig.send(x, 'x'.repeat(20_000)));
  assert.deepEqual(await arrived(wire), []);
  wire.write(frame.windowUpdate(0, 1_000_000));
  assert.deepEqual(sizes(await arrived(wire)), [
    '3:16384',
    '5:16384',
    '7:16384',
    '3:3616',
    '5:3616',
    '7:3616',
  ]);
});

describe('the end of a stream', () => {
  test('comes on the last frame of what waited', async () => {
    await using rig = new ServerRig();
    const wire = await begin(rig, 1, { [setting.INITIAL_WINDOW_SIZE]: 3 });
    const [x] = rig.requests;
    rig.run(() => rig.send(x, 'abcd'));
    end(rig, x);
    assert.deepEqual(await arrived(wire), ['DATA 1: abc']);
    wire.write(frame.windowUpdate(1, 10));
    assert.deepEqual(await arrived(wire), ['DATA 1 END_STREAM: d']);
    assert.equal(rig.exchanges.inUse, 0);
    assert.equal(rig.servers[0].streams.size, 0);
  });

  test('comes with the trailers behind what waited', async () => {
    await using rig = new ServerRig();
    const wire = await begin(rig, 1, { [setting.INITIAL_WINDOW_SIZE]: 3 });
    const [x] = rig.requests;
    rig.run(() => {
      rig.send(x, 'abcd');
      x.client?.trailers(x, headOfLines('x-sum: 1\r\n'));
      x.client?.end(x);
    });
    assert.deepEqual(await arrived(wire), ['DATA 1: abc']);
    wire.write(frame.windowUpdate(1, 10));
    assert.deepEqual(await arrived(wire), ['DATA 1: d', 'HEADERS 1 END_STREAM: x-sum=1']);
    assert.equal(rig.servers[0].streams.size, 0);
  });

  test('needs no window of its own', async () => {
    await using rig = new ServerRig();
    const wire = await begin(rig, 1, { [setting.INITIAL_WINDOW_SIZE]: 3 });
    const [x] = rig.requests;
    rig.run(() => rig.send(x, 'abc'));
    await arrived(wire);
    end(rig, x);
    assert.deepEqual(await arrived(wire), ['DATA 1 END_STREAM']);
  });

  test('is not put on a frame of another stream, nor on one that has gone out', async () => {
    await using rig = new ServerRig();
    const wire = await begin(rig, 2);
    const [one, two] = rig.requests;
    rig.run(() => {
      rig.send(one, 'one');
      rig.send(two, 'two');
      one.client?.end(one);
    });
    assert.deepEqual(await arrived(wire), ['DATA 1: one', 'DATA 3: two', 'DATA 1 END_STREAM']);
    end(rig, two);
    assert.deepEqual(await arrived(wire), ['DATA 3 END_STREAM']);
  });
});

test('of a stream that is reset nothing goes out any more', async () => {
  await using rig = new ServerRig();
  const wire = await begin(rig, 2, { [setting.INITIAL_WINDOW_SIZE]: 1 });
  const [one, two] = rig.requests;
  rig.run(() => rig.send(one, 'abc'));
  rig.run(() => rig.send(two, 'xyz'));
  await arrived(wire);
  wire.write(frame.rstStream(1, 8), frame.windowUpdate(1, 10), frame.windowUpdate(3, 10));
  assert.deepEqual(await arrived(wire), ['DATA 3: yz']);
});

test('a field block beyond a frame goes on in CONTINUATION, nothing comes between', async () => {
  await using rig = new ServerRig();
  const wire = await rig.connect();
  wire.write(clientPreface, frame.settings(), frame.headers(1, block(get()), { ends: true }));
  await rig.until('request');
  const [x] = rig.requests;
  const long = 'v'.repeat(40_000);
  rig.run(() => {
    rig.respond(x, `HTTP/1.1 200 OK\r\nX-Long: ${long}\r\n\r\n`);
    x.client?.end(x);
  });
  await wire.read(`CONTINUATION 1: :status=200 x-long=${long}`);
  assert.deepEqual(wire.unread.slice(-2), [
    'HEADERS 1 END_STREAM PARTIAL',
    'CONTINUATION 1 PARTIAL',
  ]);
});
