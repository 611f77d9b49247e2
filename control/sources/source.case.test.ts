/**
 * Goal: every source of endpoints keeps the same promises, whatever it is made of. Method: one list
 * of cases for all of them, by way of the cache that the index uses: real files and folders, a real
 * DNS server, a registry; a clock that is moved by hand until something has come through.
 */

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { seededRandom } from '../../core/base/random.ts';
import { TimerWheel } from '../../core/base/timers.ts';
import { startDnsServer } from '../../test/support/dns-server.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { SourceCache, type SourceHold } from '../index/source-cache.ts';
import type { SourceConfig } from '../model/source.ts';
import { Manifests } from './manifests.ts';
import { createSourceOpener } from './open-source.ts';
import { Registry } from './registry.ts';

type DnsServer = Awaited<ReturnType<typeof startDnsServer>>;

interface World {
  readonly folder: string;
  readonly dns: DnsServer;
  readonly registry: Registry;
}

interface SourceCase {
  readonly config: (world: World) => SourceConfig;
  /** Makes these hosts, at port 8080, the truth. Null when it never changes. */
  readonly set: ((world: World, hosts: readonly string[]) => void) | null;
  /** Makes it unreadable, with what is to be found in the error; null when it cannot be. */
  readonly fail: ((world: World) => RegExp) | null;
}

const demoWeb = { namespace: 'demo', name: 'web', port: 80 };

const cases: Readonly<Record<string, SourceCase>> = {
  inline: {
    config: () => ({ kind: 'inline', endpoints: [host('10.0.0.1')] }),
    set: null,
    fail: null,
  },
  file: {
    config: ({ folder }) => ({ kind: 'file', path: join(folder, 'web.endpoints') }),
    set: ({ folder }, hosts) => {
      const lines = hosts.map((one) => `${one} 8080\n`).join('');
      replace(join(folder, 'web.endpoints'), lines === '' ? '# empty\n' : lines);
    },
    fail: ({ folder }) => {
      rmSync(join(folder, 'web.endpoints'));
      return /does not exist/;
    },
  },
  dns: {
    config: () => ({ kind: 'dns', name: 'web.internal', port: 8080 }),
    set: ({ dns }, hosts) => {
      const answers = hosts.map(
        (data) => ({ type: 'A', name: 'web.internal', ttl: 1, data }) as const,
      );
      // That the name does not exist is how a name says that there is nobody.
      const rcode = hosts.length === 0 ? 'NXDOMAIN' : 'NOERROR';
      dns.script.set('A web.internal', { rcode, answers });
      dns.script.set('AAAA web.internal', { rcode });
    },
    fail: ({ dns }) => {
      dns.script.set('A web.internal', { rcode: 'SERVFAIL' });
      dns.script.set('AAAA web.internal', { rcode: 'SERVFAIL' });
      return /SERVFAIL/;
    },
  },
  srv: {
    config: () => ({ kind: 'srv', name: '_web._tcp.internal' }),
    set: ({ dns }, hosts) => {
      const name = '_web._tcp.internal';
      const data = { priority: 0, weight: 1, port: 8080 };
      const answers = hosts.map((one) => {
        const target = `${one.replaceAll('.', '-')}.internal`;
        const record = { type: 'A', name: target, ttl: 1, data: one } as const;
        dns.script.set(`A ${target}`, { answers: [record] });
        dns.script.set(`AAAA ${target}`, { answers: [] });
        return { type: 'SRV', name, ttl: 1, data: { ...data, target } } as const;
      });
      const rcode = hosts.length === 0 ? 'NXDOMAIN' : 'NOERROR';
      dns.script.set(`SRV ${name}`, { rcode, answers });
    },
    fail: ({ dns }) => {
      dns.script.set('SRV _web._tcp.internal', { rcode: 'SERVFAIL' });
      return /SERVFAIL/;
    },
  },
  manifests: {
    config: () => ({ kind: 'manifests', ...demoWeb }),
    set: ({ folder }, hosts) => {
      const unready = '{ addresses: [10.9.9.9], conditions: { ready: false } }';
      const endpoints = [...hosts.map((one) => `{ addresses: [${one}] }`), unready].join();
      replace(
        join(folder, 'mesh.d', 'web.yaml'),
        `apiVersion: v1
kind: Service
metadata: { name: web, namespace: demo }
spec: { ports: [{ port: 80 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-1, namespace: demo, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
ports: [{ port: 8080 }]
endpoints: [${endpoints}]
`,
      );
    },
    fail: ({ folder }) => {
      rmSync(join(folder, 'mesh.d'), { recursive: true });
      return /mesh\.d: it does not exist/;
    },
  },
  registry: {
    config: () => ({ kind: 'registry', ...demoWeb }),
    set: ({ registry }, hosts) => {
      for (let at = 1; at < 10; at++) registry.setServing(at, false);
      for (const [index, one] of hosts.entries()) {
        registry.join(
          {
            instance: one.replaceAll('.', '-'),
            namespace: 'demo',
            service: 'web',
            servicePort: 80,
            protocol: 'auto',
            host: one,
            port: 8080,
            weight: 1,
            zone: '',
            admin: '',
            version: '',
          },
          index + 1,
        );
        registry.setServing(index + 1, true);
      }
    },
    fail: null,
  },
};

