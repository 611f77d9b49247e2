/** Goal: a proxy ends in order and in time. Method: times and counts as scripts, no real clock. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Drain, type DrainCounts, type DrainOptions, type DrainStep } from './drain.ts';

const busy: DrainCounts = {
  listenersInbound: 0,
  listenersOutbound: 0,
  connectionsInbound: 2,
  connectionsOutbound: 3,
  exchangesOutbound: 1,
  outboundQuietMs: 0,
};
const served: DrainCounts = { ...busy, connectionsInbound: 0 };
const quiet: DrainCounts = { ...served, exchangesOutbound: 0, outboundQuietMs: 3_000 };
const empty: DrainCounts = { ...quiet, connectionsOutbound: 0 };

const sides = { isStrict: false, hasInbound: true, hasOutbound: true };

function start(options: Partial<DrainOptions> = {}): { drain: Drain; steps: DrainStep[] } {
  const steps: DrainStep[] = [];
  const all = { announceMs: 5_000, graceMs: 30_000, ...sides };
  const drain = new Drain({ ...all, ...options }, (step) => steps.push(step));
  return { drain, steps };
}

test('each stage waits for its condition', () => {
  const { drain, steps } = start();
  drain.advance(0, empty);
  assert.deepEqual(steps, []);
  drain.begin(100);
  drain.advance(5_099, empty);
  assert.deepEqual(steps, ['announce']);
  drain.advance(5_100, busy);
  assert.deepEqual(steps, ['announce', 'inbound']);
  drain.advance(6_000, served);
  assert.deepEqual(steps, ['announce', 'inbound', 'quiet']);
  drain.advance(9_000, { ...quiet, exchangesOutbound: 1 });
  drain.advance(9_500, { ...quiet, outboundQuietMs: 2_999 });
  assert.equal(drain.step, 'quiet');
  drain.advance(10_000, quiet);
  assert.equal(drain.step, 'outbound');
  drain.advance(10_100, empty);
  assert.deepEqual(steps, ['announce', 'inbound', 'quiet', 'outbound', 'done']);
});

test('a stage waits for listeners that still let clients in', () => {
  const { drain } = start({ announceMs: 0 });
  drain.begin(0);
  const closing = { ...empty, listenersInbound: 1, listenersOutbound: 2 };
  drain.advance(0, closing);
  assert.equal(drain.step, 'inbound');
  drain.advance(100, { ...closing, listenersInbound: 0 });
  assert.equal(drain.step, 'outbound');
  drain.advance(200, { ...empty, listenersOutbound: 1 });
  assert.equal(drain.step, 'outbound');
  drain.advance(300, empty);
  assert.equal(drain.step, 'done');
});

test('nothing left to do ends at once', () => {
  const { drain, steps } = start({ announceMs: 0 });
  drain.begin(0);
  drain.advance(0, empty);
  assert.deepEqual(steps, ['announce', 'inbound', 'quiet', 'outbound', 'done']);
});

test('without inbound nothing is announced, without outbound nothing stays', () => {
  const outboundOnly = start({ hasInbound: false });
  outboundOnly.drain.begin(0);
  outboundOnly.drain.advance(0, served);
  assert.deepEqual(outboundOnly.steps, ['quiet']);
  const inboundOnly = start({ hasOutbound: false, announceMs: 0 });
  inboundOnly.drain.begin(0);
  inboundOnly.drain.advance(0, empty);
  assert.deepEqual(inboundOnly.steps, ['announce', 'inbound', 'done']);
});

test('a strict drain announces nothing and ends both sides at once', () => {
  const { drain, steps } = start({ isStrict: true });
  drain.begin(0);
  drain.advance(0, busy);
  assert.deepEqual(steps, ['inbound', 'outbound']);
  drain.advance(20_000, { ...empty, connectionsOutbound: 1 });
  assert.equal(drain.step, 'outbound');
  drain.advance(20_001, { ...empty, connectionsInbound: 1 });
  assert.equal(drain.step, 'outbound');
  drain.advance(20_002, empty);
  assert.equal(drain.step, 'done');
});

test('a strict drain of one side alone', () => {
  const outboundOnly = start({ isStrict: true, hasInbound: false });
  outboundOnly.drain.begin(0);
  outboundOnly.drain.advance(0, busy);
  assert.deepEqual(outboundOnly.steps, ['outbound']);
  const inboundOnly = start({ isStrict: true, hasOutbound: false });
  inboundOnly.drain.begin(0);
  inboundOnly.drain.advance(0, { ...empty, connectionsInbound: 1 });
  assert.deepEqual(inboundOnly.steps, ['inbound']);
  inboundOnly.drain.advance(0, empty);
  assert.deepEqual(inboundOnly.steps, ['inbound', 'done']);
});

for (const stage of ['announce', 'inbound', 'quiet', 'outbound'] as const) {
  const reached = {
    announce: busy,
    inbound: busy,
    quiet: served,
    outbound: quiet,
  }[stage];
  const announceMs = stage === 'announce' ? 60_000 : 0;

  test(`the grace time ends stage ${stage}`, () => {
    const { drain, steps } = start({ announceMs });
    drain.begin(1_000);
    drain.advance(1_000, reached);
    assert.equal(drain.step, stage);
    drain.advance(30_999, reached);
    assert.equal(drain.step, stage);
    drain.advance(31_000, reached);
    assert.equal(drain.step, 'force');
    drain.advance(31_499, reached);
    assert.equal(drain.step, 'force');
    drain.advance(31_500, reached);
    assert.equal(steps.at(-1), 'done');
  });

  test(`a second signal ends stage ${stage}, a third changes nothing`, () => {
    const { drain, steps } = start({ announceMs });
    drain.begin(0);
    drain.advance(0, reached);
    drain.begin(10);
    drain.begin(20);
    assert.deepEqual(
      steps.filter((step) => step === 'force'),
      ['force'],
    );
    drain.advance(20, empty);
    assert.equal(drain.step, 'done');
    drain.begin(30);
    assert.equal(drain.step, 'done');
  });
}
