/**
 * Goal: a proxy that could not tell where redirected connections were going does not start, and
 * says what to do. Method: real processes without what is needed.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { whyNoPods } from '../../support/pods.ts';
import { launchProxy } from '../../support/process.ts';

const skip = whyNoPods() ?? false;

for (const means of ['redirect', 'tproxy']) {
  test(`${means} without node:ffi is refused`, async (t) => {
    const environment = { NODE_OPTIONS: '--no-experimental-ffi' };
    const { code, said } = await launchProxy(t, yamlOf(means), { environment }).ended;
    assert.equal(code, 1);
    const reason =
      /proxy\.outbound: original destinations cannot be read: .*use Node 26\.1 or later/;
    assert.match(said, reason);
  });
}

test('off needs nothing', async (t) => {
  const environment = { NODE_OPTIONS: '--no-experimental-ffi' };
  const proxy = launchProxy(t, yamlOf('off', 'inboundTo: 127.0.0.1:1'), { environment });
  await proxy.untilSaid('heddle: ready');
});

test('TPROXY without the capability for it is refused', { skip }, async (t) => {
  const inside = ['setpriv', '--bounding-set=-net_admin,-net_raw', '--'];
  const { code, said } = await launchProxy(t, yamlOf('tproxy'), { inside }).ended;
  assert.equal(code, 1);
  assert.match(said, /proxy\.inbound: TPROXY needs the capability NET_ADMIN/);
});

function yamlOf(means: string, more = 'workers: 1'): string {
  const listeners = 'outbound: 127.0.0.1:0, inbound: 127.0.0.1:0, admin: 127.0.0.1:0';
  return `proxy: { ${listeners}, originalDestination: ${means}, ${more} }`;
}
