/**
 * Goal: neither a pause nor the end of a listener loses a client. Method: real sockets and a clock
 * moved by hand, once with and once without the C calls.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { handshakeMs, heldSocketsMax } from '../core/base/limits.ts';
import { TimerWheel, tickMs } from '../core/base/timers.ts';
import { ask, dial, untilEnd } from '../test/support/dial.ts';
import { FakeClock } from '../test/support/fake-clock.ts';
import { type DescriptorCalls, descriptorCalls } from './descriptor-calls.ts';
import { bindPort, type Listener, listenOn } from './listen.ts';

const clock = new FakeClock();
const timers = new TimerWheel(clock, clock.wakeSource);
const address = { host: '127.0.0.1', port: 0 };

const queueMax = Number(readFileSync('/proc/sys/net/core/somaxconn', 'latin1'));
const skipCrowd = queueMax > 700 ? false : `net.core.somaxconn is ${queueMax}`;

/** Like a system without C calls. */
const noCalls: DescriptorCalls = {
  duplicate: () => null,
  refuseNewClients: () => false,
  hasWaitingClients: () => false,
  enterNetwork: () => null,
};

async function open(
  onSocket: (socket: Socket) => void,
  calls: DescriptorCalls = descriptorCalls,
): Promise<Listener> {
  const port = bindPort({ address, setting: 'proxy.outbound', reusePort: false });
  const onError = (error: Error): never => assert.fail(error);
  return listenOn(port, { timers, onSocket, onError, calls });
}

function echo(socket: Socket): void {
  socket.on('error', () => {});
  socket.pipe(socket);
}

test('while paused clients wait, after it they are served, again and again', async () => {
  const accepted: Socket[] = [];
  const listener = await open((socket) => {
    accepted.push(socket);
    echo(socket);
  });
  for (let round = 0; round < 3; round++) {
    listener.pause();
    const client = await dial(listener.address);
    const answer = ask(client, 'waiting');
    assert.equal(accepted.length, round);
    assert.equal(listener.resume(), true);
    assert.equal(await answer, 'waiting');
    client.destroy();
  }
  listener.close();
});

test('hundreds of clients wait at once', { skip: skipCrowd }, async () => {
  const listener = await open(echo);
  listener.pause();
  listener.resume();
  listener.pause();
  // Where the queue is full a client is not let in before it tries again, a second later.
  const clients = await Promise.all(Array.from({ length: 700 }, () => dial(listener.address)));
  const last = clients[clients.length - 1];
  const answer = ask(last, 'waiting');
  listener.resume();
  assert.equal(await answer, 'waiting');
  for (const client of clients) client.destroy();
  listener.close();
});

test('closed while paused, the port is free', async () => {
  const listener = await open(echo);
  listener.pause();
  const waiting = await dial(listener.address);
  const ended = untilEnd(waiting);
  listener.close();
  assert.equal(await ended, 'ECONNRESET');
  await assert.rejects(dial(listener.address), { code: 'ECONNREFUSED' });
});

test('without a duplicate sockets are held unread, as many as are allowed', async () => {
  const served: Socket[] = [];
  const listener = await open((socket) => {
    served.push(socket);
    echo(socket);
  }, noCalls);
  listener.pause();
  const clients: Socket[] = [];
  for (let count = 0; count < heldSocketsMax; count++) clients.push(await dial(listener.address));
  const over = await dial(listener.address);
  await untilEnd(over);
  assert.equal(served.length, 0);
  assert.equal(listener.resume(), true);
  assert.equal(served.length, heldSocketsMax);
  assert.equal(await ask(clients[7], 'x'), 'x');
  for (const client of clients) client.destroy();
  listener.close();
});

