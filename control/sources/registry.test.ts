/**
 * Goal: a process is an endpoint as long as its stream and a lease longer, and neither a restart
 * nor a pause of the control plane loses one. Method: a clock that is moved by hand, real files.
 */

import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { registryLeaseMs, registryServiceKeepMs } from '../../core/base/limits.ts';
import { TimerWheel } from '../../core/base/timers.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { joinedPorts as portsOf, registration } from '../../test/support/joined.ts';
import { Registry } from './registry.ts';

function setUp(t: TestContext, path: string | null = null) {
  const clock = new FakeClock();
  const timers = new TimerWheel(clock, clock.wakeSource);
  const warnings: string[] = [];
  const log = {
    info: () => undefined,
    warn: (message: string, fields?: object) =>
      void warnings.push(`${message} ${JSON.stringify(fields)}`),
  };
  const open = (): Registry =>
    new Registry({ clock, timers, log, trustDomain: 'mesh.local', path });
  const registry = new Registry({
    clock,
    timers,
    log,
    trustDomain: 'mesh.local',
    path,
    isFirst: true,
  });
  t.after(() => {
    registry.close();
    assert.equal(timers.armedCount, 0, 'nothing is left armed');
  });
  return { clock, timers, warnings, open, registry };
}

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-registry-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('an endpoint comes when it serves, and goes a lease after its stream', (t) => {
  const { clock, registry } = setUp(t);
  assert.deepEqual(registry.join(registration(), 1), { warning: '' });
  assert.deepEqual(portsOf(registry), [], 'not before its port answers');
  registry.setServing(1, true);
  assert.deepEqual(portsOf(registry), [4001]);
  clock.advance(3_600_000);
  assert.deepEqual(portsOf(registry), [4001], 'a stream holds it as long as it lasts');
  registry.disconnected(1);
  clock.advance(registryLeaseMs - 50);
  assert.deepEqual(portsOf(registry), [4001]);
  clock.advance(100);
  assert.deepEqual(portsOf(registry), []);
  assert.deepEqual(registry.instances(), []);
  registry.setServing(1, true);
  registry.disconnected(1);
  assert.deepEqual(portsOf(registry), [], 'an old stream means nobody');
});

test('each has a lease of its own', (t) => {
  const { clock, registry } = setUp(t);
  for (const at of [1, 2]) {
    registry.join(registration({ instance: `i${at}`, port: 4_000 + at }), at);
    registry.setServing(at, true);
    registry.disconnected(at);
    clock.advance(200);
  }
  clock.advance(registryLeaseMs - 300);
  assert.deepEqual(portsOf(registry), [4002]);
  clock.advance(200);
  assert.deepEqual(portsOf(registry), []);
});

test('it is withdrawn at its word, without a lease', (t) => {
  const { registry } = setUp(t);
  registry.join(registration(), 1);
  registry.setServing(1, true);
  registry.setServing(1, false);
  assert.deepEqual(portsOf(registry), []);
});

test('the same instance on a new stream takes the place of the old one', (t) => {
  const { clock, registry } = setUp(t);
  registry.join(registration(), 1);
  registry.setServing(1, true);
  registry.join(registration(), 2);
  assert.deepEqual(portsOf(registry), [4001], 'it goes on serving');
  registry.disconnected(1);
  clock.advance(2 * registryLeaseMs);
  assert.deepEqual(portsOf(registry), [4001]);
  registry.setServing(1, false);
  assert.deepEqual(portsOf(registry), [4001], 'the old stream says nothing any more');
  registry.disconnected(2);
  registry.join(registration(), 3);
  clock.advance(2 * registryLeaseMs);
  assert.deepEqual(portsOf(registry), [4001], 'back within its lease');
});

test('whoever has the address of one without a stream takes its place', (t) => {
  const { registry } = setUp(t);
  registry.join(registration(), 1);
  registry.setServing(1, true);
  registry.disconnected(1);
  registry.join(registration({ instance: 'b' }), 2);
  assert.deepEqual(portsOf(registry), [], 'the new one does not serve yet');
  assert.equal(registry.instances().length, 1);
});

