/**
 * Goal: InboundServerPolicies lets everybody in, or nobody where a policy has no effect yet.
 * Method: grpc-js against the services on a real port.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inlineService, startControlRig } from '../../test/support/control-rig.ts';

const inbound = 'io.linkerd.proxy.inbound.InboundServerPolicies';
const workload = '{"ns":"demo","pod":"web-1"}';

const labels = { group: '', kind: 'default', name: 'all-unauthenticated' };
const anyone = {
  networks: [{ net: { ip: { ipv4: 0, ip: 'ipv4' } } }, { net: { ip: { ipv6: {}, ip: 'ipv6' } } }],
  authentication: { unauthenticated: {}, permit: 'unauthenticated' },
  labels,
  metadata: { default: 'all-unauthenticated', kind: 'default' },
};

test('any port of any workload is open, its protocol is found out', async (t) => {
  const { client } = await startControlRig(t);
  const server = {
    protocol: {
      detect: {
        timeout: { seconds: 10 },
        http_routes: [
          {
            metadata: { default: 'default', kind: 'default' },
            authorizations: [anyone],
            rules: [{ matches: [{ path: { prefix: '/', kind: 'prefix' } }] }],
          },
        ],
      },
      kind: 'detect',
    },
    authorizations: [anyone],
    labels,
  };
  assert.deepEqual(await client.ask(inbound, 'GetPort', { workload, port: 8080 }), server);
  const watch = client.watch(inbound, 'WatchPort', { workload: 'demo:web-1', port: 8080 });
  assert.deepEqual(await watch.message(1), server);
});

test('a port whose policy has no effect yet is closed while it is so', async (t) => {
  const { client, setRefusals, setServices } = await startControlRig(t);
  const watch = client.watch(inbound, 'WatchPort', { workload, port: 8080 });
  const other = client.watch(inbound, 'WatchPort', { workload, port: 8081 });
  await watch.message(1);
  await other.message(1);
  const reason =
    'Server demo/web in mesh.d/web.yaml:3 has an authorization, which has no effect yet';
  setRefusals({ inbound: [{ namespace: 'demo', port: 8080, reason }] });
  const closed = await watch.message(2);
  assert.equal(closed.authorizations, undefined);
  assert.match(JSON.stringify(closed), /"failure_injector":\{"status":403,"message":"Server demo/);
  setServices(inlineService('web', [1]));
  setRefusals({});
  assert.deepEqual(await watch.message(3), watch.messages[0]);
  assert.equal(other.messages.length, 1);
});

test('what is malformed is refused with the field', async (t) => {
  const { client } = await startControlRig(t);
  for (const [request, reason] of [
    [{ workload, port: 0 }, /port: expected a number from 1 to 65535/],
    [{ workload, port: 65_536 }, /port: /],
    [{ workload: '{}', port: 1 }, /workload: expected JSON/],
    [{ workload: 'x', port: 1 }, /workload: /],
  ] as const) {
    const end = await client.watch(inbound, 'WatchPort', request).end();
    assert.match(end, /^INVALID_ARGUMENT /);
    assert.match(end, reason);
  }
});
