/**
 * Goal: states survive the process in a folder that stays small, and nothing that is not such a
 * state is taken for one. Method: real files in a folder of the test's own.
 */

import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { untilTurn } from '../../test/support/turns.ts';
import { TimerWheel } from '../base/timers.ts';
import { createCounters } from './counters.ts';
import { readState, type StoredState, stateFileName, writeState } from './state-file.ts';
import { StateStore } from './state-store.ts';

class Rig implements Disposable {
  readonly clock = new FakeClock();
  readonly timers = new TimerWheel(this.clock, this.clock.wakeSource);
  readonly counters = createCounters();
  readonly log: string[] = [];
  readonly folder = join(mkdtempSync(join(tmpdir(), 'heddle-store-')), 'state');

  open(bounds?: { filesMax: number; bytesMax: number }): StateStore {
    const { clock, timers, counters } = this;
    const warn = (message: string, fields: object = {}): void => {
      this.log.push(`${message} ${JSON.stringify(fields)}`);
    };
    return new StateStore({ clock, timers, counters, log: { warn } }, this.folder, 'w', bounds);
  }

  /** None before a store has made the folder. */
  names(): string[] {
    return existsSync(this.folder) ? readdirSync(this.folder).toSorted() : [];
  }

  path(key: string): string {
    return join(this.folder, stateFileName(key));
  }

  [Symbol.dispose](): void {
    this.timers.close();
    rmSync(join(this.folder, '..'), { recursive: true });
  }
}

function stateOf(key: string, confirmedWallMs = 1): StoredState {
  const bytes = new Uint8Array([1, 2, 255]);
  const second = { seconds: 1n, nanos: 5 };
  const http2 = {
    flowControl: {
      initialConnectionWindowSize: 1,
      initialStreamWindowSize: 2,
      adaptiveFlowControl: true,
    },
    keepAlive: { interval: second, timeout: null, whileIdle: false },
    internals: { maxConcurrentResetStreams: 1, maxFrameSize: 2, maxSendBufSize: 3 },
  };
  const traits = {
    identity: 'a',
    serverName: 'b',
    protocolHint: 'h2',
    opaqueTransportPort: 4143,
    authorityOverride: '',
    http2,
    labels: { pod: 'c' },
  } as const;
  const endpoints = [
    { host: '10.0.0.1', port: 80, weight: 0.5, zone: 'z' },
    { host: '::1', port: 1, weight: 1, zone: '', traits },
  ];
  const set = { endpoints, namespace: 'demo', service: 'web' };
  const parts = { outbound: bytes, profile: null, inbound: null, set };
  return { key, workload: 'w', confirmedWallMs, parts };
}

test('a state is read as it was written, by another process', async () => {
  using rig = new Rig();
  const store = rig.open();
  assert.equal(await store.load('host:a'), null);
  store.save('host:a', stateOf('host:a'));
  await store.close();
  const other = rig.open();
  assert.deepEqual(await other.load('host:a'), stateOf('host:a'));
  assert.equal(await other.load('host:b'), null);
  assert.deepEqual([rig.counters.statesLoaded, rig.counters.statesRefused], [1, 0]);
  other.save('host:a', null);
  await other.close();
  assert.deepEqual(rig.names(), []);
});

test('writes of a second are one write, of the newest state', async () => {
  using rig = new Rig();
  const store = rig.open();
  const read = (): number => {
    const state = readState(readFileSync(rig.path('a')), 'a', 'w');
    return typeof state === 'string' ? -1 : state.confirmedWallMs;
  };
  store.save('a', stateOf('a', 1));
  rig.clock.advance(20);
  await untilTurn('the first', () => rig.names().join() === stateFileName('a'));
  store.save('a', stateOf('a', 2));
  store.save('a', stateOf('a', 3));
  rig.clock.advance(900);
  assert.equal(read(), 1);
  await untilTurn('the last', () => {
    rig.clock.advance(10);
    return read() === 3;
  });
  await store.close();
});

