/**
 * Goal: what a control plane says becomes targets, and what it does not say any more changes none
 * of them; without it, a target comes from disk or goes where the application dialled. Method: the
 * whole discovery over real sockets to a server of grpc-js; time is a clock that the test moves.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ResolvedTarget } from '../../api/discovery.ts';
import type { Address } from '../../api/settings.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { address, detect, everyone, FakeControl, setOf } from '../../test/support/fake-control.ts';
import { untilTurn } from '../../test/support/turns.ts';
import { seededRandom } from '../base/random.ts';
import { TimerWheel } from '../base/timers.ts';
import { Io } from '../io/io.ts';
import { RemoteDiscovery, type RemoteDiscoverySettings } from './remote-discovery.ts';

const web = 'web.demo:80';

/** A discovery, the control plane that it asks, and what became of both. */
class Rig implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly timers = new TimerWheel(this.clock, this.clock.wakeSource);
  readonly io = new Io(this.clock, new Float64Array(8));
  readonly control = new FakeControl();
  readonly log: string[] = [];
  readonly unmeshed: string[] = [];
  follow: (addresses: readonly Address[]) => void = () => undefined;
  followError: (reason: string) => void = () => undefined;
  #discovery: RemoteDiscovery | null = null;
  #folder: string | null = null;

  static async start(settings: Partial<RemoteDiscoverySettings> = {}): Promise<Rig> {
    const rig = new Rig();
    await rig.control.start();
    rig.open(settings);
    return rig;
  }

  get discovery(): RemoteDiscovery {
    assert.ok(this.#discovery !== null);
    return this.#discovery;
  }

  get stateDir(): string {
    this.#folder ??= mkdtempSync(join(tmpdir(), 'heddle-state-'));
    return join(this.#folder, 'state');
  }

  /** The one before is closed. */
  open(settings: Partial<RemoteDiscoverySettings> = {}): RemoteDiscovery {
    this.#discovery?.close();
    const { clock, timers, io, control } = this;
    const write = (message: string, fields: object = {}): void => {
      this.log.push(`${message} ${JSON.stringify(fields)}`);
    };
    const env = {
      io,
      meter: { readCell: 0, writeCell: 1 },
      clock,
      timers,
      random: seededRandom(1),
      log: { info: write, warn: write },
      followControl: (
        onAddresses: (addresses: readonly Address[]) => void,
        onError: (reason: string) => void,
      ) => {
        this.follow = onAddresses;
        this.followError = onError;
        onAddresses([{ host: '127.0.0.1', port: control.port }]);
        return () => undefined;
      },
      unmeshed: {
        watch: (key: string, onChange: (target: ResolvedTarget) => void) => {
          this.unmeshed.push(key);
          onChange({ ...unmeshedTarget, authority: key });
          return () => this.unmeshed.splice(this.unmeshed.indexOf(key), 1);
        },
        status: () => ({ kind: 'none', location: '', confirmedWallMs: null, error: null }) as const,
        close: () => undefined,
      },
    };
    this.#discovery = new RemoteDiscovery(env, { ...defaults, ...settings });
    return this.#discovery;
  }

  watch(key: string): Seen {
    return new Seen(this.discovery, key);
  }

  /** Lets time pass in steps that leave room for what sockets bring about. */
  async pass(ms: number, stepMs = 50): Promise<void> {
    for (let passed = 0; passed < ms; passed += stepMs) {
      this.clock.advance(stepMs);
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Until it is so, while time passes. */
  async until(what: string, done: () => boolean): Promise<void> {
    for (let turns = 0; !done(); turns++) {
      assert.ok(turns < 2_000, `waited for ${what}; log: ${this.log.join('; ')}`);
      await this.pass(20, 20);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#discovery?.close();
    this.control.stop();
    this.io.enter();
    this.io.close();
    this.io.leave();
    this.timers.close();
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#folder !== null) rmSync(this.#folder, { recursive: true });
  }
}

/** What a watcher was told. */
class Seen {
  readonly targets: ResolvedTarget[] = [];
  readonly unwatch: () => void;

  constructor(discovery: RemoteDiscovery, key: string) {
    this.unwatch = discovery.watch(key, (target) => this.targets.push(target));
  }

  get last(): ResolvedTarget | null {
    return this.targets.at(-1) ?? null;
  }

  /** The ports of its endpoints. */
  get ports(): string {
    return this.last === null ? 'nothing' : this.last.endpoints.map(({ port }) => port).join();
  }

  async until(what: string): Promise<void> {
    await untilTurn(`ports ${what}, now ${this.ports}`, () => this.ports === what);
  }
}

const defaults: RemoteDiscoverySettings = {
  control: 'control.test:8086',
  workload: '{"ns":"demo","pod":"a"}',
  admin: '127.0.0.1:4191',
  version: '1.2.3',
  inboundTo: null,
  passthrough: 'allow',
  stateDir: null,
  stream: { initialMs: 3_000, idleMs: 300_000, lifetimeMs: 3_600_000 },
};

const unmeshedTarget: ResolvedTarget = {
  state: 'ready',
  authority: '',
  namespace: '',
  service: '',
  protocol: 'auto',
  endpoints: [{ host: '192.0.2.1', port: 9, weight: 1, zone: '' }],
};

test('a service becomes a target, and follows its changes', async () => {
  await using rig = await Rig.start();
  rig.control.service(web, [1, 2]);
  const seen = rig.watch('host:web.demo');
  await seen.until('1,2');
  const { policy, ...target } = seen.last as ResolvedTarget;
  assert.deepEqual(target, {
    state: 'ready',
    authority: web,
    namespace: 'demo',
    service: 'web',
    protocol: 'auto',
    endpoints: [1, 2].map((port) => ({ host: '10.0.0.1', port, weight: 1, zone: '' })),
    refusal: '',
  });
  assert.equal(policy?.outbound?.protocol?.kind?.kind, 'detect');
  assert.equal(policy?.profile?.fullyQualifiedName, web);
  const [call] = rig.control.open('destination', web);
  rig.clock.advance(1_000);
  call.send({ add: setOf([3]) });
  await seen.until('1,2,3');
  rig.clock.advance(1_000);
  call.send({ remove: { addrs: [address(1)] } });
  await seen.until('2,3');
  const [outbound] = rig.control.open('outbound', web);
  const { sourceWorkload, heddleAdmin, heddleVersion } = outbound.request as never;
  const { workload, admin, version } = defaults;
  assert.deepEqual([sourceWorkload, heddleAdmin, heddleVersion], [workload, admin, version]);
  const status = rig.discovery.status('host:web.demo');
  const location = `127.0.0.1:${rig.control.port}`;
  const confirmedWallMs = rig.clock.wallMs();
  assert.deepEqual(status, { kind: 'control', location, confirmedWallMs, error: null });
  assert.deepEqual(
    [...rig.discovery.watches()].map(({ key, api, phase }) => `${key} ${api} ${phase}`),
    ['outbound', 'profile', 'destination'].map((api) => `host:web.demo ${api} live`),
  );
});

test('it is refused as a whole where its policy asks for more than has effect', async () => {
  await using rig = await Rig.start();
  rig.control.service(web, [1], { http1: { routes: [] } });
  const seen = rig.watch('host:web.demo');
  await untilTurn('a target', () => seen.last !== null);
  assert.equal(seen.last?.refusal, 'its policy has no route');
  assert.deepEqual([seen.last.state, seen.ports], ['ready', '']);
  // It is allowed as soon as the policy is.
  rig.clock.advance(1_000);
  rig.control.service(web, [1]);
  await seen.until('1');
  assert.equal(seen.last.refusal, '');
});

test('the profile makes it opaque', async () => {
  await using rig = await Rig.start();
  rig.control.service(web, [1]);
  rig.control.say('profile', web, { fullyQualifiedName: web, opaqueProtocol: true });
  const seen = rig.watch('bind:web.demo:80');
  await seen.until('1');
  assert.equal(seen.last?.protocol, 'opaque');
  // Without an answer about the profile, the rest is told after a while.
  rig.control.script.set(`profile ${web}`, []);
  const other = new Seen(rig.open(), 'host:web.demo');
  await rig.until('a target', () => other.ports === '1');
  assert.equal(other.last?.protocol, 'auto');
});

test('names of one path share its stream, and the last to go ends it', async () => {
  await using rig = await Rig.start();
  rig.control.service(web, [1]);
  rig.control.say('outbound', 'web:80', { protocol: detect(web) });
  for (const name of ['web:80', 'web.demo:443']) rig.control.script.set(`profile ${name}`, [{}]);
  const names = ['host:web.demo', 'host:web', 'sni:web.demo'];
  rig.control.say('outbound', 'web.demo:443', { protocol: detect(web) });
  const seen = names.map((name) => rig.watch(name));
  for (const one of seen) await one.until('1');
  assert.equal(rig.control.open('destination', web).length, 1);
  for (const one of seen) one.unwatch();
  await rig.pass(4_000);
  // Back within the time, without another question.
  const asked = rig.control.asked.length;
  const again = rig.watch('host:web');
  assert.equal(again.ports, '1');
  await rig.pass(3_000);
  assert.deepEqual([...rig.discovery.watches()].map(({ key }) => key).join(), idleKeys);
  again.unwatch();
  await rig.until('no call', () => rig.control.calls.size === 0);
  assert.equal(rig.control.asked.slice(asked).join(), '');
  assert.equal([...rig.discovery.watches()].length, 0);
});

const idleKeys = ['host:web', 'host:web', 'host:web'].join();

test('what nobody knows goes where the application dialled, until somebody does', async () => {
  await using rig = await Rig.start();
  const seen = rig.watch('host:web.demo');
  await seen.until('9');
  assert.equal(rig.discovery.status('host:web.demo').kind, 'unmeshed');
  assert.deepEqual([rig.unmeshed.join(), rig.discovery.counters.fallbacks], ['host:web.demo', 1]);
  rig.control.service(web, [1]);
  await rig.until('the service', () => seen.ports === '1');
  assert.deepEqual(
    [rig.discovery.status('host:web.demo').kind, rig.unmeshed.length],
    ['control', 0],
  );
  // It goes away as clearly as it came.
  rig.control.script.clear();
  for (const call of rig.control.open('outbound', web)) call.fail(5);
  await rig.until('fallback', () => seen.ports === '9');
  assert.equal(rig.log.filter((line) => line.includes('unmeshed')).length, 1);
});

test('what nobody knows is absent where passthrough is refused', async () => {
  await using rig = await Rig.start({ passthrough: 'refuse' });
  const seen = ['host:web.demo', 'host:a b', 'host:'].map((key) => rig.watch(key));
  for (const one of seen) await untilTurn('an answer', () => one.last !== null);
  assert.deepEqual(
    seen.map(({ last }) => last?.state),
    ['absent', 'absent', 'absent'],
  );
  assert.equal(rig.unmeshed.length, 0);
});

test('an endpoint of a profile stands in for a policy', async () => {
  await using rig = await Rig.start();
  rig.control.script.set('outbound addr 8080', 5);
  const endpoint = { addr: address(8080), weight: 10_000 };
  rig.control.say('profile', '10.0.0.1:8080', { endpoint, opaqueProtocol: true });
  const seen = rig.watch('host:10.0.0.1:8080');
  await seen.until('8080');
  assert.equal(seen.last?.protocol, 'opaque');
});

test('nobody to ask: after a while it goes where the application dialled', async () => {
  await using rig = await Rig.start();
  rig.control.stop();
  const seen = rig.watch('host:web.demo');
  await rig.pass(1_900);
  assert.equal(seen.ports, 'nothing');
  assert.match(rig.discovery.notReady, /control\.test:8086 has said nothing yet: UNAVAILABLE/);
  await rig.until('fallback', () => seen.ports === '9');
  const { kind, error } = rig.discovery.status('host:web.demo');
  assert.equal(kind, 'unmeshed');
  assert.match(error ?? '', /UNAVAILABLE/);
  rig.control.service(web, [1]);
  await rig.control.start(rig.control.port);
  await rig.until('the service', () => seen.ports === '1');
  assert.equal(rig.discovery.notReady, '');
});

test('nobody to ask and no passthrough: it stays unknown, never absent', async () => {
  await using rig = await Rig.start({ passthrough: 'refuse' });
  rig.control.stop();
  const seen = rig.watch('host:web.demo');
  await rig.pass(10_000);
  assert.deepEqual([seen.ports, rig.unmeshed.length], ['nothing', 0]);
  assert.equal(rig.discovery.status('host:web.demo').kind, 'none');
});

test('what was known stays, whatever fails', async () => {
  await using rig = await Rig.start();
  rig.control.service(web, [1, 2]);
  const seen = rig.watch('host:web.demo');
  await seen.until('1,2');
  const told = seen.targets.length;
  // Codes that say nothing about the service, each answered to every new stream.
  for (const code of [12, 14, 13, 3, 9, 16]) {
    for (const api of ['outbound', 'profile', 'destination'] as const) {
      rig.control.script.set(`${api} ${web}`, code);
      for (const call of rig.control.open(api, web)) call.fail(code);
    }
    const before = rig.control.asked.length;
    await rig.until('questions', () => rig.control.asked.length > before + 2);
  }
  rig.control.stop();
  await rig.pass(20_000);
  assert.deepEqual([seen.targets.length, seen.ports], [told, '1,2']);
  const status = rig.discovery.status('host:web.demo');
  assert.equal(status.kind, 'control');
  assert.ok((status.confirmedWallMs ?? 0) < rig.clock.wallMs() - 20_000);
  assert.notEqual(status.error, null);
  // Back, with another set: the first one of a stream takes the place of all.
  rig.control.service(web, [3]);
  await rig.control.start(rig.control.port);
  await rig.until('the new set', () => seen.ports === '3');
  assert.equal(rig.discovery.counters.setsHalved, 0);
});

test('it is empty when the control plane says so, and gone when it says that', async () => {
  await using rig = await Rig.start({ passthrough: 'refuse' });
  rig.control.service(web, [1, 2, 3]);
  const seen = rig.watch('host:web.demo');
  await seen.until('1,2,3');
  rig.clock.advance(1_000);
  rig.control.say('destination', web, { noEndpoints: { exists: true } });
  await seen.until('');
  assert.equal(seen.last?.state, 'ready');
  assert.equal(rig.discovery.counters.setsHalved, 1);
  rig.clock.advance(1_000);
  rig.control.say('destination', web, { noEndpoints: { exists: false } });
  await untilTurn('absent', () => seen.last?.state === 'absent');
});

test('a message that cannot be taken is refused, and the last good set stays', async () => {
  await using rig = await Rig.start();
  rig.control.service(web, [1]);
  const seen = rig.watch('host:web.demo');
  await seen.until('1');
  const bad = [
    { add: setOf([2, 2]) },
    { add: setOf([0]) },
    { add: { addrs: [{ weight: 1 }] } },
    { add: { addrs: [{ addr: { port: 5 } }] } },
    { add: setOf([70_000]) },
    Buffer.from('ffffffff', 'hex'),
    Buffer.from('0a08', 'hex'),
  ];
  for (const message of bad) {
    await rig.until('a stream', () => rig.control.open('destination', web).length === 1);
    const [call] = rig.control.open('destination', web);
    call.send(message);
    await rig.until('its end', () => !rig.control.calls.has(call));
  }
  await rig.pass(1_000);
  assert.deepEqual([seen.ports, seen.targets.length], ['1', 1]);
  assert.equal(rig.discovery.counters.streamsFailed.get('REFUSED'), 5);
  assert.equal(rig.log.filter((line) => line.includes('is refused')).length, 5);
});

test('100 000 endpoints are refused, 65 536 are not', async () => {
  await using rig = await Rig.start();
  rig.control.service(web, [1]);
  const seen = rig.watch('host:web.demo');
  await seen.until('1');
  const many = (count: number) => ({
    add: {
      addrs: Array.from({ length: count }, (_, at) => ({
        addr: { ip: { ipv4: at + 1 }, port: 80 },
      })),
    },
  });
  const [call] = rig.control.open('destination', web);
  call.send(many(100_000));
  await rig.until('refusal', () => rig.discovery.counters.streamsFailed.has('REFUSED'));
  assert.equal(seen.ports, '1');
  assert.match(rig.log.join(), /100001 endpoints are more than 65536/);
  rig.control.script.set(`destination ${web}`, [many(65_536)]);
  await rig.until('a large set', () => seen.last?.endpoints.length === 65_536);
});

test('the inbound target is always watched, and open until a policy is known', async () => {
  const inboundTo = { host: '127.0.0.1', port: 8080 };
  await using rig = await Rig.start({ inboundTo, passthrough: 'refuse' });
  const seen = rig.watch('inbound:');
  await seen.until('8080');
  assert.deepEqual([seen.last?.refusal, seen.last?.protocol], ['', 'auto']);
  assert.equal(rig.discovery.status('inbound:').kind, 'unmeshed');
  rig.control.say('inbound', '8080', everyone());
  await rig.until('a policy', () => rig.discovery.status('inbound:').kind === 'control');
  assert.equal(seen.last?.refusal, '');
  rig.clock.advance(1_000);
  rig.control.say('inbound', '8080', { ...everyone(), authorizations: [] });
  await untilTurn('a refusal', () => seen.last?.refusal !== '');
  // A policy that is known is not forgotten for being unknown now.
  rig.control.script.set('inbound 8080', 5);
  for (const call of rig.control.open('inbound', '8080')) call.fail(5);
  await rig.pass(5_000);
  assert.match(seen.last?.refusal ?? '', /do not let in everyone/);
  assert.equal(rig.discovery.status('inbound:').kind, 'control');
});

test('without the control plane, a new process serves from disk and says how old it is', async () => {
  await using rig = await Rig.start();
  const { stateDir } = rig;
  rig.open({ stateDir });
  rig.control.service(web, [1, 2]);
  const [setMessage] = [{ add: { ...setOf([1, 2]), metricLabels: { namespace: 'demo' } } }];
  rig.control.say('destination', web, setMessage);
  const before = rig.watch('host:web.demo');
  await before.until('1,2');
  const wallMs = rig.clock.wallMs();
  await rig.until('a file', () => files(stateDir).length === 1);
  const mode = statSync(join(stateDir, files(stateDir)[0])).mode & 0o777;
  assert.deepEqual([mode, statSync(stateDir).mode & 0o777], [0o600, 0o700]);
  rig.control.stop();
  rig.open({ stateDir });
  await rig.pass(60_000);
  const seen = rig.watch('host:web.demo');
  await rig.until('the state', () => seen.ports === '1,2');
  assert.deepEqual(seen.last, before.last);
  const status = rig.discovery.status('host:web.demo');
  assert.deepEqual([status.kind, status.confirmedWallMs], ['disk', wallMs]);
  assert.deepEqual([rig.discovery.notReady, rig.discovery.counters.statesLoaded], ['', 1]);
  await rig.pass(10_000);
  assert.equal(rig.discovery.counters.fallbacks, 0);
  rig.control.say('destination', web, { add: setOf([3]) });
  await rig.control.start(rig.control.port);
  await rig.until('the control plane', () => seen.ports === '3');
  assert.equal(rig.discovery.status('host:web.demo').kind, 'control');
});

test('the control plane is preferred to the disk, and takes from it what is gone', async () => {
  await using rig = await Rig.start();
  const { stateDir } = rig;
  rig.open({ stateDir, passthrough: 'refuse' });
  rig.control.service(web, [1]);
  await rig.watch('host:web.demo').until('1');
  await rig.until('a file', () => files(stateDir).length === 1);
  rig.control.service(web, [2]);
  rig.open({ stateDir, passthrough: 'refuse' });
  const seen = rig.watch('host:web.demo');
  await rig.until('an answer', () => seen.ports !== 'nothing');
  assert.deepEqual([seen.ports, seen.targets.length], ['2', 1]);
  rig.control.script.clear();
  for (const call of rig.control.open('outbound', web)) call.fail(5);
  await rig.until('no file', () => files(stateDir).length === 0);
  assert.equal(seen.last?.state, 'absent');
});

function files(folder: string): string[] {
  return readdirSync(folder).filter((name) => !name.endsWith('.new'));
}

test('another instance takes over from one that is gone, silent or wrong', async () => {
  await using rig = await Rig.start();
  await using frozen = createServer(() => undefined);
  const sockets = new Set<Socket>();
  frozen.on('connection', (socket) => {
    socket.on('error', () => undefined);
    sockets.add(socket);
  });
  await new Promise<void>((resolve) => frozen.listen(0, '127.0.0.1', resolve));
  const silentPort = (frozen.address() as AddressInfo).port;
  rig.control.service(web, [1]);
  const good = { host: '127.0.0.1', port: rig.control.port };
  const bad = { host: '127.0.0.1', port: 1 };
  rig.open();
  rig.follow([good, bad, { host: '127.0.0.1', port: silentPort }]);
  const names = Array.from({ length: 20 }, (_, at) => `host:web${at}.demo`);
  for (const name of names) rig.control.service(`${name.slice(5)}:80`, [1]);
  const seen = names.map((name) => rig.watch(name));
  await rig.until('all targets', () => seen.every(({ ports }) => ports === '1'));
  // The instance that all are connected to vanishes from the set.
  const second = await new FakeControl().start();
  for (const name of names) second.service(`${name.slice(5)}:80`, [1, 2]);
  rig.follow([{ host: '127.0.0.1', port: second.port }]);
  await rig.until('no call', () => rig.control.calls.size === 0);
  await rig.until('the second', () => seen.every(({ ports }) => ports === '1,2'));
  rig.follow([]);
  rig.followError('no such name');
  await rig.pass(5_000);
  assert.equal(second.calls.size, 60);
  rig.discovery.close();
  second.stop();
  for (const socket of sockets) socket.destroy();
});

test('changes that come faster than anybody needs are told as one', async () => {
  await using rig = await Rig.start();
  rig.control.service(web, [1]);
  const seen = rig.watch('host:web.demo');
  await seen.until('1');
  const [call] = rig.control.open('destination', web);
  for (let flip = 0; flip < 500; flip++) {
    call.send({ add: setOf([2]) });
    call.send({ remove: { addrs: [address(2)] } });
  }
  call.send({ add: setOf([3]) });
  const start = seen.targets.length;
  await rig.until('the last', () => seen.ports === '1,3');
  assert.ok(seen.targets.length - start < 20, `${seen.targets.length - start} targets`);
});

test('more watches than a connection has room for', async () => {
  await using rig = await Rig.start();
  const names = Array.from({ length: 150 }, (_, at) => `web${at}.demo`);
  for (const name of names) rig.control.service(`${name}:80`, [1]);
  const seen = names.map((name) => rig.watch(`host:${name}`));
  await rig.until('all targets', () => seen.every(({ ports }) => ports === '1'));
  assert.equal(rig.control.calls.size, 450);
});
