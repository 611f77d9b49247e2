/** Goal: each proxy is listed once, by a name that people know. Method: statuses as values. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listProxies } from './known-proxies.ts';
import type { ControlStatus } from './view-messages.ts';

type Part = Pick<ControlStatus, 'proxies' | 'instances'>;

function statusWith(part: Part): ControlStatus {
  const none = { version: '', startedMs: 0, address: '', sources: [], problems: [] };
  return { ...none, services: 0, streams: 0, settlingMs: 0, nowMs: null, ...part };
}

function proxy(workload: string, peer: string, admin: string) {
  return { workload, peer, admin, version: '1.0.0', streams: 1, confirmed: null };
}

const instance = {
  namespace: 'demo',
  address: '',
  serving: true,
  connected: true,
  admin: '127.0.0.1:4193',
  identity: '',
  inboundPort: 0,
};

test('who watches and has joined is one, also when two control planes tell of it', () => {
  const part: Part = {
    proxies: [proxy('{"ns":"demo","pod":"web-1"}', '127.0.0.1:9', '127.0.0.1:4191')],
    instances: [
      { ...instance, instance: 'abc', service: 'web', admin: '127.0.0.1:4191' },
      { ...instance, instance: 'def', service: 'users', admin: '127.0.0.1:4192' },
      { ...instance, instance: 'lost', service: 'users', connected: false },
    ],
  };
  const plain = { namespace: 'demo', identity: '', inbound: '', confirmed: null };
  const users = { ...plain, service: 'users' };
  const web = { ...plain, service: 'web' };
  assert.deepEqual(listProxies([statusWith(part), statusWith(part)]), [
    { ...users, name: 'users.demo', admin: '127.0.0.1:4192', version: '' },
    { ...web, name: 'web-1.demo', admin: '127.0.0.1:4191', version: '1.0.0' },
  ]);
});

test('of a proxy on another host what it shows there alone is not asked here', () => {
  const identity = 'web.demo.serviceaccount.identity.heddle.mesh.local';
  const far = { address: '192.0.2.7:9000', admin: '127.0.0.1:4191', identity, inboundPort: 4143 };
  const part: Part = {
    proxies: [proxy('{"ns":"demo","pod":"web-1"}', '192.0.2.7:50000', '127.0.0.1:4191')],
    instances: [{ ...instance, instance: 'web-1', service: 'web', ...far }],
  };
  const about = { service: 'web', namespace: 'demo', identity, inbound: '192.0.2.7:4143' };
  const known = { ...about, confirmed: null };
  const confirmed = { identity, bundle: 'b', issuer: 'i' };
  // It has several connections, and tells of its certificates on one of them.
  const [one] = part.proxies;
  const said = { ...part, proxies: [{ ...one, confirmed }, one] };
  assert.deepEqual(listProxies([statusWith(said)])[0].confirmed, confirmed);
  assert.deepEqual(listProxies([statusWith(part)]), [
    { ...known, name: 'web-1.demo', admin: '', version: '1.0.0' },
  ]);
  assert.deepEqual(listProxies([statusWith({ ...part, proxies: [] })]), [
    { ...known, name: 'web.demo', admin: '', version: '' },
  ]);
});

test('an admin port on all addresses is reached where its proxy came from', () => {
  const proxies = [
    proxy('a', '10.0.0.7:50000', '0.0.0.0:4191'),
    proxy('b', '[fd00::7]:50000', '[::]:4191'),
    proxy('{"ns":7}', '10.0.0.8:50000', ''),
    proxy('', 'nonsense', 'nonsense'),
    proxy('c', '10.0.0.9:1', 'a/b?c:4191'),
    proxy('d', 'a/b', '0.0.0.0:4191'),
    proxy('e', '10.0.0.9:1', 'web.internal:4191'),
  ];
  assert.deepEqual(
    listProxies([statusWith({ proxies, instances: [] })]).map(({ name, admin }) => [name, admin]),
    [
      ['10.0.0.8:50000', ''],
      ['a', '10.0.0.7:4191'],
      ['b', '[fd00::7]:4191'],
      ['c', ''],
      ['d', ''],
      ['e', 'web.internal:4191'],
      ['nonsense', ''],
    ],
  );
});
