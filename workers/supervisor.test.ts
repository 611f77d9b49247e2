/**
 * Goal: a worker's death costs its own connections and nothing else. Method: real threads that
 * echo, real sockets; clients tell a worker how to die.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { after, test } from 'node:test';
import type { IdentitySnapshot } from '../api/identity.ts';
import type { Address, ProxySettings } from '../api/settings.ts';
import { createSharedMemory, type SharedMemory } from '../api/shared-memory.ts';
import { systemClock } from '../core/base/clock.ts';
import { TimerWheel } from '../core/base/timers.ts';
import { ask, dial, untilEnd } from '../test/support/dial.ts';
import { runEcho } from '../test/support/echo-worker.ts';
import { bindPort, listenOn } from './listen.ts';
import { startPool } from './pool.ts';
import { Supervisor } from './supervisor.ts';
import type { WorkerEnd } from './workforce.ts';

interface Rig {
  readonly address: Address;
  readonly supervisor: Supervisor;
  readonly memory: SharedMemory;
  readonly ends: WorkerEnd[];
  /** `ready`, or the generation of an identity that is used, behind the worker's number. */
  readonly told: string[];
  /** What workers start with from now on. */
  identify(generation: number): IdentitySnapshot;
  /** Resolves when `count` workers have become ready since the start, or have ended. */
  untilStarted(count: number): Promise<void>;
  untilEnded(count: number): Promise<void>;
  untilTold(line: string): Promise<void>;
  stop(): Promise<void>;
}

const rigs: Rig[] = [];
after(async () => {
  for (const rig of rigs) await rig.stop();
});

const entry = {
  filename: new URL('../test/support/echo-worker.ts', import.meta.url).href,
  name: runEcho.name,
};

/** Waits for what holds when it is woken. */
function createWaiters() {
  const waiters: { done: () => boolean; resolve: () => void }[] = [];
  const wake = (): void => {
    for (const waiter of waiters) if (waiter.done()) waiter.resolve();
  };
  const until = (done: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      waiters.push({ done, resolve });
      wake();
    });
  return { until, wake };
}

async function startRig(workers: number, silenceMs = 10_000): Promise<Rig> {
  const memory = createSharedMemory({ workers, slots: 16, cells: 16 }, systemClock.monotonicMs());
  const timers = new TimerWheel(systemClock);
  const ends: WorkerEnd[] = [];
  const told: string[] = [];
  let identity: IdentitySnapshot | null = null;
  let started = 0;
  const { until, wake } = createWaiters();
  const pool = startPool(workers, entry, 32);
  assert.ok(pool !== null);
  const supervisor = new Supervisor({
    pool,
    settings: {} as ProxySettings,
    memory,
    clock: systemClock,
    readIdentity: () => identity,
    timers,
    limits: { heartbeatMs: 50, silenceMs, endMs: 10_000, heapMib: 32 },
    events: {
      onStarting: () => {},
      onReady: (worker) => {
        told.push(`${worker}: ready`);
        started += 1;
        wake();
      },
      onEnded: (_worker, end) => {
        ends.push(end);
        wake();
      },
      onStuck: () => assert.fail('these threads can be ended'),
      onRefused: () => {},
      onReport: (worker, report) => {
        if (report.kind === 'identified') told.push(`${worker}: ${report.generation}`);
        wake();
      },
    },
  });
  const address = { host: '127.0.0.1', port: 0 };
  const port = bindPort({ address, setting: 'proxy.outbound', reusePort: false });
  const listener = await listenOn(port, {
    timers,
    onSocket: (socket) => supervisor.give('outbound', socket),
    onError: (error) => assert.fail(error),
  });
  const rig: Rig = {
    address: listener.address,
    supervisor,
    memory,
    ends,
    told,
    identify(generation) {
      identity = { generation, name: 'web.demo', key: '', chain: '', roots: '' };
      return identity;
    },
    untilTold: (line) => until(() => told.includes(line)),
    untilStarted: (count) => until(() => started >= count),
    untilEnded: (count) => until(() => ends.length >= count),
    stop: async () => {
      listener.close();
      timers.close();
      await supervisor.stop();
    },
  };
  rigs.push(rig);
  await rig.untilStarted(workers);
  return rig;
}

