/**
 * Goal: what a control plane says becomes targets, and what it does not say any more changes none
 * of them. Method: the whole discovery over real sockets to a server of grpc-js; time is a clock
 * that the test moves.
 */

import assert from 'node:assert/strict';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import type { ResolvedTarget } from '../../api/discovery.ts';
import { DiscoveryRig, defaultSettings, Seen } from '../../test/support/discovery-rig.ts';
import { address, detect, FakeControl, setOf } from '../../test/support/fake-control.ts';
import { untilTurn } from '../../test/support/turns.ts';
import { outboundLingerMs } from '../base/limits.ts';

const web = 'web.demo:80';

test('a service becomes a target, and follows its changes', async () => {
  await using rig = await DiscoveryRig.start();
  rig.control.service(web, [1, 2]);
  const seen = rig.watch('host:web.demo');
  await seen.until('1,2');
  const { policy, ...target } = seen.last as ResolvedTarget;
  assert.deepEqual(target, {
    state: 'ready',
    authority: web,
    namespace: 'demo',
    service: 'web',
    protocol: 'auto',
    endpoints: [1, 2].map((port) => ({ host: '10.0.0.1', port, weight: 1, zone: '' })),
    refusal: '',
  });
  assert.equal(policy?.outbound?.protocol?.kind?.kind, 'detect');
  assert.equal(policy?.profile?.fullyQualifiedName, web);
  const [call] = rig.control.open('destination', web);
  rig.clock.advance(1_000);
  call.send({ add: setOf([3]) });
  await seen.until('1,2,3');
  rig.clock.advance(1_000);
  call.send({ remove: { addrs: [address(1)] } });
  await seen.until('2,3');
  const [outbound] = rig.control.open('outbound', web);
  const { sourceWorkload, heddleAdmin, heddleVersion } = outbound.request as never;
  const { workload, admin, version } = defaultSettings;
  assert.deepEqual([sourceWorkload, heddleAdmin, heddleVersion], [workload, admin, version]);
  const status = rig.discovery.status('host:web.demo');
  const location = `127.0.0.1:${rig.control.port}`;
  const confirmedWallMs = rig.clock.wallMs();
  assert.deepEqual(status, { kind: 'control', location, confirmedWallMs, error: null });
  assert.deepEqual(
    [...rig.discovery.watches()].map(({ key, api, phase }) => `${key} ${api} ${phase}`),
    ['outbound', 'profile', 'destination'].map((api) => `host:web.demo ${api} live`),
  );
});

test('it is refused as a whole where its policy asks for more than has effect', async () => {
  await using rig = await DiscoveryRig.start();
  rig.control.service(web, [1], { http1: { routes: [] } });
  const seen = rig.watch('host:web.demo');
  await untilTurn('a target', () => seen.last !== null);
  assert.equal(seen.last?.refusal, 'its policy has no route');
  assert.deepEqual([seen.last.state, seen.ports], ['ready', '']);
  // It is allowed as soon as the policy is.
  rig.clock.advance(1_000);
  rig.control.service(web, [1]);
  await seen.until('1');
  assert.equal(seen.last.refusal, '');
});

test('the profile makes it opaque', async () => {
  await using rig = await DiscoveryRig.start();
  rig.control.service(web, [1]);
  rig.control.say('profile', web, { fullyQualifiedName: web, opaqueProtocol: true });
  const seen = rig.watch('bind:web.demo:80');
  await seen.until('1');
  assert.equal(seen.last?.protocol, 'opaque');
  // Without an answer about the profile, the rest is told after a while.
  rig.control.script.set(`profile ${web}`, []);
  const other = new Seen(rig.open(), 'host:web.demo');
  await rig.until('a target', () => other.ports === '1');
  assert.equal(other.last?.protocol, 'auto');
});

test('names of one path share its stream, and the last to go ends it', async () => {
  await using rig = await DiscoveryRig.start();
  rig.control.service(web, [1]);
  rig.control.say('outbound', 'web:80', { protocol: detect(web) });
  for (const name of ['web:80', 'web.demo:443']) rig.control.script.set(`profile ${name}`, [{}]);
  const names = ['host:web.demo', 'host:web', 'sni:web.demo'];
  rig.control.say('outbound', 'web.demo:443', { protocol: detect(web) });
  const seen = names.map((name) => rig.watch(name));
  for (const one of seen) await one.until('1');
  assert.equal(rig.control.open('destination', web).length, 1);
  for (const one of seen) one.unwatch();
  await rig.pass(outboundLingerMs - 300);
  // Back within the time, without another question.
  const asked = rig.control.asked.length;
  const again = rig.watch('host:web');
  assert.equal(again.ports, '1');
  await rig.pass(500);
  assert.deepEqual([...rig.discovery.watches()].map(({ key }) => key).join(), idleKeys);
  again.unwatch();
  await rig.until('no call', () => rig.control.calls.size === 0);
  assert.equal(rig.control.asked.slice(asked).join(), '');
  assert.equal([...rig.discovery.watches()].length, 0);
});

