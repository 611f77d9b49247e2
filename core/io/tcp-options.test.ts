/**
 * Goal: keep-alive and user timeout are what the settings say, on accepted connections and on our
 * own. Method: real sockets, whose options the kernel is asked for.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { cleanUp } from '../../test/support/cleanup.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { TimerWheel } from '../base/timers.ts';
import { Dial } from './dial.ts';
import { Io } from './io.ts';
import { loadSocketCalls, optionValue } from './socket-calls.ts';
import { descriptorOf } from './stream-handle.ts';
import { createTune } from './tcp-options.ts';

const [levelSocket, keepAlive] = [1, 9];
const [levelTcp, keepIdle, userTimeout] = [6, 4, 18];

async function listen(t: TestContext) {
  const server = createServer({ pauseOnConnect: true });
  server.on('connection', (socket) => cleanUp(t, () => socket.destroy()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUp(t, () => server.close());
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return { server, port: address.port };
}

async function accept(t: TestContext): Promise<Socket> {
  const { server, port } = await listen(t);
  const client = connect(port, '127.0.0.1');
  cleanUp(t, () => client.destroy());
  return ((await once(server, 'connection')) as [Socket])[0];
}

function optionOf(socket: Socket, level: number, option: number): number {
  const calls = loadSocketCalls(descriptorOf(socket));
  assert.ok(typeof calls !== 'string');
  assert.equal(calls.read(descriptorOf(socket), level, option), 4);
  return optionValue.getInt32(0, new Uint8Array(new Uint32Array([1]).buffer)[0] === 1);
}

function fail(reason: string): void {
  assert.fail(reason);
}

test('both are set, in seconds and milliseconds', async (t) => {
  const socket = await accept(t);
  createTune(10_500, 30_000, fail)?.(socket);
  assert.equal(optionOf(socket, levelSocket, keepAlive), 1);
  assert.equal(optionOf(socket, levelTcp, keepIdle), 11);
  assert.equal(optionOf(socket, levelTcp, userTimeout), 30_000);
});

test('each alone, or neither', async (t) => {
  const kept = await accept(t);
  createTune(1, 0, fail)?.(kept);
  assert.equal(optionOf(kept, levelSocket, keepAlive), 1);
  assert.equal(optionOf(kept, levelTcp, keepIdle), 1);
  assert.equal(optionOf(kept, levelTcp, userTimeout), 0);
  const bounded = await accept(t);
  createTune(0, 500, fail)?.(bounded);
  assert.equal(optionOf(bounded, levelSocket, keepAlive), 0);
  assert.equal(optionOf(bounded, levelTcp, userTimeout), 500);
  assert.equal(createTune(0, 0, fail), null);
});

test('a connection that is gone is left alone', async (t) => {
  const socket = await accept(t);
  socket.destroy();
  await once(socket, 'close');
  createTune(1_000, 1_000, fail)?.(socket);
});

test('our own connections are tuned before they are handed over', async (t) => {
  const { port } = await listen(t);
  const clock = new FakeClock();
  const io = new Io(clock, new Float64Array(8));
  const timers = new TimerWheel(clock, clock.wakeSource);
  const steps: string[] = [];
  await new Promise<void>((resolve) => {
    const tune = (socket: Socket): void => {
      createTune(0, 700, fail)?.(socket);
      steps.push(`tuned ${optionOf(socket, levelTcp, userTimeout)}`);
    };
    const owner = {
      dialled() {
        steps.push('dialled');
        resolve();
      },
      dialFailed: fail,
    };
    const context = { io, timers, connectTimeoutMs: 1_000, tune };
    new Dial(context, owner, { host: '127.0.0.1', port }, { readCell: 0, writeCell: 1 });
  });
  assert.deepEqual(steps, ['tuned 700', 'dialled']);
  io.close();
  timers.close();
});
