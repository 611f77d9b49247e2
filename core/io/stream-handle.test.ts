/**
 * Goal: a Node without what the sockets use is refused by name, before the first connection, and
 * a handle that was taken out of its socket keeps nothing of it. Method: a binding with parts
 * missing; what a real handle refers to.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { detachHandle, verifyStreamHandle } from './stream-handle.ts';

test('this Node has everything', () => {
  assert.equal(verifyStreamHandle(), '');
});

test('what is missing is named', () => {
  const text = verifyStreamHandle({ streamBaseState: new Int32Array(5), kReadBytesOrError: 0 });
  assert.match(text, /has no WriteWrap, ShutdownWrap, kLastWriteWasAsync in its stream binding/);
  assert.match(text, /use Node 26/);
});

test('a handle does not refer to the socket that it was taken from', async () => {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(client, 'connect');
  const [served] = await accepted;
  for (const socket of [served, client]) {
    const handle = detachHandle(socket);
    const kept: unknown[] = Reflect.ownKeys(handle).map((key) => Reflect.get(handle, key));
    assert.ok(!kept.includes(socket));
    handle.close();
  }
  server.close();
  await once(server, 'close');
});
