/** Goal: a pause loses no client. Method: real sockets, once with and once without duplicates. */

import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { heldSocketsMax } from '../core/base/limits.ts';
import { ask, dial, untilEnd } from '../test/support/dial.ts';
import { bindPort, type Listener, listenOn } from './listen.ts';

const address = { host: '127.0.0.1', port: 0 };

async function open(
  onSocket: (socket: Socket) => void,
  duplicate?: (descriptor: number) => number | null,
): Promise<Listener> {
  const port = bindPort({ address, setting: 'proxy.outbound', reusePort: false });
  return listenOn(port, {
    onSocket,
    onError: (error) => assert.fail(error),
    ...(duplicate === undefined ? {} : { duplicate }),
  });
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
  const listener = await open(
    (socket) => {
      served.push(socket);
      echo(socket);
    },
    () => null,
  );
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
  const listener = await open(
    (socket) => {
      served.push(socket);
      echo(socket);
      listener.pause();
    },
    () => null,
  );
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
  const { duplicateDescriptor } = await import('./descriptor-calls.ts');
  let allowed = true;
  const listener = await open(echo, (descriptor) =>
    allowed ? duplicateDescriptor(descriptor) : null,
  );
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
