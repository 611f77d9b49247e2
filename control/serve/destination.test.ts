/**
 * Goal: Destination.Get and GetProfile answer as Linkerd's controller does: what, in which order,
 * and with which status. Method: grpc-js against the services on a real port.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { GetDestinationSchema } from '../../api/gen/control/destination_pb.ts';
import { slowStreamMs } from '../../core/base/limits.ts';
import { frameMessage } from '../../core/grpc/frame.ts';
import { inlineService, startControlRig } from '../../test/support/control-rig.ts';
import { untilTurn } from '../../test/support/turns.ts';
import { destinationGet } from './methods.ts';

const path = 'web.default.svc.cluster.local:80';
const destination = 'io.linkerd.proxy.destination.Destination';

test('what is no name of a service has a status that says so', async (t) => {
  const { client, settle, setServices } = await startControlRig(t);
  setServices(inlineService('web', [1]));
  const unknown = 'nobody.default.svc.cluster.local:80';
  assert.match(await client.get(unknown).end(), /^UNAVAILABLE .* is not known yet; /);
  settle();
  assert.equal(await client.get(unknown).end(), `NOT_FOUND No such service: ${unknown}`);
  assert.match(await client.get('web.default.svc.cluster.local:81').end(), /^NOT_FOUND /);
  assert.match(await client.get('example.org:80').end(), /^NOT_FOUND /);
  for (const ip of ['10.0.0.1:80', '10.0.0.1', '[::1]:80']) {
    assert.equal(await client.get(ip).end(), 'INVALID_ARGUMENT IP queries not supported');
  }
  for (const text of ['', ':80', 'web:0', 'web:65536', 'web:x', 'a b', `${'a'.repeat(300)}:80`]) {
    assert.match(await client.get(text).end(), /^INVALID_ARGUMENT expected a name such as/, text);
  }
});

test('a short name is one of the namespace of the caller, and 80 is the port', async (t) => {
  const { client, setServices } = await startControlRig(t);
  setServices(inlineService('web', [1]), inlineService('web', [2], { namespace: 'demo' }));
  await client.get('web').untilEndpoints('127.0.0.1:1');
  const token = '{"ns":"demo","nodeName":"n","pod":"p"}';
  await client.get('web', token).untilEndpoints('127.0.0.1:2');
  await client.get('web.demo:80', 'no token').untilEndpoints('127.0.0.1:2');
  await client.get('WEB.demo.svc.cluster.local.').untilEndpoints('127.0.0.1:2');
});

test('a service that goes away is emptied, and on the same stream it returns', async (t) => {
  const { client, setServices, settle } = await startControlRig(t);
  setServices(inlineService('web', [1, 2]), inlineService('none', []));
  settle();
  const watch = client.get(path);
  await watch.untilEndpoints('127.0.0.1:1', '127.0.0.1:2');
  setServices();
  await watch.untilEndpoints();
  assert.equal(watch.messages.at(-1)?.update, 'remove');
  assert.match(await client.get(path).end(), /^NOT_FOUND /);
  setServices(inlineService('web', [3]));
  await watch.untilEndpoints('127.0.0.1:3');
  assert.equal(watch.ended, null);
});

test('a service without endpoints has a first message, too', async (t) => {
  const { client, setServices } = await startControlRig(t);
  setServices(inlineService('web', []));
  const watch = client.get(path);
  assert.equal((await watch.message(1)).update, 'add');
  setServices(inlineService('web', [1]));
  await watch.untilEndpoints('127.0.0.1:1');
});

test('a client that takes nothing is ended and counted; no other is', async (t) => {
  const rig = await startControlRig(t);
  const ports = Array.from({ length: 20_000 }, (_, index) => index + 1);
  rig.setServices(inlineService('web', ports));
  const session = connect(`http://127.0.0.1:${rig.port}`);
  t.after(() => session.destroy());
  const stuck = watchUnread(session);
  await once(stuck, 'response');
  const quick = rig.client.get(path);
  await untilTurn('the whole set', () => quick.endpoints.length === ports.length);
  rig.setServices(inlineService('web', ports.slice(1)));
  await untilTurn('the change', () => quick.endpoints.length === ports.length - 1);
  assert.ok(!(await rig.readMetrics()).includes('heddle_control_slow_streams_total'));
  rig.clock.advance(slowStreamMs + 1_000);
  await new Promise<void>((closed) => stuck.once('close', closed));
  assert.equal(stuck.rstCode, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  assert.match(
    await rig.readMetrics(),
    /heddle_control_slow_streams_total\{method="Destination\/Get"\} 1\n/,
  );
  assert.equal(quick.ended, null);
});

/** A client whose window is full after 65535 bytes, because nobody reads. */
function watchUnread(session: ClientHttp2Session): ClientHttp2Stream {
  const stream = session.request({
    ':method': 'POST',
    ':path': destinationGet.path,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  // What it is ended with.
  stream.on('error', () => {});
  stream.end(frameMessage(destinationGet.request, create(GetDestinationSchema, { path })));
  return stream;
}

test('streams are counted while they are open', async (t) => {
  const rig = await startControlRig(t);
  rig.setServices(inlineService('web', [1]));
  const watches = [rig.client.get(path), rig.client.get(path)];
  for (const watch of watches) await watch.untilEndpoints('127.0.0.1:1');
  const line = 'heddle_control_streams{method="Destination/Get"}';
  assert.ok((await rig.readMetrics()).includes(`${line} 2\n`));
  for (const watch of watches) watch.call.cancel();
  for (const watch of watches) assert.match(await watch.end(), /^CANCELLED/);
  for (;;) if ((await rig.readMetrics()).includes(`${line} 0\n`)) break;
});

test('a profile says the name, what it speaks, and whose it is', async (t) => {
  const { client, setServices, settle } = await startControlRig(t);
  setServices(inlineService('web', [1]), inlineService('db', [2], { protocol: 'opaque' }));
  settle();
  const profile = client.watch(destination, 'GetProfile', { path: 'db' });
  const resource = { group: 'core', kind: 'Service', namespace: 'default', port: 80 };
  const budget = { retry_ratio: 0.20000000298023224, min_retries_per_second: 10 };
  assert.deepEqual(await profile.message(1), {
    fully_qualified_name: 'db.default.svc.cluster.local',
    opaque_protocol: true,
    parent_ref: { resource: { ...resource, name: 'db' }, kind: 'resource' },
    retry_budget: { ...budget, ttl: { seconds: 10 } },
  });
  setServices(inlineService('db', [3], { protocol: 'http' }));
  assert.equal((await profile.message(2)).opaque_protocol, undefined);
  const none = client.watch(destination, 'GetProfile', { path: 'nobody:80' });
  assert.equal(await none.end(), 'NOT_FOUND No such service: nobody:80');
  const address = client.watch(destination, 'GetProfile', { path: '127.0.0.2:81' });
  assert.deepEqual(await address.message(1), {
    retry_budget: { ...budget, ttl: { seconds: 10 } },
    endpoint: { addr: { ip: { ipv4: 0x7f000002, ip: 'ipv4' }, port: 81 }, weight: 10_000 },
  });
});

test('the profile of a cluster IP is that of its service, while it has the address', async (t) => {
  const { client, setServices, settle } = await startControlRig(t);
  settle();
  const profile = client.watch(destination, 'GetProfile', { path: '10.96.0.10:80' });
  assert.ok((await profile.message(1)).endpoint !== undefined);
  setServices(inlineService('web', [1], { clusterIps: ['10.96.0.10'] }));
  const known = await profile.message(2);
  assert.equal(known.fully_qualified_name, 'web.default.svc.cluster.local');
  assert.equal(known.endpoint, undefined);
  setServices(inlineService('web', [1], { clusterIps: ['10.96.0.11'] }));
  assert.deepEqual(await profile.message(3), profile.messages[0]);
});
