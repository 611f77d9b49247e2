/**
 * Goal: each who waits to learn what a target is waits for a time of its own, and a target that
 * nobody uses is forgotten. Method: targets that main answers late or never, and a clock that the
 * test moves.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { discoverTimeoutMs, targetIdleMs, watchedIdleMs } from '../../core/base/limits.ts';
import { answerAlways } from '../support/answer-always.ts';
import { type Harness, startHarness, untilQuiet } from '../support/proxy-harness.ts';
import { untilTurn } from '../support/turns.ts';
import { dial, startOrigin, type Wire } from '../support/wire.ts';

const get = 'GET / HTTP/1.1\r\nHost: web\r\n\r\n';
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
/** More than the ticks by which a timer may be late. */
const marginMs = 100;

/** Resolves when its request waits. */
async function askLate(harness: Harness, before: number): Promise<Wire> {
  const client = await dial(harness.outboundPort);
  client.write(get);
  const count = (): number => harness.metric('heddle_http_requests_in_flight');
  await untilTurn('the request', () => count() === before + 1);
  return client;
}

async function assertTimedOut(client: Wire): Promise<void> {
  const answer = await client.readResponse();
  assert.match(answer, /^HTTP\/1\.1 504 [\s\S]*\r\nheddle-error: DISCOVERY_TIMEOUT\r\n/);
  client.destroy();
}

test('a request that joins late has all of its time', async () => {
  const origin = await startOrigin(answerAlways(ok));
  const harness = await startHarness({});
  harness.stopTime();
  const first = await askLate(harness, 0);
  harness.passTime(2_000);
  const second = await askLate(harness, 1);
  const third = await askLate(harness, 2);
  harness.passTime(discoverTimeoutMs - 2_000 + marginMs);
  await assertTimedOut(first);
  assert.equal(harness.metric('heddle_http_requests_in_flight'), 2, 'the others wait');
  harness.passTime(1_500);
  const fourth = await askLate(harness, 2);
  harness.passTime(500);
  await assertTimedOut(second);
  await assertTimedOut(third);
  assert.equal(harness.metric('heddle_http_requests_in_flight'), 1);
  harness.setTarget('host:web', { endpoints: [{ port: origin.port }] });
  assert.equal(await fourth.readResponse(), ok);
  fourth.destroy();
  harness.passTime(3_500);
  await untilQuiet(harness);
  assert.deepEqual(harness.wants, ['host:web'], 'main was asked once');
  await harness.close();
  await origin.close();
});

test('a request that comes when nobody has waited for long has all of its time', async () => {
  const harness = await startHarness({});
  harness.stopTime();
  await assertLateEnd(harness);
  harness.passTime(discoverTimeoutMs / 2);
  await assertLateEnd(harness);
  await untilQuiet(harness);
  await harness.close();
});

test('a connection that joins late has all of its time', async () => {
  const origin = await startOrigin((wire) => wire.write('welcome'));
  const harness = await startHarness({});
  harness.stopTime();
  const opened = (): number => harness.metric('tcp_open_total', { peer: 'src' });
  const first = await dial(harness.bindPort);
  await untilTurn('the first', () => opened() === 1);
  harness.passTime(2_000);
  const second = await dial(harness.bindPort);
  await untilTurn('the second', () => opened() === 2);
  harness.passTime(discoverTimeoutMs - 2_000 + marginMs);
  assert.equal(await first.readAll(), '');
  assert.equal(second.ended, false);
  harness.setTarget('bind:bound:1', { protocol: 'opaque', endpoints: [{ port: origin.port }] });
  assert.equal(await second.read('welcome'), 'welcome');
  for (const client of [first, second]) client.destroy();
  await harness.close();
  await origin.close();
});

/** Neither early nor late. */
async function assertLateEnd(harness: Harness): Promise<void> {
  const client = await askLate(harness, 0);
  harness.passTime(discoverTimeoutMs - marginMs);
  assert.equal(harness.metric('heddle_http_requests_in_flight'), 1);
  harness.passTime(2 * marginMs);
  await assertTimedOut(client);
}

test('what nobody uses is forgotten, soon where a control plane is asked for it', async () => {
  const origin = await startOrigin(answerAlways(ok));
  const targets = { 'host:web': { endpoints: [{ port: origin.port }] } };
  for (const [settings, idleMs] of [
    [{ control: '' }, targetIdleMs],
    [{ control: '127.0.0.1:8086' }, watchedIdleMs],
    [{ control: '127.0.0.1:8086', outboundOnly: { discoveryIdleMs: 20_000 } }, 20_000],
  ] as const) {
    const harness = await startHarness(targets, settings);
    const client = await dial(harness.outboundPort);
    client.write(get);
    assert.ok((await client.readResponse()).startsWith('HTTP/1.1 200 '));
    harness.stopTime();
    harness.passTime(idleMs - 1_000);
    client.write(get);
    assert.ok((await client.readResponse()).startsWith('HTTP/1.1 200 '));
    harness.passTime(idleMs - 1_000);
    assert.deepEqual([harness.idles, harness.wants], [[], ['host:web']]);
    harness.passTime(2_000);
    await untilTurn('it is forgotten', () => harness.idles.length > 0);
    assert.deepEqual(harness.idles, ['host:web']);
    client.write(get);
    assert.ok((await client.readResponse()).startsWith('HTTP/1.1 200 '));
    assert.deepEqual(harness.wants, ['host:web', 'host:web']);
    client.destroy();
    await harness.close();
  }
  await origin.close();
});
