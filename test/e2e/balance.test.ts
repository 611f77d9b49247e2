/**
 * Where requests go and how they wait: with every gate shut, in failfast and after it, at the
 * bounds of the queue and of what is in flight, by weight, and while the set of endpoints changes.
 * Time stands still but for what each test lets pass.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProxySettings } from '../../api/settings.ts';
import { answerAlways } from '../support/answer-always.ts';
import { ownHost } from '../support/process.ts';
import { type Harness, startHarness, untilQuiet } from '../support/proxy-harness.ts';
import { untilTurn } from '../support/turns.ts';
import { dial, startOrigin, type Wire } from '../support/wire.ts';

const get = 'GET / HTTP/1.1\r\nHost: web\r\n\r\n';
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
/** Longer than a gate stays shut after its first failure. */
const firstShutMs = 3_000;

test('failfast: requests wait, fail together with 504, then at once with 503', async () => {
  const { harness, port } = await startShut({ failfastTimeoutMs: 300 });
  const waiting = await Promise.all([0, 1, 2].map(() => dial(harness.outboundPort)));
  for (const client of waiting) client.write(get);
  await untilQueued(harness, 3);
  harness.passTime(200);
  assert.equal(harness.metric('heddle_queue_length'), 3);
  assert.deepEqual(
    waiting.map((client) => client.received),
    ['', '', ''],
  );
  harness.passTime(200);
  for (const client of waiting) await checkError(client, 504, 'FAILFAST', 'failfastTimeoutMs');
  assert.equal(harness.metric('heddle_queue_length'), 0);
  assert.equal(harness.metric('heddle_failfast_total'), 1);
  for (let index = 0; index < 2; index++) {
    await checkError(await ask(harness), 503, 'LOAD_SHED', 'failfast');
  }
  // The endpoint listens again, but is not asked before its gate allows a probation.
  const origin = await startOrigin(answerAlways(ok), { host: ownHost, port });
  await checkError(await ask(harness), 503, 'LOAD_SHED', 'failfast');
  assert.equal(origin.connections.length, 0);
  harness.passTime(firstShutMs);
  for (let index = 0; index < 3; index++) {
    const client = await ask(harness);
    waiting.push(client);
    await checkOk(client);
  }
  assert.equal(harness.metric('heddle_failfast_total'), 1);
  await finish(harness, waiting);
  await origin.close();
});

test('of requests that wait the first is the probation, the others follow it', async () => {
  const { harness, port } = await startShut({ failfastTimeoutMs: 60_000 });
  const clients: Wire[] = [];
  for (let index = 0; index < 3; index++) {
    const client = await dial(harness.outboundPort);
    clients.push(client);
    client.write(`GET /${index} HTTP/1.1\r\nHost: web\r\n\r\n`);
    await untilQueued(harness, index + 1);
  }
  const origin = await startOrigin(undefined, { host: ownHost, port });
  harness.passTime(firstShutMs);
  const probation = await origin.accept();
  assert.ok((await probation.read('\r\n\r\n')).startsWith('GET /0 '));
  assert.equal(origin.connections.length, 1);
  harness.passTime(100);
  const others = [await origin.accept(), await origin.accept()];
  const lines = await Promise.all(others.map((server) => server.read('\r\n\r\n')));
  assert.deepEqual(lines.map((line) => line.slice(0, 6)).toSorted(), ['GET /1', 'GET /2']);
  for (const server of others) server.write(ok);
  probation.write(ok);
  for (const client of clients) await checkOk(client);
  await finish(harness, clients);
  await origin.close();
});

test('a request whose client resets while it waits is not sent on', async () => {
  const { harness, port } = await startShut({ failfastTimeoutMs: 60_000 });
  const [gone, staying] = await Promise.all([
    dial(harness.outboundPort),
    dial(harness.outboundPort),
  ]);
  gone.write(get.replace('/', '/gone'));
  staying.write(get.replace('/', '/staying'));
  await untilQueued(harness, 2);
  gone.socket.resetAndDestroy();
  await untilQueued(harness, 1);
  const origin = await startOrigin(undefined, { host: ownHost, port });
  harness.passTime(firstShutMs);
  const server = await origin.accept();
  assert.ok((await server.read('\r\n\r\n')).startsWith('GET /staying '));
  server.write(ok);
  await checkOk(staying);
  await finish(harness, [staying]);
  assert.equal(origin.connections.length, 1);
  await origin.close();
});

for (const [status, code, change] of [
  [503, 'NO_ENDPOINTS', () => ({ endpoints: [] })],
  [404, 'UNKNOWN_SERVICE', () => ({ endpoints: [], state: 'absent' as const })],
  [508, 'LOOP', (harness: Harness) => ({ endpoints: [{ port: harness.outboundPort }] })],
] as const) {
  test(`requests that wait are answered ${status} ${code} as soon as that is known`, async () => {
    const { harness } = await startShut({ failfastTimeoutMs: 60_000 });
    const waiting = [await ask(harness), await ask(harness)];
    await untilQueued(harness, 2);
    harness.setTarget('host:web', change(harness));
    for (const client of waiting) await checkError(client, status, code, 'web');
    assert.equal(harness.metric('heddle_queue_length'), 0);
    await checkError(await ask(harness), status, code, 'web');
    await finish(harness, waiting);
  });
}

test('more requests than the queue holds: 503 QUEUE_FULL that names the setting', async () => {
  const { harness } = await startShut({ failfastTimeoutMs: 300, queueRequestsMax: 2 });
  const waiting = [await ask(harness), await ask(harness)];
  await untilQueued(harness, 2);
  await checkError(await ask(harness), 503, 'QUEUE_FULL', 'queueRequestsMax');
  assert.equal(harness.metric('heddle_queue_length'), 2);
  harness.passTime(400);
  for (const client of waiting) await checkError(client, 504, 'FAILFAST', '');
  await finish(harness, waiting);
});

