/**
 * Goal: a connection that was redirected has a target by where it was going: by its policy and
 * profile, else that very address; inbound by the policy of its port, else by the default one.
 * Method: the whole discovery over real sockets, with a clock that the test moves.
 */

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ResolvedTarget } from '../../api/discovery.ts';
import { DiscoveryRig } from '../../test/support/discovery-rig.ts';
import { address, detect, everyone } from '../../test/support/fake-control.ts';
import { untilTurn } from '../../test/support/turns.ts';
import { fallbackAfterMs } from '../base/limits.ts';
import { defaultPolicyAfterMs, inboundPortsMax } from '../base/policy-limits.ts';

const path = 'web.demo:80';
const key = 'addr:10.0.0.1:8080';
const itself = [{ host: '10.0.0.1', port: 8080, weight: 1, zone: '' }];

test('an address of a service has its policy and its endpoints', async () => {
  await using rig = await DiscoveryRig.start();
  await untilTurn('a probe', () => rig.control.asked.length > 0);
  rig.control.asked.length = 0;
  // Redirected, it has nothing to ask of its own.
  rig.open({ context: 'context', passthrough: 'refuse', redirected: true });
  rig.control.service(path, [1, 2]);
  rig.control.say('outbound', 'addr 8080', { protocol: detect(path) });
  rig.control.say('profile', '10.0.0.1:8080', { fullyQualifiedName: path });
  const seen = rig.watch(key);
  await seen.until('1,2');
  assert.equal(seen.last?.authority, path);
  assert.deepEqual(rig.control.asked.toSorted(), [
    `destination ${path}`,
    'outbound addr 8080',
    'profile 10.0.0.1:8080',
  ]);
  const [{ request }] = rig.control.open('profile', '10.0.0.1:8080');
  assert.equal((request as { contextToken: string }).contextToken, 'context');
  // Whatever fails from now on, that stays.
  rig.control.script.clear();
  for (const call of rig.control.calls) call.fail(14);
  rig.control.stop();
  await rig.pass(2 * fallbackAfterMs);
  assert.equal(seen.ports, '1,2');
});

for (const code of [5, 12]) {
  test(`one without a policy (${code}) goes by its profile, else to itself`, async () => {
    await using rig = await DiscoveryRig.start({ passthrough: 'refuse' });
    rig.control.script.set('outbound addr 8080', code);
    const endpoint = { addr: address(9090), weight: 10_000 };
    rig.control.say('profile', '10.0.0.1:8080', { endpoint });
    const seen = rig.watch(key);
    await rig.until('the endpoint', () => seen.ports === '9090');
    assert.equal(rig.discovery.counters.fallbacks, 0);

    rig.open({ passthrough: 'refuse' });
    rig.control.script.set('profile 10.0.0.1:8080', 5);
    const other = rig.watch(key);
    await rig.until('itself', () => other.last !== null);
    assert.deepEqual(other.last?.endpoints, itself);
    assert.equal(other.last?.protocol, 'auto');
    assert.equal(rig.discovery.status(key).kind, 'unmeshed');
    assert.equal(rig.discovery.counters.fallbacks, 1);
    // It is not asked of DNS.
    assert.deepEqual(rig.unmeshed, []);

    rig.open({ passthrough: 'refuse' });
    rig.control.say('profile', '10.0.0.1:8080', { opaqueProtocol: true });
    const opaque = rig.watch(key);
    await rig.until('itself', () => opaque.last !== null);
    assert.deepEqual(opaque.last?.endpoints, itself);
    assert.equal(opaque.last?.protocol, 'opaque');
  });
}

test('without an answer it goes to itself after a while, and back by one', async () => {
  await using rig = await DiscoveryRig.start();
  const { port } = rig.control;
  rig.control.stop();
  rig.open();
  const seen = rig.watch('addr:[fd00::1]:8080');
  await rig.pass(fallbackAfterMs - 500);
  assert.equal(seen.ports, 'nothing');
  await rig.pass(1_000);
  assert.deepEqual(seen.last?.endpoints, [{ host: 'fd00::1', port: 8080, weight: 1, zone: '' }]);
  rig.control.service(path, [1]);
  rig.control.say('outbound', 'addr 8080', { protocol: detect(path) });
  await rig.control.start(port);
  await rig.until('the endpoints', () => seen.ports === '1');
  assert.equal(rig.discovery.status('addr:[fd00::1]:8080').kind, 'control');
});

