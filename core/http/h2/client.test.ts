/**
 * Goal: an exchange goes to an endpoint as the frames that RFC 9113 has for it, and what comes
 * back becomes its response, or the one error that says what went wrong. Method: exact frames both
 * ways over a real socket, exchanges in the test's hand, a fake clock.
 */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FrameWire } from '../../../test/support/frame-wire.ts';
import { block, response } from '../../../test/support/h2-block.ts';
import { code, frame, setting } from '../../../test/support/h2-frames.ts';
import { ClientRig } from '../../../test/support/h2-rig.ts';
import type { H2Client } from './client.ts';

const getText = 'GET /a HTTP/1.1\r\nHost: web\r\n\r\n';
const postText = 'POST /b HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n';
const getLine = ':method=GET :scheme=http :path=/a :authority=web';
const ok = block(response(200));

interface Pair {
  readonly client: H2Client;
  readonly server: FrameWire;
}

/** Both sides' SETTINGS have gone, and been acknowledged. */
async function connect(rig: ClientRig, settings: Record<number, number> = {}): Promise<Pair> {
  const { client, server } = await rig.connect();
  server.write(frame.settings(settings), frame.settingsAck());
  await server.read('SETTINGS ACK');
  assert.equal(
    await server.next(),
    'SETTINGS ENABLE_PUSH=0 INITIAL_WINDOW_SIZE=65535 MAX_FRAME_SIZE=16384' +
      ' MAX_HEADER_LIST_SIZE=65536',
  );
  assert.equal(await server.next(), 'WINDOW_UPDATE 0 983041');
  await rig.until('room');
  rig.take();
  return { client, server };
}

/** Sends a request and returns its stream's number. */
async function ask(rig: ClientRig, { client, server }: Pair, text = getText): Promise<number> {
  rig.run(() => client.send(rig.exchange(text)));
  return Number(/^HEADERS (\d+)/.exec(await server.read('HEADERS'))?.[1]);
}

/** What comes of these frames, up to an event. */
async function answer(rig: ClientRig, server: FrameWire, event: string, ...frames: Buffer[]) {
  server.write(...frames);
  await rig.until(event);
  return rig.take().filter((line) => !line.startsWith('room'));
}

describe('requests', () => {
  test('go out on odd streams, as many as the endpoint allows', async () => {
    await using rig = new ClientRig();
    const { client, server } = await connect(rig, { [setting.MAX_CONCURRENT_STREAMS]: 2 });
    assert.equal(client.room, 2);
    for (const id of [1, 3]) {
      rig.run(() => client.send(rig.exchange(getText)));
      assert.equal(await server.next(), `HEADERS ${id} END_STREAM: ${getLine}`);
    }
    assert.equal(client.room, 0);
    const events = await answer(rig, server, 'end', frame.headers(1, ok, { ends: true }));
    assert.deepEqual(events, ['response 200', 'end']);
    assert.equal(client.room, 1);
  });

  test('before SETTINGS have come at most 100', async () => {
    await using rig = new ClientRig();
    const { client, server } = await rig.connect();
    assert.equal(client.room, 100);
    server.write(frame.settings());
    await rig.until('room');
    assert.ok(client.room > 100);
  });

  test('what is there of the body goes out behind the head, the rest as it comes', async () => {
    await using rig = new ClientRig();
    const { client, server } = await connect(rig);
    const x = rig.exchange(postText);
    const part = Buffer.from('abcdef');
    x.keepBody(part, 0, 3);
    rig.run(() => client.send(x));
    assert.equal(
      await server.next(),
      'HEADERS 1: :method=POST :scheme=http :path=/b :authority=web',
    );
    assert.equal(await server.next(), 'DATA 1: abc');
    assert.deepEqual(rig.take(), ['resume']);
    rig.run(() => {
      x.upstream?.data(x, part, 3, 6);
      x.requestEnded = true;
      x.upstream?.end(x);
    });
    assert.equal(await server.next(), 'DATA 1 END_STREAM: def');
  });

  test('a body beyond the window waits, and its source is told', async () => {
    await using rig = new ClientRig();
    const { client, server } = await connect(rig, { [setting.INITIAL_WINDOW_SIZE]: 4 });
    const x = rig.exchange(postText);
    rig.run(() => client.send(x));
    await server.next();
    rig.take();
    rig.run(() => x.upstream?.data(x, Buffer.from('abcdef'), 0, 6));
    assert.equal(await server.next(), 'DATA 1: abcd');
    assert.deepEqual(rig.take(), ['pause']);
    server.write(frame.windowUpdate(1, 1));
    assert.equal(await server.next(), 'DATA 1: e');
    assert.deepEqual(rig.take(), []);
    server.write(frame.windowUpdate(1, 1));
    assert.equal(await server.next(), 'DATA 1: f');
    assert.deepEqual(rig.take(), ['resume']);
  });

  test('one that is cancelled is reset, with the code of its client', async () => {
    await using rig = new ClientRig();
    const { client, server } = await connect(rig);
    for (const [resetCode, name] of [
      [-1, 'CANCEL'],
      [code.ENHANCE_YOUR_CALM, 'ENHANCE_YOUR_CALM'],
    ] as const) {
      const x = rig.exchange(getText);
      rig.run(() => client.send(x));
      await server.next();
      x.resetCode = resetCode;
      rig.run(() => x.upstream?.cancel(x));
      assert.match(await server.next(), new RegExp(`^RST_STREAM \\d ${name}$`));
      assert.equal(x.upstream, null);
    }
    assert.equal(client.active, 0);
    // What was on its way is dropped.
    server.write(frame.headers(1, ok), frame.data(1, 'late'), frame.headers(3, ok, { ends: true }));
    const id = await ask(rig, { client, server });
    rig.take();
    const events = await answer(rig, server, 'end', frame.headers(id, ok, { ends: true }));
    assert.deepEqual(events, ['response 200', 'end']);
  });
});

