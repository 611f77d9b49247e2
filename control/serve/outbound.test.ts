/**
 * Goal: OutboundPolicies tells what a service speaks and where its endpoints are found, refuses
 * what policy refuses, and says why. Method: grpc-js against the services on a real port.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inlineService, startControlRig } from '../../test/support/control-rig.ts';

const outbound = 'io.linkerd.proxy.outbound.OutboundPolicies';

/** The part of a policy at a path of keys, as `protocol.detect.http1`. */
function at(message: unknown, path: string): unknown {
  let value = message;
  for (const key of path.split('.')) value = (value as Record<string, unknown> | undefined)?.[key];
  return value;
}

test('a service has one default route, whose balancer asks for its endpoints', async (t) => {
  const { client, setServices } = await startControlRig(t);
  setServices(inlineService('web', [1], { namespace: 'demo', port: 8080 }));
  const policy = await client.policy('web:8080', '{"ns":"demo","pod":"a"}').message(1);
  const resource = { group: 'core', kind: 'Service', name: 'web', namespace: 'demo', port: 8080 };
  const metadata = { resource, kind: 'resource' };
  assert.deepEqual(policy.metadata, metadata);
  assert.equal(at(policy, 'protocol.kind'), 'detect');
  assert.deepEqual(at(policy, 'protocol.detect.timeout'), { seconds: 10 });
  const path = 'web.demo.svc.cluster.local:8080';
  const backend = {
    metadata,
    balancer: {
      discovery: { dst: { path }, kind: 'dst' },
      peak_ewma: { default_rtt: { nanos: 30_000_000 }, decay: { seconds: 10 } },
      load: 'peak_ewma',
    },
    queue: { capacity: 100, failfast_timeout: { seconds: 3 } },
    kind: 'balancer',
  };
  const backends = { first_available: { backends: [{ backend }] }, kind: 'first_available' };
  const route = {
    metadata: { default: 'http', kind: 'default' },
    rules: [{ matches: [{ path: { prefix: '/', kind: 'prefix' } }], backends }],
  };
  for (const version of ['http1', 'http2']) {
    assert.deepEqual(at(policy, `protocol.detect.${version}.routes`), [route]);
  }
  const opaque = { metadata: { default: 'opaque', kind: 'default' }, rules: [{ backends }] };
  assert.deepEqual(at(policy, 'protocol.detect.opaque.routes'), [opaque]);
});

test('each protocol has its kind', async (t) => {
  const { client, setServices } = await startControlRig(t);
  const kinds = {
    auto: 'detect',
    http: 'detect',
    http1: 'http1',
    http2: 'http2',
    grpc: 'grpc',
    opaque: 'opaque',
  } as const;
  const protocols = Object.keys(kinds) as (keyof typeof kinds)[];
  setServices(...protocols.map((protocol) => inlineService(protocol, [1], { protocol })));
  for (const protocol of protocols) {
    const policy = await client.ask(outbound, 'Get', { authority: protocol });
    assert.equal(at(policy, 'protocol.kind'), kinds[protocol]);
    const isHttp = at(policy, 'protocol.detect.heddle_http') ?? false;
    assert.equal(isHttp, protocol === 'http', protocol);
  }
});

test('a watch is told each change of its policy, none of its endpoints, and its end', async (t) => {
  const { client, setServices, settle } = await startControlRig(t);
  setServices(inlineService('web', [1]));
  settle();
  const watch = client.policy('web');
  await watch.message(1);
  setServices(inlineService('web', [2]));
  setServices(inlineService('web', [3], { protocol: 'opaque' }));
  assert.equal(at(await watch.message(2), 'protocol.kind'), 'opaque');
  setServices();
  assert.equal(await watch.end(), 'NOT_FOUND No such service: web.default.svc.cluster.local:80');
  assert.equal(watch.messages.length, 2);
});

