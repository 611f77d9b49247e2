/**
 * How streams and connections of HTTP/2 end: resets carry their code through, GOAWAY comes in two
 * steps, what an endpoint has not processed is sent again wherever that is safe, and a peer that
 * has gone is noticed.
 */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { block, get, post, response } from '../support/h2-block.ts';
import { code, frame } from '../support/h2-frames.ts';
import { dialH2, type H2Peer, startH2Origin } from '../support/h2-peer.ts';
import { startThrough } from '../support/h2-through.ts';
import { type Harness, startHarness, untilQuiet } from '../support/proxy-harness.ts';
import { untilTurn } from '../support/turns.ts';

describe('resets', () => {
  test('of a client reach the origin with their code', async () => {
    await using through = await startThrough();
    const { client, server } = through;
    for (const name of ['CANCEL', 'INTERNAL_ERROR', 'STREAM_CLOSED'] as const) {
      const asked = client.open(post());
      const seen = await server.nextRequest();
      client.cancel(asked, code[name]);
      await server.until('the reset', () => seen.reset !== '');
      assert.equal(seen.reset, name);
    }
    await exchange(client, server);
  });

  test('of an origin reach the client with their code once a response has begun', async () => {
    await using through = await startThrough();
    const { client, server } = through;
    for (const name of ['CANCEL', 'INTERNAL_ERROR', 'ENHANCE_YOUR_CALM'] as const) {
      const asked = client.request(get());
      const seen = await server.nextRequest();
      server.frames.write(frame.headers(seen.id, block(response(200))));
      await client.headOf(asked);
      server.cancel(seen, code[name]);
      await client.ending(asked);
      assert.equal(asked.reset, name);
    }
    await exchange(client, server);
  });

  test('of an origin before a response are a 502 that names the code', async () => {
    await using through = await startThrough();
    const { client, server } = through;
    const asked = client.request(post(), 'x');
    server.cancel(await server.nextRequest(), code.INTERNAL_ERROR);
    await client.ending(asked);
    assert.match(asked.heads[0], /^:status=502 heddle-error=UPSTREAM_RESET .*INTERNAL_ERROR/);
  });

  test('a code of an attempt that was sent again is forgotten', async () => {
    await using through = await startThrough();
    const { client, server } = through;
    const asked = client.request(post(), 'x');
    server.cancel(await server.nextRequest(), code.REFUSED_STREAM);
    const again = await server.nextRequest();
    server.frames.write(frame.headers(again.id, block(response(200))));
    await client.headOf(asked);
    server.destroy();
    await client.ending(asked);
    assert.equal(asked.reset, 'INTERNAL_ERROR', 'the client must not believe it was refused');
  });
});

