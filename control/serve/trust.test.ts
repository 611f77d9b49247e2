/**
 * Goal: every proxy hears at once what to trust, and a rotation waits for each that is connected.
 * Method: streams of grpc-js on real sockets, a clock that the test moves; the commands' service
 * beside them.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ControlClient } from '../../test/support/control-client.ts';
import { type ControlRig, inlineService, startControlRig } from '../../test/support/control-rig.ts';
import { untilTurn } from '../../test/support/turns.ts';

const web = 'web.demo.serviceaccount.identity.heddle.mesh.local';
const service = 'heddle.identity.v1.Authority';

interface Told {
  readonly trust_bundle: readonly Buffer[];
  readonly bundle: string;
  readonly issuer: string;
}

test('a rotation takes its three steps as proxies confirm', async (t) => {
  const rig = await startControlRig(t);
  const { authority, client } = rig;
  const first = authority.view;
  const said = { identity: web, workload: '{"ns":"demo","pod":"web-1"}', leaf_expires_ms: 9e15 };
  const trust = client.trust({ ...said, bundle: first.digest, issuer: first.issuer });
  const told = (await trust.message(1)) as unknown as Told;
  assert.deepEqual([told.bundle, told.issuer], [first.digest, first.issuer]);
  assert.deepEqual(told.trust_bundle, [first.anchors[0].der]);
  // One that has no leaf yet is in nobody's way.
  client.trust({ ...said, identity: web.replace('web', 'new') });

  await rotate(rig);
  const both = (await trust.message(2)) as unknown as Told;
  assert.deepEqual([both.trust_bundle.length, both.issuer], [2, first.issuer]);
  await settle(rig);
  assert.deepEqual(await waitingFor(rig), [web]);
  trust.say({ ...said, bundle: both.bundle, issuer: first.issuer });
  await hear(rig);
  const other = (await trust.message(3)) as unknown as Told;
  assert.equal(other.bundle, both.bundle);
  assert.notEqual(other.issuer, first.issuer);
  await settle(rig);
  assert.equal(authority.view.phase, 'switch');
  trust.say({ ...said, bundle: both.bundle, issuer: other.issuer });
  await hear(rig);
  const last = (await trust.message(4)) as unknown as Told;
  assert.deepEqual([last.trust_bundle.length, last.issuer], [1, other.issuer]);
  assert.equal(authority.view.phase, 'idle');
});

test('a proxy that is on its way back holds a rotation up, but not for long', async (t) => {
  const rig = await startControlRig(t);
  const { digest, issuer } = rig.authority.view;
  const said = { identity: web, workload: 'x', bundle: digest, issuer, leaf_expires_ms: 9e15 };
  const trust = rig.client.trust(said);
  await trust.message(1);
  await rotate(rig);
  await trust.message(2);
  await settle(rig);
  trust.call.cancel();
  assert.deepEqual(await waitingFor(rig), [web]);
  await untilTurn('the stream has ended', () => {
    rig.clock.advance(16_000);
    return rig.authority.waitingFor().length === 0;
  });
  rig.authority.check();
  assert.equal(rig.authority.view.phase, 'switch');
});

test('a proxy that is not ours is named and holds it up, until forced', async (t) => {
  const rig = await startControlRig(t);
  const { authority, client } = rig;
  rig.setServices(inlineService('web', [8080]));
  const workload = '{"ns":"demo","pod":"old-1"}';
  const watch = client.get('web.default.svc.cluster.local:80', workload);
  await watch.message(1);
  await rotate(rig);
  await settle(rig);
  assert.deepEqual(await waitingFor(rig), [workload]);
  assert.equal(authority.view.phase, 'distribute');
  assert.equal(authority.view.anchors.length, 2);
  await rig.client.ask(service, 'Rotate', { token: rig.token(), force: true });
  await settle(rig);
  assert.equal(authority.view.phase, 'switch');
  assert.equal(authority.view.anchors.length, 2);
  watch.call.cancel();
  await untilTurn('it has gone', () => authority.waitingFor().length === 0);
  authority.check();
  assert.deepEqual([authority.view.phase, authority.view.anchors.length], ['idle', 1]);
});

test('who may rotate and repair, and what each is told', async (t) => {
  const rig = await startControlRig(t);
  const refuse = (method: string, request: Record<string, unknown>): Promise<string> =>
    rig.client.ask(service, method, request).then(
      () => 'done',
      (error: unknown) => (error as Error).message,
    );
  for (const method of ['Rotate', 'Repair']) {
    assert.match(await refuse(method, {}), /^16 UNAUTHENTICATED: there is no token/);
    const one = { token: rig.token('demo', 'web') };
    assert.match(await refuse(method, one), /^7 PERMISSION_DENIED: the token is not for all names/);
  }
  const token = rig.token();
  assert.match(await refuse('Rotate', { token, force: true }), /^9 .*no rotation is under way/);
  assert.equal(await refuse('Repair', { token }), 'done');
  assert.equal(await refuse('Rotate', { token }), 'done');
  assert.match(
    await refuse('Rotate', { token }),
    /^9 FAILED_PRECONDITION: a rotation is under way/,
  );
  const status = await rig.client.ask(service, 'Status', {});
  const anchors = status.anchors as readonly { readonly role: string }[];
  assert.deepEqual(anchors.map(({ role }) => role).toSorted(), ['current', 'next']);
  assert.equal(status.phase, 'distribute');
  assert.equal(status.trust_domain, 'mesh.local');
});

test('what is malformed is refused, and so is more than one connection needs', async (t) => {
  const rig = await startControlRig(t);
  for (const wrong of [{ bundle: 'x' }, { identity: 'Web' }, { issuer: 'f'.repeat(65) }]) {
    const stream = rig.client.trust(wrong);
    assert.match(await stream.end(), /^INVALID_ARGUMENT expected an identity, and digests/);
  }
  const client = new ControlClient(t, rig.port);
  const streams = [1, 2, 3, 4].map(() => client.trust({ identity: web }));
  for (const stream of streams) await stream.message(1);
  assert.match(await client.trust({ identity: web }).end(), /^RESOURCE_EXHAUSTED 4 streams/);
  streams[0].say({ bundle: 'no' });
  assert.match(await streams[0].end(), /^INVALID_ARGUMENT/);
});

async function rotate(rig: ControlRig): Promise<void> {
  await rig.client.ask(service, 'Rotate', { token: rig.token() });
}

/** What was said before has been heard, and looked at. */
async function hear(rig: ControlRig): Promise<void> {
  await rig.client.ask(service, 'Status', {});
  rig.clock.advance(200);
}

async function settle(rig: ControlRig): Promise<void> {
  await hear(rig);
  rig.clock.advance(16_000);
  rig.authority.check();
}

async function waitingFor(rig: ControlRig): Promise<readonly string[]> {
  const { unconfirmed = [] } = await rig.client.ask(service, 'Status', {});
  return (unconfirmed as readonly string[]).map((name) => name.replace(/ at .*/, ''));
}