test('a service is its name in its namespace, and nobody else may touch it', (t) => {
  const { registry } = setUp(t);
  registry.join(registration(), 1);
  registry.join(registration({ namespace: 'other', port: 4002 }), 2);
  registry.setServing(1, true);
  registry.setServing(2, true);
  assert.deepEqual(portsOf(registry), [4001]);
  assert.deepEqual(portsOf(registry, 'web', 'other'), [4002]);
  assert.deepEqual(
    registry.services().map(({ namespace, name, port }) => `${name}.${namespace}:${port}`),
    ['web.demo:80', 'web.other:80'],
  );
});

test('who joins first says port and protocol, as long as anybody is left', (t) => {
  const { clock, registry } = setUp(t);
  registry.join(registration({ protocol: 'grpc' }), 1);
  const later = registration({ instance: 'b', port: 4002, servicePort: 8080 });
  const result = registry.join(later, 2);
  assert.match(
    'warning' in result ? result.warning : '',
    /^web\.demo was joined first with port 80 and protocol grpc, .*port 8080 and protocol auto/,
  );
  const silent = registration({ instance: 'c', port: 4003 });
  assert.deepEqual(registry.join(silent, 9), { warning: '' }, 'of the protocol it says nothing');
  registry.disconnected(9);
  registry.setServing(2, true);
  assert.deepEqual(portsOf(registry), [4002], 'it serves all the same');
  assert.equal(registry.services()[0]?.protocol, 'grpc');
  registry.disconnected(1);
  registry.disconnected(2);
  clock.advance(registryLeaseMs + 1_000);
  assert.deepEqual(registry.join(later, 3), { warning: '' });
  assert.equal(registry.services()[0]?.port, 8080);
});

test('a service without processes stays known for a while', (t) => {
  const { clock, registry } = setUp(t);
  clock.advance(registryLeaseMs + 100);
  let changes = 0;
  registry.onChange(() => {
    changes += 1;
  });
  registry.join(registration(), 1);
  registry.disconnected(1);
  clock.advance(registryLeaseMs + registryServiceKeepMs - 1_000);
  assert.equal(registry.services().length, 1);
  clock.advance(3_000);
  assert.deepEqual(registry.services(), []);
  assert.equal(changes, 2, 'it came, it went');
});

test('a restart serves who was there, as leased, and settles meanwhile', (t) => {
  const path = join(folderOf(t), 'registry.json');
  const { clock, registry, open } = setUp(t, path);
  clock.advance(registryLeaseMs + 100);
  assert.equal(registry.isSettling(), false);
  registry.join(registration({ zone: 'a', weight: 2 }), 1);
  registry.join(registration({ instance: 'b', port: 4002 }), 2);
  registry.setServing(1, true);
  registry.close();
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const next = open();
  assert.equal(next.isSettling(), true);
  assert.deepEqual(portsOf(next), [4001]);
  assert.deepEqual(
    next.instances().map(({ connected, serving }) => ({ connected, serving })),
    [
      { connected: false, serving: true },
      { connected: false, serving: false },
    ],
  );
  next.join(registration(), 1);
  clock.advance(registryLeaseMs + 100);
  assert.equal(next.isSettling(), false);
  assert.deepEqual(portsOf(next), [4001], 'it came back');
  assert.equal(next.instances().length, 1, 'the other did not');
  next.close();
});

