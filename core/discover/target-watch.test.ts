/**
 * Goal: a target comes from the control plane, else from disk, else from where the application
 * dialled, each in its time. Method: the whole discovery over real sockets to a server of grpc-js
 * that stops and comes back; time is a clock that the test moves.
 */

import assert from 'node:assert/strict';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DiscoveryRig } from '../../test/support/discovery-rig.ts';
import { address, everyone, setOf } from '../../test/support/fake-control.ts';
import { untilTurn } from '../../test/support/turns.ts';
import { unknownKeptMs } from '../base/limits.ts';

const web = 'web.demo:80';

test('what nobody knows goes where the application dialled, until somebody does', async () => {
  await using rig = await DiscoveryRig.start();
  const seen = rig.watch('host:web.demo');
  await seen.until('9');
  assert.equal(rig.discovery.status('host:web.demo').kind, 'unmeshed');
  assert.deepEqual([rig.unmeshed.join(), rig.discovery.counters.fallbacks], ['host:web.demo', 1]);
  rig.control.service(web, [1]);
  await rig.until('the service', () => seen.ports === '1');
  assert.deepEqual(
    [rig.discovery.status('host:web.demo').kind, rig.unmeshed.length],
    ['control', 0],
  );
  // It goes away as clearly as it came.
  rig.control.script.clear();
  for (const call of rig.control.open('destination', web)) {
    call.send({ remove: { addrs: [address(1)] } });
  }
  await rig.until('the removal', () => seen.ports === '');
  for (const call of rig.control.open('outbound', web)) call.fail(5);
  await rig.until('fallback', () => seen.ports === '9');
  assert.equal(rig.log.filter((line) => line.includes('unmeshed')).length, 1);
});

test('what nobody knows is absent where passthrough is refused', async () => {
  await using rig = await DiscoveryRig.start({ passthrough: 'refuse' });
  const seen = ['host:web.demo', 'host:a b', 'host:'].map((key) => rig.watch(key));
  for (const one of seen) await untilTurn('an answer', () => one.last !== null);
  assert.deepEqual(
    seen.map(({ last }) => last?.state),
    ['absent', 'absent', 'absent'],
  );
  assert.equal(rig.unmeshed.length, 0);
});

test('nobody to ask: after a while it goes where the application dialled', async () => {
  await using rig = await DiscoveryRig.start();
  rig.control.stop();
  const seen = rig.watch('host:web.demo');
  await rig.pass(1_900);
  assert.equal(seen.ports, 'nothing');
  assert.match(rig.discovery.notReady, /control\.test:8086 has said nothing yet: UNAVAILABLE/);
  await rig.until('fallback', () => seen.ports === '9');
  const { kind, error } = rig.discovery.status('host:web.demo');
  assert.equal(kind, 'unmeshed');
  assert.match(error ?? '', /UNAVAILABLE/);
  rig.control.service(web, [1]);
  await rig.control.start(rig.control.port);
  await rig.until('the service', () => seen.ports === '1');
  assert.equal(rig.discovery.notReady, '');
});

test('nobody to ask and no passthrough: it stays unknown, never absent', async () => {
  await using rig = await DiscoveryRig.start({ passthrough: 'refuse' });
  rig.control.stop();
  const seen = rig.watch('host:web.demo');
  await rig.pass(10_000);
  assert.deepEqual([seen.ports, rig.unmeshed.length], ['nothing', 0]);
  assert.equal(rig.discovery.status('host:web.demo').kind, 'none');
});

test('the inbound target is always watched, and open until a policy is known', async () => {
  const inboundTo = { host: '127.0.0.1', port: 8080 };
  await using rig = await DiscoveryRig.start({ inboundTo, passthrough: 'refuse' });
  const seen = rig.watch('inbound:');
  await seen.until('8080');
  assert.deepEqual([seen.last?.refusal, seen.last?.protocol], ['', 'auto']);
  assert.equal(rig.discovery.status('inbound:').kind, 'unmeshed');
  rig.control.say('inbound', '8080', everyone());
  await rig.until('a policy', () => rig.discovery.status('inbound:').kind === 'control');
  assert.equal(seen.last?.refusal, '');
  rig.clock.advance(1_000);
  rig.control.say('inbound', '8080', { ...everyone(), authorizations: [] });
  await untilTurn('nobody', () => seen.last?.access?.authorizations.length === 0);
  // A policy that is known is not forgotten for being unknown now.
  rig.control.script.set('inbound 8080', 5);
  for (const call of rig.control.open('inbound', '8080')) call.fail(5);
  await rig.pass(5_000);
  assert.deepEqual(seen.last?.access?.authorizations, []);
  assert.equal(rig.discovery.status('inbound:').kind, 'control');
});