describe('what was not processed', () => {
  test('REFUSED_STREAM is sent again, also a POST with its body', async () => {
    await using through = await startThrough();
    const { client, server } = through;
    const asked = client.request(post('/again'), 'body');
    const refused = await server.ending(await server.nextRequest());
    server.cancel(refused, code.REFUSED_STREAM);
    const again = await server.ending(await server.nextRequest());
    assert.equal(again.content, 'body');
    server.respond(again, response(200), 'ok');
    assert.equal((await client.ending(asked)).content, 'ok');
  });

  test('streams above the last of a GOAWAY go elsewhere, those below are answered', async () => {
    await using through = await startThrough();
    const { client, server, origin } = through;
    const asked = Array.from({ length: 4 }, (_, at) => client.request(post(`/${at}`), `b${at}`));
    const seen = await Promise.all(asked.map(() => server.nextRequest()));
    server.frames.write(frame.goaway(seen[1].id, code.NO_ERROR));
    const other = await origin.accept();
    for (const path of ['/2', '/3']) {
      const stream = await other.ending(await other.nextRequest());
      assert.ok(stream.heads[0].includes(`:path=${path} `), stream.heads[0]);
      assert.equal(stream.content, `b${path.slice(1)}`);
      other.respond(stream, response(200), 'other');
    }
    for (const stream of [seen[0], seen[1]]) server.respond(stream, response(200), 'first');
    await Promise.all(asked.map((stream) => client.ending(stream)));
    assert.deepEqual(
      asked.map(({ content }) => content),
      ['first', 'first', 'other', 'other'],
    );
    // The connection that is being left ends with its last stream.
    await server.until('the end', () => server.isOver);
  });

  test('a GOAWAY in two steps loses nothing', async () => {
    await using through = await startThrough();
    const { client, server, origin } = through;
    const before = client.request(post('/before'), 'x');
    const first = await server.nextRequest();
    server.frames.write(frame.goaway(2 ** 31 - 1, code.NO_ERROR));
    await goneAway(server);
    const after = client.request(post('/after'), 'y');
    const other = await origin.accept();
    server.frames.write(frame.goaway(first.id, code.NO_ERROR));
    server.respond(first, response(200), 'one');
    other.respond(await other.nextRequest(), response(200), 'two');
    assert.equal((await client.ending(before)).content, 'one');
    assert.equal((await client.ending(after)).content, 'two');
  });

  test('another endpoint is tried, and after three attempts the client is told', async () => {
    const refuses = async (): Promise<{ port: number; seen: number[]; close(): Promise<void> }> => {
      const seen: number[] = [];
      const origin = await startH2Origin((peer, stream) => {
        seen.push(stream.id);
        peer.cancel(stream, code.REFUSED_STREAM);
      });
      return { port: origin.port, seen, close: () => origin.close() };
    };
    const [one, two] = [await refuses(), await refuses()];
    const endpoints = [{ port: one.port }, { port: two.port }];
    const harness = await startHarness({ 'host:web': { endpoints } });
    const client = await dialH2(harness.outboundPort);
    const asked = client.request(post(), 'x');
    await client.ending(asked);
    assert.match(asked.heads[0], /^:status=502 heddle-error=UPSTREAM_REFUSED /);
    assert.equal(one.seen.length + two.seen.length, 3);
    client.destroy();
    await harness.close();
    await one.close();
    await two.close();
  });

  test('a stream that may have been processed is sent again only if that is safe', async () => {
    for (const [fields, statuses] of [
      [get('/idempotent'), ':status=200'],
      [post('/once'), ':status=502'],
    ] as const) {
      await using through = await startThrough();
      const { client, server, origin } = through;
      const asked = client.request(fields);
      await server.nextRequest();
      server.destroy();
      if (statuses === ':status=200') {
        const other = await origin.accept();
        other.respond(await other.nextRequest(), response(200));
      }
      assert.ok((await client.headOf(asked)).startsWith(statuses), asked.heads[0]);
    }
  });

  test('a body that is too large to be kept is not sent again', async () => {
    await using through = await startThrough();
    const { client, server } = through;
    const asked = client.open(post());
    client.send(asked, Buffer.alloc(200_000, 'x'), 'end');
    const seen = await server.ending(await server.nextRequest());
    server.cancel(seen, code.REFUSED_STREAM);
    await client.ending(asked);
    assert.match(asked.heads[0], /^:status=502 heddle-error=UPSTREAM_REFUSED /);
  });
});

describe('drain', () => {
  test('announced: GOAWAY in two steps with the next response, nothing is lost', async () => {
    const origin = await startH2Origin();
    const harness = await startHarness({ 'inbound:': { endpoints: [{ port: origin.port }] } });
    const client = await dialH2(harness.inboundPort, { answersPing: false });
    const first = client.request(get('/1'));
    const server = await origin.accept();
    const long = client.request(get('/long'));
    const [one, two] = [await server.nextRequest(), await server.nextRequest()];
    harness.send({ kind: 'drain', stage: 'announce' });
    server.respond(one, response(200), 'one');
    await client.ending(first);
    await client.until('GOAWAY', () => client.goaways.length === 1);
    assert.deepEqual(client.goaways, ['2147483647 NO_ERROR']);

    const crossing = client.request(get('/crossing'));
    server.respond(await server.nextRequest(), response(200), 'crossing');
    assert.equal((await client.ending(crossing)).content, 'crossing');
    client.frames.write(frame.ping('leaving ', true));
    await client.until('GOAWAY', () => client.goaways.length === 2);
    assert.equal(client.goaways[1], `${crossing.id} NO_ERROR`);

    const late = client.request(get('/late'));
    assert.equal((await client.ending(late)).reset, 'REFUSED_STREAM');
    server.respond(two, response(200), 'long');
    assert.equal((await client.ending(long)).content, 'long');
    await client.until('the end', () => client.isOver);
    client.destroy();
    server.destroy();
    await untilQuiet(harness);
    await harness.close();
    await origin.close();
  });

  test('idle connections get both GOAWAYs and close', async () => {
    await using through = await startThrough();
    const { client, harness } = through;
    harness.send({ kind: 'drain', stage: 'outbound' });
    await client.until('the end', () => client.isOver);
    assert.deepEqual(client.goaways, ['2147483647 NO_ERROR', '1 NO_ERROR']);
  });

  test('a client that answers no PING and goes on asking is left after a while', async () => {
    const settings = { headTimeoutMs: 5_000 };
    await using through = await startThrough({ settings, client: { answersPing: false } });
    const { client, server, harness } = through;
    harness.stopTime();
    harness.send({ kind: 'drain', stage: 'outbound' });
    await client.until('GOAWAY', () => client.goaways.length === 1);
    for (let at = 0; at < 3; at++) {
      await exchange(client, server);
      harness.passTime(2_000);
    }
    await client.until('GOAWAY', () => client.goaways.length === 2);
    await client.until('the end', () => client.isOver);
  });
});

