/**
 * The data plane of one thread between real sockets, without main: listeners are accepted here and
 * what a worker would ask main for is answered from a table of targets that the test sets.
 */

import { createServer, type Server } from 'node:net';
import type { AccessSnapshot } from '../../api/access.ts';
import type {
  CellDefinition,
  ListenerName,
  MainToWorker,
  WorkerToMain,
} from '../../api/messages.ts';
import type { ProxySettings } from '../../api/settings.ts';
import { createSharedMemory, type SharedMemory } from '../../api/shared-memory.ts';
import { type EndpointTraits, encodeSnapshot, type TargetSnapshot } from '../../api/snapshot.ts';
import { defaultConfig } from '../../control/model/default-settings.ts';
import { type Clock, systemClock } from '../../core/base/clock.ts';
import * as limits from '../../core/base/limits.ts';
import { systemRandom } from '../../core/base/random.ts';
import { TimerWheel } from '../../core/base/timers.ts';
import { createProxy, type Proxy as DataPlane } from '../../core/proxy/proxy.ts';
import type { FamilyName } from '../../core/telemetry/families.ts';
import { isLocalAddress } from '../../workers/local-addresses.ts';

interface HarnessTarget {
  readonly endpoints: readonly {
    readonly host?: string;
    readonly port: number;
    readonly weight?: number;
    readonly traits?: EndpointTraits;
  }[];
  readonly protocol?: TargetSnapshot['protocol'];
  readonly state?: TargetSnapshot['state'];
  readonly refusal?: string;
  readonly access?: AccessSnapshot | null;
}

export interface Harness {
  readonly outboundPort: number;
  readonly inboundPort: number;
  readonly bindPort: number;
  readonly memory: SharedMemory;
  readonly logs: Extract<WorkerToMain, { kind: 'log' }>[];
  readonly access: string[];
  readonly wants: string[];
  /** Targets that the proxy has forgotten. */
  readonly idles: string[];
  /** Slots that the proxy has let go of. */
  readonly released: number[];
  readonly proxy: DataPlane;
  /** Answers now, or with the next question for `key`; the key `*` stands for all others. */
  setTarget(key: string, target: HarnessTarget | undefined): void;
  send(message: Exclude<MainToWorker, { kind: 'socket' }>): void;
  /** The sum of all cells of `family` that have these labels. */
  metric(family: FamilyName, labels?: Readonly<Record<string, string>>): number;
  /** Requests and tunnels in flight on all slots. */
  inFlight(): number;
  /** The proxy's clock goes forward at once, and what is due by then fires. */
  passTime(ms: number): void;
  /** From now on time passes by `passTime` only. */
  stopTime(): void;
  close(): Promise<void>;
}

export async function startHarness(
  targets: Readonly<Record<string, HarnessTarget | undefined>>,
  overrides: Partial<ProxySettings> = {},
): Promise<Harness> {
  const logs: Harness['logs'] = [];
  const access: string[] = [];
  const wants: string[] = [];
  const idles: string[] = [];
  const released: number[] = [];
  const definitions: CellDefinition[] = [];
  const clock = new SteppedClock();
  const memory = createSharedMemory(memorySize, clock.monotonicMs());
  const table = new TargetTable(targets, (bytes) => proxy.receive({ kind: 'snapshot', bytes }));
  const timers = new TimerWheel(clock);
  const [outbound, inbound, bind] = await Promise.all([listen(), listen(), listen()]);
  const proxy: DataPlane = createProxy({
    index: 0,
    settings: {
      ...testSettings,
      outbound: { host: '127.0.0.1', port: portOf(outbound) },
      inbound: { host: '127.0.0.1', port: portOf(inbound) },
      binds: [{ address: { host: '127.0.0.1', port: portOf(bind) }, authority: 'bound:1' }],
      ...overrides,
    },
    memory,
    clock,
    timers,
    random: systemRandom(),
    isLocalAddress,
    post(message) {
      if (message.kind === 'want') {
        wants.push(message.key);
        table.answer(message.key);
      } else if (message.kind === 'idle') idles.push(message.key);
      else if (message.kind === 'log') logs.push(message);
      else if (message.kind === 'access') access.push(message.lines);
      else if (message.kind === 'released') released.push(...message.slots);
      else if (message.kind === 'cells') definitions.push(...message.definitions);
    },
  });
  route(proxy, outbound, 'outbound');
  route(proxy, inbound, 'inbound');
  route(proxy, bind, 'bind:0');
  return {
    outboundPort: portOf(outbound),
    inboundPort: portOf(inbound),
    bindPort: portOf(bind),
    memory,
    logs,
    access,
    wants,
    idles,
    released,
    proxy,
    setTarget: (key, target) => table.set(key, target),
    send: (message) => proxy.receive(message),
    metric: (family, labels = {}) => sumOf(memory, definitions, family, labels),
    inFlight: () => memory.columns.reduce((sum, column) => sum + column, 0),
    passTime(ms) {
      clock.aheadMs += ms;
      timers.advance();
    },
    stopTime: () => clock.stop(),
    async close() {
      proxy.close();
      timers.close();
      await Promise.all([outbound, inbound, bind].map(closeServer));
    },
  };
}