const idleKeys = ['host:web', 'host:web', 'host:web'].join();

test('a control plane on our own gRPC is heard as well', async () => {
  await using rig = await DiscoveryRig.start({}, 'ours');
  rig.control.service(web, [1, 2]);
  const seen = rig.watch('host:web.demo');
  await seen.until('1,2');
  rig.clock.advance(1_000);
  rig.control.open('destination', web)[0].send({ remove: { addrs: [address(1)] } });
  await seen.until('2');
  rig.control.script.clear();
  rig.control.open('destination', web)[0].send({ noEndpoints: { exists: false } });
  for (const call of rig.control.open('outbound', web)) call.fail(5);
  await rig.until('fallback', () => seen.ports === '9');
  rig.control.stop();
});

test('what is no name is not asked for', async () => {
  await using rig = await DiscoveryRig.start();
  for (const path of ['web', '', ':80', `${'a'.repeat(300)}:80`, 'web:0', 'a b:x']) {
    rig.control.service(web, [1], detect(path));
    const { length } = rig.control.asked;
    rig.open();
    const seen = rig.watch('host:web.demo');
    await rig.until('a question', () => rig.control.asked.length > length);
    await rig.pass(500);
    assert.deepEqual(rig.control.open('destination', path), [], path);
    assert.ok(seen.last === null || seen.last.refusal !== '', path);
  }
});

test('a server that speaks something else answers nothing', async () => {
  await using rig = await DiscoveryRig.start({ passthrough: 'refuse' });
  rig.control.service(web, [1]);
  const seen = rig.watch('host:web.demo');
  await seen.until('1');
  const sockets = new Set<Socket>();
  await using garbage = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    socket.write('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n');
  });
  await new Promise<void>((resolve) => garbage.listen(0, '127.0.0.1', resolve));
  rig.follow([{ host: '127.0.0.1', port: (garbage.address() as AddressInfo).port }]);
  await rig.pass(10_000);
  assert.ok(sockets.size > 1);
  assert.deepEqual([seen.ports, seen.targets.length], ['1', 1]);
  for (const socket of sockets) socket.destroy();
});

test('an endpoint of a profile stands in for a policy', async () => {
  await using rig = await DiscoveryRig.start();
  rig.control.script.set('outbound addr 8080', 5);
  const endpoint = { addr: address(8080), weight: 10_000 };
  rig.control.say('profile', '10.0.0.1:8080', { endpoint, opaqueProtocol: true });
  const seen = rig.watch('host:10.0.0.1:8080');
  await seen.until('8080');
  assert.equal(seen.last?.protocol, 'opaque');
});

test('what was known stays, whatever fails', async () => {
  await using rig = await DiscoveryRig.start();
  rig.control.service(web, [1, 2]);
  const seen = rig.watch('host:web.demo');
  await seen.until('1,2');
  const told = seen.targets.length;
  // Codes that say nothing about the service, each answered to every new stream.
  for (const code of [12, 14, 13, 3, 9, 16]) {
    for (const api of ['outbound', 'profile', 'destination'] as const) {
      rig.control.script.set(`${api} ${web}`, code);
      for (const call of rig.control.open(api, web)) call.fail(code);
    }
    const before = rig.control.asked.length;
    await rig.until('questions', () => rig.control.asked.length > before + 2);
  }
  rig.control.stop();
  await rig.pass(20_000);
  assert.deepEqual([seen.targets.length, seen.ports], [told, '1,2']);
  const status = rig.discovery.status('host:web.demo');
  assert.equal(status.kind, 'control');
  assert.ok((status.confirmedWallMs ?? 0) < rig.clock.wallMs() - 20_000);
  assert.notEqual(status.error, null);
  // Back, with another set: the first one of a stream takes the place of all.
  rig.control.service(web, [3]);
  await rig.control.start(rig.control.port);
  await rig.until('the new set', () => seen.ports === '3');
  assert.equal(rig.discovery.counters.setsHalved, 0);
});

test('it is empty when the control plane says so, and gone when it says that', async () => {
  await using rig = await DiscoveryRig.start({ passthrough: 'refuse' });
  rig.control.service(web, [1, 2, 3]);
  const seen = rig.watch('host:web.demo');
  await seen.until('1,2,3');
  rig.clock.advance(1_000);
  rig.control.say('destination', web, { noEndpoints: { exists: true } });
  await seen.until('');
  assert.equal(seen.last?.state, 'ready');
  assert.equal(rig.discovery.counters.setsHalved, 1);
  rig.clock.advance(1_000);
  rig.control.say('destination', web, { noEndpoints: { exists: false } });
  await untilTurn('absent', () => seen.last?.state === 'absent');
});

