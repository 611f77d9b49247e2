/**
 * Goal: our client says in gRPC's terms what a server did to its call, whatever that was, and takes
 * up with it again as it may. Method: exact frames, or other bytes, from the server's end of a real
 * socket; a fake clock.
 */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { FrameWire } from '../../test/support/frame-wire.ts';
import { bothMethod, downMethod, GrpcRig, Recorded } from '../../test/support/grpc-rig.ts';
import { block, type Fields } from '../../test/support/h2-block.ts';
import { clientPreface, code, frame, setting } from '../../test/support/h2-frames.ts';
import { untilTurn } from '../../test/support/turns.ts';
import { startOrigin, type Wire } from '../../test/support/wire.ts';
import { grpcWaitMs } from '../base/limits.ts';
import { GrpcClient } from './client.ts';
import { frameMessage } from './frame.ts';

const head = block([
  [':status', '200'],
  ['content-type', 'application/grpc'],
]);
const ok = block([['grpc-status', '0']]);
const message = frameMessage(bothMethod.response, 'a');

async function startServer(rig: GrpcRig) {
  const origin = await startOrigin();
  rig.onDispose(() => origin.close());
  const accept = async (settings: Record<number, number> = {}): Promise<FrameWire> => {
    const wire = new FrameWire(await origin.accept(), clientPreface.length);
    wire.write(frame.settings(settings), frame.settingsAck());
    return wire;
  };
  return { port: origin.port, accept, acceptRaw: (): Promise<Wire> => origin.accept() };
}

/** How a call ends whose server sends `frames`; what it says without the address. */
async function outcomeOf(...frames: readonly Buffer[]): Promise<string> {
  await using rig = new GrpcRig(new FakeClock());
  const { port, accept } = await startServer(rig);
  const call = new Recorded(rig.client(port), bothMethod);
  const wire = await accept();
  await wire.read('HEADERS 1');
  wire.write(...frames);
  const events = await call.ended();
  return events.join('; ').replaceAll(`127.0.0.1:${port}`, 'address');
}