test('one that was held may pause again: the rest stays held', async () => {
  const served: Socket[] = [];
  const listener = await open((socket) => {
    served.push(socket);
    echo(socket);
    listener.pause();
  }, noCalls);
  listener.pause();
  const clients = [await dial(listener.address), await dial(listener.address)];
  const over = [];
  for (let count = 2; count <= heldSocketsMax; count++) over.push(await dial(listener.address));
  await untilEnd(over[over.length - 1]);
  listener.resume();
  assert.equal(served.length, 1);
  listener.resume();
  assert.equal(served.length, 2);
  for (const client of [...clients, ...over]) client.destroy();
  listener.close();
});

test('no duplicate to resume by: it stays paused and says so', async () => {
  let allowed = true;
  const listener = await open(echo, {
    ...descriptorCalls,
    duplicate: (descriptor) => (allowed ? descriptorCalls.duplicate(descriptor) : null),
  });
  listener.pause();
  allowed = false;
  assert.equal(listener.resume(), false);
  const client = await dial(listener.address);
  const answer = ask(client, 'later');
  allowed = true;
  assert.equal(listener.resume(), true);
  assert.equal(await answer, 'later');
  client.destroy();
  listener.close();
});

test('at its end who is in the backlog is served, who comes later is refused', async () => {
  const listener = await open(echo);
  const clients = [dial(listener.address), dial(listener.address)];
  await untilConnecting();
  const closed = untilStopped(listener);
  const late = assert.rejects(dial(listener.address), { code: 'ECONNREFUSED' });
  for (const client of await Promise.all(clients)) {
    assert.equal(await ask(client, 'in time'), 'in time');
    client.destroy();
  }
  assert.equal(closed.done, false, 'a handshake may be under way');
  clock.advance(handshakeMs + 2 * tickMs);
  await closed.promise;
  await late;
});

test('at its end while paused, who waits is served after the pause', async () => {
  const listener = await open(echo);
  listener.pause();
  const client = await dial(listener.address);
  const answer = ask(client, 'waiting');
  const closed = untilStopped(listener);
  clock.advance(2 * handshakeMs);
  await turns(5);
  assert.equal(closed.done, false);
  listener.resume();
  assert.equal(await answer, 'waiting');
  clock.advance(handshakeMs + 2 * tickMs);
  await closed.promise;
  client.destroy();
  await assert.rejects(dial(listener.address), { code: 'ECONNREFUSED' });
});

test('at its end while paused, it closes when nobody waits', async () => {
  for (const calls of [descriptorCalls, noCalls]) {
    const listener = await open(echo, calls);
    listener.pause();
    const closed = untilStopped(listener);
    clock.advance(handshakeMs + 2 * tickMs);
    await closed.promise;
    await assert.rejects(dial(listener.address), { code: 'ECONNREFUSED' });
  }
});

test('at its end without the C calls, it closes when nobody comes for a moment', async () => {
  const listener = await open(echo, noCalls);
  const dialling = dial(listener.address);
  await untilConnecting();
  const closed = untilStopped(listener);
  const client = await dialling;
  assert.equal(await ask(client, 'in time'), 'in time');
  await closed.promise;
  client.destroy();
  await assert.rejects(dial(listener.address), { code: 'ECONNREFUSED' });
});

test('an end that is cut short resets who waits, and says once that it is over', async () => {
  const listener = await open(echo);
  listener.pause();
  const ended = untilEnd(await dial(listener.address));
  let closed = 0;
  listener.stop(() => {
    closed += 1;
  });
  listener.stop(() => assert.fail('it has been told'));
  listener.close();
  listener.close();
  assert.equal(await ended, 'ECONNRESET');
  assert.equal(closed, 1);
  assert.equal(timers.armedCount, 0);
});

function untilStopped(listener: Listener): { done: boolean; readonly promise: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const state = { done: false, promise };
  listener.stop(() => {
    state.done = true;
    resolve();
  });
  return state;
}

/**
 * `connect` is called in the next tick, and on the loopback the handshake is over when it returns:
 * the listener has the clients in its backlog, and accepts them when this turn has ended.
 */
function untilConnecting(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}
