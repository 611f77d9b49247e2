/**
 * Goal: whatever way a file changes, its content arrives once and whole; whatever happens to it is
 * said; nothing stays open. Method: real files, a clock that is moved by hand for the regular look,
 * and for the system's own reports the real clock, awaiting the event.
 */

import assert from 'node:assert/strict';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../../core/base/clock.ts';
import { TimerWheel } from '../../core/base/timers.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { watchFile } from './watch-file.ts';

function setUp(t: TestContext, name = 'file') {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-watch-'));
  const path = join(folder, name);
  const clock = new FakeClock(1_000, Date.now());
  const timers = new TimerWheel(clock, clock.wakeSource);
  const events: string[] = [];
  const waiters: (() => void)[] = [];
  const add = (event: string): void => {
    events.push(event);
    for (const waiter of waiters.splice(0)) waiter();
  };
  let taken = 0;
  const next = async (): Promise<string> => {
    while (events.length === taken) await new Promise<void>((wake) => waiters.push(wake));
    taken += 1;
    return events[taken - 1];
  };
  const follow = (env = { clock, timers } as Parameters<typeof watchFile>[2]): void => {
    const close = watchFile(path, 100, env, {
      onContent: (text) => add(`content ${text}`),
      onUnchanged: () => add('unchanged'),
      onError: (reason) => add(`error ${reason}`),
    });
    t.after(() => {
      close();
      env.timers.close();
      assert.equal(env.timers.armedCount, 0);
      rmSync(folder, { recursive: true });
    });
  };
  /** The regular look after 2 s, which a report of the system may come before. */
  const look = async (): Promise<string> => {
    clock.advance(2_100);
    return next();
  };
  const told = (): number => events.length;
  return { path, clock, follow, next, look, told };
}

test('content, changes and the age of both', async (t) => {
  const { path, follow, next, look } = setUp(t);
  writeFileSync(path, 'one\n');
  follow();
  assert.equal(await next(), 'content one\n');
  assert.equal(await look(), 'unchanged');
  writeFileSync(path, 'two, longer\n');
  assert.equal(await look(), 'content two, longer\n');
  writeFileSync(`${path}.new`, '\uFEFFthree\n');
  renameSync(`${path}.new`, path);
  assert.equal(await look(), 'content three\n');
});

test('a file that goes, is too large or no file is an error until it is back', async (t) => {
  const { path, follow, next, look } = setUp(t);
  follow();
  assert.equal(await next(), 'error it does not exist');
  writeFileSync(path, 'one\n');
  assert.equal(await look(), 'content one\n');
  rmSync(path);
  assert.equal(await look(), 'error it does not exist');
  mkdirSync(path);
  assert.equal(await look(), 'error it is not a regular file');
  rmSync(path, { recursive: true });
  writeFileSync(path, 'x'.repeat(101));
  assert.equal(await look(), 'error it has 101 bytes, more than 100');
  writeFileSync(path, 'one\n');
  assert.equal(await look(), 'content one\n');
});

test('a text that may be half written is believed when it stays for 0.3 s', async (t) => {
  const { path, follow, next, look, clock, told } = setUp(t);
  writeFileSync(path, 'one\n');
  follow();
  assert.equal(await next(), 'content one\n');
  appendFileSync(path, 'tw');
  // Its clock is ahead of the file's, as the looks have moved it: what they have seen decides.
  const settle = async (): Promise<string> => {
    const future = new Date(clock.wallMs() + 60_000);
    utimesSync(path, future, future);
    const before = told();
    const startMs = clock.monotonicMs();
    while (told() === before) {
      clock.advance(50);
      await new Promise((turn) => setImmediate(turn));
    }
    assert.ok(clock.monotonicMs() - startMs >= 300);
    return next();
  };
  assert.equal(await settle(), 'content one\ntw');
  appendFileSync(path, 'o\n');
  assert.equal(await look(), 'content one\ntwo\n');
  writeFileSync(path, '');
  assert.equal(await settle(), 'content ');
});

test('the system reports changes before the regular look', async (t) => {
  const { path, follow, next } = setUp(t);
  writeFileSync(path, 'one\n');
  // A wheel that never comes to the regular look: what arrives was reported.
  const hasty = new TimerWheel(systemClock, (wake, delayMs) => {
    if (delayMs > 1_000) return () => undefined;
    const handle = setTimeout(wake, Math.max(delayMs, 1));
    return () => clearTimeout(handle);
  });
  follow({ clock: systemClock, timers: hasty });
  assert.equal(await next(), 'content one\n');
  writeFileSync(`${path}.new`, 'two\n');
  renameSync(`${path}.new`, path);
  assert.equal(await next(), 'content two\n');
});
