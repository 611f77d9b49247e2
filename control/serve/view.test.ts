/**
 * Goal: View shows services, who watches and who has joined. Method: grpc-js against the services
 * on a real port.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endpointSetVersion } from '../../api/endpoint-set.ts';
import { version } from '../../core/base/version.ts';
import { inlineService, startControlRig } from '../../test/support/control-rig.ts';

const view = 'heddle.view.v1.View';

test('services with their endpoints, all of them or those of a name', async (t) => {
  const { client, setServices, settle } = await startControlRig(t);
  setServices(
    inlineService('web', [1, 2]),
    inlineService('web', [3], { port: 81 }),
    inlineService('web', [4], { namespace: 'demo', protocol: 'grpc' }),
  );
  settle();
  const names = async (request: Readonly<Record<string, unknown>>) => {
    const { services } = await client.ask(view, 'Endpoints', request);
    return (services as readonly { authority: string }[]).map(({ authority }) => authority);
  };
  const [first, second, third] = [
    'web.default.svc.cluster.local:80',
    'web.default.svc.cluster.local:81',
    'web.demo.svc.cluster.local:80',
  ];
  assert.deepEqual(await names({}), [first, second, third]);
  assert.deepEqual(await names({ name: 'web' }), [first, second]);
  assert.deepEqual(await names({ name: 'web:81' }), [second]);
  assert.deepEqual(await names({ name: 'web', namespace: 'demo' }), [third]);
  assert.deepEqual(await names({ name: 'web.demo.svc.cluster.local' }), [third]);
  const { services } = await client.ask(view, 'Endpoints', { name: 'web', namespace: 'demo' });
  const endpoint = { host: '127.0.0.1', port: 4, weight: 1, zone: '' };
  const [{ confirmed_ms: confirmedMs, ...service }] = services as Record<string, unknown>[];
  assert.ok(Number(confirmedMs) > 0);
  assert.deepEqual(service, {
    authority: third,
    namespace: 'demo',
    name: 'web',
    port: 80,
    protocol: 'grpc',
    source: 'inline',
    version: endpointSetVersion([endpoint]),
    endpoints: [{ address: { ip: { ipv4: 0x7f000001, ip: 'ipv4' }, port: 4 }, weight: 10_000 }],
  });
  await assert.rejects(client.ask(view, 'Endpoints', { name: 'none' }), /NOT_FOUND: No such/);
  await assert.rejects(client.ask(view, 'Endpoints', { name: '?' }), /INVALID_ARGUMENT/);
});

test('how it does, who watches and who has joined', async (t) => {
  const { client, clock, setServices, token } = await startControlRig(t);
  setServices(inlineService('web', [1]));
  const workload = '{"ns":"demo","pod":"web-1"}';
  const watch = client.watch('io.linkerd.proxy.outbound.OutboundPolicies', 'Watch', {
    authority: 'web.default',
    source_workload: workload,
    heddle_admin: '127.0.0.1:4191',
    heddle_version: '1.2.3',
  });
  await watch.message(1);
  await client.get('web.default', workload).message(1);
  const join = client.join();
  const address = { ip: { ipv4: 0x7f000001 }, port: 4143 };
  const named = { instance: 'run-1', namespace: 'demo', service: 'api' };
  const admin = '127.0.0.1:4192';
  join.register({ ...named, token: token(), service_port: 80, address, admin });
  await join.message(1);
  clock.advance(100);
  const status = await client.ask(view, 'Status', {});
  const [proxy] = status.proxies as readonly Record<string, unknown>[];
  assert.match(String(proxy.peer), /^127\.0\.0\.1:\d+$/);
  assert.deepEqual(
    { ...proxy, peer: '' },
    { workload, peer: '', admin: '127.0.0.1:4191', version: '1.2.3', streams: 2 },
  );
  assert.deepEqual(status.instances, [
    {
      ...named,
      address: { ip: { ipv4: 0x7f000001, ip: 'ipv4' }, port: 4143 },
      connected: true,
      admin,
    },
  ]);
  assert.equal(status.version, version);
  assert.equal(status.address, '127.0.0.1:8086');
  // Nobody is told of the other one before it serves, as long as others may come back.
  assert.equal(status.services, 1);
  assert.equal(status.streams, 3);
  assert.ok(Number(status.settling_ms) > 0 && Number(status.settling_ms) < 10_000);
  assert.deepEqual(
    (status.sources as readonly Record<string, unknown>[]).map(({ kind, objects }) => [
      kind,
      objects,
    ]),
    [
      ['config', 1],
      ['registry', 1],
    ],
  );
});
