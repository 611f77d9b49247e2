/**
 * Back-pressure over HTTP/2: whoever does not take its bytes stops its own sender and nobody else,
 * what is held for it is bounded, and the windows, frame sizes and tables that a peer asks for are
 * kept, however small.
 */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { http2InitialStreamWindowBytes } from '../../core/base/limits.ts';
import { block, get, indexing, post, response } from '../support/h2-block.ts';
import { frame, setting } from '../support/h2-frames.ts';
import { dialH2, startH2Origin } from '../support/h2-peer.ts';
import { startThrough } from '../support/h2-through.ts';
import { startHarness, untilQuiet } from '../support/proxy-harness.ts';
import { untilStill } from '../support/turns.ts';
import { dial } from '../support/wire.ts';

describe('a slow reader', () => {
  test('of a response stops its own origin stream and no other', async () => {
    await using through = await startThrough({ client: { credit: false } });
    const { client: slow, server, origin, harness } = through;
    const quick = await dialH2(harness.outboundPort);
    const held = slow.request(get('/held'));
    const big = Buffer.alloc(1_000_000, 'x');
    const sending = await server.nextRequest();
    server.respond(sending, response(200), big);
    await slow.until('its window', () => held.content.length === 65_535);
    await untilStill('what is sent', () => sending.sentBytes);
    const { sentBytes } = sending;
    assert.ok(sentBytes < 65_535 + 2 * http2InitialStreamWindowBytes, `${sentBytes} were taken`);

    // Another stream of the same connection to the endpoint, for another client.
    const asked = quick.request(get('/quick'));
    server.respond(await server.nextRequest(), response(200), big);
    assert.equal((await quick.ending(asked)).content.length, big.length);
    assert.equal(sending.sentBytes, sentBytes);
    assert.equal(origin.peers.length, 1);

    slow.credit = true;
    slow.frames.write(frame.windowUpdate(0, 65_535), frame.windowUpdate(held.id, 65_535));
    assert.equal((await slow.ending(held)).content.length, big.length);
    quick.destroy();
  });

  test('of a request stops its own client stream and no other', async () => {
    await using through = await startThrough({ server: { credit: false } });
    const { client, server } = through;
    const big = Buffer.alloc(1_000_000, 'y');
    const held = client.open(post('/held'));
    client.send(held, big, 'end');
    const taking = await server.nextRequest();
    await server.until('its window', () => taking.content.length === 65_535);
    await untilStill('what is sent', () => held.sentBytes);
    const { sentBytes } = held;
    assert.ok(sentBytes < 65_535 + 2 * http2InitialStreamWindowBytes, `${sentBytes} were taken`);

    server.frames.write(frame.windowUpdate(0, 4_000_000));
    const other = client.open(post('/other'));
    client.send(other, 'small', 'end');
    const seen = await server.ending(await server.nextRequest());
    assert.equal(seen.content, 'small');
    server.respond(seen, response(200), 'ok');
    assert.equal((await client.ending(other)).content, 'ok');
    assert.equal(held.sentBytes, sentBytes);

    server.frames.write(frame.windowUpdate(taking.id, big.length));
    assert.equal((await server.ending(taking)).content.length, big.length);
  });

  test('on HTTP/1.1 stops its origin stream, and what is held is bounded', async () => {
    const far = await startH2Origin();
    const both = await startHarness({
      'host:web': { endpoints: [{ port: far.port }], protocol: 'http2' },
    });
    const near = await dial(both.outboundPort);
    near.socket.pause();
    near.write('GET / HTTP/1.1\r\nHost: web\r\n\r\n');
    const server = await far.accept();
    const sending = await server.nextRequest();
    server.respond(sending, response(200), Buffer.alloc(64 * 1024 * 1024, 'z'));
    await untilStill('what is sent', () => sending.sentBytes);
    const { sentBytes } = sending;
    assert.ok(sentBytes < 16 * 1024 * 1024, `${sentBytes} were taken`);
    const held = both.metric('tcp_read_bytes_total', { peer: 'dst' });
    const passed = both.metric('tcp_write_bytes_total', { peer: 'src' });
    assert.ok(held - passed < 1024 * 1024, `${held - passed} bytes are held`);
    near.destroy();
    await server.until('the reset', () => sending.reset !== '');
    assert.equal(sending.reset, 'CANCEL');
    server.destroy();
    await untilQuiet(both);
    await both.close();
    await far.close();
  });

  test('of many streams: all that is held is bounded by their windows', async () => {
    const settings = { [setting.INITIAL_WINDOW_SIZE]: 0 };
    await using through = await startThrough({ client: { settings } });
    const { client, server, harness, origin } = through;
    const asked = Array.from({ length: 200 }, (_, at) => client.request(get(`/${at}`)));
    const sending = await Promise.all(asked.map(() => server.nextRequest()));
    for (const stream of sending) server.respond(stream, response(200), Buffer.alloc(500_000));
    await Promise.all(asked.map((stream) => client.headOf(stream)));
    await untilStill('what is sent', () =>
      sending.reduce((sum, { sentBytes }) => sum + sentBytes, 0),
    );
    for (const { sentBytes } of sending) {
      assert.ok(sentBytes <= http2InitialStreamWindowBytes, `${sentBytes} of a stream`);
    }
    client.destroy();
    await server.until('the resets', () => sending.every(({ reset }) => reset === 'CANCEL'));
    for (const peer of origin.peers) peer.destroy();
    await untilQuiet(harness);
  });
});

