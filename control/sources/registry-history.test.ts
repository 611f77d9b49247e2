/**
 * Goal: whatever happens in whatever order, no process is forgotten while it is connected, none is
 * kept beyond its lease, and a restart loses nobody. Method: random histories of the registry, on a
 * clock that is moved by hand, beside a model that is too simple to be wrong.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  type Arbitrary,
  array,
  assert as assertProperty,
  constant,
  constantFrom,
  integer,
  nat,
  oneof,
  property,
  record,
} from 'fast-check';
import { registryLeaseMs } from '../../core/base/limits.ts';
import { TimerWheel } from '../../core/base/timers.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { joinedPorts as portsOf, registration } from '../../test/support/joined.ts';
import { Registry } from './registry.ts';

type Step =
  | { readonly kind: 'join' | 'serve' | 'withdraw' | 'drop'; readonly who: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'pause' | 'restart' };

const who = integer({ min: 0, max: 5 });
const step: Arbitrary<Step> = oneof(
  record({ kind: constantFrom('join', 'serve', 'withdraw', 'drop'), who }),
  record({ kind: constant('wait'), ms: oneof(nat(400), nat(9_990)) }),
  record({ kind: constantFrom('pause', 'restart') }),
);

test('never expires while connected, never kept beyond the lease, nobody lost', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-registry-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'registry.json');
  assertProperty(
    property(array(step, { maxLength: 60 }), (steps) => {
      rmSync(path, { force: true });
      playHistory(steps, path);
    }),
    { numRuns: 300 },
  );
});

interface Expected {
  connection: number | null;
  serving: boolean;
  /** When it must be gone at the latest; infinite while connected. */
  endMs: number;
}

function playHistory(steps: readonly Step[], path: string): void {
  const clock = new FakeClock();
  const timers = new TimerWheel(clock, clock.wakeSource);
  const log = { info: () => undefined, warn: (text: string) => assert.fail(text) };
  let registry = new Registry({
    clock,
    timers,
    log,
    trustDomain: 'mesh.local',
    path,
    isFirst: true,
  });
  let connections = 0;
  const model = new Map<number, Expected>();
  /** All who have no stream have a lease from now on. */
  const extend = (): void => {
    for (const one of model.values()) {
      if (one.connection === null) one.endMs = clock.monotonicMs() + registryLeaseMs;
    }
  };
  for (const one of steps) {
    const expected = 'who' in one ? model.get(one.who) : undefined;
    if (one.kind === 'wait') clock.advance(one.ms);
    else if (one.kind === 'pause') {
      clock.stall(30_000);
      extend();
    } else if (one.kind === 'restart') {
      registry.close();
      registry = new Registry({ clock, timers, log, trustDomain: 'mesh.local', path });
      for (const known of model.values()) known.connection = null;
      extend();
    } else if (one.kind === 'join') {
      connections += 1;
      const port = 4_000 + one.who;
      const result = registry.join(registration({ instance: `i${one.who}`, port }), connections);
      assert.deepEqual(result, { warning: '' });
      const serving = expected?.serving ?? false;
      model.set(one.who, { connection: connections, serving, endMs: Number.POSITIVE_INFINITY });
    } else if (expected !== undefined && expected.connection !== null) {
      if (one.kind === 'drop') {
        registry.disconnected(expected.connection);
        expected.connection = null;
        expected.endMs = clock.monotonicMs() + registryLeaseMs;
      } else {
        expected.serving = one.kind === 'serve';
        registry.setServing(expected.connection, expected.serving);
      }
    }
    check(registry, model, clock.monotonicMs());
  }
  registry.close();
  assert.equal(timers.armedCount, 0);
}

/** The wheel may be two ticks late. */
const lateMs = 30;

function check(registry: Registry, model: Map<number, Expected>, nowMs: number): void {
  const there = new Map(
    registry.instances().map((view) => [Number(view.registration.instance.slice(1)), view]),
  );
  for (const [name, expected] of model) {
    const view = there.get(name);
    if (expected.endMs > nowMs) {
      assert.ok(view !== undefined, 'lost before its time');
      assert.equal(view.serving, expected.serving);
      assert.equal(view.connected, expected.connection !== null);
    } else if (view === undefined) model.delete(name);
    else assert.ok(nowMs <= expected.endMs + lateMs, 'kept beyond its lease');
  }
  const serving = Array.from(there.values())
    .filter((view) => view.serving)
    .map((view) => view.registration.port);
  assert.deepEqual(new Set(portsOf(registry)), new Set(serving));
}