test('what is no address is no target', async () => {
  await using rig = await DiscoveryRig.start({ inboundTo: null });
  for (const value of ['web:80', '10.0.0.1', '10.0.0.1:0', '::1', '10.0.0.1:70000', '']) {
    const seen = [rig.watch(`addr:${value}`)];
    if (value !== '') seen.push(rig.watch(`inbound:${value}`));
    for (const { last } of seen) assert.equal(last?.state, 'absent', value);
  }
  assert.deepEqual(
    rig.control.asked.filter((one) => !one.startsWith('profile control')),
    [],
  );
});

test('profiles are asked for where settings say, and our own endpoints are plain', async () => {
  const profileNetworks = ['10.0.0.0/8', 'fd00::/8'];
  const inboundIps = ['10.0.0.1'];
  const profileSuffixes = ['svc.cluster.local.', 'demo.'];
  await using rig = await DiscoveryRig.start({ profileNetworks, inboundIps, profileSuffixes });
  const names = ['web.demo', 'web.demo.svc.cluster.local', 'example.org', 'xdemo'];
  const addresses = ['10.0.0.1:1', '11.0.0.1:1', '[fd00::1]:1', '[fe80::1]:1'];
  for (const name of names) rig.watch(`host:${name}`);
  for (const one of addresses) rig.watch(`addr:${one}`);
  await untilTurn('questions', () => rig.control.asked.length >= 12);
  assert.deepEqual(rig.control.asked.filter((one) => /^profile (?!control)/.test(one)).toSorted(), [
    'profile 10.0.0.1:1',
    'profile [fd00::1]:1',
    'profile web.demo.svc.cluster.local:80',
    'profile web.demo:80',
  ]);
  const told = {
    weight: 10_000,
    tlsIdentity: { dnsLikeIdentity: { name: 'web' } },
    protocolHint: { h2: {}, opaqueTransport: { inboundPort: 4143 } },
    authorityOverride: { authorityOverride: 'x:1' },
    metricLabels: { pod: 'web-1' },
  };
  const addrs = [
    { ...told, addr: address(1) },
    { ...told, addr: { ip: { ipv4: 0x0a00_0002 }, port: 2 } },
  ];
  rig.control.say('destination', path, { add: { addrs } });
  rig.control.say('outbound', 'addr 8080', { protocol: detect(path) });
  const seen = rig.watch('addr:11.0.0.1:8080');
  await rig.until('both', () => seen.ports === '1,2');
  const [own, other] = seen.last?.endpoints ?? [];
  const { labels, ...peer } = own.traits ?? {};
  assert.deepEqual({ ...labels }, { pod: 'web-1' });
  assert.deepEqual(peer, {
    identity: '',
    serverName: '',
    protocolHint: '',
    opaqueTransportPort: 0,
    authorityOverride: '',
    http2: null,
  });
  assert.deepEqual([other.traits?.identity, other.traits?.opaqueTransportPort], ['web', 4143]);
});

test('addresses of one port share its policy', async () => {
  await using rig = await DiscoveryRig.start({ inboundDefaultPolicy: 'deny' });
  rig.control.script.set('inbound 8080', []);
  const hosts = ['10.0.0.1:8080', '[fd00::1]:8080'];
  const seen = hosts.map((host) => rig.watch(`inbound:${host}`));
  // The default holds until there is one.
  await rig.until('the default', () => seen.every(({ last }) => last !== null));
  for (const { last } of seen) assert.deepEqual(namesOf(last), ['deny']);
  rig.control.say('inbound', '8080', everyone());
  await rig.until('the policy', () => seen.every(({ last }) => namesOf(last).length === 2));
  assert.deepEqual(
    seen.map(({ last }) => last?.authority),
    hosts,
  );
  assert.deepEqual(seen[1].last?.endpoints, [{ host: 'fd00::1', port: 8080, weight: 1, zone: '' }]);
  const third = rig.watch('inbound:10.0.0.2:8080');
  assert.equal(third.last?.refusal, '');
  const asked = rig.control.asked.filter((one) => one === 'inbound 8080');
  assert.equal(asked.length, 1);
  // What is known is not given up.
  rig.control.script.clear();
  for (const call of rig.control.open('inbound', '8080')) call.fail(5);
  await rig.pass(2_000);
  for (const { last } of [...seen, third]) assert.equal(namesOf(last)[0], 'all-unauthenticated');
});

