/**
 * Goal: certificates that go on by themselves, and that a person can mend when they cannot. Method:
 * real files in a temporary folder, a clock that the test moves, restarts at any moment.
 */

import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { Authority } from './authority.ts';
import { IdentityFiles } from './identity-files.ts';

const dayMs = 24 * 3_600_000;

test('the first start makes a root of a year and an issuer of a month, for its owner', (t) => {
  const { folder, clock, start } = scratch(t);
  const { view } = start();
  assert.equal(view.problem, '');
  const [root] = view.anchors;
  assert.equal(view.anchors.length, 1);
  assert.equal(root.x509.subject, 'CN=root.heddle.mesh.test');
  assert.equal(root.notAfterMs, clock.wallMs() + 365 * dayMs);
  assert.equal(view.endMs, clock.wallMs() + 30 * dayMs);
  const { subject, publicKey } = view.chain[0].x509;
  assert.equal(subject, 'CN=identity.heddle.mesh.test');
  assert.equal(publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
  const names = ['bundle.crt', 'issuer.crt', 'issuer.key', 'root.crt', 'root.key', 'rotation.json'];
  assert.deepEqual(readdirSync(folder).toSorted(), names);
  for (const name of names) assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600, name);
  // The next start, and another control plane beside it, have the same.
  for (const again of [start(), start()]) {
    assert.deepEqual([again.view.issuer, again.view.digest], [view.issuer, view.digest]);
  }
});

test('the issuer is renewed at two thirds of its life, and at once after a long sleep', (t) => {
  const { clock, start } = scratch(t);
  const authority = start();
  const first = authority.view;
  clock.advance(19 * dayMs);
  authority.check();
  assert.equal(authority.view.issuer, first.issuer);
  clock.advance(1.1 * dayMs);
  authority.check();
  const second = authority.view;
  assert.notEqual(second.issuer, first.issuer);
  assert.equal(second.digest, first.digest);
  assert.deepEqual(
    second.former.map(({ fingerprint }) => fingerprint),
    [first.issuer],
  );
  // A laptop sleeps for 60 days: whoever asks then is served.
  clock.advance(60 * dayMs);
  const awake = authority.current();
  assert.notEqual(awake.issuer, second.issuer);
  assert.equal(awake.problem, '');
  assert.equal(awake.digest, first.digest);
  assert.ok(awake.endMs > clock.wallMs() + 29 * dayMs);
  assert.deepEqual(awake.former, []);
});

/** Its changes wait for `web` to confirm them; `wanted` are the issuers that it is to have. */
function startAwaited(t: TestContext) {
  const { clock, start } = scratch(t);
  const authority = start();
  const waiting = new Set(['web']);
  const wanted: (string | null)[] = [];
  authority.unconfirmed = ({ issuer }) => {
    wanted.push(issuer);
    return [...waiting];
  };
  return { clock, start, authority, before: authority.view, waiting, wanted };
}

test('an issuer takes the place of another below the same root', (t) => {
  const { clock, start, authority, before, waiting, wanted } = startAwaited(t);
  assert.equal(authority.rotateIssuer(), null);
  assert.match(authority.rotateIssuer() ?? '', /under way already/);
  assert.match(authority.rotate() ?? '', /under way already/);
  const { view } = authority;
  assert.deepEqual([view.phase, view.digest, view.problem], ['switch', before.digest, '']);
  assert.notEqual(view.issuer, before.issuer);
  // Leaves of the one before are good for certifying until it is over, and after.
  assert.equal(view.former[0]?.fingerprint, before.issuer);
  pass(authority, clock);
  assert.equal(authority.view.phase, 'switch');
  assert.equal(wanted.at(-1), view.issuer);
  assert.equal(start().view.phase, 'switch');
  waiting.clear();
  pass(authority, clock);
  assert.deepEqual(
    [authority.view.phase, authority.view.issuer, authority.view.digest],
    ['idle', view.issuer, before.digest],
  );
});

