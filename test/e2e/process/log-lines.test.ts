/**
 * Goal: lines of a whole process have the spans of Linkerd's, those of main too. Method: a proxy as
 * its own process, whose standard error is read line by line.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { test } from 'node:test';
import { ask, launchProxy, startProxy } from '../../support/process.ts';

const nothing = `
services: {}
proxy: { outbound: 127.0.0.1:0, admin: 127.0.0.1:0, workers: 1, logFormat: json }
`;

test('JSON has a list of spans', async (t) => {
  const proxy = launchProxy(t, nothing);
  await proxy.untilSaid('"message":"ready"');
  const outbound = Number(/Outbound interface on 127\.0\.0\.1:(\d+)/.exec(proxy.said)?.[1]);
  const { status } = await ask(outbound, '/x?y', { headers: { host: 'nobody' } });
  assert.equal(status, 404);
  const line = JSON.parse(await proxy.untilSaid('request failed'));
  assert.equal(line.threadId, 'ThreadId(2)');
  assert.equal(line.target, 'heddle::proxy::respond');
  assert.deepEqual([line.fields.code, line.fields.path], ['UNKNOWN_SERVICE', '/x']);
  const [direction, way, rescue, ...others] = line.spans;
  assert.deepEqual(direction, { name: 'outbound' });
  assert.deepEqual(way, { addr: `127.0.0.1:${outbound}`, name: 'proxy' });
  assert.match(rescue['client.addr'], /^127\.0\.0\.1:\d+$/);
  assert.deepEqual([rescue.name, others], ['rescue', []]);
});

test('the admin port, and a filter for it alone', async (t) => {
  const proxy = await startProxy(t, nothing.replace('json', 'plain'));
  const port = proxy.port('Admin interface');
  const level = { method: 'PUT', body: 'info,[admin]=debug' };
  assert.equal((await ask(port, '/proxy-log-level', level)).status, 204);
  const client = connect(port, '127.0.0.1');
  await once(client, 'connect');
  const from = `127.0.0.1:${client.localPort}`;
  const chain = `daemon:admin{listen.addr=127.0.0.1:${port}}`;
  client.end('no HTTP at all, and long enough for that\n');
  const refused = await proxy.untilSaid('speaks HTTP alone');
  assert.ok(
    refused.includes(
      ` INFO ThreadId(01) ${chain}: heddle::admin: Connection closed ` +
        `error="the admin port speaks HTTP alone" client.addr=${from}`,
    ),
    refused,
  );
  await ask(port, '/live');
  const closed = await proxy.untilSaid('DEBUG');
  assert.ok(
    closed.includes(`DEBUG ThreadId(01) ${chain}: heddle::admin: Connection closed`),
    closed,
  );
});

test('a control plane that is not there', async (t) => {
  const gone = createServer().listen(0, '127.0.0.1');
  await once(gone, 'listening');
  const address = gone.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  gone.close();
  const control = `127.0.0.1:${port}`;
  const proxy = launchProxy(
    t,
    `proxy: { control: '${control}', outbound: 127.0.0.1:0, admin: 127.0.0.1:0, workers: 1 }\n`,
  );
  const line = await proxy.untilSaid('Failed to connect');
  assert.ok(
    line.includes(
      ` WARN ThreadId(01) dst:controller{addr=${control}}:endpoint{addr=${control}}: ` +
        `heddle::discovery: Failed to connect ` +
        `error="endpoint ${control}: Connection refused (os error 111)"`,
    ),
    line,
  );
});
