/**
 * Goal: names, precedence and refusals as documented; watchers hear each change once, together
 * with its neighbours in time, and never an error as an empty set. Method: catalogs and sources
 * under the test's control and a clock that is moved by hand.
 */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { endpointSetVersion } from '../../api/endpoint-set.ts';
import { TimerWheel } from '../../core/base/timers.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import {
  type Catalog,
  type CatalogKind,
  noRefusals,
  type ObjectProblem,
  type PolicyRefusals,
} from '../model/catalog.ts';
import type { ServiceConfig } from '../model/loaded-config.ts';
import type { SourceConfig, SourceListener } from '../model/source.ts';
import { MeshIndex, type ServiceState } from './mesh-index.ts';

const endpoint = (port: number) => ({ host: '10.0.0.1', port, weight: 1, zone: '' });

class FakeCatalog implements Catalog {
  readonly kind: CatalogKind;
  readonly location = '/here';
  readonly #listeners = new Set<() => void>();
  known: readonly ServiceConfig[] = [];
  refused: PolicyRefusals = noRefusals;
  settling = false;

  constructor(kind: CatalogKind, known: readonly ServiceConfig[] = []) {
    this.kind = kind;
    this.known = known;
  }

  services(): readonly ServiceConfig[] {
    return this.known;
  }

  refusals(): PolicyRefusals {
    return this.refused;
  }

  problems(): ObjectProblem[] {
    return [{ object: `of ${this.kind}`, field: '', reason: '' }];
  }

  status() {
    return { objects: this.known.length, confirmedWallMs: 1, error: null };
  }