describe('what a peer asks for', () => {
  test('windows of a single byte', async () => {
    const settings = { [setting.INITIAL_WINDOW_SIZE]: 1 };
    await using through = await startThrough({ client: { settings } });
    const { client, server } = through;
    const asked = client.request(get());
    server.respond(await server.nextRequest(), response(200), 'one by one', [['x-end', '1']]);
    await client.ending(asked);
    assert.equal(asked.content, 'one by one');
    assert.deepEqual(asked.heads, [':status=200', 'x-end=1']);
  });

  test('a window that shrinks below zero and grows again', async () => {
    await using through = await startThrough({ client: { credit: false } });
    const { client, server } = through;
    const asked = client.request(get());
    server.respond(await server.nextRequest(), response(200), Buffer.alloc(200_000, 'x'));
    await client.until('its window', () => asked.content.length === 65_535);
    client.frames.write(frame.windowUpdate(0, 1_000_000));
    client.frames.write(frame.settings({ [setting.INITIAL_WINDOW_SIZE]: 10 }));
    client.frames.write(frame.windowUpdate(asked.id, 65_525 + 5));
    await client.until('five bytes', () => asked.content.length >= 65_540);
    await untilStill('what has come', () => asked.content.length);
    assert.equal(asked.content.length, 65_540);
    client.frames.write(frame.settings({ [setting.INITIAL_WINDOW_SIZE]: 1_000_000 }));
    assert.equal((await client.ending(asked)).content.length, 200_000);
  });

  test('frames of at most 16384 bytes, also to a peer that would take larger ones', async () => {
    const sizes: number[] = [];
    const settings = {
      [setting.MAX_FRAME_SIZE]: 1_000_000,
      [setting.INITIAL_WINDOW_SIZE]: 1_000_000,
    };
    await using through = await startThrough({ client: { settings } });
    const { client, server } = through;
    const { onFrame } = client.frames;
    client.frames.onFrame = (one, fields) => {
      sizes.push(one.payload.length);
      onFrame?.(one, fields);
    };
    client.frames.write(frame.windowUpdate(0, 1_000_000));
    const asked = client.request(get());
    const fields = [['x-long', 'v'.repeat(40_000)]] as const;
    server.respond(await server.nextRequest(), response(200, fields), Buffer.alloc(300_000, 'x'));
    await client.ending(asked);
    assert.deepEqual(asked.heads, [`:status=200 x-long=${'v'.repeat(40_000)}`]);
    assert.equal(asked.content.length, 300_000);
    assert.ok(Math.max(...sizes) <= 16_384);
  });

  test('no table, or a small one, at any time', async () => {
    await using through = await startThrough();
    const { client, server } = through;
    for (const size of [0, 100, 4_096, 0, 60]) {
      client.frames.write(frame.settings({ [setting.HEADER_TABLE_SIZE]: size }));
      client.frames.tableBytesMax = size;
      for (let round = 0; round < 5; round++) {
        const asked = client.request(get());
        server.respond(await server.nextRequest(), response(200, [['x-again', 'and again']]));
        await client.ending(asked);
        assert.deepEqual(asked.heads, [':status=200 x-again=and again']);
      }
    }
  });

  test('fields that a client indexes stay its own', async () => {
    await using through = await startThrough();
    const { server, harness } = through;
    const client = await dialH2(harness.outboundPort);
    const head = Buffer.concat([block(get()), indexing('x-mine', 'secret')]);
    client.frames.write(frame.headers(1, head, { ends: true }));
    assert.ok((await server.nextRequest()).head?.endsWith(' x-mine=secret'));
    const again = Buffer.concat([block(get()), Buffer.from([0xbe])]);
    client.frames.write(frame.headers(3, again, { ends: true }));
    assert.ok((await server.nextRequest()).head?.endsWith(' x-mine=secret'));
    const other = await dialH2(harness.outboundPort);
    other.frames.write(frame.headers(1, again, { ends: true }));
    await other.until('the end', () => other.isOver);
    assert.deepEqual(other.goaways, ['0 COMPRESSION_ERROR']);
    client.destroy();
    other.destroy();
  });
});
