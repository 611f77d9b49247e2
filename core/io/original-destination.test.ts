/**
 * Goal: the original destination of a connection is read as the kernel has it, and only there.
 * Method: real connections; where the kernel follows none, there is none to be read. What rules of
 * the system do is tried in test/e2e/redirect.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { cleanUp } from '../../test/support/cleanup.ts';
import { localAddressOf, originalDestinationBy } from './original-destination.ts';
import { loadSocketCalls } from './socket-calls.ts';
import { descriptorOf } from './stream-handle.ts';

/** The server's side of a connection to `host`, at a listener for `bound`. */
async function accept(t: TestContext, bound: string, host: string): Promise<Socket> {
  const server = createServer({ pauseOnConnect: true });
  server.listen(0, bound);
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const client = connect(address.port, host);
  const [socket] = (await once(server, 'connection')) as [Socket];
  cleanUp(t, () => {
    client.destroy();
    socket.destroy();
    server.close();
  });
  return socket;
}

for (const [bound, host] of [
  ['127.0.0.1', '127.0.0.1'],
  ['::1', '::1'],
  ['::', '127.0.0.1'],
] as const) {
  test(`a connection to ${host} at ${bound} that nobody redirected`, async (t) => {
    const socket = await accept(t, bound, host);
    const { localPort } = socket;
    assert.deepEqual(localAddressOf(socket), { host, port: localPort });
    assert.deepEqual(originalDestinationBy('tproxy')(socket), { host, port: localPort });
    assert.equal(originalDestinationBy('off')(socket), null);
    // With connection tracking the kernel knows where it was going: here.
    const read = originalDestinationBy('redirect')(socket);
    if (read !== null) assert.deepEqual(read, { host, port: localPort });
  });
}

test('a connection that is gone was going nowhere', async (t) => {
  const socket = await accept(t, '127.0.0.1', '127.0.0.1');
  socket.destroy();
  await once(socket, 'close');
  assert.equal(originalDestinationBy('redirect')(socket), null);
  assert.equal(localAddressOf(socket), null);
});

test('the C library is tried before it is used', async (t) => {
  const socket = await accept(t, '127.0.0.1', '127.0.0.1');
  const calls = loadSocketCalls(descriptorOf(socket));
  assert.ok(typeof calls !== 'string');
  const [levelTcp, userTimeout] = [6, 18];
  assert.ok(calls.write(descriptorOf(socket), levelTcp, userTimeout, 1_234));
  assert.equal(calls.read(descriptorOf(socket), levelTcp, userTimeout), 4);
  const reason = loadSocketCalls(-1);
  assert.ok(typeof reason === 'string');
  assert.match(reason, /a TCP socket is of type -1$/);
});