test('more requests than may be in flight: 503 LOAD_SHED until one has ended', async () => {
  const origin = await startOrigin();
  const targets = { 'host:web': { endpoints: [{ port: origin.port }] } };
  const harness = await startHarness(targets, { inFlightMax: 2 });
  const clients = [await ask(harness), await ask(harness)];
  const servers = [await origin.accept(), await origin.accept()];
  for (const server of servers) await server.read('\r\n\r\n');
  await checkError(await ask(harness), 503, 'LOAD_SHED', 'inFlightMax');
  for (const server of servers) server.write(ok);
  for (const client of clients) await checkOk(client);
  const next = await ask(harness);
  await origin.until('a request', () => servers.some((server) => server.received !== ''));
  for (const server of servers) if (server.received !== '') server.write(ok);
  await checkOk(next);
  await finish(harness, [...clients, next]);
  await origin.close();
});

test('endpoints get requests roughly in proportion to their weights', async () => {
  const light = await startOrigin(answerAlways(ok));
  const heavy = await startOrigin(answerAlways(ok));
  const endpoints = [
    { port: light.port, weight: 1 },
    { port: heavy.port, weight: 3 },
  ];
  const harness = await startHarness({ 'host:web': { endpoints } });
  // All responses take the same time then, no time: weights alone decide.
  harness.stopTime();
  const client = await dial(harness.outboundPort);
  for (let index = 0; index < 400; index++) {
    client.write(get);
    await checkOk(client);
  }
  const asked = harness.metric('request_total', { target_port: String(light.port) });
  // 100 are expected; six standard deviations are 52.
  assert.ok(asked > 48 && asked < 152, `${asked} of 400`);
  assert.equal(harness.metric('request_total', { direction: 'outbound' }), 400);
  await finish(harness, [client]);
  await Promise.all([light.close(), heavy.close()]);
});

test('no request is lost while endpoints come and go', async () => {
  const origins = await Promise.all([0, 1, 2].map(() => startOrigin(answerAlways(ok))));
  const setOf = (turn: number) => ({
    endpoints: [turn, turn + 1].map((at) => ({ port: origins[at % 3].port })),
  });
  const harness = await startHarness({ 'host:web': setOf(0) });
  const clients = await Promise.all([0, 1, 2, 3].map(() => dial(harness.outboundPort)));
  let turn = 0;
  const askOften = async (client: Wire): Promise<void> => {
    for (let index = 0; index < 100; index++) {
      client.write(get);
      await checkOk(client);
      turn += 1;
      if (turn % 10 === 0) harness.setTarget('host:web', setOf(turn / 10));
    }
  };
  await Promise.all(clients.map(askOften));
  assert.ok(harness.released.length > 10, `${harness.released.length} slots released`);
  harness.setTarget('host:web', { endpoints: [{ port: origins[0].port }] });
  const last = await ask(harness);
  await checkOk(last);
  await finish(harness, [...clients, last]);
  await Promise.all(origins.map((origin) => origin.close()));
});

test('what dies with an endpoint is sent again to another one, not there', async () => {
  let isDying = false;
  const answer = answerAlways(ok);
  // As a process that was killed: its connections go before its port does.
  const dying = await startOrigin((wire) => {
    wire.socket.prependListener('data', () => {
      if (isDying) wire.socket.resetAndDestroy();
    });
    answer(wire);
  });
  const other = await startOrigin(answer);
  const endpoints = [{ port: dying.port }, { port: other.port }];
  const names = Array.from({ length: 20 }, (_, index) => `web${index}`);
  const harness = await startHarness(
    Object.fromEntries(names.map((name) => [`host:${name}`, { endpoints }])),
  );
  const client = await dial(harness.outboundPort);
  const askFor = async (name: string): Promise<void> => {
    client.write(get.replace('web', name));
    await checkOk(client);
  };
  for (const name of names) {
    for (let turn = 0; turn < 10; turn++) await askFor(name);
  }
  isDying = true;
  for (const name of names) await askFor(name);
  await finish(harness, [client]);
  await Promise.all([dying.close(), other.close()]);
});

/** A harness whose only endpoint has just refused a connection; nothing listens at `port`. */
async function startShut(settings: Partial<ProxySettings>) {
  const gone = await startOrigin(undefined, { host: ownHost });
  const { port } = gone;
  await gone.close();
  const endpoints = [{ host: ownHost, port }];
  const harness = await startHarness({ 'host:web': { endpoints } }, settings);
  harness.stopTime();
  await checkError(await ask(harness), 502, 'CONNECT_REFUSED', '');
  return { harness, port };
}

async function ask(harness: Harness): Promise<Wire> {
  const client = await dial(harness.outboundPort);
  client.write(get);
  return client;
}

async function checkOk(client: Wire): Promise<void> {
  assert.equal(await client.readResponse(), ok);
}

async function checkError(client: Wire, status: number, code: string, part: string): Promise<void> {
  const response = await client.readResponse();
  assert.ok(response.startsWith(`HTTP/1.1 ${status} `), response);
  assert.ok(response.includes(`\r\nheddle-error: ${code}\r\n`), response);
  assert.ok(response.includes(part), response);
  client.destroy();
}

function untilQueued(harness: Harness, count: number): Promise<void> {
  return untilTurn(`${count} in the queue`, () => harness.metric('heddle_queue_length') === count);
}

async function finish(harness: Harness, clients: readonly Wire[]): Promise<void> {
  for (const client of clients) client.destroy();
  // Idle connections to endpoints end by time.
  harness.passTime(4_000);
  await untilQuiet(harness);
  await harness.close();
}
