/**
 * Goal: a folder of objects is services, endpoints and refusals while it is well, and what it was
 * while it is not. Method: a real folder, and a clock that is moved by hand until a change has come
 * through.
 */

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { TimerWheel } from '../../core/base/timers.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { Manifests } from './manifests.ts';

const service = (ports: string) => `apiVersion: v1
kind: Service
metadata: { name: web, namespace: demo }
spec: { ports: ${ports} }
`;
const slice = (name: string, ports: string, endpoints: string) => `---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${name}, namespace: demo, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
ports: ${ports}
endpoints: ${endpoints}
`;

function setUp(t: TestContext, files: Readonly<Record<string, string>> | null) {
  const root = mkdtempSync(join(tmpdir(), 'heddle-manifests-'));
  const path = join(root, 'mesh.d');
  const write = (name: string, text: string): void => writeFileSync(join(path, name), text);
  if (files !== null) mkdirSync(path);
  for (const [name, text] of Object.entries(files ?? {})) write(name, text);
  const clock = new FakeClock(1_000, Date.now());
  const timers = new TimerWheel(clock, clock.wakeSource);
  const warnings: string[] = [];
  const log = {
    info: () => undefined,
    warn: (message: string, fields?: object) =>
      void warnings.push(`${message} ${JSON.stringify(fields)}`),
  };
  const manifests = new Manifests(path, { clock, timers, log });
  t.after(() => {
    manifests.close();
    timers.close();
    assert.equal(timers.armedCount, 0);
    rmSync(root, { recursive: true });
  });
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) {
      clock.advance(100);
      await new Promise((turn) => setImmediate(turn));
    }
  };
  const ready = (): Promise<void> => until(() => !manifests.isSettling());
  const told: string[] = [];
  const follow = (port = 80): void => {
    manifests.openEndpoints(
      { namespace: 'demo', name: 'web', port },
      {
        onEndpoints: (endpoints) =>
          told.push(endpoints.map((one) => `${one.host}:${one.port}${one.zone}`).join()),
        onError: (reason) => told.push(`error ${reason.replace(root, '')}`),
      },
    );
  };
  return { path, write, manifests, until, ready, told, follow, warnings };
}

test("a port's endpoints are those of its name in all slices, ready ones alone", async (t) => {
  const ports = '[{ name: http, port: 80, targetPort: 8080 }, { name: admin, port: 81 }]';
  const { manifests, ready, told, follow } = setUp(t, {
    'web.yaml':
      service(ports) +
      slice(
        'a',
        '[{ name: http, port: 8080 }, { name: admin, port: 9990 }]',
        `[{ addresses: [10.0.0.1], zone: z },
          { addresses: [10.0.0.2], conditions: { ready: false } }]`,
      ),
    'more.yaml':
      slice('b', '[{ name: http, port: 8081 }]', '[{ addresses: [10.0.0.3, 10.0.0.4] }]') +
      slice('c', '[{ name: http, port: 8081, protocol: UDP }]', '[{ addresses: [10.0.0.5] }]'),
  });
  follow(80);
  assert.deepEqual(told, [], 'nothing before the folder was read');
  await ready();
  follow(81);
  follow(82);
  assert.deepEqual(told, ['10.0.0.3:8081,10.0.0.4:8081,10.0.0.1:8080z', '10.0.0.1:9990z', '']);
  assert.deepEqual(manifests.problems(), []);
  assert.equal(manifests.status().objects, 4);
});

test('a change tells those whom it concerns', async (t) => {
  const { manifests, until, ready, told, follow, write } = setUp(t, {
    'web.yaml': service('[{ port: 80 }]'),
    'slice.yaml': slice('a', '[{ port: 8080 }]', '[{ addresses: [10.0.0.1] }]'),
  });
  follow();
  await ready();
  let changes = 0;
  manifests.onChange(() => {
    changes += 1;
  });
  const other = service('[{ port: 80 }]').replace('name: web', 'name: other');
  write('other.yaml', other);
  await until(() => manifests.services().length === 2);
  assert.deepEqual(told, ['10.0.0.1:8080']);
  assert.equal(changes, 1);
  write('slice.yaml', slice('a', '[{ port: 8080 }]', '[{ addresses: [10.0.0.9] }]'));
  await until(() => told.length === 2);
  assert.equal(told[1], '10.0.0.9:8080');
  rmSync(join(manifests.location, 'slice.yaml'));
  await until(() => told.length === 3);
  assert.equal(told[2], '', 'a file that is deleted is meant');
});

