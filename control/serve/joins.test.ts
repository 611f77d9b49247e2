/**
 * Goal: who has a token for a name joins under it, its endpoint is there while it says so, and who
 * has none is told why. Method: grpc-js against the services on a real port, with a fake clock.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joinsPerConnectionMax } from '../../core/base/limits.ts';
import { ControlClient } from '../../test/support/control-client.ts';
import { type ControlRig, startControlRig } from '../../test/support/control-rig.ts';
import { untilTurn } from '../../test/support/turns.ts';

function registration(token: string, more: Readonly<Record<string, unknown>> = {}) {
  return {
    token,
    instance: 'run-1',
    namespace: 'demo',
    service: 'web',
    service_port: 80,
    protocol: 'http',
    address: { ip: { ipv4: 0x7f000001 }, port: 4143 },
    weight: 10_000,
    ...more,
  };
}

async function refused(rig: ControlRig, message: Readonly<Record<string, unknown>>) {
  const join = rig.client.join();
  join.register(message);
  return join.end();
}

test('an endpoint is there while it serves, and for the lease after its stream', async (t) => {
  const rig = await startControlRig(t);
  const { client, clock, registry } = rig;
  rig.settle();
  const join = client.join();
  join.register(registration(rig.token('demo', 'web'), { weight: 20_000, zone: 'a' }));
  assert.deepEqual(await join.message(1), { lease_ms: 10_000 });
  clock.advance(100);
  const watch = client.get('web.demo');
  await watch.untilEndpoints();
  const tell = async (serving: boolean, ...endpoints: readonly string[]): Promise<void> => {
    join.say(serving);
    await untilTurn('a state', () => registry.instances()[0].serving === serving);
    clock.advance(100);
    await watch.untilEndpoints(...endpoints);
  };
  await tell(true, '127.0.0.1:4143');
  assert.match(JSON.stringify(watch.messages[1]), /"weight":20000,"metric_labels":\{"zone":"a"/);
  await tell(false);
  await tell(true, '127.0.0.1:4143');
  // An hour in which it says nothing: it is there as long as its stream.
  clock.advance(3_600_000);
  join.call.cancel();
  await untilTurn('the lease', () => !registry.instances()[0].connected);
  clock.advance(9_000);
  assert.equal(registry.instances().length, 1);
  clock.advance(2_000);
  assert.equal(registry.instances().length, 0);
  await watch.untilEndpoints();
  assert.equal(watch.ended, null);
});

test('a token is refused with its reason, and nothing else is disturbed', async (t) => {
  const rig = await startControlRig(t);
  const stranger = await startControlRig(t);
  const good = rig.client.join();
  good.register(registration(rig.token()));
  await good.message(1);
  const cases = [
    ['', /^UNAUTHENTICATED there is no token: make one with heddle token create/],
    ['x', /^UNAUTHENTICATED the token is not one of heddle's/],
    [stranger.token(), /^UNAUTHENTICATED the token is not signed by this control plane's key/],
    [rig.token('*', '*', -1_000), /^UNAUTHENTICATED the token has expired, at 20\d\d-/],
    ['a'.repeat(5_000), /^UNAUTHENTICATED the token has more than 4096 characters/],
    [rig.token('demo', 'api'), /^PERMISSION_DENIED the token is for service api in namespace demo/],
    [rig.token('other', 'web'), /^PERMISSION_DENIED .* not for web in demo/],
  ] as const;
  for (const [token, reason] of cases) {
    assert.match(await refused(rig, registration(token, { instance: 'run-2' })), reason);
  }
  assert.equal(rig.registry.instances().length, 1);
  assert.equal(good.ended, null);
  const metrics = await rig.readMetrics();
  assert.match(metrics, /heddle_control_joins_total\{result="accepted"\} 1\n/);
  assert.match(metrics, /heddle_control_joins_total\{result="token"\} 5\n/);
  assert.match(metrics, /heddle_control_joins_total\{result="name"\} 2\n/);
});

test('an address that others could have, and fields that are wrong, are refused', async (t) => {
  const rig = await startControlRig(t);
  const token = rig.token();
  const cases = [
    [
      { address: { ip: { ipv4: 0x0a000001 }, port: 1 } },
      /^FAILED_PRECONDITION address: 10\.0\.0\.1 /,
    ],
    [{ address: { ip: { ipv4: 0x7f000001 }, port: 0 } }, /^INVALID_ARGUMENT port: expected a port/],
    [{ address: { port: 1 } }, /^INVALID_ARGUMENT address: expected an IPv4/],
    [{ namespace: 'De mo' }, /^INVALID_ARGUMENT namespace: expected a lower-case DNS label/],
    [{ service: '' }, /^INVALID_ARGUMENT service: /],
    [{ service_port: 70_000 }, /^INVALID_ARGUMENT servicePort: /],
    [{ protocol: 'smtp' }, /^INVALID_ARGUMENT protocol: expected one of auto/],
    [{ admin: 'here' }, /^INVALID_ARGUMENT admin: /],
  ] as const;
  for (const [more, reason] of cases) {
    assert.match(await refused(rig, registration(token, more)), reason);
  }
  const early = rig.client.join();
  early.say(true);
  assert.match(await early.end(), /^INVALID_ARGUMENT the first request of Join is a registration/);
  const twice = rig.client.join();
  twice.register(registration(token));
  await twice.message(1);
  twice.register(registration(token));
  assert.match(await twice.end(), /^INVALID_ARGUMENT only the first request/);
});

test('an address of another host is taken from a proxy that proves who it is', async (t) => {
  const rig = await startControlRig(t);
  rig.settle();
  const join = rig.client.join();
  const address = { ip: { ipv4: 0x0a000001 }, port: 9000 };
  join.register(registration(rig.token('demo', 'web'), { address, inbound_port: 4143 }));
  join.say(true);
  await join.message(1);
  await untilTurn('a state', () => rig.registry.instances()[0].serving);
  rig.clock.advance(100);
  const watch = rig.client.get('web.demo');
  await watch.untilEndpoints('10.0.0.1:9000');
  const identity = 'web.demo.serviceaccount.identity.heddle.mesh.local';
  const [{ add }] = JSON.parse(JSON.stringify(watch.messages)) as [{ add: { addrs: object[] } }];
  const [{ addr: _, ...told }] = add.addrs as [{ addr: object }];
  assert.deepEqual(told, {
    weight: 10_000,
    tls_identity: {
      strategy: 'dns_like_identity',
      dns_like_identity: { name: identity },
      server_name: { name: identity },
    },
    protocol_hint: { protocol: 'h2', h2: {}, opaque_transport: { inbound_port: 4143 } },
  });
  const again = rig.client.join();
  again.register(registration(rig.token(), { address, inbound_port: 70_000, instance: 'run-2' }));
  assert.match(await again.end(), /^INVALID_ARGUMENT inboundPort: expected a port/);
});

test('the same process at two streams is one endpoint, its newest stream holds it', async (t) => {
  const rig = await startControlRig(t);
  const [first, second] = [rig.client.join(), new ControlClient(t, rig.port).join()];
  for (const join of [first, second]) {
    join.register(registration(rig.token()));
    await join.message(1);
  }
  first.call.cancel();
  await first.end();
  second.say(true);
  await untilTurn('a state', () => rig.registry.instances()[0].serving);
  assert.deepEqual(
    rig.registry.instances().map(({ connected }) => connected),
    [true],
  );
});

test('one connection holds so many processes and no more', async (t) => {
  const rig = await startControlRig(t);
  const joins = Array.from({ length: joinsPerConnectionMax }, (_, index) => {
    const join = rig.client.join();
    const address = { ip: { ipv4: 0x7f000001 }, port: 1 + index };
    join.register(registration(rig.token(), { instance: `run-${index}`, address }));
    return join;
  });
  for (const join of joins) await join.message(1);
  assert.match(await refused(rig, registration(rig.token())), /^RESOURCE_EXHAUSTED 64 processes/);
  joins[0].close();
  assert.equal(await joins[0].end(), 'OK');
  const last = rig.client.join();
  last.register(registration(rig.token()));
  await last.message(1);
});

test('who asks about the address of a meshed endpoint learns who it proves to be', async (t) => {
  const rig = await startControlRig(t);
  const { client, clock } = rig;
  const profile = client.watch('io.linkerd.proxy.destination.Destination', 'GetProfile', {
    path: '127.0.0.1:8080',
  });
  const endpointOf = async (count: number) =>
    (await profile.message(count)).endpoint as Readonly<Record<string, unknown>>;
  assert.equal((await endpointOf(1)).tls_identity, undefined);
  const join = client.join();
  const address = { ip: { ipv4: 0x7f000001 }, port: 8080 };
  join.register(registration(rig.token('demo', 'web'), { address, inbound_port: 4143 }));
  await join.message(1);
  join.say(true);
  const name = 'web.demo.serviceaccount.identity.heddle.mesh.local';
  await untilTurn('the profile', () => {
    clock.advance(200);
    return profile.messages.length > 1;
  });
  const { tls_identity: identity, protocol_hint: hint } = await endpointOf(2);
  assert.deepEqual(identity, {
    dns_like_identity: { name },
    server_name: { name },
    strategy: 'dns_like_identity',
  });
  assert.deepEqual(hint, { protocol: 'h2', h2: {}, opaque_transport: { inbound_port: 4143 } });
  join.say(false);
  await untilTurn('the profile', () => {
    clock.advance(200);
    return profile.messages.length > 2;
  });
  assert.equal((await endpointOf(3)).tls_identity, undefined);
});