test('a root takes the place of another when all have said that they have it', (t) => {
  const { clock, authority, before, waiting, wanted } = startAwaited(t);
  assert.equal(authority.rotate(), null);
  assert.match(authority.rotate() ?? '', /under way already/);
  const distributed = authority.view;
  assert.deepEqual([distributed.phase, distributed.anchors.length], ['distribute', 2]);
  assert.equal(distributed.issuer, before.issuer);
  pass(authority, clock);
  assert.equal(authority.view.phase, 'distribute');
  assert.deepEqual(authority.waitingFor(), ['web']);
  waiting.clear();
  authority.check();
  const switched = authority.view;
  assert.deepEqual([switched.phase, switched.digest], ['switch', distributed.digest]);
  assert.notEqual(switched.issuer, before.issuer);
  // Leaves of it are asked for from here on, and not before.
  assert.equal(wanted.indexOf(switched.issuer), wanted.length - 1);
  // Those that are on their way have their time, however many have confirmed.
  authority.check();
  assert.equal(authority.view.phase, 'switch');
  pass(authority, clock);
  const after = authority.view;
  assert.equal(wanted.at(-1), switched.issuer);
  assert.deepEqual([after.phase, after.anchors.length], ['idle', 1]);
  assert.notEqual(after.digest, before.digest);
  assert.equal(after.issuer, switched.issuer);
  assert.equal(after.problem, '');
});

test('a rotation goes on after a restart, whatever a crash has left', (t) => {
  const { clock, folder, start } = scratch(t);
  let authority = start();
  const before = authority.view;
  authority.rotate();
  const distributed = authority.view;
  authority = start();
  assert.equal(authority.view.phase, 'distribute');
  assert.equal(authority.view.digest, distributed.digest);
  // Its proxies have not come back yet.
  authority.check();
  assert.equal(authority.view.phase, 'distribute');
  pass(authority, clock);
  assert.equal(authority.view.phase, 'switch');
  authority = start();
  assert.equal(authority.view.phase, 'switch');
  rmSync(join(folder, 'rotation.json'));
  authority = start();
  assert.equal(authority.view.phase, 'switch');
  assert.equal(authority.view.anchors.length, 2);
  pass(authority, clock);
  assert.deepEqual([authority.view.phase, authority.view.anchors.length], ['idle', 1]);
  assert.notEqual(authority.view.digest, before.digest);
});

test('one control plane rotates, and another over the same files follows', (t) => {
  const { clock, start } = scratch(t);
  const [one, other] = [start(), start()];
  one.rotate();
  other.reload();
  assert.deepEqual([other.view.phase, other.view.digest], ['distribute', one.view.digest]);
  clock.advance(16_000);
  one.check();
  other.reload();
  assert.equal(one.view.issuer, other.view.issuer);
  assert.equal(other.view.phase, 'switch');
});

test('control planes that share their files wait for the proxies of each other', (t) => {
  const { clock, start, folder } = scratch(t);
  const [one, other] = [start(), start()];
  let waiting = ['web'];
  other.unconfirmed = () => waiting;
  one.rotate();
  const look = (): void => {
    clock.advance(5_000);
    other.reload();
    one.reload();
  };
  for (let count = 0; count < 20; count++) look();
  assert.equal(one.view.phase, 'distribute');
  waiting = [];
  look();
  assert.equal(one.view.phase, 'switch');
  other.reload();
  assert.equal(one.view.issuer, other.view.issuer);
  // One that has gone holds nothing up.
  waiting = ['web'];
  look();
  for (let count = 0; count < 8; count++) {
    clock.advance(5_000);
    one.reload();
  }
  assert.equal(one.view.phase, 'idle');
  other.reload();
  assert.equal(other.view.digest, one.view.digest);
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('waiting-')),
    [],
  );
});

test('the root is replaced by itself in time before its end', (t) => {
  const { clock, start } = scratch(t);
  const authority = start();
  const before = authority.view;
  for (let day = 0; day < 365; day++) {
    clock.advance(dayMs);
    authority.check();
    assert.equal(authority.view.problem, '', `day ${day}`);
  }
  assert.notEqual(authority.view.digest, before.digest);
  assert.equal(authority.view.anchors.length, 1);
});

test('while one proxy cannot confirm nothing is retired, and force goes on without it', (t) => {
  const { clock, start } = scratch(t);
  const authority = start();
  authority.unconfirmed = () => ['linkerd'];
  authority.rotate();
  for (let hour = 0; hour < 48; hour++) {
    clock.advance(dayMs / 24);
    authority.check();
  }
  assert.deepEqual([authority.view.phase, authority.view.anchors.length], ['distribute', 2]);
  assert.equal(authority.force(), null);
  assert.deepEqual([authority.view.phase, authority.view.anchors.length], ['switch', 2]);
  assert.equal(authority.force(), null);
  assert.deepEqual([authority.view.phase, authority.view.anchors.length], ['idle', 1]);
  assert.match(authority.force() ?? '', /no rotation is under way/);
});