test('the default policy does not wait as long as a name does', async () => {
  await using rig = await DiscoveryRig.start({ redirected: true });
  assert.equal(rig.discovery.notReady, '');
  rig.control.stop();
  rig.open({ redirected: true, inboundOpaquePorts: [[3306, 3307]] });
  const seen = [rig.watch('inbound:10.0.0.1:8080'), rig.watch('inbound:10.0.0.1:3307')];
  await rig.pass(defaultPolicyAfterMs + 100);
  assert.deepEqual(
    seen.map(({ last }) => [last?.protocol, last?.refusal]),
    [
      ['auto', ''],
      ['opaque', ''],
    ],
  );
  assert.match(rig.log.join(), /everyone is let in, without a policy/);
});

test('ports that are known are watched from the start, so many of them', async () => {
  await using rig = await DiscoveryRig.start();
  rig.control.stop();
  rig.open({
    inboundPorts: [
      [8080, 8080],
      [1, 65_535],
    ],
    redirected: true,
  });
  const ports = [...rig.discovery.watches()].map(({ key: one }) => one);
  assert.equal(ports.length, inboundPortsMax);
  assert.deepEqual(ports.slice(0, 3), ['port:8080', 'port:1', 'port:2']);
});

test('they are watched for good', async () => {
  await using rig = await DiscoveryRig.start();
  rig.control.say('inbound', '8080', everyone());
  const inboundPorts = [[8080, 8081]] as const;
  rig.open({ inboundPorts, redirected: true });
  const open = () => [...rig.discovery.watches()].filter(({ api }) => api === 'inbound');
  assert.equal(open().length, 2);
  const row = () => open().find(({ key: one }) => one === 'port:8080');
  await untilTurn('the policy', () => row()?.phase === 'live');
  // A target of the port is there at once, and its end is not that of the watch.
  const seen = rig.watch('inbound:10.0.0.1:8080');
  assert.equal(seen.last?.refusal, '');
  assert.equal(row(), undefined);
  seen.unwatch();
  await rig.pass(100_000, 5_000);
  assert.equal(
    [...rig.discovery.watches()].some(({ key: one }) => one.startsWith('inb')),
    false,
  );
  assert.equal(row()?.phase, 'live');
});

test('what is kept on disk serves both when nobody answers', async () => {
  await using rig = await DiscoveryRig.start();
  const { stateDir } = rig;
  rig.control.service(path, [1, 2]);
  rig.control.say('outbound', 'addr 8080', { protocol: detect(path) });
  rig.control.say('inbound', '8080', { ...everyone(), authorizations: [] });
  rig.open({ stateDir });
  const inboundKey = 'inbound:10.0.0.1:8080';
  const first = [rig.watch(key), rig.watch(inboundKey)];
  await rig.until('both', () => first[0].ports === '1,2' && first[1].last !== null);
  await rig.pass(2_000);
  await untilTurn('files', () => isWritten(stateDir, 2));
  rig.control.stop();
  rig.open({ stateDir, redirected: true });
  const again = [rig.watch(key), rig.watch(inboundKey)];
  await rig.until('both', () => again.every(({ last }) => last !== null));
  assert.equal(again[0].ports, '1,2');
  assert.deepEqual(namesOf(again[1].last), ['all-unauthenticated']);
  for (const one of [key, inboundKey]) assert.equal(rig.discovery.status(one).kind, 'disk');
});

/** Of its policy, and of those whom it lets in. */
function namesOf(target: ResolvedTarget | null): string[] {
  const { server, authorizations = [] } = target?.access ?? {};
  return [...(server === undefined ? [] : [server]), ...authorizations.map(({ name }) => name)].map(
    ({ name }) => name,
  );
}

function isWritten(stateDir: string, count: number): boolean {
  const names = readdirSync(join(stateDir, 'targets'));
  return names.filter((name) => !name.includes('.')).length === count;
}
