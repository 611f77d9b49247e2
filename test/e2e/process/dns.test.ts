/**
 * Goal: whatever a DNS server does, the proxy goes on with what it knew. Method: the data plane of
 * a thread and the discovery that main runs, between real sockets and a DNS server that misbehaves.
 * Not the executable: name servers of resolv.conf have port 53.
 */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { targetKey } from '../../../api/snapshot.ts';
import { loadConfig } from '../../../control/sources/load-config.ts';
import { openStaticDiscovery } from '../../../control/sources/static-discovery.ts';
import { systemClock } from '../../../core/base/clock.ts';
import { systemRandom } from '../../../core/base/random.ts';
import { TimerWheel } from '../../../core/base/timers.ts';
import { startDnsServer } from '../../support/dns-server.ts';
import { ask, keepOne, makeFolder, startHttpOrigin } from '../../support/process.ts';
import { startHarness } from '../../support/proxy-harness.ts';

const names = ['fails', 'empties', 'falls-silent', 'floods', 'flips'] as const;
type Name = (typeof names)[number];

function addresses(name: string, count: number, ttl: number) {
  const answers = Array.from({ length: count }, (_, index) => {
    const data = `127.0.${index >> 8}.${(index & 0xff) + 1}`;
    return { type: 'A', name: `${name}.internal`, ttl, data } as const;
  });
  return { answers };
}

/** Services by the names above, each at first with one address and a TTL of a second. */
async function startMesh(t: TestContext) {
  const origin = await startHttpOrigin(t, (_incoming, outgoing) => outgoing.end('ok'));
  const folder = makeFolder(t);
  const dns = await startDnsServer();
  const services = names.map(
    (name) => `  ${name}: { port: 80, dns: ${name}.internal:${origin} }\n`,
  );
  writeFileSync(join(folder, 'heddle.yaml'), `services:\n${services.join('')}`);
  writeFileSync(join(folder, 'hosts'), '');
  writeFileSync(
    join(folder, 'resolv.conf'),
    'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n',
  );
  for (const name of names) dns.script.set(`A ${name}.internal`, addresses(name, 1, 1));
  const loaded = await loadConfig(join(folder, 'heddle.yaml'));
  assert.ok('config' in loaded);

  const failed = Object.fromEntries(names.map((name) => [name, Promise.withResolvers<void>()]));
  const timers = new TimerWheel(systemClock);
  const discovery = openStaticDiscovery(loaded.config, {
    clock: systemClock,
    timers,
    random: systemRandom(),
    log: {
      info: () => undefined,
      warn(message, fields) {
        if (!message.startsWith('endpoints cannot be refreshed')) return;
        const [name] = String(fields?.source).split('.');
        failed[name]?.resolve();
      },
    },
    resolver: {
      paths: { hosts: join(folder, 'hosts'), resolvConf: join(folder, 'resolv.conf') },
      port: dns.port,
    },
  });
  const harness = await startHarness({});
  t.after(async () => {
    discovery.close();
    timers.close();
    await Promise.all([harness.close(), dns.close()]);
  });
  const counts = new Map<Name, number>();
  const waiters = new Set<() => void>();
  for (const name of names) {
    discovery.watch(targetKey('host', name), (target) => {
      counts.set(name, target.endpoints.length);
      harness.setTarget(targetKey('host', name), target);
      for (const waiter of waiters) waiter();
    });
  }
  return {
    dns,
    get: async (name: Name): Promise<number> => {
      const options = { headers: { host: name }, agent: keepOne(t) };
      return (await ask(harness.outboundPort, '/', options)).status;
    },
    errorOf: (name: Name): string => discovery.status(targetKey('host', name)).error ?? '',
    untilFailed: (name: Name): Promise<void> => failed[name].promise,
    untilCount: (name: Name, count: number): Promise<void> =>
      new Promise((resolve) => {
        const check = (): void => {
          if (counts.get(name) === count) resolve();
        };
        waiters.add(check);
        check();
      }),
  };
}

test('a DNS server that fails, answers nothing or too much takes nothing away', async (t) => {
  const mesh = await startMesh(t);
  const { script } = mesh.dns;
  for (const name of names) await mesh.untilCount(name, 1);
  for (const name of names) assert.equal(await mesh.get(name), 200, name);

  for (const type of ['A', 'AAAA']) {
    script.set(`${type} fails.internal`, { rcode: 'SERVFAIL' });
    script.set(`${type} empties.internal`, {});
    script.set(`${type} falls-silent.internal`, { trouble: 'silent' });
  }
  script.set('A floods.internal', addresses('floods', 1_000, 60));
  script.set('A flips.internal', addresses('flips', 1_200, 1));
  await Promise.all([
    mesh.untilFailed('fails'),
    mesh.untilFailed('empties'),
    mesh.untilFailed('falls-silent'),
    mesh.untilCount('floods', 1_000),
    mesh.untilCount('flips', 1_000),
  ]);
  assert.match(mesh.errorOf('fails'), /SERVFAIL/);
  assert.match(mesh.errorOf('empties'), /no addresses/);
  assert.match(mesh.errorOf('falls-silent'), /no answer|not answer|time/);
  for (const name of ['fails', 'empties', 'falls-silent'] as const) {
    assert.equal(await mesh.get(name), 200, name);
  }

  script.set('A flips.internal', addresses('flips', 1, 1));
  script.set('A fails.internal', addresses('fails', 2, 60));
  await Promise.all([mesh.untilCount('flips', 1), mesh.untilCount('fails', 2)]);
  assert.equal(await mesh.get('flips'), 200);
  assert.equal(mesh.errorOf('fails'), '');
});
