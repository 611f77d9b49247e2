/**
 * Goal: the proxy has the token that we have, in a file that nobody else reads and that does not
 * stay behind. Method: a real folder, a clock that is moved by hand.
 */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { TimerWheel } from '../../core/base/timers.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import type { Token } from './registration.ts';
import { chooseIdentity, TokenFile } from './run-identity.ts';

test('whoever may have a certificate asks for the one of its service', () => {
  const payload = Buffer.from('{"td":"mesh.local"}').toString('base64url');
  const token = { token: `x.${payload}.y` };
  assert.equal(chooseIdentity(token, 'web', 'demo'), 'web.demo');
  assert.equal(chooseIdentity(token, null, 'demo'), 'default.demo');
  assert.equal(chooseIdentity({ problem: 'there is none yet' }, 'web', 'demo'), 'web.demo');
  const before = `x.${Buffer.from('{"svc":"web"}').toString('base64url')}.y`;
  for (const other of [before, 'a.b', '']) {
    assert.equal(chooseIdentity({ token: other }, 'web', 'demo'), '', other);
  }
});

test('the file is there as soon as a token, follows it, and goes with us', (t) => {
  const { clock, path, said, rig } = setUp(t);
  rig.token = { problem: 'there is none yet' };
  const file = rig.open();
  assert.equal(existsSync(path), false);
  rig.token = { token: 'one' };
  clock.advance(300);
  assert.equal(readFileSync(path, 'utf8'), 'one\n');
  assert.equal(statSync(path).mode & 0o777, 0o600);
  rig.token = { token: 'two' };
  clock.advance(5_100);
  assert.equal(readFileSync(path, 'utf8'), 'two\n');
  // What was good stays while there is none.
  rig.token = { problem: 'it has gone' };
  clock.advance(5_100);
  assert.equal(readFileSync(path, 'utf8'), 'two\n');
  file.close();
  assert.equal(existsSync(path), false);
  assert.deepEqual(said, []);
});

test('a token that does not come is told of, once, by what it should come from', (t) => {
  const { clock, said, rig } = setUp(t);
  rig.token = { problem: 'there is no /nowhere/web.token' };
  const file = rig.open();
  clock.advance(300);
  assert.deepEqual(said, [], 'it may be on its way');
  for (let tries = 0; tries < 20; tries += 1) clock.advance(250);
  assert.deepEqual(said, ['the proxy gets no token: there is no /nowhere/web.token']);
  file.close();
});

test('a folder that cannot be written is told once, and tried again', (t) => {
  const { clock, path, said, rig } = setUp(t);
  rig.token = { token: 'one' };
  mkdirSync(join(path, 'in-the-way'), { recursive: true });
  const file = rig.open();
  clock.advance(1_000);
  assert.equal(said.length, 1);
  assert.match(said[0], /^the proxy gets no token: /);
  rmSync(path, { recursive: true });
  clock.advance(300);
  assert.equal(readFileSync(path, 'utf8'), 'one\n');
  file.close();
});

function setUp(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-test-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const clock = new FakeClock();
  const timers = new TimerWheel(clock, clock.wakeSource);
  t.after(() => assert.equal(timers.armedCount, 0));
  const path = join(folder, 'run', 'web.token');
  const said: string[] = [];
  const rig = {
    token: { problem: '' } as Token,
    open: () =>
      new TokenFile(path, { timers, readToken: () => rig.token, say: (line) => said.push(line) }),
  };
  return { clock, path, said, rig };
}