describe('responses', () => {
  test('head, content, trailers; informational ones before', async () => {
    await using rig = new ClientRig();
    const pair = await connect(rig);
    const id = await ask(rig, pair);
    rig.take();
    const events = await answer(
      rig,
      pair.server,
      'end',
      frame.headers(id, block(response(100))),
      frame.headers(id, block(response(103, [['link', '</a>']]))),
      frame.headers(id, block(response(200, [['server', 'x']])), { padding: 9 }),
      frame.data(id, 'one', { padding: 3 }),
      frame.data(id, ''),
      frame.data(id, 'two'),
      frame.headers(id, block([['x-sum', '1']]), { ends: true }),
    );
    assert.deepEqual(events, [
      'informational 100',
      'informational 103',
      'response 200 server=x',
      'data one',
      'data two',
      'trailers x-sum=1',
      'end',
    ]);
    assert.equal(pair.client.active, 0);
    assert.equal(rig.exchanges.inUse, 0);
  });

  test('that come before the end of their request cancel it', async () => {
    await using rig = new ClientRig();
    const pair = await connect(rig);
    const id = await ask(rig, pair, postText);
    rig.take();
    const events = await answer(rig, pair.server, 'end', frame.headers(id, ok, { ends: true }));
    assert.deepEqual(events, ['response 200', 'end']);
    assert.equal(await pair.server.next(), `RST_STREAM ${id} CANCEL`);
  });

  test('credit goes back as content is taken, not while it is held', async () => {
    await using rig = new ClientRig();
    const pair = await connect(rig);
    const { client, server } = pair;
    const x = rig.exchange(getText);
    rig.run(() => client.send(x));
    await server.next();
    const part = frame.data(1, Buffer.alloc(16_384, 'x'));
    await answer(rig, server, 'data', frame.headers(1, ok), part, part);
    assert.equal(await server.next(), 'WINDOW_UPDATE 1 32768');
    rig.run(() => x.upstream?.pauseResponse(x));
    await answer(rig, server, 'data', part, part, part, frame.ping());
    assert.equal(await server.next(), 'PING ACK: 12345678');
    rig.run(() => x.upstream?.resumeResponse(x));
    assert.equal(await server.next(), 'WINDOW_UPDATE 1 49152');
  });

  const declared = frame.headers(1, block(response(200, [['content-length', '3']])));
  const failures: Readonly<Record<string, readonly [event: string, text: string, ...Buffer[]]>> = {
    'that are refused': [
      'fail UPSTREAM_REFUSED: endpoint: REFUSED_STREAM',
      getText,
      frame.rstStream(1, code.REFUSED_STREAM),
    ],
    'reset before their head': [
      'fail UPSTREAM_RESET: endpoint: the stream was reset with INTERNAL_ERROR',
      getText,
      frame.rstStream(1, code.INTERNAL_ERROR),
    ],
    'reset behind their head': [
      'fail UPSTREAM_TRUNCATED: endpoint: the stream was reset with CANCEL',
      getText,
      frame.headers(1, ok),
      frame.rstStream(1, code.CANCEL),
    ],
    'with less content than declared': [
      'fail UPSTREAM_MALFORMED: endpoint: content-length differs',
      getText,
      declared,
      frame.data(1, 'ab', { ends: true }),
    ],
    'with content to HEAD': [
      'fail UPSTREAM_MALFORMED: endpoint: content-length differs',
      'HEAD / HTTP/1.1\r\nHost: web\r\n\r\n',
      declared,
      frame.data(1, 'abc'),
    ],
  };
  for (const [what, [event, text, ...frames]] of Object.entries(failures)) {
    test(what, async () => {
      await using rig = new ClientRig();
      const pair = await connect(rig);
      await ask(rig, pair, text);
      rig.take();
      const events = await answer(rig, pair.server, 'fail', ...frames);
      assert.ok(events.at(-1)?.startsWith(event), events.join('; '));
      assert.equal(pair.client.active, 0);
      assert.equal(rig.exchanges.inUse, 0);
      assert.equal(await ask(rig, pair), 3, 'the connection goes on');
    });
  }
});

