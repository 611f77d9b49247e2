/**
 * Goal: `heddle up` tells what the mesh is to clients that are not ours, and each change of it.
 * Method: the executable as a process, grpc-js, and a configuration file that changes.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ControlClient } from '../../support/control-client.ts';
import { ask, launchUp, readMetrics, startUp, untilMetrics } from '../../support/process.ts';

const web = (...ports: readonly number[]): string => {
  const endpoints = ports.map((port) => `127.0.0.1:${port}`).join(', ');
  return `services:\n  web: { port: 80, endpoints: [${endpoints}] }\n`;
};
const path = 'web.default.svc.cluster.local:80';

test('a watcher has the endpoints, and each change of the file', async (t) => {
  const control = await startUp(t, web(1, 2));
  const client = new ControlClient(t, control.port('Control plane'));
  const watch = client.get(path);
  await watch.untilEndpoints('127.0.0.1:1', '127.0.0.1:2');
  assert.deepEqual(watch.messages[0], {
    add: {
      addrs: [
        { addr: { ip: { ipv4: 0x7f000001, ip: 'ipv4' }, port: 1 }, weight: 10_000 },
        { addr: { ip: { ipv4: 0x7f000001, ip: 'ipv4' }, port: 2 }, weight: 10_000 },
      ],
      metric_labels: { namespace: 'default', service: 'web' },
    },
    update: 'add',
  });
  control.write(web(2, 3));
  await watch.untilEndpoints('127.0.0.1:2', '127.0.0.1:3');
  // What is new comes before what is gone is taken away.
  assert.deepEqual(
    watch.messages.map(({ update }) => update),
    ['add', 'add', 'remove'],
  );
  const metrics = await readMetrics(control.port('Admin interface'));
  const method = { method: 'Destination/Get' };
  assert.equal(metrics.sum('heddle_control_streams', method), 1);
  assert.equal(metrics.sum('heddle_control_services'), 1);
});

test('a broken entry keeps its last good state, is told, and the rest applies', async (t) => {
  const control = await startUp(t, web(1));
  const client = new ControlClient(t, control.port('Control plane'));
  const watch = client.get(path);
  await watch.untilEndpoints('127.0.0.1:1');
  control.write(
    'services:\n  web: { port: 0, join: true }\n  api: { port: 80, endpoints: [127.0.0.1:9] }\n',
  );
  const line = await control.untilSaid('an object is refused');
  const other = client.get('api.default.svc.cluster.local:80');
  await other.untilEndpoints('127.0.0.1:9');
  assert.match(
    line,
    /object="services\.web in heddle\.yaml:2" field=port reason="expected a whole/,
  );
  const admin = control.port('Admin interface');
  await untilMetrics(admin, (metrics) => metrics.sum('heddle_control_problems') === 1);
  const reloads = 'heddle_config_reloads_total';
  assert.equal((await readMetrics(admin)).sum(reloads, { result: 'partial' }), 1);
  const status = await client.ask('heddle.view.v1.View', 'Status', {});
  assert.match(JSON.stringify(status), /"object":"services.web in heddle.yaml:2","field":"port"/);
  assert.deepEqual(watch.endpoints, ['127.0.0.1:1']);
  control.write('services: {\n');
  await control.untilSaid(/the last good configuration stays.*not valid YAML/);
  assert.deepEqual([watch.endpoints, other.endpoints], [['127.0.0.1:1'], ['127.0.0.1:9']]);
  control.write(web(4));
  await watch.untilEndpoints('127.0.0.1:4');
  assert.equal(watch.ended, null);
  assert.equal((await readMetrics(admin)).sum(reloads, { result: 'applied' }), 1);
});

test('ends its streams and with 0 after a signal, and is ready again with its file', async (t) => {
  const control = await startUp(t, web(1));
  const client = new ControlClient(t, control.port('Control plane'));
  const watch = client.get(path);
  const policy = client.policy('web');
  await watch.untilEndpoints('127.0.0.1:1');
  await policy.message(1);
  const admin = control.port('Admin interface');
  for (const [page, body] of Object.entries({ '/ready': 'ok', '/live': 'ok', '/ping': 'pong' })) {
    const answer = await ask(admin, page);
    assert.deepEqual([answer.status, answer.body], [200, `${body}\n`]);
  }
  control.signal('SIGTERM');
  assert.equal(await watch.end(), 'UNAVAILABLE this control plane is ending; ask another one');
  assert.match(await policy.end(), /^UNAVAILABLE /);
  const { code, said } = await control.ended;
  assert.equal(code, 0, said);
  const again = await startUp(t, web(1), { folder: control.folder });
  await new ControlClient(t, again.port('Control plane')).get(path).untilEndpoints('127.0.0.1:1');
});

test('refuses a wrong file with 64, a taken port or folder with 1', async (t) => {
  const wrong = await launchUp(t, 'services: { web: { port: 80 } }\n').ended;
  assert.equal(wrong.code, 64);
  assert.match(wrong.said, /heddle\.yaml:1:\d+: services\.web: /);
  const control = await startUp(t, null);
  const port = control.port('Control plane');
  const taken = await launchUp(t, null, { args: ['--listen', `127.0.0.1:${port}`] }).ended;
  assert.equal(taken.code, 1);
  const holder =
    /--listen: cannot listen on 127\.0\.0\.1:\d+: heddle up .*\(process \d+\) has this/;
  assert.match(taken.said, holder);
  const shared = await launchUp(t, null, { folder: control.folder }).ended;
  assert.equal(shared.code, 1);
  assert.match(shared.said, /state is in use by the heddle up of process \d+; stop it, or name/);
});
