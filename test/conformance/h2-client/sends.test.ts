/** What a client itself has to send, and may not send, by RFC 9113 and RFC 7541. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FrameWire } from '../../support/frame-wire.ts';
import { block, get, post, response } from '../../support/h2-block.ts';
import { frame, setting } from '../../support/h2-frames.ts';
import { dialH2, type H2Peer } from '../../support/h2-peer.ts';
import { startHarness } from '../../support/proxy-harness.ts';
import { startOrigin, type Wire } from '../../support/wire.ts';

interface Fixture extends AsyncDisposable {
  readonly client: H2Peer;
  /** The origin's end of the connection, on which nothing has been read. */
  accept(): Promise<Wire>;
}

async function start(): Promise<Fixture> {
  const origin = await startOrigin();
  const harness = await startHarness({ 'host:web': { endpoints: [{ port: origin.port }] } });
  const client = await dialH2(harness.outboundPort);
  return {
    client,
    accept: () => origin.accept(),
    async [Symbol.asyncDispose]() {
      client.destroy();
      await harness.close();
      await origin.close();
    },
  };
}

test('3.4: the preface, then SETTINGS, which forbid push (6.5.2)', async () => {
  await using fixture = await start();
  fixture.client.request(get());
  const wire = await fixture.accept();
  assert.equal(await wire.readBytes(24), 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  const server = new FrameWire(wire);
  assert.match(await server.next(), /^SETTINGS ENABLE_PUSH=0 /);
});

test('5.1.1: streams are odd and rise, also when they are used again', async () => {
  await using fixture = await start();
  const { client } = fixture;
  client.request(get('/0'));
  const server = new FrameWire(await fixture.accept(), 24);
  server.write(frame.settings());
  for (let id = 1; id < 20; id += 2) {
    await server.read(`HEADERS ${id} END_STREAM`);
    server.write(frame.headers(id, block(response(204)), { ends: true }));
    client.request(get(`/${id}`));
  }
});

test('4.2: no frame above the peer’s SETTINGS_MAX_FRAME_SIZE', async () => {
  await using fixture = await start();
  const fields = [['x-long', 'v'.repeat(40_000)]] as const;
  fixture.client.request(post('/', fields), Buffer.alloc(60_000, 'x'));
  const server = new FrameWire(await fixture.accept(), 24);
  const sizes: number[] = [];
  server.onFrame = ({ payload }) => sizes.push(payload.length);
  server.write(frame.settings(), frame.windowUpdate(0, 100_000));
  await server.wire.until('all content', () => server.count(0) >= 4);
  assert.ok(Math.max(...sizes) <= 16_384, sizes.join());
  assert.ok(server.count(9) === 2, 'the head went on in CONTINUATION');
});

test('7541 4.2: a lowered table begins the next block, and is kept', async () => {
  await using fixture = await start();
  const { client } = fixture;
  const again = [['x-again', 'the same each time']] as const;
  client.request(get('/1', again));
  const server = new FrameWire(await fixture.accept(), 24);
  server.write(frame.settings());
  await server.read('HEADERS 1');
  client.request(get('/1', again));
  await server.read('HEADERS 3');
  for (const [id, size] of [
    [5, 100],
    [7, 0],
    [9, 4_096],
  ] as const) {
    server.write(frame.settings({ [setting.HEADER_TABLE_SIZE]: size }), frame.ping('settled?'));
    await server.read('PING ACK: settled?');
    // The decoder fails unless the block begins with what the lowered limit asks for.
    server.tableBytesMax = size;
    client.request(get('/1', again));
    assert.ok((await server.read(`HEADERS ${id}`)).endsWith(' x-again=the same each time'));
  }
});

test('6.9: content waits for both windows', async () => {
  await using fixture = await start();
  fixture.client.request(post(), Buffer.alloc(200_000, 'x'));
  const server = new FrameWire(await fixture.accept(), 24);
  let received = 0;
  server.onFrame = ({ type, payload }) => {
    if (type === 0) received += payload.length;
  };
  const still = async (): Promise<number> => {
    const pongs = server.count(6);
    server.write(frame.ping());
    await server.wire.until('the answer to PING', () => server.count(6) > pongs);
    return received;
  };
  server.write(frame.settings({ [setting.INITIAL_WINDOW_SIZE]: 100_000 }));
  await server.wire.until('the window of the connection', () => received === 65_535);
  assert.equal(await still(), 65_535);
  server.write(frame.windowUpdate(0, 1_000_000));
  await server.wire.until('the window of the stream', () => received === 100_000);
  assert.equal(await still(), 100_000);
  server.write(frame.windowUpdate(1, 100_000));
  await server.wire.until('all', () => received === 200_000);
});

test('8.3.1: pseudo-headers first, each once, and no empty path', async () => {
  await using fixture = await start();
  fixture.client.request(
    get('/', [
      ['host', 'web'],
      ['x', 'y'],
    ]),
  );
  const server = new FrameWire(await fixture.accept(), 24);
  assert.equal(
    await server.read('HEADERS 1'),
    'HEADERS 1 END_STREAM: :method=GET :scheme=http :path=/ :authority=web x=y',
  );
});
