/**
 * Goal: a process that is short of descriptors goes on. Method: facts as values for the budget; a
 * process with 160 descriptors that more clients dial than it can hold.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Address } from '../api/settings.ts';
import { TimerWheel } from '../core/base/timers.ts';
import { ask, dial } from '../test/support/dial.ts';
import { FakeClock } from '../test/support/fake-clock.ts';
import { Admission } from './accept.ts';
import { DescriptorBudget } from './descriptors.ts';

test('descriptors are counted only when the estimate says so', () => {
  let open = 20;
  let counted = 0;
  const budget = new DescriptorBudget({
    limit: 1_000,
    count: () => {
      counted += 1;
      return open;
    },
    isCheap: false,
  });
  for (let spent = 0; spent < 400; spent++) {
    budget.spend();
    assert.equal(budget.isSpent(), false);
  }
  assert.equal(counted, 1);
  for (let spent = 0; spent < 100; spent++) budget.spend();
  open = 860;
  assert.equal(budget.isSpent(), false);
  assert.equal(counted, 2);
  for (let spent = 0; spent < 6; spent++) budget.spend();
  open = 872;
  assert.equal(budget.isSpent(), true);
  open = 300;
  assert.equal(budget.isSpent(), false);
});

test('a small limit keeps a quarter in reserve, none is never spent', () => {
  const small = new DescriptorBudget({ limit: 100, count: () => 75, isCheap: false });
  assert.equal(small.isSpent(), true);
  const limit = Number.POSITIVE_INFINITY;
  const none = new DescriptorBudget({ limit, count: () => 1e9, isCheap: true });
  for (let spent = 0; spent < 1_000; spent++) none.spend();
  assert.equal(none.isSpent(), false);
});

test('what others have opened is seen once a second, before the last is gone', () => {
  for (const isCheap of [true, false]) {
    const clock = new FakeClock();
    const timers = new TimerWheel(clock, clock.wakeSource);
    const told: string[] = [];
    let open = 20;
    const admission = new Admission({
      maxConnections: 1_000,
      descriptors: new DescriptorBudget({ limit: 1_000, count: () => open, isCheap }),
      timers,
      countConnections: () => 1,
      whyPaused: () => null,
      onPause: (reason) => told.push(`paused for ${reason}`),
      onResume: (reason) => told.push(`resumed after ${reason}`),
    });
    const listener = { pause: () => told.push('pause'), resume: () => told.push('resume') > 0 };
    admission.add(listener);
    clock.advance(5_000);
    assert.deepEqual(told, []);
    open = 900;
    for (let step = 0; step < 11; step++) {
      admission.admitted();
      clock.advance(100);
    }
    assert.deepEqual(told, isCheap ? ['paused for descriptors', 'pause'] : []);
    open = 800;
    clock.advance(100);
    assert.deepEqual(told.slice(2), isCheap ? ['resumed after descriptors', 'resume'] : []);
    admission.close();
    assert.equal(timers.armedCount, 0);
  }
});

test('near its limit a process pauses, serves those it has, and recovers', async () => {
  const script = fileURLToPath(new URL('../test/support/echo-process.ts', import.meta.url));
  const node = `exec '${process.execPath}' --disable-warning=ExperimentalWarning '${script}'`;
  const child = spawn('sh', ['-c', `ulimit -n 160; ${node}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const lines = createInterface({ input: child.stdout });
  const seen: string[] = [];
  const waiters: { part: string; resolve: () => void }[] = [];
  lines.on('line', (line) => {
    seen.push(line);
    for (const { part, resolve } of waiters) if (line.includes(part)) resolve();
  });
  const until = (part: string): Promise<void> =>
    new Promise((resolve) => {
      if (seen.some((line) => line.includes(part))) resolve();
      else waiters.push({ part, resolve });
    });
  await until('"outbound"');
  const { outbound } = JSON.parse(seen[0]) as { outbound: Address };
  const clients: Socket[] = [];
  for (let count = 0; count < 200; count++) clients.push(await dial(outbound));
  await until('accepting is paused');
  assert.equal(await ask(clients[0], 'first'), 'first');
  const last = ask(clients[199], 'last');
  for (const client of clients.slice(0, 150)) client.destroy();
  assert.equal(await last, 'last');
  await until('accepting again');
  for (const client of clients) client.destroy();
  child.kill('SIGTERM');
  const [code] = (await ended) as [number];
  assert.equal(code, 0);
});
