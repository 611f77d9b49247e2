/**
 * Goal: a control plane that starts with nothing tells nobody that a service has no endpoints,
 * until those that had joined before had time to come back. Method: the executable, and grpc-js for
 * who joins and who watches.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ControlClient } from '../../support/control-client.ts';
import { startUp } from '../../support/process.ts';

test('who joins first and does not serve yet makes no empty set of the others', async (t) => {
  const control = await startUp(t, null);
  const client = new ControlClient(t, control.port('Control plane'));
  const early = /^UNAVAILABLE web\.\S+ is not known yet; .* ask again$/;
  assert.match(await client.get(path).end(), early);
  const joined = client.join();
  joined.register({
    token: readFileSync(join(control.folder, 'state/local.token'), 'utf8').trim(),
    instance: 'first',
    namespace: 'default',
    service: 'web',
    service_port: 80,
    address: { ip: { ipv4: 0x7f000001 }, port: 4001 },
  });
  await joined.message(1);
  assert.match(await client.get(path).end(), early);
  assert.match(await client.policy('web').end(), /^UNAVAILABLE /);
  joined.say(true);
  const watch = await client.untilKnown(path);
  await watch.untilEndpoints('127.0.0.1:4001');
});

const path = 'web.default.svc.cluster.local:80';