describe('a call', () => {
  test('goes out with the fields that gRPC has, and its messages and end behind', async () => {
    await using rig = new GrpcRig(new FakeClock());
    const { port, accept } = await startServer(rig);
    const metadata = { 'x-a': 'b c' };
    const call = new Recorded(rig.client(port), downMethod, { metadata, deadlineMs: 2_000 });
    call.call.send('a');
    call.call.end();
    const wire = await accept();
    const fields =
      `:method=POST :scheme=http :path=/test.Text/Down :authority=127.0.0.1:${port} te=trailers ` +
      'content-type=application/grpc grpc-accept-encoding=identity grpc-timeout=2000m x-a=b c';
    assert.equal(await wire.read('HEADERS'), `HEADERS 1: ${fields}`);
    assert.match(await wire.read('DATA'), /^DATA 1 END_STREAM: /);
    wire.write(
      frame.headers(1, head),
      frame.data(1, message),
      frame.headers(1, ok, { ends: true }),
    );
    assert.deepEqual(await call.ended(), ['headers', 'message a', 'end OK']);
  });

  for (const [title, frames, outcome] of [
    ['ends with a status alone', [statusAlone('5', 'a%20b')], 'end NOT_FOUND a b'],
    ['ends with a number that is no code', [statusAlone('77', 'x')], 'end UNKNOWN x'],
    [
      'ends without a status',
      [frame.headers(1, head), frame.data(1, message, { ends: true })],
      'headers; message a; end UNKNOWN address: the answer ended without grpc-status',
    ],
    [
      'ends in the middle of a message',
      [frame.headers(1, head), frame.data(1, message.subarray(0, 5)), trailersOf('0')],
      'headers; end INTERNAL address: the answer ended inside of a message',
    ],
    [
      'fails, which counts more than a message that is not whole',
      [frame.headers(1, head), frame.data(1, message.subarray(0, 5)), trailersOf('14')],
      'headers; end UNAVAILABLE',
    ],
    [
      'gets a page of a proxy',
      [
        answer([
          [':status', '503'],
          ['content-type', 'text/html'],
        ]),
        frame.data(1, 'busy'),
      ],
      'end UNAVAILABLE address: no gRPC in the answer, HTTP status 503',
    ],
    [
      'gets something else that is well',
      [
        answer([
          [':status', '200'],
          ['content-type', 'text/html'],
        ]),
      ],
      'end UNKNOWN address: no gRPC in the answer, HTTP status 200',
    ],
    [
      'gets a compressed message',
      [frame.headers(1, head), frame.data(1, Buffer.from('010000000161', 'hex'))],
      'headers; end UNIMPLEMENTED address: the answer is compressed, which was not asked for',
    ],
    [
      'gets no frames of messages',
      [frame.headers(1, head), frame.data(1, 'hello')],
      'headers; end INTERNAL address: the answer is no sequence of messages',
    ],
    [
      'gets a message of another size than any',
      [frame.headers(1, head), frame.data(1, Buffer.from('00ffffffff', 'hex'))],
      'headers; end RESOURCE_EXHAUSTED address: a message has more than 4194304 bytes',
    ],
    [
      'gets a message that is none',
      [frame.headers(1, head), frame.data(1, Buffer.from('0000000001ff', 'hex'))],
      'headers; end INTERNAL address: a message of the answer is malformed',
    ],
    [
      'gets fields that are malformed',
      [
        frame.headers(
          1,
          block([
            [':status', '200'],
            ['UPPER', 'x'],
          ]),
        ),
      ],
      'end INTERNAL address: ' +
        'a field name has a capital letter or a byte that no token has (RFC 9113 8.2.1)',
    ],
    [
      'is refused',
      [frame.rstStream(1, code.REFUSED_STREAM)],
      'end UNAVAILABLE address: REFUSED_STREAM',
    ],
    [
      'is reset as too much',
      [frame.rstStream(1, code.ENHANCE_YOUR_CALM)],
      'end RESOURCE_EXHAUSTED address: the stream was reset with ENHANCE_YOUR_CALM',
    ],
    [
      'is cancelled by the server',
      [frame.headers(1, head), frame.rstStream(1, code.CANCEL)],
      'headers; end CANCELLED address: the stream was reset with CANCEL',
    ],
    [
      'is not reached before the server goes away',
      [frame.goaway(0, code.NO_ERROR)],
      'end UNAVAILABLE address: GOAWAY with NO_ERROR',
    ],
    [
      'meets garbage',
      [Buffer.from('not HTTP/2 at all, whatever it may be')],
      'end UNAVAILABLE address: FRAME_SIZE_ERROR: ' +
        'a frame above our SETTINGS_MAX_FRAME_SIZE (RFC 9113 4.2)',
    ],
  ] as const) {
    test(title, async () => {
      assert.equal(await outcomeOf(...frames), outcome);
    });
  }

  test('meets a server of HTTP/1', async () => {
    await using rig = new GrpcRig(new FakeClock());
    const { port, acceptRaw } = await startServer(rig);
    const call = new Recorded(rig.client(port), bothMethod);
    const wire = await acceptRaw();
    wire.write('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n');
    assert.match((await call.ended()).join(), /^end UNAVAILABLE .*it answered in HTTP\/1/);
  });

  test('meets a server that closes', async () => {
    await using rig = new GrpcRig(new FakeClock());
    const { port, accept } = await startServer(rig);
    const client = rig.client(port);
    const call = new Recorded(client, bothMethod);
    const wire = await accept();
    wire.write(frame.headers(1, head));
    await call.until('headers');
    wire.wire.end();
    const text = `127.0.0.1:${port}: the connection was closed`;
    assert.deepEqual(await call.ended(), ['headers', `end UNAVAILABLE ${text}`]);
    assert.equal(client.state, 'idle');
    // The next one dials anew.
    const next = new Recorded(client, bothMethod);
    const again = await accept();
    await again.read('HEADERS 1');
    again.write(frame.headers(1, head), trailersOf('0'));
    assert.equal((await next.ended()).at(-1), 'end OK');
  });
});