test('what policy refuses is refused by every route, with the reason', async (t) => {
  const { client, setServices, setRefusals } = await startControlRig(t);
  setServices(inlineService('web', [1]), inlineService('rpc', [1], { protocol: 'grpc' }));
  const web = client.policy('web');
  const rpc = client.policy('rpc');
  await web.message(1);
  await rpc.message(1);
  const reason = 'HTTPRoute demo/web in mesh.d/web.yaml:3 splits traffic, which has no effect yet';
  const services = ['web', 'rpc'].map((name) => ({
    namespace: 'default',
    name,
    port: null,
    reason,
  }));
  setRefusals({ services });
  const refused = await web.message(2);
  const rule = {
    matches: [{ path: { prefix: '/', kind: 'prefix' } }],
    filters: [{ failure_injector: { status: 403, message: reason }, kind: 'failure_injector' }],
    backends: { empty: {}, kind: 'empty' },
  };
  assert.deepEqual(at(refused, 'protocol.detect.http1.routes.0.rules'), [rule]);
  assert.deepEqual(at(refused, 'protocol.detect.opaque.routes.0.rules'), [
    { filters: [{ forbidden: {}, kind: 'forbidden' }], backends: { empty: {}, kind: 'empty' } },
  ]);
  assert.deepEqual(at(await rpc.message(2), 'protocol.grpc.routes.0.rules.0.filters'), [
    { failure_injector: { code: 7, message: reason }, kind: 'failure_injector' },
  ]);
  setRefusals({});
  assert.deepEqual(await web.message(3), web.messages[0]);
});

test('what is no service is not found, unless nothing may leave the mesh', async (t) => {
  const { client, settle, setRefusals } = await startControlRig(t);
  assert.match(await client.policy('nobody').end(), /^UNAVAILABLE /);
  settle();
  assert.equal(await client.policy('nobody').end(), 'NOT_FOUND No such service: nobody');
  const addr = { ip: { ipv4: 0x0a000001 }, port: 80 };
  const byAddress = client.watch(outbound, 'Watch', { addr });
  assert.equal(await byAddress.end(), 'NOT_FOUND No such service: 10.0.0.1:80');
  const reason = 'EgressNetwork default/all in mesh.d/egress.yaml:1 has no effect yet';
  setRefusals({ egress: [{ namespace: 'default', reason }] });
  const refused = client.watch(outbound, 'Watch', { addr });
  const routes = 'protocol.detect.http1.routes.0.rules.0.filters.0.failure_injector';
  assert.deepEqual(at(await refused.message(1), routes), { status: 403, message: reason });
  assert.match(await client.policy('example.org', '{"ns":"demo"}').end(), /^NOT_FOUND /);
  setRefusals({});
  assert.match(await refused.end(), /^NOT_FOUND /);
});

test('the policy of a cluster IP is that of its service, while it has the address', async (t) => {
  const { client, settle, setServices } = await startControlRig(t);
  settle();
  setServices(inlineService('web', [1], { clusterIps: ['10.96.0.10'] }));
  const addr = { ip: { ipv4: 0x0a60000a }, port: 80 };
  const policy = client.watch(outbound, 'Watch', { addr });
  assert.deepEqual(await policy.message(1), await client.policy('web').message(1));
  const elsewhere = client.watch(outbound, 'Watch', { addr: { ...addr, port: 81 } });
  assert.equal(await elsewhere.end(), 'NOT_FOUND No such service: 10.96.0.10:81');
  setServices(inlineService('web', [1]));
  assert.equal(await policy.end(), 'NOT_FOUND No such service: 10.96.0.10:80');
});

test('what is malformed is refused with the field', async (t) => {
  const { client } = await startControlRig(t);
  const requests = [
    [{}, /expected a name/],
    [{ authority: 'a b' }, /expected a name/],
    [{ authority: 'web', source_workload: 'web' }, /source_workload: expected JSON/],
    [{ addr: { port: 80 } }, /target: expected an IPv4/],
    [{ addr: { ip: { ipv4: 1 }, port: 0 } }, /target: expected an IPv4/],
  ] as const;
  for (const [request, reason] of requests) {
    const end = await client.watch(outbound, 'Watch', request).end();
    assert.match(end, /^INVALID_ARGUMENT /);
    assert.match(end, reason);
  }
});
