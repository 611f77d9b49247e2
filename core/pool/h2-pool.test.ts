/**
 * Goal: requests share connections within what the endpoint and the pool allow, wait in order
 * where there is no room, and none is lost when a connection or the endpoint itself goes. Method:
 * a pool of one connection and an endpoint that is driven frame by frame.
 */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { post, response } from '../../test/support/h2-block.ts';
import { code, frame, setting } from '../../test/support/h2-frames.ts';
import { type H2Origin, type H2Peer, startH2Origin } from '../../test/support/h2-peer.ts';
import { ClientRig } from '../../test/support/h2-rig.ts';
import { untilTurn } from '../../test/support/turns.ts';
import type { Exchange } from '../http/exchange.ts';
import { TlsContexts } from '../tls/contexts.ts';
import { Transport } from '../tls/transport.ts';
import { H2Pool, type H2PoolContext } from './h2-pool.ts';

interface Fixture extends AsyncDisposable {
  readonly rig: ClientRig;
  readonly origin: H2Origin;
  readonly pool: H2Pool;
  /** What the pool has told of its endpoint. */
  readonly told: string[];
  ask(path: string): Exchange;
  accept(): Promise<H2Peer>;
}

async function start(streamsMax: number, overrides: Partial<H2PoolContext> = {}): Promise<Fixture> {
  const rig = new ClientRig();
  const settings = { [setting.MAX_CONCURRENT_STREAMS]: streamsMax };
  const origin = await startH2Origin(undefined, { settings });
  const told: string[] = [];
  const address = { host: '127.0.0.1', port: origin.port };
  const pool = new H2Pool(
    {
      ...rig.context,
      random: rig.random,
      connectionsMax: 1,
      streamsPerConnection: 128,
      connectionAgeMs: 600_000,
      waitingMax: 10,
      ...overrides,
    },
    `127.0.0.1:${origin.port}`,
    new Transport(
      { io: rig.io, timers: rig.timers, connectTimeoutMs: 1_000, tls, hasIdentity: false },
      { address, identity: '', serverName: '', header: null },
      { readCell: 0, writeCell: 1 },
    ),
    {
      connected: () => told.push('connected'),
      connectFailed: (reason) => told.push(reason) < 0,
      closed: () => told.push('closed'),
      distrusted: () => told.push('distrusted'),
      violated: (text) => told.push(text),
    },
  );
  return {
    rig,
    origin,
    pool,
    told,
    ask(path) {
      const x = rig.exchange(`GET ${path} HTTP/1.1\r\nHost: web\r\n\r\n`);
      rig.run(() => pool.request(x));
      return x;
    },
    async accept() {
      const server = await origin.accept();
      await server.until('SETTINGS', () => server.isSettled);
      return server;
    },
    async [Symbol.asyncDispose]() {
      await origin.close();
      await rig[Symbol.asyncDispose]();
    },
  };
}

const tls = new TlsContexts();

/** Waits until the pool has surely acted on what the endpoint sent. */
async function settle(server: H2Peer): Promise<void> {
  const pongs = server.frames.count(6);
  server.frames.write(frame.ping());
  await server.until('the answer to PING', () => server.frames.count(6) > pongs);
}

describe('an endpoint that allows few streams', () => {
  test('gets no more of them at once; the others wait in order', async () => {
    await using fixture = await start(1);
    fixture.ask('/first');
    const server = await fixture.accept();
    const first = await server.nextRequest();
    for (const path of ['/1', '/2', '/3']) fixture.ask(path);
    server.respond(first, response(204));
    for (const path of ['/1', '/2', '/3']) {
      const stream = await server.nextRequest();
      assert.ok(stream.heads[0].includes(` :path=${path} `), stream.heads[0]);
      await settle(server);
      assert.equal(server.takeRequest(), undefined);
      server.respond(stream, response(204));
    }
    await untilTurn('all answers', () => fixture.rig.exchanges.inUse === 0);
    assert.equal(fixture.origin.peers.length, 1);
  });

  test('and fewer from now on', async () => {
    await using fixture = await start(3);
    for (const path of ['/1', '/2', '/3']) fixture.ask(path);
    const server = await fixture.accept();
    const seen = [];
    for (let at = 0; at < 3; at++) seen.push(await server.nextRequest());
    server.frames.write(frame.settings({ [setting.MAX_CONCURRENT_STREAMS]: 1 }));
    await settle(server);
    fixture.ask('/4');
    for (const stream of seen.slice(0, 2)) server.respond(stream, response(204));
    await settle(server);
    assert.equal(server.takeRequest(), undefined);
    server.respond(seen[2], response(204));
    server.respond(await server.nextRequest(), response(204));
    await untilTurn('all answers', () => fixture.rig.exchanges.inUse === 0);
  });

  test('more than may wait are refused; one that waits can be cancelled', async () => {
    await using fixture = await start(1, { waitingMax: 1 });
    const first = fixture.ask('/first');
    const server = await fixture.accept();
    const stream = await server.nextRequest();
    const waiting = fixture.ask('/waiting');
    fixture.ask('/refused');
    assert.match(fixture.rig.take().join(), /fail QUEUE_FULL: 1 requests wait for a connection/);
    assert.equal(fixture.pool.cancel(first), false);
    assert.equal(fixture.pool.cancel(waiting), true);
    fixture.ask('/next');
    server.respond(stream, response(204));
    assert.ok((await server.nextRequest()).heads[0].includes(':path=/next '));
  });
});

