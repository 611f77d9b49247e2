/**
 * Goal: what a client sends becomes the events of an exchange, and what becomes of the exchange
 * goes out as the frames that RFC 9113 has for it. Method: exact frames both ways over a real
 * socket, the layers in the test's hand, a fake clock.
 */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FrameWire } from '../../../test/support/frame-wire.ts';
import { block, get, post, request } from '../../../test/support/h2-block.ts';
import { clientPreface, code, frame, setting } from '../../../test/support/h2-frames.ts';
import { ServerRig } from '../../../test/support/h2-rig.ts';
import type { Exchange } from '../exchange.ts';

const greeting = [
  'SETTINGS MAX_CONCURRENT_STREAMS=250 INITIAL_WINDOW_SIZE=65535 MAX_FRAME_SIZE=16384' +
    ' MAX_HEADER_LIST_SIZE=65536 ENABLE_CONNECT_PROTOCOL=1',
  'WINDOW_UPDATE 0 983041',
];
const getBlock = block(get('/a'));
const postBlock = block(post('/b'));

async function connect(rig: ServerRig, settings: Record<number, number> = {}): Promise<FrameWire> {
  const wire = await rig.connect();
  wire.write(clientPreface, frame.settings(settings), frame.settingsAck());
  await wire.read('SETTINGS ACK');
  assert.deepEqual(wire.unread, greeting);
  await wire.next();
  await wire.next();
  return wire;
}

/** Sends frames and waits for what the layers are told. */
async function send(rig: ServerRig, wire: FrameWire, event: string, ...frames: Buffer[]) {
  wire.write(...frames);
  await rig.until(event);
  return rig.take();
}

/** Everything has been given back. */
function assertQuiet(rig: ServerRig): void {
  assert.equal(rig.exchanges.inUse, 0);
  for (const server of rig.servers) assert.equal(server.streams.size, 0);
}

