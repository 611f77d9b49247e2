/**
 * Goal: a configuration file becomes targets from all kinds of sources, follows a reload, and
 * leaves nothing open. Method: real files, a real DNS server, the system's clock; every step
 * awaits the change that it causes.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Discovery } from '../../api/discovery.ts';
import { targetKey } from '../../api/snapshot.ts';
import { systemClock } from '../../core/base/clock.ts';
import { systemRandom } from '../../core/base/random.ts';
import { TimerWheel } from '../../core/base/timers.ts';
import { startDnsServer } from '../../test/support/dns-server.ts';
import { loadConfig } from './load-config.ts';
import { openStaticDiscovery } from './static-discovery.ts';

/** Resolves when the target has these endpoints. */
function untilPorts(discovery: Discovery, key: string, wanted: readonly number[]): Promise<void> {
  return new Promise((resolve) => {
    let stop: (() => void) | null = null;
    let found = false;
    stop = discovery.watch(key, ({ endpoints }) => {
      if (endpoints.map(({ port }) => port).join() !== wanted.join()) return;
      found = true;
      stop?.();
      resolve();
    });
    if (found) stop();
  });
}

test('inline, file, DNS and SRV behind one interface, through a reload', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-static-'));
  const file = (name: string) => join(folder, name);
  const server = await startDnsServer();
  const timers = new TimerWheel(systemClock);
  t.after(async () => {
    timers.close();
    await server.close();
    rmSync(folder, { recursive: true });
  });
  server.script.set('A users.internal', {
    answers: [{ type: 'A', name: 'users.internal', ttl: 60, data: '10.0.0.1' }],
  });
  server.script.set('SRV _orders.internal', {
    answers: [
      {
        type: 'SRV',
        name: '_orders.internal',
        ttl: 60,
        data: { priority: 1, weight: 1, port: 83, target: 'a.internal' },
      },
    ],
    additionals: [{ type: 'A', name: 'a.internal', ttl: 60, data: '10.0.0.3' }],
  });
  writeFileSync(file('hosts'), '');
  writeFileSync(file('resolv.conf'), 'nameserver 127.0.0.1\n');
  writeFileSync(file('ledger.endpoints'), '10.0.0.2 82\n');
  const services = (webPort: number) => `services:
  web: { port: 80, endpoints: [10.0.0.1:${webPort}] }
  users: { port: 80, dns: users.internal:81 }
  ledger: { port: 80, file: ./ledger.endpoints }
  orders: { port: 80, srv: _orders.internal }
`;
  const load = async (webPort: number) => {
    writeFileSync(file('heddle.yaml'), services(webPort));
    const result = await loadConfig(file('heddle.yaml'));
    assert.ok('config' in result);
    return result.config;
  };
  const log = { info: () => undefined, warn: () => undefined };
  const discovery = openStaticDiscovery(await load(80), {
    clock: systemClock,
    timers,
    random: systemRandom(),
    log,
    resolver: {
      paths: { hosts: file('hosts'), resolvConf: file('resolv.conf') },
      port: server.port,
    },
  });
  const host = (name: string) => targetKey('host', name);
  await Promise.all([
    untilPorts(discovery, host('web'), [80]),
    untilPorts(discovery, host('users'), [81]),
    untilPorts(discovery, host('ledger'), [82]),
    untilPorts(discovery, host('orders'), [83]),
  ]);
  assert.equal(discovery.status(host('orders')).kind, 'srv');
  assert.equal(discovery.status(host('ledger')).location, file('ledger.endpoints'));
  const asked = server.asked.length;
  const changed = untilPorts(discovery, host('web'), [90]);
  discovery.replace(await load(90));
  await changed;
  await untilPorts(discovery, host('users'), [81]);
  assert.equal(server.asked.length, asked, 'what did not change is not asked again');
  discovery.close();
  assert.equal(timers.armedCount, 0);
});