test('what has changed is on disk soon, many changes by one write', (t) => {
  const path = join(folderOf(t), 'registry.json');
  const { clock, registry } = setUp(t, path);
  registry.join(registration(), 1);
  assert.equal(existsSync(path), false);
  registry.setServing(1, true);
  clock.advance(300);
  assert.match(readFileSync(path, 'utf8'), /"serving":true/);
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test('nobody hears of a service without endpoints while it may be coming back', (t) => {
  const { clock, registry } = setUp(t);
  const told: string[] = [];
  const demoWeb = { namespace: 'demo', name: 'web', port: 80 };
  registry.openEndpoints(demoWeb, {
    onEndpoints: (endpoints) => told.push(`${endpoints.length}`),
    onError: assert.fail,
  });
  registry.join(registration(), 1);
  assert.deepEqual([registry.services(), told], [[], []]);
  registry.setServing(1, true);
  assert.deepEqual([registry.services().length, told], [1, ['1']]);
  clock.advance(100);
  registry.setServing(1, false);
  assert.deepEqual(told, ['1', '0'], 'at its own word it goes');
  registry.join(registration({ service: 'other' }), 2);
  clock.advance(registryLeaseMs);
  assert.equal(registry.services().length, 2);
});

test('where the run before has left nothing, nobody is told of a part of it', (t) => {
  const path = join(folderOf(t), 'registry.json');
  const { clock, registry, open } = setUp(t, path);
  registry.close();
  rmSync(path);
  const next = open();
  next.join(registration(), 1);
  next.setServing(1, true);
  assert.deepEqual([next.services(), portsOf(next)], [[], []]);
  clock.advance(registryLeaseMs + 100);
  assert.deepEqual([next.services().length, portsOf(next)], [1, [4001]]);
  next.close();
  const again = open();
  assert.deepEqual([again.services().length, portsOf(again)], [1, [4001]]);
  again.close();
});

test('a file that is not whole, foreign or partly wrong is named and ignored', (t) => {
  const path = join(folderOf(t), 'registry.json');
  const { registry, open, warnings } = setUp(t, path);
  registry.join(registration(), 1);
  registry.close();
  const good = readFileSync(path, 'utf8');
  const texts = [
    good.slice(0, -20),
    good.replace('4001', '4009'),
    good.replace('"version":1', '"version":2'),
    '',
    'null',
    '[]',
    '{"version":1,"checksum":"x","instances":7}',
  ];
  for (const text of texts) {
    writeFileSync(path, text);
    const next = open();
    assert.deepEqual(next.instances(), [], text);
    assert.match(warnings.at(-1) ?? '', /earlier run is ignored.*registry\.json/, text);
    next.close();
  }
  writeFileSync(path, good);
  const next = open();
  assert.equal(next.instances().length, 1, 'the same file as it was');
  next.close();
});

test('a registry that cannot be written says so once, goes on and tries again', (t) => {
  const folder = join(folderOf(t), 'state');
  const path = join(folder, 'registry.json');
  const { clock, registry, warnings } = setUp(t, path);
  registry.join(registration(), 1);
  registry.setServing(1, true);
  clock.advance(30_000);
  assert.match(registry.status().error ?? '', /registry\.json cannot be written: /);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0], /kept in memory only/);
  assert.deepEqual(portsOf(registry), [4001]);
  mkdirSync(folder);
  clock.advance(6_000);
  assert.equal(registry.status().error, null);
  assert.match(readFileSync(path, 'utf8'), /4001/);
});

test('a pause of the process starts all leases afresh', (t) => {
  const { clock, registry } = setUp(t);
  registry.join(registration(), 1);
  registry.setServing(1, true);
  registry.disconnected(1);
  clock.advance(registryLeaseMs - 1_000);
  clock.stall(60_000);
  assert.deepEqual(portsOf(registry), [4001], 'nobody could have been heard meanwhile');
  assert.equal(registry.isSettling(), true);
  clock.advance(registryLeaseMs - 1_500);
  assert.deepEqual(portsOf(registry), [4001]);
  clock.advance(1_600);
  assert.deepEqual(portsOf(registry), []);
});

test('followers hear the first change at once and the rest soon, together', (t) => {
  const { clock, registry } = setUp(t);
  const sizes: number[] = [];
  const source = registry.openEndpoints(
    { namespace: 'demo', name: 'web', port: 80 },
    { onEndpoints: (endpoints) => sizes.push(endpoints.length), onError: assert.fail },
  );
  for (let at = 0; at < 100; at++) {
    registry.join(registration({ instance: `i${at}`, port: 5_000 + at }), at);
    registry.setServing(at, true);
  }
  assert.deepEqual(sizes, [1]);
  clock.advance(50);
  assert.deepEqual(sizes, [1, 100]);
  source.close();
  registry.setServing(7, false);
  clock.advance(50);
  assert.equal(sizes.length, 2);
});