test('connections spread over the workers and are echoed', async () => {
  const rig = await startRig(2);
  const clients = [await dial(rig.address)];
  const seen = [await ask(clients[0], 'who')];
  for (let count = 1; count < 4; count++) {
    const client = await dial(rig.address);
    clients.push(client);
    seen.push(await ask(client, 'who'));
  }
  assert.deepEqual(seen.toSorted(), ['worker 0', 'worker 0', 'worker 1', 'worker 1']);
  assert.equal(rig.supervisor.countConnections(), 4);
  for (const client of clients) client.destroy();
});

test('an identity comes before the first socket, also to a worker that takes a place', async () => {
  const rig = await startRig(1);
  assert.deepEqual(rig.told, ['0: ready']);
  rig.supervisor.broadcast({ kind: 'identity', identity: rig.identify(1) });
  await rig.untilTold('0: 1');
  rig.identify(2);
  const client = await dial(rig.address);
  const ended = untilEnd(client);
  client.write('exit');
  await ended;
  await rig.untilStarted(2);
  assert.deepEqual(rig.told, ['0: ready', '0: 1', '0: 2', '0: ready']);
});

for (const [death, reason] of [
  ['exception', 'exception'],
  ['exit', 'exit'],
  ['heap', 'heap'],
  ['loop', 'silent'],
] as const) {
  test(`a worker that ends by ${death} is replaced, the other one goes on`, async () => {
    // Short only where silence is meant: a busy machine makes living workers late.
    const rig = await startRig(2, death === 'loop' ? 1_000 : 10_000);
    const clients: Socket[] = [];
    const byWorker = new Map<string, Socket[]>();
    for (let count = 0; count < 6; count++) {
      const client = await dial(rig.address);
      clients.push(client);
      const worker = await ask(client, 'who');
      byWorker.set(worker, [...(byWorker.get(worker) ?? []), client]);
    }
    const doomed = byWorker.get('worker 0') ?? [];
    const spared = byWorker.get('worker 1') ?? [];
    const ended = doomed.map(untilEnd);
    doomed[0].write(death);
    await rig.untilEnded(1);
    await Promise.all(ended);
    assert.equal(rig.ends[0].reason, reason);
    assert.equal(rig.ends[0].lostConnections, 3);
    assert.equal(rig.ends[0].restartDelayMs, 0);
    for (const client of spared) assert.equal(await ask(client, 'hello'), 'hello');
    assert.equal(rig.supervisor.countConnections(), 3);

    await rig.untilStarted(3);
    const next = await dial(rig.address);
    assert.equal(await ask(next, 'who'), 'worker 0');
    for (const client of [...spared, next]) client.destroy();
  });
}

test('clients whom a failing worker has reset come again at once and find another', async () => {
  const rig = await startRig(2);
  const clients: Socket[] = [];
  const doomed: Socket[] = [];
  for (let count = 0; count < 16; count++) {
    const client = await dial(rig.address);
    clients.push(client);
    if ((await ask(client, 'who')) === 'worker 0') doomed.push(client);
  }
  const again = doomed.map(async (client) => {
    await untilEnd(client);
    const next = await dial(rig.address);
    clients.push(next);
    return ask(next, 'who');
  });
  doomed[0].write('exception');
  assert.deepEqual(new Set(await Promise.all(again)), new Set(['worker 1']));
  await rig.untilEnded(1);
  assert.equal(rig.ends[0].lostConnections, 8);
  for (const client of clients) client.destroy();
});

test('a socket that no transfer takes is closed, and said', async () => {
  const rig = await startRig(1);
  const client = await dial(rig.address);
  await ask(client, 'who');
  const other = createServer({ pauseOnConnect: true });
  other.listen(0, '127.0.0.1');
  await once(other, 'listening');
  const bound = other.address();
  assert.ok(bound !== null && typeof bound === 'object');
  const accepted = once(other, 'connection') as Promise<[Socket]>;
  const late = await dial({ host: '127.0.0.1', port: bound.port });
  const [socket] = await accepted;
  other.close();
  const ended = untilEnd(late);
  const doomed = untilEnd(client);
  client.write('exit');
  await rig.untilEnded(1);
  await doomed;
  assert.equal(rig.supervisor.give('outbound', socket), false);
  assert.equal(socket.destroyed, true);
  await ended;
});