test('an expired root is told, and repaired by one command', (t) => {
  const { clock, start } = scratch(t);
  start();
  clock.advance(400 * dayMs);
  const authority = start();
  assert.equal(authority.view.signer, null);
  assert.match(authority.view.problem, /has expired, at .*: heddle identity repair makes it whole/);
  assert.equal(authority.repair(), null);
  assert.equal(authority.view.problem, '');
  assert.equal(authority.view.anchors.length, 1);
  assert.ok(authority.view.endMs > clock.wallMs());
});

test('a lost key of the root is repaired while the issuer goes on', (t) => {
  const { clock, folder, start } = scratch(t);
  const before = start().view;
  rmSync(join(folder, 'root.key'));
  const authority = start();
  assert.equal(authority.view.issuer, before.issuer);
  assert.match(authority.view.problem, /there is no .*root\.key: heddle identity repair/);
  assert.equal(authority.repair(), null);
  assert.deepEqual([authority.view.phase, authority.view.issuer], ['distribute', before.issuer]);
  pass(authority, clock);
  pass(authority, clock);
  assert.deepEqual([authority.view.phase, authority.view.problem], ['idle', '']);
  assert.equal(authority.view.anchors.length, 1);
});

const losses: readonly (readonly [string, (folder: string) => void])[] = [
  ['the key of the issuer', (folder) => rmSync(join(folder, 'issuer.key'))],
  ['an issuer that is garbage', (folder) => put(folder, 'issuer.key', 'no key')],
  ['the bundle', (folder) => rmSync(join(folder, 'bundle.crt'))],
  ['a bundle that is garbage', (folder) => put(folder, 'bundle.crt', 'no certificate')],
  ['the state of the rotation', (folder) => put(folder, 'rotation.json', '[')],
];
for (const [what, lose] of losses) {
  test(`lost and made again by itself: ${what}`, (t) => {
    const { folder, start } = scratch(t);
    const before = start().view;
    lose(folder);
    const { view } = start();
    assert.equal(view.problem, '');
    assert.equal(view.digest, before.digest);
    assert.equal(start().view.issuer, view.issuer);
  });
}

test('lost and repaired by one command: all keys, or all but the bundle', (t) => {
  for (const lost of [
    ['root.key', 'issuer.key'],
    ['root.key', 'root.crt', 'issuer.key', 'issuer.crt'],
  ]) {
    const { folder, clock, start } = scratch(t);
    const before = start().view;
    for (const name of lost) rmSync(join(folder, name));
    const authority = start();
    assert.equal(authority.view.signer, null);
    assert.match(authority.view.problem, /heddle identity repair makes it whole/);
    assert.equal(authority.repair(), null);
    assert.equal(authority.view.problem, '');
    // Whoever has the old root takes the new one over with it.
    assert.deepEqual([authority.view.phase, authority.view.anchors.length], ['switch', 2]);
    assert.ok(
      authority.view.anchors.some((one) => one.fingerprint === before.anchors[0].fingerprint),
    );
    pass(authority, clock);
    assert.equal(authority.view.anchors.length, 1);
  }
});

test('keys that others can read are refused with what to do', (t) => {
  const { folder, warned, start } = scratch(t);
  start();
  assert.deepEqual(warned, [], 'the first start makes what is missing');
  chmodSync(join(folder, 'root.key'), 0o640);
  const { view } = start();
  assert.deepEqual(warned, [view.problem]);
  assert.match(view.problem, /\broot\.key: can be used by others: chmod 600 .*: heddle identity/);
  assert.notEqual(view.signer, null);
});

/** Until those who were on their way have had their time. */
function pass(authority: Authority, clock: FakeClock): void {
  clock.advance(16_000);
  authority.check();
}

function put(folder: string, name: string, text: string): void {
  writeFileSync(join(folder, name), text, { mode: 0o600 });
}

function scratch(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-test-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const clock = new FakeClock();
  const warned: unknown[] = [];
  const start = (): Authority =>
    new Authority({
      clock,
      log: { info: () => {}, warn: (_, fields) => void warned.push(fields?.problem) },
      files: new IdentityFiles(folder, true),
      trustDomain: 'mesh.test',
      external: null,
      anchors: [],
    });
  return { folder, clock, warned, start };
}