describe('a connection', () => {
  test('greets before the client does, and acknowledges its SETTINGS', async () => {
    await using rig = new ServerRig();
    const wire = await rig.connect();
    assert.deepEqual([await wire.next(), await wire.next()], greeting);
    wire.write(clientPreface.subarray(0, 10));
    wire.write(clientPreface.subarray(10), frame.settings(), frame.ping('are you?'));
    assert.equal(await wire.next(), 'SETTINGS ACK');
    assert.equal(await wire.next(), 'PING ACK: are you?');
  });

  test('that does not begin with the preface ends', async () => {
    await using rig = new ServerRig();
    const wire = await rig.connect();
    wire.write(Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\rX'));
    assert.match(await wire.read('GOAWAY'), /^GOAWAY 0 PROTOCOL_ERROR: no connection preface/);
    assert.deepEqual(await wire.readAll(), greeting);
  });

  test('that sends something else before SETTINGS ends', async () => {
    await using rig = new ServerRig();
    const wire = await rig.connect();
    wire.write(clientPreface, frame.ping());
    assert.match(await wire.read('GOAWAY'), /PROTOCOL_ERROR: the first frame is not SETTINGS/);
  });

  test('without SETTINGS in time ends with SETTINGS_TIMEOUT', async () => {
    await using rig = new ServerRig();
    const wire = await rig.connect();
    wire.write(clientPreface);
    await wire.next();
    rig.clock.advance(9_900);
    assert.equal(wire.count(7), 0);
    rig.clock.advance(500);
    assert.match(await wire.read('GOAWAY'), /^GOAWAY 0 SETTINGS_TIMEOUT: /);
  });
});

describe('requests and responses', () => {
  test('a request without content; head, content and end of the response', async () => {
    await using rig = new ServerRig();
    const wire = await connect(rig);
    const events = await send(rig, wire, 'request', frame.headers(1, getBlock, { ends: true }));
    assert.deepEqual(events, ['request GET web /a ends']);
    const [x] = rig.requests;
    rig.run(() => rig.respond(x, 'HTTP/1.1 200 OK\r\nServer: x\r\n\r\n'));
    assert.equal(await wire.next(), 'HEADERS 1: :status=200 server=x');
    rig.run(() => rig.send(x, 'one'));
    assert.equal(await wire.next(), 'DATA 1: one');
    rig.run(() => {
      rig.send(x, 'two');
      x.client?.end(x);
    });
    assert.equal(await wire.next(), 'DATA 1 END_STREAM: two');
    assertQuiet(rig);
  });

  test('END_STREAM is on the last frame of an event, else in one of its own', async () => {
    await using rig = new ServerRig();
    const wire = await connect(rig);
    const heads = [1, 3, 5].map((id) => frame.headers(id, getBlock, { ends: true }));
    wire.write(...heads);
    await rig.until('request');
    const [one, two, three] = rig.requests;
    rig.run(() => {
      rig.respond(one, 'HTTP/1.1 204 No Content\r\n\r\n');
      one.client?.end(one);
    });
    assert.equal(await wire.next(), 'HEADERS 1 END_STREAM: :status=204');
    rig.run(() => rig.respond(two, 'HTTP/1.1 200 OK\r\n\r\n'));
    assert.equal(await wire.next(), 'HEADERS 3: :status=200');
    rig.run(() => two.client?.end(two));
    assert.equal(await wire.next(), 'DATA 3 END_STREAM');
    rig.run(() => {
      rig.respond(three, 'HTTP/1.1 200 OK\r\n\r\n');
      rig.send(three, 'x'.repeat(20_000));
      three.client?.end(three);
    });
    assert.equal(await wire.next(), 'HEADERS 5: :status=200');
    assert.equal(await wire.next(), `DATA 5: ${'x'.repeat(16_384)}`);
    assert.equal(await wire.next(), `DATA 5 END_STREAM: ${'x'.repeat(20_000 - 16_384)}`);
    assertQuiet(rig);
  });

  test('content and trailers of a request, informational responses and trailers', async () => {
    await using rig = new ServerRig();
    const wire = await connect(rig);
    wire.write(frame.headers(1, postBlock), frame.data(1, 'abc'), frame.data(1, ''));
    wire.write(frame.data(1, 'de', { padding: 7 }));
    wire.write(frame.headers(1, block([['x-sum', '1']]), { ends: true, padding: 3, dependsOn: 0 }));
    await rig.until('end');
    const events = ['request POST web /b', 'data abc', 'data de', 'trailers x-sum=1', 'end'];
    assert.deepEqual(rig.take(), events);
    const [x] = rig.requests;
    rig.run(() => {
      rig.respond(x, 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n');
      rig.respond(x, 'HTTP/1.1 200 OK\r\nConnection: x-hop\r\nX-Hop: 1\r\n\r\n');
      rig.send(x, 'ok');
      x.client?.trailers(x, x.requestTrailers ?? x.request);
      x.client?.end(x);
    });
    assert.equal(await wire.next(), 'HEADERS 1: :status=103 link=</a>');
    assert.equal(await wire.next(), 'HEADERS 1: :status=200');
    assert.equal(await wire.next(), 'DATA 1: ok');
    assert.equal(await wire.next(), 'HEADERS 1 END_STREAM: x-sum=1');
    assertQuiet(rig);
  });

  test('a response before the end of its request resets the rest with NO_ERROR', async () => {
    await using rig = new ServerRig();
    const wire = await connect(rig);
    await send(rig, wire, 'data', frame.headers(1, postBlock), frame.data(1, 'abc'));
    const [x] = rig.requests;
    rig.run(() => {
      rig.respond(x, 'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n');
      rig.send(x, 'no');
      x.client?.end(x);
    });
    assert.equal(await wire.next(), 'HEADERS 1: :status=403 content-length=2');
    assert.equal(await wire.next(), 'DATA 1 END_STREAM: no');
    assert.equal(await wire.next(), 'RST_STREAM 1 NO_ERROR');
    // What was on its way is dropped, trailers too, and the connection goes on.
    wire.write(frame.data(1, 'late'), frame.headers(1, block([['x', 'y']]), { ends: true }));
    const events = await send(rig, wire, 'request', frame.headers(3, getBlock, { ends: true }));
    assert.deepEqual(events, ['request GET web /a ends']);
  });

  test('a response that breaks off is reset, with the code that it came with', async () => {
    await using rig = new ServerRig();
    const wire = await connect(rig);
    for (const [id, resetCode, name] of [
      [1, -1, 'INTERNAL_ERROR'],
      [3, code.CANCEL, 'CANCEL'],
    ] as const) {
      await send(rig, wire, 'request', frame.headers(id, getBlock, { ends: true }));
      const x = rig.requests.at(-1) as Exchange;
      x.resetCode = resetCode;
      rig.run(() => {
        rig.respond(x, 'HTTP/1.1 200 OK\r\n\r\n');
        x.client?.abort(x);
      });
      assert.equal(await wire.next(), `HEADERS ${id}: :status=200`);
      assert.equal(await wire.next(), `RST_STREAM ${id} ${name}`);
    }
    assertQuiet(rig);
  });

  test('credit goes back in halves of a window, and not while the request is held', async () => {
    await using rig = new ServerRig();
    const wire = await connect(rig);
    const part = (size: number): Buffer => frame.data(1, Buffer.alloc(size, 'x'));
    await send(rig, wire, 'data', frame.headers(1, postBlock), part(16_000), part(16_000));
    wire.write(frame.ping());
    assert.equal(await wire.next(), 'PING ACK: 12345678', 'below half a window');
    await send(rig, wire, 'data', part(1_000));
    assert.equal(await wire.next(), 'WINDOW_UPDATE 1 33000');
    const [x] = rig.requests;
    rig.run(() => x.client?.pauseRequest(x));
    await send(rig, wire, 'data', part(16_000), part(16_000), part(16_000));
    wire.write(frame.ping());
    assert.equal(await wire.next(), 'PING ACK: 12345678', 'nothing while it is held');
    rig.run(() => x.client?.resumeRequest(x));
    assert.equal(await wire.next(), 'WINDOW_UPDATE 1 48000');
    // The connection has eight times as much, and gives it back whoever is held.
    rig.run(() => x.client?.pauseRequest(x));
    for (let sent = 81_000; sent < 524_288; sent += 16_000) {
      rig.run(() => x.client?.resumeRequest(x));
      await send(rig, wire, 'data', part(16_000));
    }
    assert.ok((await wire.read('WINDOW_UPDATE 0')).length > 0);
  });
});

describe('heads', () => {
  test('one that is malformed resets its stream and is told', async () => {
    await using rig = new ServerRig();
    const wire = await connect(rig);
    const bad = block(request('GET', 'no path'));
    const events = await send(rig, wire, 'violated', frame.headers(1, bad, { ends: true }));
    assert.match(events.join(), /^violated: the path is no path/);
    assert.equal(await wire.next(), 'RST_STREAM 1 PROTOCOL_ERROR');
    assertQuiet(rig);
  });

  test('one that is too large is answered', async () => {
    await using rig = new ServerRig({ headBytesMax: 300 });
    const wire = await rig.connect();
    const large = block(get('/', [['x', 'v'.repeat(200)]]));
    wire.write(clientPreface, frame.settings(), frame.headers(1, large, { ends: true }));
    await rig.until('fail HEAD_TOO_LARGE');
    assert.equal(
      await wire.read('HEADERS'),
      'HEADERS 1 END_STREAM: :status=400 heddle-error=HEAD_TOO_LARGE content-length=0',
    );
    assertQuiet(rig);
  });

  test('content that is longer or shorter than declared resets its stream', async () => {
    await using rig = new ServerRig();
    const wire = await connect(rig);
    const declared = block(post('/', [['content-length', '3']]));
    const short = frame.data(1, 'ab', { ends: true });
    const events = await send(rig, wire, 'cancel', frame.headers(1, declared), short);
    assert.deepEqual(events, [
      'request POST web / content-length=3',
      'data ab',
      `cancel BAD_REQUEST ${code.CANCEL}`,
    ]);
    assert.equal(await wire.next(), 'RST_STREAM 1 PROTOCOL_ERROR');
    await send(rig, wire, 'cancel', frame.headers(3, declared), frame.data(3, 'abcd'));
    assert.equal(await wire.next(), 'RST_STREAM 3 PROTOCOL_ERROR');
    wire.write(frame.headers(5, declared, { ends: true }));
    assert.equal(await wire.next(), 'RST_STREAM 5 PROTOCOL_ERROR');
    assert.deepEqual(rig.take(), [], 'nobody was told of the third');
    await send(rig, wire, 'data', frame.headers(7, declared), frame.data(7, 'abc'));
    const trailers = frame.headers(7, block([['x', 'y']]), { ends: true });
    assert.deepEqual(await send(rig, wire, 'end', trailers), ['trailers x=y', 'end']);
  });
});

test('a rule of PRIORITY that is broken for a stream that has not begun', async () => {
  // Such a stream cannot be reset (RFC 9113 6.4), and must not be taken for one that was.
  for (const [bad, name] of [
    [frame.priority(3, 3), 'PROTOCOL_ERROR'],
    [frame.raw(2, 0, 3, Buffer.alloc(4)), 'FRAME_SIZE_ERROR'],
  ] as const) {
    await using rig = new ServerRig();
    const wire = await connect(rig);
    wire.write(bad);
    assert.ok((await wire.next()).startsWith(`GOAWAY 0 ${name}: `));
    assert.deepEqual(await wire.readAll(), []);
  }
});

describe('ends', () => {
  test('a client that resets: the layers hear it, with the code', async () => {
    await using rig = new ServerRig();
    const wire = await connect(rig);
    await send(rig, wire, 'request', frame.headers(1, getBlock, { ends: true }));
    const events = await send(rig, wire, 'cancel', frame.rstStream(1, code.CANCEL));
    assert.deepEqual(events, [`cancel CLIENT_GONE ${code.CANCEL}`]);
    assertQuiet(rig);
  });

  test('a client that goes: all streams end', async () => {
    await using rig = new ServerRig();
    const wire = await connect(rig);
    const heads = [1, 3].map((id) => frame.headers(id, getBlock, { ends: true }));
    await send(rig, wire, 'request', ...heads);
    wire.wire.end();
    await rig.until('closed');
    const cancelled = `cancel CLIENT_GONE ${code.CANCEL}`;
    assert.deepEqual(rig.take(), [cancelled, cancelled, 'closed']);
    assertQuiet(rig);
  });

  test('two GOAWAYs with a PING between, then what is under way, then the end', async () => {
    await using rig = new ServerRig();
    const wire = await connect(rig);
    await send(rig, wire, 'request', frame.headers(1, getBlock, { ends: true }));
    const [server] = rig.servers;
    rig.run(() => server.closeIdle());
    assert.equal(await wire.next(), 'GOAWAY 2147483647 NO_ERROR');
    assert.equal(await wire.next(), 'PING: leaving ');
    await send(rig, wire, 'request', frame.headers(3, getBlock, { ends: true }));
    wire.write(frame.ping('leaving ', true));
    assert.equal(await wire.next(), 'GOAWAY 3 NO_ERROR');
    wire.write(frame.headers(5, getBlock, { ends: true }));
    assert.equal(await wire.next(), 'RST_STREAM 5 REFUSED_STREAM');
    for (const [index, x] of rig.requests.entries()) {
      assert.equal(wire.wire.ended, false);
      rig.run(() => {
        rig.respond(x, 'HTTP/1.1 204 No Content\r\n\r\n');
        x.client?.end(x);
      });
      assert.equal(await wire.next(), `HEADERS ${index * 2 + 1} END_STREAM: :status=204`);
    }
    assert.deepEqual(await wire.readAll(), []);
    assertQuiet(rig);
  });

  test('a client that is silent while it waits is asked, and gone without an answer', async () => {
    await using rig = new ServerRig();
    const wire = await connect(rig);
    await send(rig, wire, 'request', frame.headers(1, getBlock, { ends: true }));
    rig.clock.advance(10_500);
    assert.equal(await wire.next(), 'PING: alive?  ');
    const [server] = rig.servers;
    rig.run(() => server.closeIdle());
    assert.equal(await wire.next(), 'GOAWAY 2147483647 NO_ERROR');
    assert.equal(await wire.next(), 'PING: leaving ');
    // The answer to the first does not stand for the second.
    wire.write(frame.ping('alive?  ', true), frame.ping('a word  '));
    assert.equal(await wire.next(), 'PING ACK: a word  ');
    wire.write(frame.ping('leaving ', true));
    assert.equal(await wire.next(), 'GOAWAY 1 NO_ERROR');
    assert.deepEqual(rig.take(), []);
    rig.clock.advance(10_500);
    assert.equal(await wire.next(), 'PING: alive?  ');
    rig.clock.advance(3_500);
    await rig.until('closed');
    assert.deepEqual(rig.take(), [`cancel CLIENT_GONE ${code.CANCEL}`, 'closed']);
    assertQuiet(rig);
  });

  test('a client that has asked for nothing, or is never to be asked, gets no PING', async () => {
    await using rig = new ServerRig({}, { keepAliveIntervalMs: 0 });
    const wire = await connect(rig);
    rig.clock.advance(60_000);
    await send(rig, wire, 'request', frame.headers(1, getBlock, { ends: true }));
    rig.clock.advance(60_000);
    wire.write(frame.ping('are you?'));
    assert.equal(await wire.next(), 'PING ACK: are you?');
  });

  test('while draining the next response asks the client to go', async () => {
    await using rig = new ServerRig();
    const wire = await connect(rig);
    await send(rig, wire, 'request', frame.headers(1, getBlock, { ends: true }));
    rig.context.draining = true;
    const [x] = rig.requests;
    rig.run(() => {
      rig.respond(x, 'HTTP/1.1 204 No Content\r\n\r\n');
      x.client?.end(x);
    });
    await wire.read('HEADERS 1 END_STREAM');
    assert.equal(await wire.read('GOAWAY'), 'GOAWAY 2147483647 NO_ERROR');
    rig.clock.advance(10_500);
    assert.equal(await wire.read('GOAWAY'), 'GOAWAY 1 NO_ERROR', 'also without an answer to PING');
  });

  test('forced: everything is reset', async () => {
    await using rig = new ServerRig();
    const wire = await connect(rig);
    await send(rig, wire, 'request', frame.headers(1, getBlock, { ends: true }));
    rig.run(() => rig.servers[0].closeForced());
    await wire.wire.until('the end', () => wire.wire.closed);
    assert.deepEqual(rig.take(), [`cancel CLIENT_GONE ${code.CANCEL}`, 'closed']);
    assertQuiet(rig);
  });

  test('more streams than announced are refused', async () => {
    await using rig = new ServerRig({ maxConcurrentStreams: 2 });
    const wire = await rig.connect();
    wire.write(clientPreface, frame.settings({ [setting.INITIAL_WINDOW_SIZE]: 10 }));
    wire.write(...[1, 3, 5].map((id) => frame.headers(id, getBlock, { ends: true })));
    assert.equal(await wire.read('RST_STREAM'), 'RST_STREAM 5 REFUSED_STREAM');
    assert.equal(rig.requests.length, 2);
  });
});