const memorySize = { workers: 1, slots: 4096, cells: limits.cellsMax };

/** Waits until nothing is in flight or open any more; that has to be so after every test. */
export async function untilQuiet(harness: Harness): Promise<void> {
  const limit = AbortSignal.timeout(10_000);
  const left = (): string =>
    [
      `${harness.inFlight()} in flight`,
      `${harness.metric('tcp_open_connections', { peer: 'src' })} clients`,
      `${harness.metric('tcp_open_connections', { peer: 'dst' })} endpoint connections`,
      `${harness.metric('heddle_http_requests_in_flight')} requests`,
      `${harness.metric('heddle_queue_length')} queued`,
    ]
      .filter((text) => !text.startsWith('0 '))
      .join(', ');
  while (left() !== '') {
    if (limit.aborted) throw new Error(`not quiet: ${left()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The system's clock, which tests put forward instead of waiting. */
class SteppedClock implements Clock {
  aheadMs = 0;
  #stoppedMs = -1;

  stop(): void {
    this.#stoppedMs = systemClock.monotonicMs();
  }

  monotonicMs(): number {
    const nowMs = this.#stoppedMs === -1 ? systemClock.monotonicMs() : this.#stoppedMs;
    return nowMs + this.aheadMs;
  }

  wallMs(): number {
    return systemClock.wallMs() + this.aheadMs;
  }
}

/** What main would know; each address always has the same slot. */
class TargetTable {
  readonly #targets: Map<string, HarnessTarget | undefined>;
  readonly #send: (bytes: SharedArrayBuffer) => void;
  readonly #slots = new Map<string, number>();
  #generation = 0;

  constructor(
    targets: Readonly<Record<string, HarnessTarget | undefined>>,
    send: (bytes: SharedArrayBuffer) => void,
  ) {
    this.#targets = new Map(Object.entries(targets));
    this.#send = send;
  }

  set(key: string, target: HarnessTarget | undefined): void {
    this.#targets.set(key, target);
    this.answer(key);
  }

  answer(key: string): void {
    const target = this.#targets.get(key) ?? this.#targets.get('*');
    if (target === undefined) return;
    const bytes = encodeSnapshot(this.#snapshotOf(key, target));
    setImmediate(() => this.#send(bytes));
  }

  #snapshotOf(key: string, target: HarnessTarget): TargetSnapshot {
    const value = key.slice(key.indexOf(':') + 1);
    this.#generation += 1;
    return {
      key,
      generation: this.#generation,
      state: target.state ?? 'ready',
      authority: value,
      namespace: 'default',
      service: value,
      protocol: target.protocol ?? 'auto',
      ...(target.refusal === undefined ? {} : { refusal: target.refusal }),
      access: target.access ?? null,
      endpoints: target.endpoints.map(({ host = '127.0.0.1', port, weight = 1, traits }) => {
        const slot = this.#slotOf(`${key} ${host}:${port}`);
        const endpoint = { host, port, weight, slot, zone: '' };
        return traits === undefined ? endpoint : { ...endpoint, traits };
      }),
    };
  }

  #slotOf(name: string): number {
    const slot = this.#slots.get(name) ?? this.#slots.size;
    this.#slots.set(name, slot);
    return slot;
  }
}

function sumOf(
  memory: SharedMemory,
  definitions: readonly CellDefinition[],
  family: FamilyName,
  labels: Readonly<Record<string, string>>,
): number {
  let sum = 0;
  for (const definition of definitions) {
    const has = new Map(definition.labels);
    const wanted = Object.entries(labels).every(([name, value]) => has.get(name) === value);
    if (definition.family === family && wanted) sum += memory.cells[0][definition.cell];
  }
  return sum;
}

function route(proxy: DataPlane, server: Server, listener: ListenerName): void {
  server.on('connection', (socket) => proxy.adopt(listener, socket));
}

function listen(): Promise<Server> {
  const server = createServer({ pauseOnConnect: true, noDelay: true, allowHalfOpen: true });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening');
  return address.port;
}

const testSettings: ProxySettings = {
  ...defaultConfig.settings,
  stateDir: 'off',
  outbound: { host: '127.0.0.1', port: 0 },
  inbound: { host: '127.0.0.1', port: 0 },
  admin: null,
  workers: 0,
  announceMs: 0,
};