test('a message that cannot be taken is refused, and the last good set stays', async () => {
  await using rig = await DiscoveryRig.start();
  rig.control.service(web, [1]);
  const seen = rig.watch('host:web.demo');
  await seen.until('1');
  const bad = [
    { add: setOf([2, 2]) },
    { add: setOf([0]) },
    { add: { addrs: [{ weight: 1 }] } },
    { add: { addrs: [{ addr: { port: 5 } }] } },
    { add: setOf([70_000]) },
    Buffer.from('ffffffff', 'hex'),
    Buffer.from('0a08', 'hex'),
  ];
  for (const message of bad) {
    await rig.until('a stream', () => rig.control.open('destination', web).length === 1);
    const [call] = rig.control.open('destination', web);
    call.send(message);
    await rig.until('its end', () => !rig.control.calls.has(call));
  }
  await rig.pass(1_000);
  assert.deepEqual([seen.ports, seen.targets.length], ['1', 1]);
  assert.equal(rig.discovery.counters.streamsFailed.get('REFUSED'), 5);
  assert.equal(rig.log.filter((line) => line.includes('is refused')).length, 5);
});

test('100 000 endpoints are refused, 16 384 are not', async () => {
  await using rig = await DiscoveryRig.start();
  rig.control.service(web, [1]);
  const seen = rig.watch('host:web.demo');
  await seen.until('1');
  const [call] = rig.control.open('destination', web);
  call.send(addOf(100_000));
  await rig.until('refusal', () => rig.discovery.counters.streamsFailed.has('REFUSED'));
  assert.equal(seen.ports, '1');
  assert.match(rig.log.join(), /100001 endpoints are more than 16384/);
  rig.control.script.set(`destination ${web}`, [addOf(16_384)]);
  await rig.until('a large set', () => seen.last?.endpoints.length === 16_384);
});

/** An Update with that many endpoints, written by hand: JSON takes its time. */
function addOf(count: number): Buffer {
  const one = Buffer.from('0a0b0a090a050d000000001050', 'hex');
  const body = Buffer.alloc(one.length * count);
  for (let at = 0; at < count; at++) {
    one.copy(body, at * one.length);
    body.writeUInt32LE(at + 1, at * one.length + 7);
  }
  const length = [...varint(body.length)];
  return Buffer.concat([Buffer.from([0x0a, ...length]), body]);
}

function* varint(value: number): Generator<number> {
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return yield rest;
    yield (rest & 0x7f) | 0x80;
  }
}

test('another instance takes over from one that is gone, silent or wrong', async () => {
  await using rig = await DiscoveryRig.start();
  await using frozen = createServer(() => undefined);
  const sockets = new Set<Socket>();
  frozen.on('connection', (socket) => {
    socket.on('error', () => undefined);
    sockets.add(socket);
  });
  await new Promise<void>((resolve) => frozen.listen(0, '127.0.0.1', resolve));
  const silentPort = (frozen.address() as AddressInfo).port;
  rig.control.service(web, [1]);
  const good = { host: '127.0.0.1', port: rig.control.port };
  const bad = { host: '127.0.0.1', port: 1 };
  rig.open();
  rig.follow([good, bad, { host: '127.0.0.1', port: silentPort }]);
  const names = Array.from({ length: 20 }, (_, at) => `host:web${at}.demo`);
  for (const name of names) rig.control.service(`${name.slice(5)}:80`, [1]);
  const seen = names.map((name) => rig.watch(name));
  await rig.until('all targets', () => seen.every(({ ports }) => ports === '1'));
  // The instance that all are connected to vanishes from the set.
  const second = await new FakeControl().start();
  for (const name of names) second.service(`${name.slice(5)}:80`, [1, 2]);
  rig.follow([{ host: '127.0.0.1', port: second.port }]);
  await rig.until('no call', () => rig.control.calls.size === 0);
  await rig.until('the second', () => seen.every(({ ports }) => ports === '1,2'));
  rig.follow([]);
  rig.followError('no such name');
  await rig.pass(5_000);
  assert.equal(second.calls.size, 60);
  rig.discovery.close();
  second.stop();
  for (const socket of sockets) socket.destroy();
});

test('more watches than a connection has room for', async () => {
  await using rig = await DiscoveryRig.start();
  const names = Array.from({ length: 150 }, (_, at) => `web${at}.demo`);
  for (const name of names) rig.control.service(`${name}:80`, [1]);
  const seen = names.map((name) => rig.watch(`host:${name}`));
  await rig.until('all targets', () => seen.every(({ ports }) => ports === '1'));
  assert.equal(rig.control.calls.size, 450);
});
