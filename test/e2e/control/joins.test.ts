/**
 * Goal: processes join a `heddle up` with the token of its folder, whichever instance they ask, and
 * a restart loses none of them. Method: the executable as a process, and grpc-js.
 */

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ControlClient } from '../../support/control-client.ts';
import { type ProxyProcess, startUp, untilMetrics } from '../../support/process.ts';

function connect(t: TestContext, control: ProxyProcess) {
  return new ControlClient(t, control.port('Control plane'));
}

function localToken({ folder }: ProxyProcess): string {
  return readFileSync(join(folder, 'state/local.token'), 'utf8').trim();
}

/** Joins as web of the namespace demo, and serves. */
async function joinWeb(client: ControlClient, token: string) {
  const stream = client.join();
  stream.register({
    token,
    instance: 'run-1',
    namespace: 'demo',
    service: 'web',
    service_port: 80,
    address: { ip: { ipv4: 0x7f000001 }, port: 4143 },
  });
  await stream.message(1);
  stream.say(true);
  return stream;
}

test('who has joined is an endpoint, also after a restart of the control plane', async (t) => {
  const control = await startUp(t, null);
  const client = connect(t, control);
  await joinWeb(client, localToken(control));
  await client.get('web.demo').untilEndpoints('127.0.0.1:4143');
  control.signal('SIGTERM');
  assert.equal((await control.ended).code, 0);
  const again = await startUp(t, null, { folder: control.folder });
  const admin = again.port('Admin interface');
  await untilMetrics(admin, (metrics) => {
    return metrics.sum('heddle_control_instances', { state: 'lost' }) === 1;
  });
  const watch = connect(t, again).get('web.demo');
  await watch.untilEndpoints('127.0.0.1:4143');
  // Its token is as good as before, and it is the same process.
  await joinWeb(connect(t, again), localToken(again));
  await untilMetrics(admin, (metrics) => {
    return metrics.sum('heddle_control_instances', { state: 'serving' }) === 1;
  });
  assert.deepEqual(watch.endpoints, ['127.0.0.1:4143']);
});

test('killed in the middle of it, it has the same instances again', async (t) => {
  const control = await startUp(t, null);
  const client = connect(t, control);
  await joinWeb(client, localToken(control));
  await client.get('web.demo').untilEndpoints('127.0.0.1:4143');
  const registry = join(control.folder, 'state/registry.json');
  const isKept = (): boolean =>
    existsSync(registry) && readFileSync(registry, 'utf8').includes('"serving":true');
  while (!isKept()) await client.ask('heddle.view.v1.View', 'Status', {});
  control.signal('SIGKILL');
  await control.ended;
  const again = await startUp(t, null, { folder: control.folder });
  await connect(t, again).get('web.demo').untilEndpoints('127.0.0.1:4143');
});

test('two instances with one key take the same token, each for itself', async (t) => {
  const first = await startUp(t, null);
  const key = ['--join-key', join(first.folder, 'state/join.key')];
  const second = await startUp(t, null, { args: [...key, '--advertise', 'control.test:8086'] });
  const stranger = await startUp(t, null);
  const token = localToken(first);
  for (const control of [first, second]) {
    await joinWeb(connect(t, control), token);
    await untilMetrics(control.port('Admin interface'), (metrics) => {
      return metrics.sum('heddle_control_instances', { state: 'serving' }) === 1;
    });
  }
  await connect(t, first).get('web.demo').untilEndpoints('127.0.0.1:4143');
  // The key is not new: for a while there may be others who have not come to it yet.
  assert.match(await connect(t, second).get('web.demo').end(), /^UNAVAILABLE /);
  const { address } = await connect(t, second).ask('heddle.view.v1.View', 'Status', {});
  assert.equal(address, 'control.test:8086');
  const refused = connect(t, stranger).join();
  refused.register({ token, namespace: 'demo', service: 'web' });
  assert.match(await refused.end(), /^UNAUTHENTICATED the token is not signed by this control/);
});