describe('the end of a connection', () => {
  test('GOAWAY: what is above its last stream was refused, the rest is answered', async () => {
    await using rig = new ClientRig();
    const pair = await connect(rig);
    const ids = [await ask(rig, pair), await ask(rig, pair), await ask(rig, pair)];
    rig.take();
    const events = await answer(
      rig,
      pair.server,
      'end',
      frame.goaway(ids[0], code.NO_ERROR),
      frame.headers(ids[0], ok, { ends: true }),
    );
    const refused = 'fail UPSTREAM_REFUSED: endpoint: GOAWAY with NO_ERROR';
    assert.deepEqual(events.slice(0, 4), [refused, refused, 'response 200', 'end']);
    assert.equal(pair.client.room, 0);
    // The table of streams has no order.
    const rest = (await pair.server.readAll()).toSorted();
    assert.deepEqual(rest, ['GOAWAY 0 NO_ERROR', 'RST_STREAM 3 CANCEL', 'RST_STREAM 5 CANCEL']);
  });

  test('an endpoint that goes: requests that may have been processed fail', async () => {
    await using rig = new ClientRig();
    const pair = await connect(rig);
    await ask(rig, pair);
    const id = await ask(rig, pair);
    rig.take();
    await answer(rig, pair.server, 'response', frame.headers(id, ok));
    pair.server.wire.end();
    await rig.until('closed');
    assert.deepEqual(rig.take(), [
      'fail UPSTREAM_RESET: endpoint: the connection was closed',
      'fail UPSTREAM_TRUNCATED: endpoint: the connection was closed',
      'closed',
    ]);
  });

  test('retired: it ends with its last request, at once without any', async () => {
    await using rig = new ClientRig();
    const pair = await connect(rig);
    const id = await ask(rig, pair);
    rig.run(() => pair.client.retire());
    assert.equal(pair.client.room, 0);
    assert.equal(pair.client.over, false);
    await answer(rig, pair.server, 'closed', frame.headers(id, ok, { ends: true }));
    assert.deepEqual(await pair.server.readAll(), ['GOAWAY 0 NO_ERROR']);

    const idle = await connect(rig);
    rig.run(() => idle.client.retire());
    assert.deepEqual(await idle.server.readAll(), ['GOAWAY 0 NO_ERROR']);
  });

  test('HTTP/1.1 in place of SETTINGS is told by name', async () => {
    await using rig = new ClientRig();
    const { client, server } = await rig.connect();
    rig.run(() => client.send(rig.exchange(getText)));
    server.wire.write('HTTP/1.1 400 Bad Request\r\n\r\n');
    await rig.until('closed');
    assert.match(rig.take().join(), /^fail UPSTREAM_RESET: .*declare protocol: http1/);
  });
});

describe('time', () => {
  test('no SETTINGS in time', async () => {
    await using rig = new ClientRig();
    const { server } = await rig.connect();
    rig.clock.advance(10_500);
    assert.match(await server.read('GOAWAY'), /^GOAWAY 0 SETTINGS_TIMEOUT: /);
  });

  test('no response in time resets the stream alone', async () => {
    await using rig = new ClientRig();
    const pair = await connect(rig);
    await ask(rig, pair);
    rig.take();
    for (let second = 0; second < 300; second += 5) {
      rig.clock.advance(5_000);
      pair.server.write(frame.ping('on it...'));
      await pair.server.read('PING ACK: on it...');
    }
    rig.clock.advance(500);
    await rig.until('fail RESPONSE_TIMEOUT');
    assert.equal(await pair.server.read('RST_STREAM'), 'RST_STREAM 1 CANCEL');
    assert.equal(pair.client.over, false);
  });

  test('idle for too long', async () => {
    await using rig = new ClientRig();
    const pair = await connect(rig);
    rig.clock.advance(59_000);
    assert.equal(pair.client.over, false);
    rig.clock.advance(1_500);
    assert.deepEqual(await pair.server.readAll(), ['GOAWAY 0 NO_ERROR']);
  });
});
