/**
 * The data plane of one thread between real sockets, without main: listeners are accepted here and
 * what a worker would ask main for is answered from a table of targets that the test sets.
 */

import { createServer, type Server } from 'node:net';
import type { ListenerName, MainToWorker, WorkerToMain } from '../../api/messages.ts';
import type { ProxySettings } from '../../api/settings.ts';
import { createSharedMemory, type SharedMemory } from '../../api/shared-memory.ts';
import { encodeSnapshot, type TargetSnapshot } from '../../api/snapshot.ts';
import { systemClock } from '../../core/base/clock.ts';
import * as limits from '../../core/base/limits.ts';
import { systemRandom } from '../../core/base/random.ts';
import { TimerWheel } from '../../core/base/timers.ts';
import { createProxy, type Proxy } from '../../core/proxy/proxy.ts';

export interface HarnessTarget {
  readonly endpoints: readonly {
    readonly host?: string;
    readonly port: number;
    readonly weight?: number;
  }[];
  readonly protocol?: TargetSnapshot['protocol'];
  readonly state?: TargetSnapshot['state'];
}

export interface Harness {
  readonly outboundPort: number;
  readonly inboundPort: number;
  readonly bindPort: number;
  readonly memory: SharedMemory;
  readonly logs: Extract<WorkerToMain, { kind: 'log' }>[];
  readonly access: string[];
  readonly wants: string[];
  readonly proxy: Proxy;
  /** Answers now, or with the next question for `key`; the key `*` stands for all others. */
  setTarget(key: string, target: HarnessTarget | undefined): void;
  send(message: Exclude<MainToWorker, { kind: 'socket' }>): void;
  close(): Promise<void>;
}

export const testSettings: ProxySettings = {
  outbound: { host: '127.0.0.1', port: 0 },
  inbound: { host: '127.0.0.1', port: 0 },
  inboundTo: null,
  admin: null,
  binds: [],
  workers: 0,
  accept: 'transfer',
  maxConnections: limits.maxConnectionsDefault,
  passthrough: 'refuse',
  allowRemote: false,
  headBytesMax: limits.headBytesMax,
  headFieldsMax: limits.headFieldsMax,
  headTimeoutMs: limits.headTimeoutMs,
  bodyIdleTimeoutMs: limits.bodyIdleTimeoutMs,
  clientIdleTimeoutMs: limits.clientIdleTimeoutMs,
  connectTimeoutMs: limits.connectTimeoutMs,
  responseTimeoutMs: limits.responseTimeoutMs,
  poolIdleTimeoutMs: limits.poolIdleTimeoutMs,
  poolConnectionsMax: limits.poolConnectionsMax,
  queueRequestsMax: limits.queueRequestsMax,
  failfastTimeoutMs: limits.failfastTimeoutMs,
  inFlightMax: limits.inFlightMax,
  detectTimeoutMs: limits.detectTimeoutMs,
  announceMs: 0,
  graceMs: 30_000,
  logLevel: 'info',
  logFormat: 'plain',
  accessLog: 'off',
  adminShutdown: false,
};

export async function startHarness(
  targets: Readonly<Record<string, HarnessTarget | undefined>>,
  overrides: Partial<ProxySettings> = {},
): Promise<Harness> {
  const table = new Map(Object.entries(targets));
  const logs: Harness['logs'] = [];
  const access: string[] = [];
  const wants: string[] = [];
  let generation = 0;
  const slots = new Map<string, number>();
  const memory = createSharedMemory(
    { workers: 1, slots: 4096, cells: limits.cellsMax },
    systemClock.monotonicMs(),
  );
  const snapshotOf = (key: string, target: HarnessTarget): TargetSnapshot => {
    const value = key.slice(key.indexOf(':') + 1);
    generation += 1;
    return {
      key,
      generation,
      state: target.state ?? 'ready',
      authority: value,
      namespace: 'default',
      service: value,
      protocol: target.protocol ?? 'auto',
      endpoints: target.endpoints.map(({ host = '127.0.0.1', port, weight = 1 }) => {
        const name = `${key} ${host}:${port}`;
        if (!slots.has(name)) slots.set(name, slots.size);
        return { host, port, weight, slot: slots.get(name) as number, zone: '' };
      }),
    };
  };
  const answer = (key: string): void => {
    const target = table.get(key) ?? table.get('*');
    if (target === undefined) return;
    const bytes = encodeSnapshot(snapshotOf(key, target));
    setImmediate(() => proxy.receive({ kind: 'snapshot', bytes }));
  };
  const timers = new TimerWheel(systemClock);
  const outbound = await listen();
  const inbound = await listen();
  const bind = await listen();
  const settings: ProxySettings = {
    ...testSettings,
    outbound: { host: '127.0.0.1', port: portOf(outbound) },
    inbound: { host: '127.0.0.1', port: portOf(inbound) },
    binds: [{ address: { host: '127.0.0.1', port: portOf(bind) }, authority: 'bound:1' }],
    ...overrides,
  };
  const proxy: Proxy = createProxy({
    index: 0,
    settings,
    memory,
    clock: systemClock,
    timers,
    random: systemRandom(),
    post(message) {
      if (message.kind === 'want') {
        wants.push(message.key);
        answer(message.key);
      } else if (message.kind === 'log') logs.push(message);
      else if (message.kind === 'access') access.push(message.lines);
    },
  });
  const route = (server: Server, listener: ListenerName): void => {
    server.on('connection', (socket) => proxy.adopt(listener, socket));
  };
  route(outbound, 'outbound');
  route(inbound, 'inbound');
  route(bind, 'bind:0');
  return {
    outboundPort: portOf(outbound),
    inboundPort: portOf(inbound),
    bindPort: portOf(bind),
    memory,
    logs,
    access,
    wants,
    proxy,
    setTarget(key, target) {
      table.set(key, target);
      answer(key);
    },
    send: (message) => proxy.receive(message),
    async close() {
      proxy.close();
      timers.close();
      await Promise.all(
        [outbound, inbound, bind].map(
          (server) => new Promise<void>((resolve) => server.close(() => resolve())),
        ),
      );
    },
  };
}

function listen(): Promise<Server> {
  const server = createServer({ pauseOnConnect: true, noDelay: true, allowHalfOpen: true });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening');
  return address.port;
}
