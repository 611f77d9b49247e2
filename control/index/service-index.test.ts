/**
 * Goal: names resolve as documented, changes reach exactly those watchers whom they concern, an
 * error never empties a set, sources are shared and end when nobody needs them. Method: sources
 * under the test's control and a clock that is moved by hand.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ResolvedTarget } from '../../api/discovery.ts';
import type { ProxySettings } from '../../api/settings.ts';
import { targetKey } from '../../api/snapshot.ts';
import { TimerWheel } from '../../core/base/timers.ts';
import { defaultConfig } from '../model/default-settings.ts';
import type { LoadedConfig, ServiceConfig } from '../model/loaded-config.ts';
import type { SourceConfig, SourceListener } from '../model/source.ts';
import { ServiceIndex } from './service-index.ts';

const endpoint = (port: number) => ({ host: '10.0.0.1', port, weight: 1, zone: '' });
const inline = (...ports: number[]): SourceConfig => ({
  kind: 'inline',
  endpoints: ports.map(endpoint),
});

function service(name: string, source: SourceConfig, rest: Partial<ServiceConfig> = {}) {
  return { name, namespace: 'default', port: 80, protocol: 'auto' as const, source, ...rest };
}

function config(services: ServiceConfig[], settings: Partial<ProxySettings> = {}): LoadedConfig {
  return {
    path: '/heddle.yaml',
    settings: { ...defaultConfig.settings, ...settings },
    digest: '',
    trustDomain: 'mesh.local',
    spiffe: false,
    clusterDomain: 'cluster.local',
    manifests: null,
    proxyProblems: [],
    services,
  };
}

function setUp(first: LoadedConfig) {
  let now = 1_000;
  const clock = { monotonicMs: () => now, wallMs: () => now };
  const timers = new TimerWheel(clock, () => () => undefined);
  const opened: { config: SourceConfig; listener: SourceListener; closed: boolean }[] = [];
  const logged: string[] = [];
  const log = {
    info: (message: string) => void logged.push(message),
    warn: (message: string) => void logged.push(message),
  };
  const openSource = (config: SourceConfig, listener: SourceListener) => {
    const source = { config, listener, closed: false };
    opened.push(source);
    if (config.kind === 'inline') listener.onEndpoints(config.endpoints);
    const close = (): void => {
      source.closed = true;
    };
    return { close };
  };
  const index = new ServiceIndex(first, { clock, timers, log, openSource });
  const advance = (ms: number): void => {
    now += ms;
    timers.advance();
  };
  const seen = (key: string) => {
    const targets: ResolvedTarget[] = [];
    const stop = index.watch(key, (target) => void targets.push(target));
    return { targets, stop };
  };
  return { index, opened, logged, advance, seen };
}

const ports = (target: ResolvedTarget | undefined) => target?.endpoints.map(({ port }) => port);
const dnsSource: SourceConfig = { kind: 'dns', name: 'users.internal', port: 8080 };

test('every spelling of a name finds the service, its port decides', () => {
  const { seen } = setUp(
    config([
      service('web', inline(1)),
      service('db', inline(2), { namespace: 'shop', port: 5432, protocol: 'opaque' }),
    ]),
  );
  const spellings = [
    'host:web',
    'host:WEB:80',
    'host:web.',
    'host:web.default',
    'host:web.default.svc',
    'host:web.default.svc.cluster.local',
    'host:Web.Default.Svc.Cluster.Local.:80',
    'sni:web',
    'sni:web.default.svc.cluster.local',
    'bind:web.default.svc.cluster.local:80',
    'host:db.shop:5432',
    'sni:db.shop.svc',
  ];
  for (const key of spellings) {
    const target = seen(key).targets[0];
    const name = key.includes('db') ? 'db' : 'web';
    assert.equal(target?.state, 'ready', key);
    assert.equal(target?.service, name, key);
  }
  const web = seen('host:web').targets[0];
  assert.equal(web?.authority, 'web.default.svc.cluster.local:80');
  assert.equal(web?.namespace, 'default');
  const strangers = [
    'host:web:81',
    'host:db:5432',
    'host:db.shop',
    'host:web.default.svc.other.local',
    'host:10.0.0.1',
    'host:web:http',
    'host:[::1',
    'host:',
    'sni:',
    'bind:web:80',
    'inbound:',
    'inbound:web:80',
    'addr:web:80',
    'addr:10.0.0.1:0',
    'else:web',
    '',
  ];
  for (const key of strangers) assert.equal(seen(key).targets[0]?.state, 'absent', key);
});

test('the inbound target is the local application', () => {
  const { index, seen } = setUp(config([], { inboundTo: { host: '127.0.0.1', port: 8080 } }));
  const key = targetKey('inbound', '');
  const target = seen(key).targets[0];
  assert.equal(target?.authority, '127.0.0.1:8080');
  assert.deepEqual(ports(target), [8080]);
  assert.equal(index.status(key).kind, 'static');
});

test('a redirected connection goes to the service or the endpoint of its address', () => {
  const clusterIps = ['10.96.0.10', 'fd96::a'];
  const { index, seen } = setUp(config([{ ...service('web', inline(1, 2)), clusterIps }]));
  const portsAt = (address: string): unknown => {
    const target = seen(`addr:${address}`).targets[0];
    assert.equal(target?.authority, 'web.default.svc.cluster.local:80');
    return ports(target);
  };
  assert.deepEqual(portsAt('10.96.0.10:80'), [1, 2]);
  assert.deepEqual(portsAt('[fd96::a]:80'), [1, 2]);
  assert.deepEqual(portsAt('10.0.0.1:2'), [2]);
  for (const address of ['10.0.0.1:3', '[fd00::1]:80']) {
    const target = seen(`addr:${address}`).targets[0];
    assert.equal(target?.authority, address);
    assert.deepEqual(ports(target), [Number(address.slice(address.lastIndexOf(':') + 1))]);
    assert.equal(index.status(`addr:${address}`).kind, 'passthrough');
  }
});

test('an inbound connection goes to the very address that it was going to', () => {
  const { seen } = setUp(config([], { inboundOpaquePorts: [[3300, 3306]] }));
  const web = seen('inbound:[fd00::1]:8080').targets[0];
  assert.deepEqual(web?.endpoints, [{ host: 'fd00::1', port: 8080, weight: 1, zone: '' }]);
  assert.equal(web?.protocol, 'auto');
  assert.equal(seen('inbound:10.0.0.1:3306').targets[0]?.protocol, 'opaque');
});

test('passthrough sends unknown names where DNS or the literal says', () => {
  const { index, opened, seen } = setUp(
    config([service('web', inline(1))], { passthrough: 'allow' }),
  );
  const literal = seen('host:[::1]:9090').targets[0];
  assert.equal(literal?.authority, '[::1]:9090');
  assert.deepEqual(literal?.endpoints, [{ host: '::1', port: 9090, weight: 1, zone: '' }]);
  const named = seen('host:Example.com');
  assert.equal(named.targets.length, 0);
  assert.deepEqual(opened.at(-1)?.config, { kind: 'dns', name: 'example.com', port: 80 });
  opened.at(-1)?.listener.onEndpoints([endpoint(80)]);
  assert.equal(named.targets[0]?.authority, 'example.com:80');
  assert.equal(index.status('host:Example.com').kind, 'passthrough');
  seen('sni:example.org');
  assert.deepEqual(opened.at(-1)?.config, { kind: 'dns', name: 'example.org', port: 443 });
  for (const key of ['host:web:81', 'host:a b', 'host:a\0b', 'host:x:0']) {
    assert.equal(seen(key).targets[0]?.state, 'absent', key);
  }
});

test('an error keeps the last good set and its age visible', () => {
  const { index, opened, advance, seen, logged } = setUp(config([service('users', dnsSource)]));
  const { targets } = seen('host:users');
  const { listener } = opened[0];
  listener.onError('SERVFAIL');
  assert.deepEqual(targets, []);
  assert.deepEqual(index.status('host:users'), {
    kind: 'dns',
    location: 'users.internal:8080',
    confirmedWallMs: null,
    error: 'SERVFAIL',
  });
  listener.onEndpoints([endpoint(1), endpoint(2), endpoint(3)]);
  advance(5_000);
  listener.onError('timeout');
  listener.onError('timeout');
  assert.equal(targets.length, 1);
  assert.equal(index.status('host:users').confirmedWallMs, 1_000);
  assert.equal(index.status('host:users').error, 'timeout');
  listener.onEndpoints([endpoint(1), endpoint(2), endpoint(3)]);
  assert.equal(targets.length, 1, 'the same set is no change');
  assert.equal(index.status('host:users').confirmedWallMs, 6_000);
  listener.onEndpoints([endpoint(1)]);
  assert.deepEqual(ports(targets[1]), [1]);
  listener.onEndpoints([]);
  assert.deepEqual(ports(targets[2]), []);
  assert.deepEqual(logged, [
    'endpoints cannot be refreshed, the last good ones stay in use',
    'endpoints are confirmed again',
    'endpoints cannot be refreshed, the last good ones stay in use',
    'endpoints are confirmed again',
    'more than half of the endpoints have gone at once',
    'more than half of the endpoints have gone at once',
  ]);
});

test('one source serves all its watchers and ends 90 s after the last', () => {
  const { index, opened, advance, seen } = setUp(
    config([service('users', dnsSource), service('same', dnsSource)]),
  );
  const watches = ['host:users', 'host:users', 'host:users.default', 'host:same'].map(seen);
  assert.equal(opened.length, 1);
  opened[0].listener.onEndpoints([endpoint(1)]);
  for (const { targets } of watches) assert.equal(targets.length, 1);
  for (const { stop } of watches) stop();
  watches[0].stop();
  advance(89_000);
  const back = seen('host:users');
  assert.deepEqual(ports(back.targets[0]), [1], 'a lingering source answers at once');
  advance(10_000);
  assert.equal(opened[0].closed, false);
  back.stop();
  advance(91_000);
  assert.equal(opened[0].closed, true);
  assert.equal(index.openSources, 0);
});

test('a new configuration touches only what changed', () => {
  const file: SourceConfig = { kind: 'file', path: '/e' };
  const { index, opened, seen } = setUp(
    config([service('users', dnsSource), service('web', inline(1)), service('gone', inline(9))]),
  );
  const users = seen('host:users');
  const web = seen('host:web');
  const gone = seen('host:gone');
  const fresh = seen('host:fresh');
  opened[0].listener.onEndpoints([endpoint(1)]);
  index.replace(
    config([service('users', dnsSource), service('web', inline(1, 2)), service('fresh', file)]),
  );
  assert.equal(users.targets.length, 1);
  assert.deepEqual(web.targets.map(ports), [[1], [1, 2]]);
  assert.deepEqual(
    gone.targets.map(({ state }) => state),
    ['ready', 'absent'],
  );
  assert.equal(opened.filter(({ config }) => config.kind === 'dns').length, 1);
  assert.deepEqual(
    fresh.targets.map(({ state }) => state),
    ['absent'],
  );
  opened.at(-1)?.listener.onEndpoints([endpoint(7)]);
  assert.deepEqual(ports(fresh.targets[1]), [7]);
  // Another source for a service: its old endpoints serve until the new source has answered.
  index.replace(config([service('users', { kind: 'file', path: '/u' })]));
  assert.deepEqual(ports(users.targets.at(-1)), [1]);
  opened.at(-1)?.listener.onEndpoints([endpoint(4)]);
  assert.deepEqual(ports(users.targets.at(-1)), [4]);
  index.close();
  assert.ok(opened.every(({ closed }) => closed));
});

test('a watcher may stop itself and others from within a change', () => {
  const { index, opened } = setUp(config([service('users', dnsSource)]));
  const calls: string[] = [];
  const stopFirst = index.watch('host:users', () => {
    calls.push('first');
    stopFirst();
    stopSecond();
  });
  const stopSecond = index.watch('host:users', () => void calls.push('second'));
  opened[0].listener.onEndpoints([endpoint(1)]);
  assert.deepEqual(calls, ['first']);
});