test('a bad object, file or folder leaves what was known', async (t) => {
  const good =
    service('[{ port: 80 }]') + slice('a', '[{ port: 80 }]', '[{ addresses: [10.0.0.1] }]');
  const { path, manifests, until, ready, told, follow, write, warnings } = setUp(t, {
    'web.yaml': good,
  });
  follow();
  await ready();
  const first = () => manifests.problems()[0]?.reason ?? '';
  const bad: readonly (readonly [text: string, reason: RegExp])[] = [
    [good.replace('10.0.0.1', 'localhost'), /expected an IP address, got "localhost"/],
    [good.replace('port: 80 }] }', 'port: -1 }] }'), /expected a port from 1 to 65535, got -1/],
    ['a: [\n', /not valid YAML/],
    ['', /it is empty; delete it/],
    ['x'.repeat(1024 * 1024 + 1), /more than 1048576/],
  ];
  for (const [text, reason] of bad) {
    write('web.yaml', text);
    await until(() => reason.test(first()));
    assert.deepEqual(new Set(told), new Set(['10.0.0.1:80']));
    assert.equal(manifests.services().length, 1);
  }
  assert.equal(warnings.length, bad.length, 'each is logged once');
  write('web.yaml', good);
  await until(() => manifests.problems().length === 0);
  told.length = 0;
  rmSync(path, { recursive: true });
  await until(() => manifests.status().error !== null);
  assert.deepEqual(told, ['error /mesh.d: it does not exist']);
  follow();
  assert.deepEqual(told.slice(1), ['10.0.0.1:80', 'error /mesh.d: it does not exist']);
  mkdirSync(path);
  write('web.yaml', good.replace('10.0.0.1', '10.0.0.2'));
  await until(() => manifests.status().error === null);
  assert.deepEqual(told.slice(3), ['10.0.0.2:80', '10.0.0.2:80']);
});

test('a folder that never was there is not empty, it settles', async (t) => {
  const { path, manifests, until, told, follow } = setUp(t, null);
  follow();
  await until(() => manifests.status().error !== null);
  assert.equal(manifests.isSettling(), true);
  assert.deepEqual(told, ['error /mesh.d: it does not exist']);
  mkdirSync(path);
  await until(() => !manifests.isSettling());
  assert.deepEqual(told.slice(1), ['']);
  assert.deepEqual(manifests.services(), []);
});

test('a set that is too large is refused, the last good one stays', async (t) => {
  const { manifests, until, ready, told, follow, write } = setUp(t, {
    'web.yaml':
      service('[{ port: 80 }]') + slice('a', '[{ port: 80 }]', '[{ addresses: [10.0.0.1] }]'),
  });
  follow();
  await ready();
  const addresses = Array.from({ length: 100 }, (_, at) => `10.0.1.${at}`).join();
  const endpoints = Array.from({ length: 10 }, () => `{ addresses: [${addresses}] }`).join();
  const labels = '{ kubernetes.io/service-name: web }';
  const items = Array.from({ length: 66 }, (_, at) => {
    const list = at === 0 ? `&many [${endpoints}]` : '*many';
    return `- metadata: { name: b${at}, namespace: demo, labels: ${labels} }
  addressType: IPv4
  ports: [{ port: 80 }]
  endpoints: ${list}
`;
  });
  const head = 'apiVersion: discovery.k8s.io/v1\nkind: EndpointSliceList\nitems:\n';
  write('many.yaml', head + items.join(''));
  await until(() => manifests.status().objects === 68);
  assert.match(told.at(-1) ?? '', /^error more than 16384 endpoints; split the service/);
});
