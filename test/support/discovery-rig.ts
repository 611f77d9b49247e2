/** A discovery, the control plane that it asks over real sockets, and what became of both. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ResolvedTarget } from '../../api/discovery.ts';
import type { Address } from '../../api/settings.ts';
import { Deadlines } from '../../core/base/deadlines.ts';
import { seededRandom } from '../../core/base/random.ts';
import { TimerWheel } from '../../core/base/timers.ts';
import { ControlPlane } from '../../core/discover/control-plane.ts';
import {
  RemoteDiscovery,
  type RemoteDiscoverySettings,
} from '../../core/discover/remote-discovery.ts';
import { GrpcClient } from '../../core/grpc/client.ts';
import { Io } from '../../core/io/io.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeControl } from './fake-control.ts';
import { untilTurn } from './turns.ts';

export class DiscoveryRig implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly timers = new TimerWheel(this.clock, this.clock.wakeSource);
  readonly io = new Io(this.clock, new Float64Array(8));
  readonly control = new FakeControl();
  readonly log: string[] = [];
  readonly unmeshed: string[] = [];
  follow: (addresses: readonly Address[]) => void = () => undefined;
  followError: (reason: string) => void = () => undefined;
  #discovery: RemoteDiscovery | null = null;
  #plane: ControlPlane | null = null;
  #folder: string | null = null;

  static async start(
    settings: Partial<RemoteDiscoverySettings> = {},
    server: 'grpc-js' | 'ours' = 'grpc-js',
  ): Promise<DiscoveryRig> {
    const rig = new DiscoveryRig();
    if (server === 'grpc-js') await rig.control.start();
    else await rig.control.startOwn(rig.serverEnv);
    rig.open(settings);
    return rig;
  }

  get discovery(): RemoteDiscovery {
    assert.ok(this.#discovery !== null);
    return this.#discovery;
  }

  get serverEnv() {
    const { io, timers } = this;
    const meter = { readCell: 0, writeCell: 1 };
    return { io, timers, deadlines: new Deadlines(timers, io), random: seededRandom(2), meter };
  }

  get stateDir(): string {
    this.#folder ??= mkdtempSync(join(tmpdir(), 'heddle-state-'));
    return join(this.#folder, 'state');
  }

  /** The one before is closed. */
  open(settings: Partial<RemoteDiscoverySettings> = {}): RemoteDiscovery {
    this.#close();
    const { clock, timers, io, control } = this;
    const write = (message: string, fields: object = {}): void => {
      this.log.push(`${message} ${JSON.stringify(fields)}`);
    };
    const deadlines = new Deadlines(timers, io);
    const clientEnv = { io, timers, deadlines, meter: { readCell: 0, writeCell: 1 } };
    const env = {
      io,
      isOpenTo: () => true,
      isSecured: () => false,
      openClient: (at: Address) => new GrpcClient(clientEnv, at),
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
    this.#plane = new ControlPlane(env, 'control.test:8086');
    const planes = { destination: this.#plane, policy: this.#plane };
    this.#discovery = new RemoteDiscovery({ ...env, planes }, { ...defaultSettings, ...settings });
    return this.#discovery;
  }

  #close(): void {
    this.#discovery?.close();
    this.#plane?.close();
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
    this.#close();
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
export class Seen {
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

export const defaultSettings: RemoteDiscoverySettings = {
  workload: '{"ns":"demo","pod":"a"}',
  stateOwner: 'demo web',
  context: '{"ns":"demo","pod":"a"}',
  admin: '127.0.0.1:4191',
  version: '1.2.3',
  inboundTo: null,
  inboundPorts: [],
  inboundIps: [],
  inboundDefaultPolicy: 'all-unauthenticated',
  inboundOpaquePorts: [],
  clusterNetworks: [],
  adminPort: 4191,
  profileSuffixes: ['.'],
  profileNetworks: ['0.0.0.0/0', '::/0'],
  passthrough: 'allow',
  redirected: false,
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