describe('quiet connections', () => {
  test('an endpoint that is silent is asked by PING, and given up without an answer', async () => {
    const settings = { http2KeepAliveIntervalMs: 4_000, http2KeepAliveTimeoutMs: 1_000 };
    await using through = await startThrough({ settings });
    const { client, server, harness } = through;
    const pings = (): number => server.frames.count(6);
    harness.stopTime();
    const asked = client.request(post('/slow'), 'x');
    const seen = await server.nextRequest();
    harness.passTime(3_000);
    assert.equal(pings(), 0);
    for (let round = 1; round <= 3; round++) {
      const before = readFromOrigin(harness);
      harness.passTime(2_000);
      await server.until('PING', () => pings() === round);
      await untilTurn('the answer to be read', () => readFromOrigin(harness) > before);
      harness.passTime(2_500);
    }
    server.answersPing = false;
    harness.passTime(2_000);
    await server.until('PING', () => pings() === 4);
    harness.passTime(1_500);
    await server.until('the end', () => server.isOver);
    await client.ending(asked);
    const { heads } = await client.ending(asked);
    assert.match(heads[0], /^:status=502 heddle-error=UPSTREAM_RESET .*http2KeepAliveTimeoutMs/);
    assert.equal(seen.reset, '');
  });

  test('requests that keep coming do not hide that an endpoint is silent', async () => {
    const settings = { http2KeepAliveIntervalMs: 4_000, http2KeepAliveTimeoutMs: 1_000 };
    await using through = await startThrough({ settings, server: { answersPing: false } });
    const { client, server, harness } = through;
    harness.stopTime();
    const asked = [client.request(get('/0'))];
    await server.nextRequest();
    for (let second = 1; second < 8 && !server.isOver; second++) {
      harness.passTime(1_000);
      asked.push(client.request(post(`/${second}`)));
      await server.until('it', () => server.requestCount === second + 2 || server.isOver);
    }
    await server.until('the end', () => server.isOver);
    const { heads } = await client.ending(asked[1]);
    assert.match(heads[0], /^:status=502 heddle-error=UPSTREAM_RESET .*http2KeepAliveTimeoutMs/);
  });

  test('an idle connection to an endpoint ends after http2IdleTimeoutMs', async () => {
    await using through = await startThrough({ settings: { http2IdleTimeoutMs: 5_000 } });
    const { client, server, harness } = through;
    harness.stopTime();
    await exchange(client, server);
    harness.passTime(4_500);
    await exchange(client, server);
    harness.passTime(4_500);
    assert.equal(server.isOver, false);
    harness.passTime(1_000);
    await server.until('the end', () => server.isOver);
    assert.deepEqual(server.goaways, ['0 NO_ERROR']);
    assert.equal(server.frames.count(6), 0, 'no PING without a request');
  });

  test('an idle client gets GOAWAY after clientIdleTimeoutMs', async () => {
    await using through = await startThrough({ settings: { clientIdleTimeoutMs: 5_000 } });
    const { client, harness } = through;
    harness.stopTime();
    harness.passTime(4_500);
    assert.deepEqual(client.goaways, []);
    harness.passTime(1_000);
    await client.until('the end', () => client.isOver);
    assert.deepEqual(client.goaways, ['2147483647 NO_ERROR', '1 NO_ERROR']);
  });

  test('trailers in parts do not make a busy connection look idle', async () => {
    await using through = await startThrough({ settings: { http2KeepAliveIntervalMs: 60_000 } });
    const { client, server, harness } = through;
    harness.stopTime();
    const long = client.request(get('/long'));
    const slow = await server.nextRequest();
    const asked = client.open(post());
    const seen = await server.nextRequest();
    const fields = block([['x-sum', '1']]);
    client.frames.write(
      frame.headers(asked.id, fields.subarray(0, 4), { ends: true, partial: true }),
      frame.continuation(asked.id, fields.subarray(4)),
    );
    await server.ending(seen);
    server.respond(seen, response(204));
    await client.ending(asked);
    for (let at = 0; at < 4; at++) harness.passTime(5_000);
    server.respond(slow, response(200), 'ok');
    assert.equal((await client.ending(long)).content, 'ok');
    assert.deepEqual(client.goaways, []);
  });
});

async function exchange(client: H2Peer, server: H2Peer): Promise<void> {
  const asked = client.request(get());
  server.respond(await server.nextRequest(), response(200), 'ok');
  assert.equal((await client.ending(asked)).content, 'ok');
}

/** Waits until the proxy has surely read what the endpoint sent. */
async function goneAway(server: H2Peer): Promise<void> {
  const pongs = server.frames.count(6);
  server.frames.write(frame.ping());
  await server.until('the answer to PING', () => server.frames.count(6) > pongs);
}

function readFromOrigin(harness: Harness): number {
  return harness.metric('tcp_read_bytes_total', { peer: 'dst' });
}