function host(address: string) {
  return { host: address, port: 8080, weight: 1, zone: '' };
}

/** As careful writers do it, the folder included. */
function replace(path: string, text: string): void {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

async function setUp(t: TestContext, source: SourceCase) {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-source-'));
  const paths = { hosts: join(folder, 'hosts'), resolvConf: join(folder, 'resolv.conf') };
  writeFileSync(paths.hosts, '');
  writeFileSync(paths.resolvConf, 'nameserver 127.0.0.1\n');
  mkdirSync(join(folder, 'mesh.d'));
  const dns = await startDnsServer();
  const clock = new FakeClock(1_000, Date.now());
  const timers = new TimerWheel(clock, clock.wakeSource);
  const log = { info: () => undefined, warn: () => undefined };
  const registry = new Registry({ clock, timers, log, trustDomain: 'mesh.local', path: null });
  const world = { folder, dns, registry };
  source.set?.(world, ['10.0.0.1']);
  const manifests = new Manifests(join(folder, 'mesh.d'), { clock, timers, log });
  const opener = createSourceOpener({
    clock,
    timers,
    random: seededRandom(1),
    log,
    resolver: { paths, port: dns.port },
    catalogs: {
      manifests: (service, listener) => manifests.openEndpoints(service, listener),
      registry: (service, listener) => registry.openEndpoints(service, listener),
    },
  });
  const cache = new SourceCache({ clock, timers, log, openSource: opener.open });
  const close = (): void => {
    cache.close();
    opener.close();
    manifests.close();
    registry.close();
  };
  t.after(async () => {
    close();
    timers.close();
    await dns.close();
    rmSync(folder, { recursive: true });
    assert.equal(timers.armedCount, 0, 'nothing is left armed');
  });
  let changes = 0;
  const hold = cache.hold(source.config(world), () => {
    changes += 1;
  });
  /** Lets time pass, and what it causes happen. */
  const pass = async (): Promise<void> => {
    clock.advance(250);
    await new Promise((turn) => setImmediate(turn));
  };
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) await pass();
  };
  const passTurns = async (): Promise<void> => {
    for (let turn = 0; turn < 60; turn++) await pass();
  };
  return { world, hold, until, passTurns, close, told: () => changes };
}

function hostsOf(hold: SourceHold): string | undefined {
  return hold.state.endpoints
    ?.map((one) => `${one.host}:${one.port}`)
    .toSorted()
    .join();
}

for (const [name, source] of Object.entries(cases)) {
  test(`${name}: the first set, and no change without one`, async (t) => {
    const { hold, until, passTurns, told } = await setUp(t, source);
    await until(() => hold.state.endpoints !== null);
    assert.equal(hostsOf(hold), '10.0.0.1:8080');
    const before = told();
    await passTurns();
    assert.equal(told(), before);
    assert.equal(hold.state.error, null);
    assert.notEqual(hold.state.confirmedWallMs, null);
  });

  const { set, fail } = source;
  if (set !== null) {
    test(`${name}: each change, the empty set included`, async (t) => {
      const { world, hold, until } = await setUp(t, source);
      await until(() => hold.state.endpoints !== null);
      set(world, ['10.0.0.2', '10.0.0.3']);
      await until(() => hostsOf(hold) === '10.0.0.2:8080,10.0.0.3:8080');
      set(world, []);
      await until(() => hostsOf(hold) === '');
      set(world, ['10.0.0.4']);
      await until(() => hostsOf(hold) === '10.0.0.4:8080');
    });

    test(`${name}: nothing after it was closed`, async (t) => {
      const { world, hold, until, passTurns, close, told } = await setUp(t, source);
      await until(() => hold.state.endpoints !== null);
      const before = told();
      close();
      set(world, ['10.0.0.2']);
      await passTurns();
      assert.equal(told(), before);
      assert.equal(hostsOf(hold), '10.0.0.1:8080');
    });
  }

  if (set !== null && fail !== null) {
    test(`${name}: an error keeps the last good set until the source is back`, async (t) => {
      const { world, hold, until, passTurns, told } = await setUp(t, source);
      await until(() => hold.state.endpoints !== null);
      const before = told();
      const error = fail(world);
      await until(() => hold.state.error !== null);
      assert.match(hold.state.error ?? '', error);
      await passTurns();
      assert.equal(told(), before);
      assert.equal(hostsOf(hold), '10.0.0.1:8080');
      set(world, ['10.0.0.2']);
      await until(() => hostsOf(hold) === '10.0.0.2:8080');
      assert.equal(hold.state.error, null);
    });
  }
}
