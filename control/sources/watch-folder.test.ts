/**
 * Goal: whatever way the files of a folder change, each text arrives whole and the folder's state
 * is said; nothing stays open. Method: real files, a clock that is moved by hand for the regular
 * look, and for the system's own reports the real clock, awaiting the event.
 */

import assert from 'node:assert/strict';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../../core/base/clock.ts';
import { TimerWheel } from '../../core/base/timers.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { watchFolder } from './watch-folder.ts';

/** `clock`: null for the system's, without the regular look. */
function setUp(t: TestContext, clock: FakeClock | null = new FakeClock(1_000, Date.now())) {
  const root = mkdtempSync(join(tmpdir(), 'heddle-folder-'));
  const path = join(root, 'mesh.d');
  const timers =
    clock === null
      ? new TimerWheel(systemClock, (wake, delayMs) => {
          // What arrives was reported: the regular look never comes.
          if (delayMs > 1_000) return () => undefined;
          const handle = setTimeout(wake, Math.max(delayMs, 1));
          return () => clearTimeout(handle);
        })
      : new TimerWheel(clock, clock.wakeSource);
  const events: string[] = [];
  const waiters: (() => void)[] = [];
  const add = (event: string): void => {
    events.push(event);
    for (const waiter of waiters.splice(0)) waiter();
  };
  const follow = (): void => {
    const options = { path, names: /\.yaml$/, filesMax: 3, bytesMax: 10 };
    const close = watchFolder(
      { ...options, clock: clock ?? systemClock, timers },
      {
        onFile: (name, text) => add(`${name} is ${text.trim()}`),
        onLook: (names, problems) =>
          add(
            `has ${[...names].join()}${[...problems].map((one) => ` (${one.join(' ')})`).join()}`,
          ),
        onError: (reason) => add(`error ${reason}`),
      },
    );
    t.after(() => {
      close();
      timers.close();
      assert.equal(timers.armedCount, 0);
      rmSync(root, { recursive: true });
    });
  };
  let taken = 0;
  /** All events up to one of these words; those that repeat what was told are left out. */
  const until = async (words: string): Promise<string[]> => {
    const seen: string[] = [];
    for (;;) {
      while (events.length === taken) {
        await Promise.race([
          new Promise<void>((wake) => waiters.push(wake)),
          new Promise((turn) => setImmediate(turn)),
        ]);
        clock?.advance(100);
      }
      const event = events[taken];
      taken += 1;
      if (event !== seen.at(-1)) seen.push(event);
      if (event.startsWith(words)) return seen;
    }
  };
  const write = (name: string, text: string): void => writeFileSync(join(path, name), text);
  return { root, path, follow, until, write, clock };
}

test('files come, change, move and go', async (t) => {
  const { path, follow, until, write } = setUp(t);
  mkdirSync(path);
  write('a.yaml', 'one\n');
  write('b.txt', 'not ours\n');
  follow();
  assert.deepEqual(await until('has'), ['a.yaml is one', 'has a.yaml']);
  write('a.yaml', '\uFEFFtwo\n');
  assert.ok((await until('a.yaml is')).includes('a.yaml is two'));
  write('c.yaml', 'new\n');
  assert.ok((await until('has a.yaml,c.yaml')).includes('c.yaml is new'));
  renameSync(join(path, 'a.yaml'), join(path, 'd.yaml'));
  assert.ok((await until('has c.yaml,d.yaml')).includes('d.yaml is two'));
  rmSync(join(path, 'c.yaml'));
  await until('has d.yaml');
});

test('a folder that is gone, no folder or too full is an error until it is well', async (t) => {
  const { path, follow, until, write } = setUp(t);
  follow();
  assert.deepEqual(await until('error'), ['error it does not exist']);
  writeFileSync(path, 'file');
  await until('error it is not a folder');
  rmSync(path);
  mkdirSync(path);
  for (const name of ['1', '2', '3', '4']) write(`${name}.yaml`, `${name}\n`);
  await until('error it has 4 files, more than 3');
  rmSync(join(path, '4.yaml'));
  await until('has 1.yaml,2.yaml,3.yaml');
  rmSync(path, { recursive: true });
  await until('error it does not exist');
  mkdirSync(path);
  await until('has');
});

test('a file that cannot be read is named, the others count', async (t) => {
  const { path, follow, until, write } = setUp(t);
  mkdirSync(path);
  write('a.yaml', 'one\n');
  write('b.yaml', 'far too long\n');
  mkdirSync(join(path, 'c.yaml'));
  follow();
  assert.deepEqual(await until('has'), [
    'a.yaml is one',
    'has a.yaml,b.yaml,c.yaml (b.yaml it has 13 bytes, more than 10), ' +
      '(c.yaml it is not a regular file)',
  ]);
  rmSync(join(path, 'c.yaml'), { recursive: true });
  write('b.yaml', 'short\n');
  assert.ok((await until('has a.yaml,b.yaml')).includes('b.yaml is short'));
});

test('a text that may be half written waits, and the first look with it', async (t) => {
  const { path, follow, until, write } = setUp(t);
  mkdirSync(path);
  write('a.yaml', 'one\n');
  write('b.yaml', 'tw');
  // A disk with a clock of its own: the age says nothing.
  utimesSync(join(path, 'b.yaml'), new Date(), new Date(Date.now() + 3_600_000));
  follow();
  assert.deepEqual(await until('has'), ['a.yaml is one', 'b.yaml is tw', 'has a.yaml,b.yaml']);
  write('a.yaml', '');
  appendFileSync(join(path, 'a.yaml'), 'three\n');
  const seen = await until('a.yaml is');
  assert.equal(seen.at(-1), 'a.yaml is three', 'never the empty text between');
});

test('the system reports changes before the regular look, links included', async (t) => {
  const { root, path, follow, until, write } = setUp(t, null);
  mkdirSync(path);
  follow();
  await until('has');
  write('a.new', 'one\n');
  renameSync(join(path, 'a.new'), join(path, 'a.yaml'));
  await until('has a.yaml');
  // As a mounted ConfigMap changes.
  mkdirSync(join(root, 'data'));
  writeFileSync(join(root, 'data', 'b.yaml'), 'two\n');
  symlinkSync(join(root, 'data'), join(path, '..data'));
  symlinkSync(join('..data', 'b.yaml'), join(path, 'b.yaml'));
  await until('b.yaml is two');
});
