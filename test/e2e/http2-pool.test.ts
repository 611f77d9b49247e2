/**
 * Connections to endpoints over HTTP/2: requests are balanced one by one, share connections within
 * what the endpoint allows, and lose nothing when a connection comes of age.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { get, post, response } from '../support/h2-block.ts';
import { code, setting } from '../support/h2-frames.ts';
import { dialH2, type H2Peer, startH2Origin } from '../support/h2-peer.ts';
import { startThrough } from '../support/h2-through.ts';
import { type Harness, startHarness, untilQuiet } from '../support/proxy-harness.ts';
import { untilTurn } from '../support/turns.ts';

test('requests of one client connection are balanced over two endpoints', async () => {
  const served = [0, 0];
  const origins = await Promise.all(
    served.map((_, at) =>
      startH2Origin((peer, stream) => {
        served[at] += 1;
        peer.respond(stream, response(200), `${at}`);
      }),
    ),
  );
  const endpoints = origins.map(({ port }) => ({ port }));
  const harness = await startHarness({ 'host:web': { endpoints } });
  const client = await dialH2(harness.outboundPort);
  for (let round = 0; round < 20; round++) {
    const asked = Array.from({ length: 20 }, () => client.request(get()));
    await Promise.all(asked.map((stream) => client.ending(stream)));
    for (const { head } of asked) assert.equal(head, ':status=200');
  }
  assert.equal(served[0] + served[1], 400);
  assert.ok(Math.min(...served) > 50, served.join(' and '));
  assert.deepEqual(
    origins.map(({ peers }) => peers.length),
    [1, 1],
  );
  client.destroy();
  await harness.close();
  for (const origin of origins) await origin.close();
});

test('another connection is opened where one has no more room', async () => {
  const settings = { [setting.MAX_CONCURRENT_STREAMS]: 1 };
  await using through = await startThrough({ server: { settings } });
  const { client, server, origin } = through;
  const one = client.request(get('/1'));
  const two = client.request(get('/2'));
  const first = await server.nextRequest();
  const other = await origin.accept();
  other.respond(await other.nextRequest(), response(200), '2');
  server.respond(first, response(200), '1');
  assert.equal((await client.ending(one)).content, '1');
  assert.equal((await client.ending(two)).content, '2');
});

test('at 128 requests under way another connection is opened for the next', async () => {
  await using through = await startThrough();
  const { client, server, origin } = through;
  const asked = Array.from({ length: 128 }, () => client.request(get()));
  const seen = await Promise.all(asked.map(() => server.nextRequest()));
  const other = await origin.accept();
  await other.until('SETTINGS', () => other.isSettled);
  const more = Array.from({ length: 20 }, () => client.request(get('/more')));
  for (let at = 0; at < more.length; at++) {
    other.respond(await other.nextRequest(), response(200), 'other');
  }
  for (const stream of seen) server.respond(stream, response(200), 'first');
  await Promise.all([...asked, ...more].map((stream) => client.ending(stream)));
  assert.equal(origin.peers.length, 2);
});

test('an endpoint that allows no stream: requests wait, bounded', async () => {
  const settings = { [setting.MAX_CONCURRENT_STREAMS]: 0 };
  const origin = await startH2Origin((peer, stream) => peer.cancel(stream, code.REFUSED_STREAM), {
    settings,
  });
  const targets = { 'host:web': { endpoints: [{ port: origin.port }] } };
  const limits = { queueRequestsMax: 3 };
  const harness = await startHarness(targets, limits);
  const client = await dialH2(harness.outboundPort);
  const first = client.request(get());
  await untilTurn('both connections', () => origin.peers.length === 2 && allSettled(origin.peers));
  const asked = Array.from({ length: 8 }, () => client.request(get()));
  await untilTurn('refusals', () => asked.some(({ head }) => head !== undefined));
  assert.match(asked[7].heads[0], /^:status=503 heddle-error=QUEUE_FULL /);
  assert.equal(first.ended, false);
  client.destroy();
  await inFlight(harness, 0);
  for (const peer of origin.peers) peer.destroy();
  await untilQuiet(harness);
  await harness.close();
  await origin.close();
});

test('a connection that has come of age is replaced without a loss', async () => {
  const settings = { http2ConnectionAgeMs: 10_000, http2KeepAliveIntervalMs: 60_000 };
  await using through = await startThrough({ settings });
  const { client, server, origin, harness } = through;
  harness.stopTime();
  const long = client.request(get('/long'));
  const slow = await server.nextRequest();
  harness.passTime(10_001);
  // The old one serves until the new one is there.
  const meanwhile = [client.request(get('/meanwhile')), client.request(get('/meanwhile'))];
  for (const stream of meanwhile) {
    server.respond(await server.nextRequest(), response(200), 'old');
    assert.equal((await client.ending(stream)).content, 'old');
  }
  const other = await origin.accept();
  await other.until('SETTINGS', () => other.isSettled);
  const after = client.request(get('/after'));
  other.respond(await other.nextRequest(), response(200), 'new');
  assert.equal((await client.ending(after)).content, 'new');
  server.respond(slow, response(200), 'long');
  assert.equal((await client.ending(long)).content, 'long');
  await server.until('the end', () => server.isOver);
  assert.deepEqual(server.goaways, ['0 NO_ERROR']);
});

test('windows as small as a connection has anyway', async () => {
  const settings = { http2InitialConnectionWindowSize: 65_535 };
  await using through = await startThrough({ settings });
  const { client, server } = through;
  const asked = client.request(post(), Buffer.alloc(500_000, 'x'));
  const seen = await server.ending(await server.nextRequest());
  assert.equal(seen.content.length, 500_000);
  server.respond(seen, response(200), Buffer.alloc(500_000, 'y'));
  assert.equal((await client.ending(asked)).content.length, 500_000);
  assert.deepEqual([client.zeroCredits, server.zeroCredits], [0, 0]);
});

function allSettled(peers: readonly H2Peer[]): boolean {
  return peers.every(({ isSettled }) => isSettled);
}

function inFlight(harness: Harness, count: number): Promise<void> {
  const reached = (): boolean => harness.metric('heddle_http_requests_in_flight') === count;
  return untilTurn(`${count} requests in flight`, reached);
}