describe('a client', () => {
  test('says that nobody listens', async () => {
    await using rig = new GrpcRig(new FakeClock());
    const origin = await startOrigin();
    await origin.close();
    const call = new Recorded(rig.client(origin.port), bothMethod);
    const text = `127.0.0.1:${origin.port}: ECONNREFUSED`;
    assert.deepEqual(await call.ended(), [`end UNAVAILABLE ${text}`]);
  });

  test('gives up a call that waits for a connection when its deadline has passed', async () => {
    const clock = new FakeClock();
    await using rig = new GrpcRig(clock);
    // Nothing answers there (RFC 5737).
    const client = new GrpcClient(rig.env, { host: '192.0.2.1', port: 9 });
    rig.onDispose(() => client.close());
    const call = new Recorded(client, bothMethod, { deadlineMs: 100 });
    const other = new Recorded(client, bothMethod);
    assert.deepEqual([client.state, client.activeCalls], ['connecting', 2]);
    clock.advance(200);
    const text = 'end DEADLINE_EXCEEDED 192.0.2.1:9: no end within 100 ms, its deadline';
    // A machine without any route says so at once.
    if (call.events[0] === text) {
      clock.advance(1_000);
      await untilTurn('the end', () => other.events.length > 0);
      assert.match(other.events.join(), /^end UNAVAILABLE .*no connection after 1000 ms/);
    }
    assert.equal(client.activeCalls, 0);
  });

  test('waits for room, not for ever, and uses what becomes free', async () => {
    const clock = new FakeClock();
    await using rig = new GrpcRig(clock);
    const { port, accept } = await startServer(rig);
    const client = rig.client(port);
    const first = new Recorded(client, bothMethod);
    const wire = await accept({ [setting.MAX_CONCURRENT_STREAMS]: 1 });
    await wire.read('SETTINGS ACK');
    const [second, third] = [new Recorded(client, bothMethod), new Recorded(client, bothMethod)];
    wire.write(frame.headers(1, head), trailersOf('0'));
    await first.ended();
    await wire.read('HEADERS 3');
    assert.deepEqual([second.events, third.events], [[], []]);
    // Keep-alive is answered meanwhile.
    wire.onFrame = ({ type, flags, payload }) => {
      if (type === 6 && flags === 0) wire.write(frame.ping(payload.toString('latin1'), true));
    };
    for (let ms = 0; ms <= grpcWaitMs; ms += 1_000) {
      clock.advance(1_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.match(third.events.join(), /^end UNAVAILABLE .*no room for another call/);
    assert.deepEqual(second.events, []);
  });

  test('asks a silent server whether it is there, and leaves it when it is not', async () => {
    const clock = new FakeClock();
    await using rig = new GrpcRig(clock);
    const { port, accept } = await startServer(rig);
    const keepAlive = { keepAliveIntervalMs: 5_000, keepAliveTimeoutMs: 1_000 };
    const call = new Recorded(rig.client(port, keepAlive), bothMethod);
    const wire = await accept();
    wire.write(frame.headers(1, head));
    await call.until('headers');
    clock.advance(5_500);
    assert.match(await wire.read('PING'), /^PING/);
    assert.deepEqual(call.events, ['headers']);
    clock.advance(1_500);
    assert.match(call.events.at(-1) ?? '', /^end UNAVAILABLE .*no answer to PING for 1000 ms/);
  });

  test('asks half as often where its PINGs were too many', async () => {
    const clock = new FakeClock();
    await using rig = new GrpcRig(clock);
    const { port, accept } = await startServer(rig);
    const client = rig.client(port, { keepAliveIntervalMs: 5_000, keepAliveTimeoutMs: 1_000 });
    const call = new Recorded(client, bothMethod);
    const wire = await accept();
    await wire.read('HEADERS 1');
    wire.write(frame.goaway(0, code.ENHANCE_YOUR_CALM, 'too_many_pings'));
    assert.match((await call.ended()).join(), /^end UNAVAILABLE .*GOAWAY with ENHANCE_YOUR_CALM$/);
    const next = new Recorded(client, bothMethod);
    const again = await accept();
    again.write(frame.headers(1, head));
    await next.until('headers');
    clock.advance(9_500);
    // With a PING after 5 s the call would have ended for want of an answer.
    assert.deepEqual(next.events, ['headers']);
    clock.advance(1_000);
    assert.match(await again.read('PING'), /^PING/);
  });

  test('lets a connection go that has carried nothing for long', async () => {
    const clock = new FakeClock();
    await using rig = new GrpcRig(clock);
    const { port, accept } = await startServer(rig);
    const client = rig.client(port, { idleTimeoutMs: 5_000 });
    const call = new Recorded(client, bothMethod);
    const wire = await accept();
    wire.write(frame.headers(1, head), trailersOf('0'));
    await call.ended();
    assert.equal(client.state, 'ready');
    clock.advance(6_000);
    assert.equal(client.state, 'idle');
    assert.match(await wire.readGoaway(), /NO_ERROR/);
  });

  test('sends as the window allows, and says what waits', async () => {
    await using rig = new GrpcRig(new FakeClock());
    const { port, accept } = await startServer(rig);
    const call = new Recorded(rig.client(port), bothMethod);
    const wire = await accept({ [setting.INITIAL_WINDOW_SIZE]: 1_000 });
    await wire.read('SETTINGS ACK');
    call.call.send('x'.repeat(9_995));
    assert.ok(call.call.queuedBytes > 0 && call.call.queuedBytes <= 10_000);
    call.call.end();
    wire.write(frame.windowUpdate(1, 100_000));
    await untilTurn('nothing waits', () => call.call.queuedBytes === 0);
    await wire.read('DATA 1 END_STREAM');
  });
});

function answer(fields: Fields): Buffer {
  return frame.headers(1, block(fields));
}

function statusAlone(status: string, text: string): Buffer {
  const fields: Fields = [
    [':status', '200'],
    ['content-type', 'application/grpc'],
    ['grpc-status', status],
    ['grpc-message', text],
  ];
  return frame.headers(1, block(fields), { ends: true });
}

function trailersOf(status: string): Buffer {
  return frame.headers(1, block([['grpc-status', status]]), { ends: true });
}