test('the folder is bounded; the oldest go', async () => {
  using rig = new Rig();
  const size = writeState(stateOf('k1')).length;
  const bounds = { filesMax: 3, bytesMax: size * 10 };
  const store = rig.open(bounds);
  for (const key of ['k1', 'k2', 'k3', 'k1', 'k4']) store.save(key, stateOf(key));
  await store.close();
  assert.equal(rig.names().length, 3);
  const next = rig.open({ filesMax: 10, bytesMax: size * 2 + 1 });
  next.save('k5', stateOf('k5'));
  await next.close();
  assert.equal(rig.names().length, 2);
  assert.ok(rig.names().includes(stateFileName('k5')));
});

test('what is no state of this target is refused, named and counted', async () => {
  using rig = new Rig();
  const good = writeState(stateOf('a'));
  const flipped = Buffer.from(good);
  flipped[good.length - 5] ^= 1;
  const wrong: Record<string, Buffer> = {
    empty: Buffer.alloc(0),
    text: Buffer.from('hello\n'),
    'another version': Buffer.from(good.toString().replace('state 1', 'state 2')),
    'cut off': good.subarray(0, good.length - 1),
    'too long': Buffer.concat([good, Buffer.from(' ')]),
    flipped,
    'another key': writeState(stateOf('b')),
    'another workload': writeState({ ...stateOf('a'), workload: 'x' }),
  };
  for (const [name, bytes] of Object.entries(wrong)) {
    assert.equal(typeof readState(bytes, 'a', 'w'), 'string', name);
  }
  mkdirSync(rig.folder);
  writeFileSync(rig.path('a'), flipped);
  writeFileSync(join(rig.folder, 'notes.txt'), 'mine');
  writeFileSync(`${rig.path('b')}.new`, 'half');
  const store = rig.open();
  assert.equal(await store.load('a'), null);
  assert.equal(rig.counters.statesRefused, 1);
  assert.match(rig.log.join(), new RegExp(`${stateFileName('a')}.*its checksum differs`));
  await store.close();
  assert.deepEqual(rig.names(), [stateFileName('a'), 'notes.txt'].toSorted());
});

test('content of another form is refused, with a checksum that is right', () => {
  const { parts } = stateOf('a');
  const [plain, traited] = parts.set?.endpoints ?? [];
  const withEndpoint = (endpoint: object): object => ({
    ...stateOf('a'),
    parts: { ...parts, set: { ...parts.set, endpoints: [endpoint] } },
  });
  const traits = (more: object): object =>
    withEndpoint({
      ...traited,
      traits: { ...traited.traits, ...more },
    });
  const wrong: Record<string, object> = {
    'a time': { ...stateOf('a'), confirmedWallMs: -1 },
    'a set': { ...stateOf('a'), parts: { ...parts, set: 5 } },
    endpoints: { ...stateOf('a'), parts: { ...parts, set: { ...parts.set, endpoints: 5 } } },
    'a name': withEndpoint({ ...plain, host: 'example.com' }),
    'port 0': withEndpoint({ ...plain, port: 0 }),
    'a large port': withEndpoint({ ...plain, port: 65_536 }),
    'no weight': withEndpoint({ ...plain, weight: 0 }),
    'a zone': withEndpoint({ ...plain, zone: null }),
    traits: withEndpoint({ ...plain, traits: 5 }),
    'a hint': traits({ protocolHint: 'h3' }),
    labels: traits({ labels: { a: 1 } }),
    parameters: traits({ http2: { flowControl: {}, keepAlive: null, internals: null } }),
    'a duration': traits({
      http2: {
        flowControl: null,
        keepAlive: { interval: { seconds: 'x', nanos: 0 }, timeout: null, whileIdle: true },
        internals: null,
      },
    }),
  };
  for (const [name, state] of Object.entries(wrong)) {
    const bytes = writeState(state as StoredState);
    assert.equal(readState(bytes, 'a', 'w'), 'it has another form', name);
  }
});

test('a folder that cannot be used is told once and changes nothing', async () => {
  using rig = new Rig();
  writeFileSync(rig.folder, 'a file');
  const store = rig.open();
  assert.equal(await store.load('a'), null);
  assert.equal(rig.log.length, 1);
  store.save('a', stateOf('a'));
  await store.close();
  assert.equal(rig.log.length, 2);
});
