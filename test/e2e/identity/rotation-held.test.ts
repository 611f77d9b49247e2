/**
 * Goal: a proxy that cannot confirm, as one of Linkerd's, is named and holds a rotation up, over a
 * crash of the control plane too, and nothing is retired before it has gone. Method: a real control
 * plane and proxy, and a watcher of grpc-js that has no stream of trust.
 */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { authorityCheckMs, confirmSettleMs } from '../../../core/base/certificate-limits.ts';
import { ControlClient } from '../../support/control-client.ts';
import { readAuthority } from '../../support/identity-status.ts';
import { makeFolder, ownHost, startProxy, startUp } from '../../support/process.ts';
import { freePort, runCommand } from '../../support/run-process.ts';

test('who cannot confirm is named, and nothing is retired', async (t) => {
  const address = `${ownHost}:${await freePort()}`;
  const options = { folder: makeFolder(t), args: ['--listen', address] };
  const service = { port: 80, endpoints: ['127.0.0.1:1'] };
  const yaml = JSON.stringify({ services: { web: service } });
  const first = await startUp(t, yaml, options);
  const token = join(first.folder, 'state/local.token');
  const own = { stateDir: makeFolder(t), identity: 'caller.default', identityToken: token };
  const ports = { outbound: '127.0.0.1:0', admin: '127.0.0.1:0', workers: 1 };
  const settings = { control: address, ...own, ...ports };
  await startProxy(t, JSON.stringify({ proxy: settings }));
  const watch = () => {
    const client = new ControlClient(t, address);
    return client.get('web.default', JSON.stringify({ ns: 'demo', pod: 'linkerd-1' }));
  };
  await watch().untilEndpoints('127.0.0.1:1');
  const rotate = ['identity', 'rotate', '--control', address, '--token-file', token];
  const { code, out, err } = await runCommand(rotate);
  assert.equal(code, 0, err);
  assert.match(out, /nothing is retired before they have/);
  assert.match(out, /linkerd-1.* at 127\./);
  first.signal('SIGKILL');
  await first.ended;
  const again = await startUp(t, yaml, options);
  const watched = watch();
  await watched.untilEndpoints('127.0.0.1:1');
  // Longer than proxies that are on their way back are waited for, and one look at it.
  await sleep(confirmSettleMs + authorityCheckMs + 1_000);
  const held = await readAuthority(address);
  assert.equal(held.phase, 'distribute');
  assert.equal(held.anchors.length, 2);
  assert.match(held.unconfirmed.join(), /linkerd-1/);
  assert.equal(held.unconfirmed.length, 1);
  watched.call.cancel();
  await again.untilSaid('phase=switch', 20_000);
});
