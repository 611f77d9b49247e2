/**
 * Goal: the order in which a process ends, whatever happens meanwhile, in bounded time. Method: a
 * clock moved by hand, steps that are written down.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { TimerWheel } from '../../core/base/timers.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { Life } from './life.ts';

test('a proxy that is ready in time lets the application start, and again changes nothing', () => {
  const rig = createRig();
  rig.life.ready();
  rig.life.ready();
  rig.clock.advance(60_000);
  assert.deepEqual(rig.take(), ['start']);
});

test('a silent control plane holds the application up for --wait and no longer', () => {
  const rig = createRig();
  rig.clock.advance(9_900);
  assert.deepEqual(rig.take(), []);
  rig.clock.advance(200);
  assert.deepEqual(rig.take(), ['start late']);
  rig.life.ready();
  assert.deepEqual(rig.take(), []);
});

test('withdrawn first, then the signal, then the proxy, then our own end', () => {
  const rig = createRunning();
  rig.life.signalled('SIGINT');
  assert.deepEqual(rig.take(), ['withdraw']);
  rig.life.withdrawn();
  rig.clock.advance(290);
  assert.deepEqual(rig.take(), []);
  rig.clock.advance(100);
  assert.deepEqual(rig.take(), ['pass SIGINT']);
  rig.clock.advance(10_000);
  assert.deepEqual(rig.take(), [], 'outbound stays while the application ends');
  rig.life.applicationEnded({ code: 3 });
  assert.deepEqual(rig.take(), ['close']);
  rig.life.proxyEnded();
  assert.deepEqual(rig.take(), ['finish {"code":3}']);
});

test('whoever does not confirm the withdrawal is not waited for longer than half a second', () => {
  const rig = createRunning();
  rig.life.signalled('SIGTERM');
  rig.clock.advance(490);
  assert.equal(rig.life.state, 'withdrawing');
  rig.clock.advance(50);
  assert.equal(rig.life.state, 'settling');
  rig.life.withdrawn();
  rig.clock.advance(350);
  assert.deepEqual(rig.take(), ['withdraw', 'pass SIGTERM']);
});

test('an endpoint that nobody was told of is not waited for', () => {
  const rig = createRunning({ announced: false });
  rig.life.signalled('SIGTERM');
  assert.deepEqual(rig.take(), ['withdraw', 'pass SIGTERM']);
});

test('a second signal is passed on at once, and later ones as well', () => {
  const rig = createRunning();
  rig.life.signalled('SIGINT');
  rig.life.signalled('SIGTERM');
  rig.life.signalled('SIGTERM');
  rig.clock.advance(5_000);
  assert.deepEqual(rig.take(), ['withdraw', 'pass SIGTERM', 'pass SIGTERM']);
  rig.life.applicationEnded({ signal: 'SIGTERM' });
  rig.life.signalled('SIGTERM');
  assert.deepEqual(rig.take(), ['close', 'close']);
});

test('an application that ends by itself is withdrawn at once', () => {
  const rig = createRunning();
  rig.life.applicationEnded({ signal: 'SIGSEGV' });
  assert.deepEqual(rig.take(), ['withdraw', 'close']);
  rig.life.proxyEnded();
  assert.deepEqual(rig.take(), [], 'the control plane has not confirmed');
  rig.life.withdrawn();
  assert.deepEqual(rig.take(), ['finish {"signal":"SIGSEGV"}']);
});

test('one that ends during its withdrawal gets no signal', () => {
  for (const beforeMs of [0, 600]) {
    const rig = createRunning();
    rig.life.signalled('SIGTERM');
    rig.clock.advance(beforeMs);
    rig.life.applicationEnded({ code: 0 });
    rig.life.proxyEnded();
    rig.clock.advance(5_000);
    assert.deepEqual(rig.take(), ['withdraw', 'close', 'finish {"code":0}']);
  }
});

test('the grace bounds all: the application is killed, then the proxy', () => {
  const rig = createRunning();
  rig.life.signalled('SIGTERM');
  rig.life.withdrawn();
  rig.clock.advance(29_900);
  assert.deepEqual(rig.take(), ['withdraw', 'pass SIGTERM']);
  rig.clock.advance(200);
  assert.deepEqual(rig.take(), ['kill application']);
  rig.life.applicationEnded({ signal: 'SIGKILL' });
  assert.deepEqual(rig.take(), ['close', 'kill proxy']);
  rig.life.proxyEnded();
  assert.deepEqual(rig.take(), ['finish {"signal":"SIGKILL"}']);
});

test('what cannot be killed is left behind', () => {
  const rig = createRunning();
  rig.life.signalled('SIGTERM');
  rig.clock.advance(32_100);
  assert.deepEqual(rig.take().slice(-3), ['kill application', 'close', 'kill proxy']);
  rig.clock.advance(2_100);
  assert.deepEqual(rig.take(), ['finish {"signal":"SIGKILL"}']);
  rig.life.applicationEnded({ signal: 'SIGKILL' });
  rig.life.proxyEnded();
  rig.clock.advance(60_000);
  assert.deepEqual(rig.take(), []);
});

test('a proxy that does not end after its application is killed within the grace', () => {
  const rig = createRunning({ announced: false });
  rig.life.applicationEnded({ code: 1 });
  rig.clock.advance(30_100);
  assert.deepEqual(rig.take(), ['withdraw', 'close', 'kill proxy']);
  rig.life.proxyEnded();
  assert.deepEqual(rig.take(), ['finish {"code":1}']);
});

test('a signal before the application has started, or a proxy that cannot, ends without it', () => {
  const stopped = createRig();
  stopped.life.signalled('SIGINT');
  stopped.life.ready();
  stopped.life.proxyEnded();
  assert.deepEqual(stopped.take(), ['close', 'finish {"signal":"SIGINT"}']);
  const failed = createRig();
  failed.life.proxyEnded();
  failed.life.failed(64);
  assert.deepEqual(failed.take(), ['close', 'finish {"code":64}']);
});

test('any order of events ends in bounded time, each step at most as often as it may', () => {
  const event = fc.oneof(
    fc.constantFrom('ready', 'signal', 'withdrawn', 'app', 'proxy', 'failed'),
    fc.integer({ min: 0, max: 12_000 }),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 12 }), fc.boolean(), (events, announced) => {
      const rig = createRig({ announced });
      for (const one of events) play(rig, one);
      rig.life.signalled('SIGTERM');
      rig.clock.advance(40_000);
      const steps = rig.take();
      assert.equal(rig.life.state, 'done');
      const count = (name: string) => steps.filter((step) => step.startsWith(name)).length;
      assert.equal(count('finish'), 1);
      assert.equal(steps.at(-1)?.startsWith('finish'), true);
      assert.ok(count('start') <= 1 && count('withdraw') <= 1);
      const firstPass = steps.findIndex((step) => step.startsWith('pass'));
      if (firstPass !== -1) assert.ok(steps.indexOf('withdraw') < firstPass);
    }),
  );
});

function play(rig: Rig, event: string | number): void {
  const { life, clock } = rig;
  const hasStarted = rig.steps.some((step) => step.startsWith('start'));
  if (typeof event === 'number') clock.advance(event);
  else if (event === 'ready') life.ready();
  else if (event === 'signal') life.signalled('SIGTERM');
  else if (event === 'withdrawn') life.withdrawn();
  else if (event === 'proxy') life.proxyEnded();
  else if (event === 'failed') life.failed(1);
  else if (hasStarted) life.applicationEnded({ code: 7 });
}

type Rig = ReturnType<typeof createRig>;

function createRunning(options = {}): Rig {
  const rig = createRig(options);
  rig.life.ready();
  rig.take();
  return rig;
}

function createRig({ announced = true } = {}) {
  const clock = new FakeClock();
  const timers = new TimerWheel(clock, clock.wakeSource);
  const steps: string[] = [];
  const life = new Life({ waitMs: 10_000, graceMs: 30_000 }, timers, {
    startApplication: (late) => steps.push(late ? 'start late' : 'start'),
    withdraw: () => {
      steps.push('withdraw');
      return announced;
    },
    passOn: (signal) => steps.push(`pass ${signal}`),
    killApplication: () => steps.push('kill application'),
    closeProxy: () => steps.push('close'),
    killProxy: () => steps.push('kill proxy'),
    finish: (end) => steps.push(`finish ${JSON.stringify(end)}`),
  });
  return { clock, life, steps, take: () => steps.splice(0) };
}