describe('what waits', () => {
  test('still goes out when the endpoint has left the set', async () => {
    await using fixture = await start(1);
    fixture.ask('/begun');
    const server = await fixture.accept();
    const begun = await server.nextRequest();
    fixture.ask('/waiting');
    fixture.rig.run(() => fixture.pool.retire());
    server.respond(begun, response(204));
    const waiting = await server.nextRequest();
    assert.ok(waiting.heads[0].includes(':path=/waiting '));
    assert.equal(server.isOver, false);
    server.respond(waiting, response(204));
    await server.until('the end', () => server.isOver);
    await untilTurn('the end', () => fixture.pool.connections === 0);
    assert.deepEqual(server.goaways, ['0 NO_ERROR']);
  });

  test('also on another connection when the first one goes meanwhile', async () => {
    await using fixture = await start(1);
    fixture.ask('/begun');
    const server = await fixture.accept();
    await server.nextRequest();
    fixture.ask('/waiting');
    fixture.rig.run(() => fixture.pool.retire());
    server.destroy();
    const other = await fixture.accept();
    other.respond(await other.nextRequest(), response(204));
    await other.until('the end', () => other.isOver);
    const events = fixture.rig.take().filter((line) => !line.startsWith('room'));
    assert.match(events[0], /^fail UPSTREAM_RESET: /);
    assert.deepEqual(events.slice(1), ['response 204', 'end']);
  });

  test('goes to another connection when the one that is full goes', async () => {
    await using fixture = await start(1);
    fixture.ask('/begun');
    const server = await fixture.accept();
    await server.nextRequest();
    for (const path of ['/1', '/2']) fixture.ask(path);
    server.frames.write(frame.goaway(1, code.NO_ERROR));
    server.destroy();
    const other = await fixture.accept();
    for (const path of ['/1', '/2']) {
      const stream = await other.nextRequest();
      assert.ok(stream.heads[0].includes(`:path=${path} `));
      other.respond(stream, response(204));
    }
    await untilTurn('all answers', () => fixture.rig.exchanges.inUse === 0);
    assert.deepEqual(fixture.told, ['connected', 'closed', 'connected']);
  });

  test('fails with the dial when there is no other connection', async () => {
    await using fixture = await start(1);
    await fixture.origin.close();
    fixture.ask('/1');
    fixture.ask('/2');
    await untilTurn('the failures', () => fixture.rig.exchanges.inUse === 0);
    const refused = `fail CONNECT_REFUSED: ${fixture.pool.address}: ECONNREFUSED`;
    assert.deepEqual(fixture.rig.take(), [refused, refused]);
    assert.deepEqual(fixture.told, ['CONNECT_REFUSED']);
  });
});

test('an endpoint that takes no second connection: the first one serves', async () => {
  await using fixture = await start(1, { connectionsMax: 2 });
  fixture.ask('/first');
  const server = await fixture.accept();
  const first = await server.nextRequest();
  fixture.origin.refuse();
  fixture.ask('/second');
  await untilTurn('the failure', () => fixture.told.includes('CONNECT_REFUSED'));
  server.respond(first, response(204));
  server.respond(await server.nextRequest(), response(204));
  await untilTurn('all answers', () => fixture.rig.exchanges.inUse === 0);
  assert.deepEqual(fixture.told, ['connected', 'CONNECT_REFUSED']);
});

test('one that is old serves until a younger one is there, and then ends', async () => {
  await using fixture = await start(100, { connectionsMax: 2, connectionAgeMs: 10_000 });
  fixture.ask('/first');
  const server = await fixture.accept();
  server.respond(await server.nextRequest(), response(204));
  await untilTurn('the answer', () => fixture.rig.exchanges.inUse === 0);
  fixture.rig.clock.advance(10_000);
  for (const path of ['/1', '/2']) fixture.ask(path);
  for (const path of ['/1', '/2']) {
    const stream = await server.nextRequest();
    assert.ok(stream.heads[0].includes(`:path=${path} `));
    if (path === '/1') server.respond(stream, response(204));
  }
  const younger = await fixture.accept();
  fixture.ask('/3');
  younger.respond(await younger.nextRequest(), response(204));
  assert.equal(server.isOver, false, 'a request is under way');
  server.respond([...server.streams.values()].at(-1) ?? server.open(post()), response(204));
  await server.until('the end', () => server.isOver);
  assert.equal(fixture.pool.connections, 1);
});
