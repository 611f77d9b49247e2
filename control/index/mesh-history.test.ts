/**
 * Goal: whatever happens in whatever order, a watcher ends up with what the catalogs and sources
 * say, never sees an endpoint that no source held or an empty set that none told, and is not told
 * the same twice. Method: random histories of a catalog and its sources on a clock that is moved by
 * hand.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { TimerWheel } from '../../core/base/timers.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { type Catalog, noRefusals } from '../model/catalog.ts';
import type { ServiceConfig } from '../model/loaded-config.ts';
import type { SourceListener } from '../model/source.ts';
import { MeshIndex, type ServiceState } from './mesh-index.ts';

type Step =
  | { readonly kind: 'set'; readonly who: number; readonly ports: readonly number[] }
  | { readonly kind: 'fail' | 'toggle' | 'watch' | 'stop'; readonly who: number }
  | { readonly kind: 'wait'; readonly ms: number };

const who = fc.nat(2);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('set'),
    who,
    ports: fc.uniqueArray(fc.integer({ min: 1, max: 6 })),
  }),
  fc.record({ kind: fc.constantFrom('fail', 'toggle', 'watch', 'stop'), who }),
  fc.record({ kind: fc.constant('wait'), ms: fc.nat(60) }),
);

test('every watcher ends up with the truth, by states that were true', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => playHistory(steps)),
    { numRuns: 500 },
  );
});

/** One of three services, `s0` to `s2`. */
class Service {
  readonly config: ServiceConfig;
  isKnown = true;
  /** What its source said last; null before it has. */
  ports: readonly number[] | null = null;
  readonly held = new Set<string>();
  listener: SourceListener | null = null;

  constructor(at: number) {
    const name = `s${at}`;
    const source = { kind: 'dns', name, port: 80 } as const;
    this.config = { name, namespace: 'demo', port: 80, protocol: 'auto', source };
  }

  tell(ports: readonly number[]): void {
    this.ports = ports;
    this.held.add(keyOf(ports));
    this.listener?.onEndpoints(
      ports.map((port) => ({ host: '10.0.0.1', port, weight: 1, zone: '' })),
    );
  }
}

function playHistory(steps: readonly Step[]): void {
  const clock = new FakeClock();
  const timers = new TimerWheel(clock, clock.wakeSource);
  const services = [0, 1, 2].map((at) => new Service(at));
  let onChange = (): void => undefined;
  const catalog: Catalog = {
    kind: 'config',
    location: '',
    services: () => services.filter(({ isKnown }) => isKnown).map(({ config }) => config),
    refusals: () => noRefusals,
    problems: () => [],
    status: () => ({ objects: 0, confirmedWallMs: null, error: null }),
    isSettling: () => false,
    onChange: (listener) => {
      onChange = listener;
      return () => undefined;
    },
    close: () => undefined,
  };
  const index = new MeshIndex({
    clock,
    timers,
    log: { info: () => undefined, warn: () => undefined },
    clusterDomain: 'cluster.local',
    catalogs: [catalog],
    openSource: (config, listener) => {
      const service = services.find((one) => one.config.name === ('name' in config && config.name));
      if (service !== undefined) service.listener = listener;
      if (service?.ports) service.tell(service.ports);
      return { close: () => undefined };
    },
  });
  const watches: { readonly service: Service; readonly states: ServiceState[]; stop(): void }[] =
    [];
  for (const one of steps) {
    if (one.kind === 'wait') {
      clock.advance(one.ms);
      continue;
    }
    const service = services[one.who];
    if (one.kind === 'set') service.tell(one.ports);
    else if (one.kind === 'fail') service.listener?.onError('SERVFAIL');
    else if (one.kind === 'toggle') {
      service.isKnown = !service.isKnown;
      onChange();
    } else if (one.kind === 'watch') {
      const states: ServiceState[] = [];
      const { name } = service.config;
      const stop = index.watchService(name, 'demo', (state) => void states.push(state));
      watches.push({ service, states, stop });
    } else {
      const at = watches.findIndex((watch) => watch.service === service);
      if (at !== -1) watches.splice(at, 1)[0].stop();
    }
  }
  clock.advance(100);
  for (const { service, states } of watches) check(service, states.map(summarize));
  index.close();
  assert.equal(timers.armedCount, 0);
}

function check(service: Service, states: readonly string[]): void {
  const { isKnown, ports, held } = service;
  const truth = isKnown ? ports && keyOf(ports) : 'unknown';
  // Nothing is told of a service whose source has said nothing.
  if (truth !== null) assert.equal(states.at(-1), truth);
  for (const [at, state] of states.entries()) {
    assert.ok(state === 'unknown' || held.has(state), `${state} was never so`);
    assert.notEqual(state, states[at - 1], 'told twice');
  }
}

function summarize(state: ServiceState): string {
  return state.kind === 'ready' ? keyOf(state.endpoints.map(({ port }) => port)) : state.kind;
}

function keyOf(ports: readonly number[]): string {
  return `[${ports.toSorted((a, b) => a - b).join()}]`;
}