  isSettling(): boolean {
    return this.settling;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  change(known: readonly ServiceConfig[]): void {
    this.known = known;
    this.tell();
  }

  tell(): void {
    for (const listener of this.#listeners) listener();
  }

  get listening(): number {
    return this.#listeners.size;
  }

  close(): void {
    this.#listeners.clear();
  }
}

function service(
  name: string,
  kind: 'manifests' | 'registry' | 'dns',
  rest: Partial<ServiceConfig> = {},
): ServiceConfig {
  const namespace = rest.namespace ?? 'demo';
  const port = rest.port ?? 80;
  const source: SourceConfig =
    kind === 'dns' ? { kind, name: `${name}.internal`, port } : { kind, namespace, name, port };
  return { name, namespace, port, protocol: 'auto', source, ...rest };
}

function setUp(t: TestContext, ...catalogs: readonly FakeCatalog[]) {
  const clock = new FakeClock();
  const timers = new TimerWheel(clock, clock.wakeSource);
  const sources = new Map<string, { listener: SourceListener; closed: boolean }>();
  const index = new MeshIndex({
    clock,
    timers,
    log: { info: () => undefined, warn: () => undefined },
    clusterDomain: 'cluster.local',
    catalogs,
    openSource: (config, listener) => {
      const source = { listener, closed: false };
      sources.set(`${config.kind} ${'name' in config ? config.name : ''}`, source);
      const close = (): void => {
        source.closed = true;
      };
      return { close };
    },
  });
  t.after(() => {
    index.close();
    assert.equal(timers.armedCount, 0, 'nothing is left armed');
    assert.ok(catalogs.every(({ listening }) => listening === 0));
    assert.ok(Array.from(sources.values()).every(({ closed }) => closed));
  });
  /** As the source of this kind and name. */
  const tell = (source: string, ...ports: number[]): void =>
    sources.get(source)?.listener.onEndpoints(ports.map(endpoint));
  const fail = (source: string): void => sources.get(source)?.listener.onError('SERVFAIL');
  const watch = (name: string, namespace = 'demo') => {
    const states: ServiceState[] = [];
    const stop = index.watchService(name, namespace, (state) => void states.push(state));
    return { states, stop };
  };
  return { index, clock, tell, fail, watch, sources };
}

/** `80,81`, `unknown`, `settling`. */
function summarize(states: readonly ServiceState[]): string[] {
  return states.map((state) =>
    state.kind === 'ready' ? state.endpoints.map(({ port }) => port).join() : state.kind,
  );
}

test('every spelling finds the service, a short name in the own namespace alone', (t) => {
  const { index } = setUp(
    t,
    new FakeCatalog('registry', [
      service('web', 'registry'),
      service('web', 'registry', { namespace: 'other', port: 8080 }),
    ]),
  );
  const found = (name: string, namespace = 'demo'): string => {
    const result = index.find(name, namespace);
    return result.kind === 'service' ? result.service.authority : result.kind;
  };
  const own = 'web.demo.svc.cluster.local:80';
  for (const name of ['web', 'WEB:80', 'web.', 'web.demo', 'web.demo.svc', own]) {
    assert.equal(found(name), own, name);
  }
  assert.equal(found('web.demo', 'other'), own);
  const other = 'web.other.svc.cluster.local:8080';
  for (const name of ['web:8080', 'web.other.svc:8080']) assert.equal(found(name, 'other'), other);
  const strangers = [
    'web:81',
    'web.svc',
    'web.demo.svc.else',
    'a.b.c.d.e',
    '',
    ':',
    'web:x',
    '::1',
  ];
  for (const name of strangers) assert.equal(found(name), 'unknown', name);
  assert.equal(found('web', 'third'), 'unknown');
});

test('an address belongs to the first service that has it, which is a problem', (t) => {
  const clusterIps = ['10.96.0.10', 'fd00::a'];
  const { index } = setUp(
    t,
    new FakeCatalog('config', [service('web', 'dns', { clusterIps })]),
    new FakeCatalog('registry', [service('db', 'registry', { clusterIps: ['10.96.0.10'] })]),
  );
  for (const address of ['10.96.0.10', '10.96.0.10:80', '[fd00::a]:80', '[FD00:0::a]']) {
    const found = index.find(address, 'any');
    assert.equal(found.kind === 'service' && found.service.name, 'web', address);
  }
  for (const address of ['10.96.0.10:81', '10.96.0.11:80', 'fd00::a.svc']) {
    assert.equal(index.find(address, 'demo').kind, 'unknown', address);
  }
  assert.equal(index.list().length, 2);
  const problem = index.problems().find(({ field }) => field === 'clusterIps');
  assert.equal(problem?.object, 'Service demo/db of registry');
  assert.match(
    problem?.reason ?? '',
    /^web\.demo\.svc\.cluster\.local:80 has 10\.96\.0\.10:80 already/,
  );
});

test('a service belongs to the first catalog that has it, which is a problem', (t) => {
  const { index } = setUp(
    t,
    new FakeCatalog('config', [service('web', 'dns'), service('api', 'registry')]),
    new FakeCatalog('manifests', [service('web', 'manifests'), service('db', 'manifests')]),
    new FakeCatalog('registry', [
      service('db', 'registry'),
      service('api', 'registry', { port: 8080, protocol: 'grpc' }),
      service('web', 'registry', { namespace: 'other' }),
    ]),
  );
  assert.deepEqual(
    index.list().map((view) => `${view.service.authority} ${view.service.source.kind}`),
    [
      'web.demo.svc.cluster.local:80 dns',
      'api.demo.svc.cluster.local:80 registry',
      'db.demo.svc.cluster.local:80 manifests',
      'web.other.svc.cluster.local:80 registry',
    ],
  );
  assert.deepEqual(
    index.problems().map(({ object, field, reason }) => `${object} ${field} ${reason}`.trim()),
    [
      'of config',
      'of manifests',
      'of registry',
      'Service demo/web of manifests  config has a service of this name, which counts; rename one',
      'Service demo/db of registry  manifests has a service of this name, which counts; rename one',
      'Service demo/api of registry port config says 80, which counts, and not 8080',
      'Service demo/api of registry protocol config says auto, which counts, and not grpc',
    ],
  );
});

test('the first change is told at once, those of 20 ms together, the same set never', (t) => {
  const { clock, tell, watch } = setUp(t, new FakeCatalog('config', [service('web', 'dns')]));
  const { states } = watch('web');
  assert.equal(states.length, 0, 'nothing is known, nothing is told');
  clock.advance(100);
  tell('dns web.internal', 1);
  assert.deepEqual(summarize(states), ['1']);
  for (let port = 2; port < 1_000; port++) tell('dns web.internal', port);
  assert.deepEqual(summarize(states), ['1']);
  clock.advance(40);
  assert.deepEqual(summarize(states), ['1', '999']);
  clock.advance(100);
  tell('dns web.internal', 1, 2);
  tell('dns web.internal', 3);
  tell('dns web.internal', 2, 1);
  clock.advance(100);
  assert.deepEqual(summarize(states), ['1', '999', '1,2'], 'there and back is no change');
  const last = states.at(-1);
  assert.ok(last?.kind === 'ready');
  assert.equal(last.version, endpointSetVersion([endpoint(2), endpoint(1)]));
});

test('an error keeps the last good set, and the view says so', (t) => {
  const { index, clock, tell, fail, watch } = setUp(
    t,
    new FakeCatalog('config', [service('web', 'dns')]),
  );
  const { states } = watch('web');
  fail('dns web.internal');
  assert.equal(index.list()[0].error, 'SERVFAIL');
  assert.equal(index.list()[0].endpoints, null);
  tell('dns web.internal', 1);
  clock.advance(100);
  fail('dns web.internal');
  clock.advance(100);
  assert.deepEqual(summarize(states), ['1']);
  const [view] = index.list();
  assert.deepEqual(
    [view.location, view.error, view.endpoints?.length, view.version.length],
    ['web.internal:80', 'SERVFAIL', 1, 8],
  );
  assert.notEqual(view.confirmedWallMs, null);
});

test('services come and go under their watchers', (t) => {
  const catalog = new FakeCatalog('registry');
  const { index, clock, tell, watch } = setUp(t, catalog);
  const early = watch('web');
  assert.deepEqual(summarize(early.states), ['unknown']);
  catalog.change([service('web', 'registry')]);
  tell('registry web');
  assert.equal(index.find('web', 'demo').kind, 'service');
  clock.advance(100);
  tell('registry web', 1);
  clock.advance(100);
  const before = early.states.at(-1);
  catalog.change([service('web', 'registry'), service('more', 'registry')]);
  clock.advance(100);
  assert.equal(early.states.at(-1), before, 'what concerns another says nothing here');
  catalog.change([service('web', 'registry', { protocol: 'grpc' })]);
  clock.advance(100);
  catalog.change([]);
  clock.advance(100);
  assert.deepEqual(summarize(early.states), ['unknown', '', '1', '1', 'unknown']);
  early.stop();
  catalog.change([service('web', 'registry')]);
  clock.advance(100);
  assert.equal(early.states.length, 5);
});

test('another source of a service serves when it has answered', (t) => {
  const catalog = new FakeCatalog('config', [service('web', 'dns')]);
  const { clock, tell, watch } = setUp(t, catalog);
  const { states } = watch('web');
  tell('dns web.internal', 1);
  clock.advance(100);
  catalog.change([service('web', 'registry', { protocol: 'http' })]);
  clock.advance(100);
  tell('registry web', 2);
  clock.advance(100);
  assert.deepEqual(summarize(states), ['1', '1', '2']);
});

test('while a catalog settles, names of the mesh are not unknown', (t) => {
  const catalog = new FakeCatalog('registry', [service('web', 'registry')]);
  catalog.settling = true;
  const { index, clock, watch } = setUp(t, catalog);
  const absent = watch('none');
  const stranger = watch('www.example.com');
  assert.equal(index.find('web', 'demo').kind, 'service');
  assert.equal(index.find('none', 'demo').kind, 'settling');
  assert.deepEqual(summarize(absent.states), ['settling']);
  assert.deepEqual(summarize(stranger.states), ['unknown']);
  catalog.settling = false;
  catalog.tell();
  clock.advance(100);
  assert.deepEqual(summarize(absent.states), ['settling', 'unknown']);
  assert.deepEqual(summarize(stranger.states), ['unknown']);
});

test('what policy refuses is refused, in whatever catalog the service is', (t) => {
  const manifests = new FakeCatalog('manifests');
  const registry = new FakeCatalog('registry', [
    service('web', 'registry'),
    service('api', 'registry'),
  ]);
  const { index, clock, watch, tell } = setUp(t, manifests, registry);
  const { states } = watch('web');
  tell('registry web', 1);
  const outside = watch('www.example.com');
  const inbound: string[] = [];
  index.watchInbound('demo', 8080, (refusal) => void inbound.push(refusal));
  assert.equal(index.inboundRefusal('demo', 8080), '');
  const web = { namespace: 'demo', name: 'web' };
  manifests.refused = {
    services: [
      { ...web, port: 81, reason: 'another port' },
      { ...web, port: null, reason: 'HTTPRoute demo/r' },
    ],
    inbound: [
      { namespace: 'demo', port: 8080, reason: 'Server demo/s' },
      { namespace: 'other', port: null, reason: 'Server other/s' },
    ],
    egress: [{ namespace: 'demo', reason: 'EgressNetwork demo/e' }],
  };
  manifests.tell();
  clock.advance(100);
  const last = states.at(-1);
  assert.equal(last?.kind === 'ready' && last.service.refusal, 'HTTPRoute demo/r');
  const api = index.find('api', 'demo');
  assert.equal(api.kind === 'service' && api.service.refusal, '');
  assert.deepEqual(index.find('none', 'demo'), {
    kind: 'unknown',
    refusal: 'EgressNetwork demo/e',
  });
  assert.deepEqual(index.find('none', 'third'), { kind: 'unknown', refusal: '' });
  assert.deepEqual(outside.states.at(-1), { kind: 'unknown', refusal: 'EgressNetwork demo/e' });
  assert.equal(index.inboundRefusal('demo', 9090), '');
  assert.equal(index.inboundRefusal('other', 9090), 'Server other/s');
  manifests.refused = noRefusals;
  manifests.tell();
  clock.advance(100);
  assert.deepEqual(inbound, ['Server demo/s', '']);
});

test('a watcher may stop itself and others from within a change', (t) => {
  const { index, clock, tell } = setUp(t, new FakeCatalog('config', [service('web', 'dns')]));
  const calls: string[] = [];
  const stopFirst = index.watchService('web', 'demo', () => {
    calls.push('first');
    stopFirst();
    stopSecond();
  });
  const stopSecond = index.watchService('web', 'demo', () => void calls.push('second'));
  clock.advance(100);
  tell('dns web.internal', 1);
  assert.deepEqual(calls, ['first']);
});

test('many names that nobody knows leave nothing behind', (t) => {
  const { index, clock, watch } = setUp(t, new FakeCatalog('registry'));
  const watches = Array.from({ length: 1_000 }, (_, at) => watch(`n${at}`));
  for (const { stop } of watches) stop();
  clock.advance(100);
  assert.deepEqual(index.list(), []);
});
