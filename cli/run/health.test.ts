/**
 * Goal: an application counts as serving when it answers and not a moment before, and is not lost
 * by one slow answer. Method: answers by hand on a clock moved by hand; real ports for the probes.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../../core/base/clock.ts';
import { TimerWheel } from '../../core/base/timers.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { createGrpcEnv } from '../grpc-env.ts';
import { Health, httpProbe, tcpProbe } from './health.ts';

test('it is asked often until it answers, then now and then', async () => {
  const rig = createRig();
  await rig.pass(1_000);
  assert.ok(rig.asked >= 4 && rig.asked <= 6, String(rig.asked));
  assert.deepEqual(rig.changes, []);
  rig.isGood = true;
  await rig.pass(300);
  assert.deepEqual(rig.changes, [true]);
  const before = rig.asked;
  await rig.pass(20_000);
  assert.ok(rig.asked - before >= 9 && rig.asked - before <= 10);
  assert.deepEqual(rig.changes, [true]);
});

test('one failure is no loss, three in a row are, and one success brings it back', async () => {
  const rig = createRig();
  rig.isGood = true;
  await rig.pass(300);
  for (const failures of [1, 2]) {
    rig.isGood = false;
    const before = rig.asked;
    while (rig.asked - before < failures) await rig.pass(50);
    rig.isGood = true;
    await rig.pass(3_000);
  }
  assert.deepEqual(rig.changes, [true]);
  rig.isGood = false;
  await rig.pass(3_000);
  assert.deepEqual(rig.changes, [true, false]);
  rig.isGood = true;
  await rig.pass(300);
  assert.deepEqual(rig.changes, [true, false, true]);
});

test('one that does not come is asked seldom at last, and never after the end', async () => {
  const rig = createRig();
  await rig.pass(31_000);
  const before = rig.asked;
  await rig.pass(20_000);
  assert.ok(rig.asked - before <= 10);
  rig.health.close();
  const last = rig.asked;
  rig.isGood = true;
  await rig.pass(20_000);
  assert.equal(rig.asked, last);
  assert.deepEqual(rig.changes, []);
});

test('that it does not come is told once, and not when it is lost later', async () => {
  const silent = createRig();
  await silent.pass(9_000);
  assert.equal(silent.silences, 0);
  await silent.pass(50_000);
  assert.equal(silent.silences, 1);
  const lost = createRig();
  lost.isGood = true;
  await lost.pass(300);
  lost.isGood = false;
  await lost.pass(50_000);
  assert.deepEqual([lost.silences, lost.changes], [0, [true, false]]);
});

test('probes: a port that accepts, a status that is good', async (t) => {
  const statuses = new Map([
    ['/ok', 204],
    ['/moved', 302],
    ['/busy', 503],
    ['/missing', 404],
  ]);
  const server = createServer((request, response) => {
    response.statusCode = statuses.get(request.url ?? '') ?? 500;
    response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const timers = new TimerWheel(systemClock);
  const tcp = tcpProbe(port, createGrpcEnv(systemClock, timers));
  closeAfter(t, timers);
  assert.equal(await tcp(), true);
  for (const [path, isGood] of [
    ['/ok', true],
    ['/moved', true],
    ['/busy', false],
    ['/missing', false],
  ] as const) {
    assert.equal(await httpProbe(port, path, timers)(), isGood, path);
  }
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
  assert.equal(await tcp(), false);
  assert.equal(await httpProbe(port, '/ok', timers)(), false);
});

test('a probe of who takes the request and is silent ends', async (t) => {
  const server = createServer(() => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as { port: number };
  const clock = new FakeClock();
  const timers = new TimerWheel(clock, clock.wakeSource);
  const answer = httpProbe(port, '/', timers)();
  await once(server, 'request');
  clock.advance(1_100);
  assert.equal(await answer, false);
});

function closeAfter(t: TestContext, timers: TimerWheel): void {
  t.after(() => timers.close());
}

function createRig() {
  const clock = new FakeClock();
  const timers = new TimerWheel(clock, clock.wakeSource);
  const changes: boolean[] = [];
  const rig = {
    isGood: false,
    asked: 0,
    silences: 0,
    changes,
    /** In small steps: an answer is heard between two of them. */
    async pass(ms: number): Promise<void> {
      for (let passed = 0; passed < ms; passed += 10) {
        clock.advance(10);
        await Promise.resolve();
        await Promise.resolve();
      }
    },
  };
  const probe = (): Promise<boolean> => {
    rig.asked += 1;
    return Promise.resolve(rig.isGood);
  };
  const health = new Health(
    probe,
    { clock, timers },
    (isHealthy) => changes.push(isHealthy),
    () => {
      rig.silences += 1;
    },
  );
  return Object.assign(rig, { health });
}
