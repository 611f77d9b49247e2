/**
 * Goal: a proxy that ends is started again where it was, one that cannot start is not. Method:
 * small processes in its place, back-off on a clock moved by hand.
 */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { seededRandom } from '../../core/base/random.ts';
import { TimerWheel } from '../../core/base/timers.ts';
import { Events } from '../../test/support/events.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { childOf } from '../../test/support/run-process.ts';
import { ProxyChild } from './proxy-child.ts';

test('one that says that it cannot start is not tried again', async (t) => {
  const { events, proxy } = createRig(t, 'process.exit(64)');
  await events.until('ended');
  assert.deepEqual(events.all, ['args null', 'failed 64', 'ended']);
  proxy.close();
  assert.deepEqual(events.all, ['args null', 'failed 64', 'ended']);
});

test('one that is killed is started again, with the addresses of its first start', async (t) => {
  const { events, proxy, clock } = createRig(t, `${listening(11)}; ${waiting}`);
  await events.until('up 11');
  assert.equal(events.all[0], 'args null');
  for (const failures of [1, 2, 3]) {
    const from = events.all.length;
    killChild();
    await events.until(/^down SIGKILL/, from);
    assert.equal(proxy.isUp, false);
    // It doubles, and a half is added by chance.
    clock.advance(90 * 2 ** (failures - 1));
    assert.equal(events.all.length, from + 1);
    clock.advance(70 * 2 ** (failures - 1));
    await events.until('args 11', from);
    await events.until('up 11', from);
  }
  proxy.close();
  await events.until('ended');
  assert.equal(events.all.includes('failed 1'), false);
});

test('what it says that is no address is passed by', async (t) => {
  const address = { host: '127.0.0.1', port: 0 };
  const messages = [null, 7, {}, { kind: 'listening', outbound: address, admin: address }];
  const script = messages.map((message) => `process.send(${JSON.stringify(message)})`);
  const { events, proxy } = createRig(t, `${script.join(';')}; ${listening(12)}; ${waiting}`);
  await events.until(/^up/);
  assert.deepEqual(
    events.all.filter((one) => one.startsWith('up')),
    ['up 12'],
  );
  proxy.close();
  await events.until('ended');
});

test('one that ended while it was closed, or rests, is gone at once', async (t) => {
  const { events, proxy } = createRig(t, `${listening(13)}; ${waiting}`);
  await events.until('up 13');
  killChild();
  await events.until(/^down/);
  proxy.close();
  assert.equal(events.all.at(-1), 'ended');
  const missing = createRig(t, '', '/there/is/no/such/executable');
  await missing.events.until('ended');
  assert.equal(missing.events.all[1], 'failed 1');
});

function createRig(t: TestContext, script: string, executable = process.execPath) {
  const clock = new FakeClock();
  const timers = new TimerWheel(clock, clock.wakeSource);
  const events = new Events();
  const options = {
    executable,
    args: (known: { outbound: { port: number } } | null) => {
      events.add(`args ${known?.outbound.port ?? null}`);
      return ['-e', `process.on('disconnect', () => process.exit()); ${script}`];
    },
    environment: {},
  };
  const proxy = new ProxyChild(
    options,
    { clock, timers, random: seededRandom(1) },
    {
      onUp: ({ outbound }) => events.add(`up ${outbound.port}`),
      onDown: (reason) => events.add(`down ${reason}`),
      onFailed: (code) => events.add(`failed ${code}`),
      onEnded: () => events.add('ended'),
    },
  );
  t.after(() => {
    proxy.close();
    proxy.kill();
  });
  proxy.start();
  return { clock, events, proxy };
}

/** The one child of this process that was started by `createRig`. */
function killChild(): void {
  process.kill(childOf(process.pid, '-e'), 'SIGKILL');
}

/** What a proxy says, here with a port that a test knows. */
function listening(port: number): string {
  const address = { host: '127.0.0.1', port };
  const message = { kind: 'listening', outbound: address, inbound: null, admin: address };
  return `process.send(${JSON.stringify(message)})`;
}

const waiting = 'setInterval(() => {}, 60_000)';