test('without the control plane, a new process serves from disk and says its age', async () => {
  await using rig = await DiscoveryRig.start();
  const { stateDir } = rig;
  rig.open({ stateDir });
  rig.control.service(web, [1, 2]);
  const [setMessage] = [{ add: { ...setOf([1, 2]), metricLabels: { namespace: 'demo' } } }];
  rig.control.say('destination', web, setMessage);
  const before = rig.watch('host:web.demo');
  await before.until('1,2');
  const wallMs = rig.clock.wallMs();
  await rig.until('a file', () => files(stateDir).length === 1);
  const mode = statSync(join(stateDir, 'targets', files(stateDir)[0])).mode & 0o777;
  assert.deepEqual([mode, statSync(join(stateDir, 'targets')).mode & 0o777], [0o600, 0o700]);
  rig.control.stop();
  rig.open({ stateDir });
  // It has something to say, before anybody asks.
  await rig.until('readiness', () => rig.discovery.notReady === '');
  await rig.pass(60_000);
  const seen = rig.watch('host:web.demo');
  await rig.until('the state', () => seen.ports === '1,2');
  assert.deepEqual(seen.last, before.last);
  const status = rig.discovery.status('host:web.demo');
  assert.deepEqual([status.kind, status.confirmedWallMs], ['disk', wallMs]);
  assert.deepEqual([rig.discovery.notReady, rig.discovery.counters.statesLoaded], ['', 1]);
  await rig.pass(10_000);
  assert.equal(rig.discovery.counters.fallbacks, 0);
  rig.control.say('destination', web, { add: setOf([3]) });
  await rig.control.start(rig.control.port);
  await rig.until('the control plane', () => seen.ports === '3');
  assert.equal(rig.discovery.status('host:web.demo').kind, 'control');
});

test('the control plane is preferred to the disk, and takes from it what is gone', async () => {
  await using rig = await DiscoveryRig.start();
  const { stateDir } = rig;
  rig.open({ stateDir, passthrough: 'refuse' });
  rig.control.service(web, [1]);
  await rig.watch('host:web.demo').until('1');
  await rig.until('a file', () => files(stateDir).length === 1);
  rig.control.service(web, [2]);
  rig.open({ stateDir, passthrough: 'refuse' });
  const seen = rig.watch('host:web.demo');
  await rig.until('an answer', () => seen.ports !== 'nothing');
  assert.deepEqual([seen.ports, seen.targets.length], ['2', 1]);
  rig.control.script.clear();
  for (const call of rig.control.open('destination', web)) call.send({ noEndpoints: {} });
  for (const call of rig.control.open('outbound', web)) call.fail(5);
  await rig.until('no file', () => files(stateDir).length === 0);
  assert.equal(seen.last?.state, 'absent');
});

test('what a control plane has forgotten stays for a while, unless it remembers', async () => {
  await using rig = await DiscoveryRig.start({ passthrough: 'refuse' });
  rig.control.service(web, [1]);
  const seen = rig.watch('host:web.demo');
  await seen.until('1');
  const forget = async (): Promise<void> => {
    rig.control.script.clear();
    const before = rig.log.length;
    for (const call of rig.control.open('outbound', web)) call.fail(5);
    await rig.until('the doubt', () => rig.log.length > before);
    assert.match(rig.log.at(-1) ?? '', /does not know a service any more.*host:web\.demo/);
  };
  await forget();
  rig.control.service(web, [1, 2]);
  await rig.until('the memory', () => seen.ports === '1,2');
  await forget();
  await rig.pass(unknownKeptMs - 1_000, 5_000);
  assert.equal(seen.ports, '1,2');
  await rig.until('the end', () => seen.last?.state === 'absent');
});

function files(folder: string): string[] {
  const targets = join(folder, 'targets');
  if (!existsSync(targets)) return [];
  return readdirSync(targets).filter((name) => !name.endsWith('.new'));
}

test('changes that come faster than anybody needs are told as one', async () => {
  await using rig = await DiscoveryRig.start();
  rig.control.service(web, [1]);
  const seen = rig.watch('host:web.demo');
  await seen.until('1');
  const [call] = rig.control.open('destination', web);
  for (let flip = 0; flip < 500; flip++) {
    call.send({ add: setOf([2]) });
    call.send({ remove: { addrs: [address(2)] } });
  }
  call.send({ add: setOf([3]) });
  const start = seen.targets.length;
  await rig.until('the last', () => seen.ports === '1,3');
  assert.ok(seen.targets.length - start < 20, `${seen.targets.length - start} targets`);
});
