/**
 * Goal: over TLS whoever has a certificate of the mesh may call everything, others what is open;
 * plaintext is taken from where it may come. Method: grpc-js, which offers ALPN, over real sockets.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import * as grpcJs from '@grpc/grpc-js';
import { makeMesh, meshName } from '../../test/support/certificates.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { GrpcRig, Recorded, unaryMethod } from '../../test/support/grpc-rig.ts';
import { clientPreface, frame } from '../../test/support/h2-frames.ts';
import { Tls13Client } from '../../test/support/tls13-client.ts';
import { untilTurn } from '../../test/support/turns.ts';
import { dial } from '../../test/support/wire.ts';
import { secureSilentBytesMax, secureWatchMs } from '../base/limits.ts';
import { TlsContexts } from '../tls/contexts.ts';
import type { ServerSecurity } from './server.ts';
import { okStatus } from './status.ts';

const mesh = makeMesh();
const name = meshName('control', 'heddle');

interface Fixture {
  readonly port: number;
  readonly refused: string[];
}

async function serve(rig: GrpcRig, options: Partial<ServerSecurity> = {}): Promise<Fixture> {
  const contexts = new TlsContexts();
  contexts.replace(mesh.identity(name));
  const refused: string[] = [];
  const { server, port } = await rig.server({
    security: {
      contexts,
      allowsPlaintext: () => true,
      openMethods: new Set(),
      onRefused: (_peer, reason) => refused.push(reason),
      ...options,
    },
  });
  server.handle(unaryMethod, (call) => {
    call.onMessage = (message) => {
      call.send(`re: ${message}`);
      call.end(okStatus);
    };
  });
  return { port, refused };
}

/** The answer, or the name and text of the status. */
function ask(rig: GrpcRig, port: number, credentials: grpcJs.ChannelCredentials): Promise<string> {
  const client = rig.jsClient(port, { 'grpc.ssl_target_name_override': name }, credentials);
  return new Promise((resolve) => {
    client.unary('a', new grpcJs.Metadata(), { deadline: Date.now() + 5_000 }, (error, message) => {
      resolve(error === null ? String(message) : `${grpcJs.status[error.code]} ${error.details}`);
    });
  });
}

const roots = Buffer.from(mesh.roots);

function certifiedBy(of: ReturnType<typeof makeMesh>): grpcJs.ChannelCredentials {
  const { key, chain } = of.identity(meshName('web'));
  return grpcJs.credentials.createSsl(roots, Buffer.from(key), Buffer.from(chain));
}

test('with a certificate, without one, and without TLS', async () => {
  await using rig = new GrpcRig();
  const { port, refused } = await serve(rig);
  assert.equal(await ask(rig, port, certifiedBy(mesh)), 're: a');
  assert.match(
    await ask(rig, port, grpcJs.credentials.createSsl(roots)),
    /^UNAUTHENTICATED \/test\.Text\/Unary needs a certificate of the mesh/,
  );
  assert.equal(await ask(rig, port, grpcJs.credentials.createInsecure()), 're: a');
  assert.deepEqual(refused, []);
});

test('methods that are open need no certificate', async () => {
  await using rig = new GrpcRig();
  const { port } = await serve(rig, { openMethods: new Set([unaryMethod.path]) });
  assert.equal(await ask(rig, port, grpcJs.credentials.createSsl(roots)), 're: a');
});

test('a certificate of another root closes the connection', async () => {
  await using rig = new GrpcRig();
  const { port, refused } = await serve(rig);
  assert.match(await ask(rig, port, certifiedBy(makeMesh())), /^UNAVAILABLE|^DEADLINE_EXCEEDED/);
  assert.match(refused[0], /^its certificate is not good: /);
});

test('plaintext from where it may not come is closed', async () => {
  await using rig = new GrpcRig();
  const { port, refused } = await serve(rig, { allowsPlaintext: () => false });
  const call = new Recorded(rig.client(port), unaryMethod);
  call.call.send('a');
  await untilTurn('the end', () => call.status !== null);
  assert.deepEqual(refused, ['plaintext is taken from the loopback alone']);
});

test('before the first certificate nobody is served in TLS', async () => {
  await using rig = new GrpcRig();
  const { port, refused } = await serve(rig, { contexts: new TlsContexts() });
  const socket = connect(port, '127.0.0.1');
  socket.write(Buffer.from([0x16, 3, 1, 0, 5]));
  await once(socket, 'close');
  assert.deepEqual(refused, ['there is no certificate to serve with yet']);
});

test('a key that OpenSSL does not take closes connections and throws nowhere', async () => {
  await using rig = new GrpcRig();
  const contexts = new TlsContexts();
  contexts.replace({ ...mesh.identity(name), key: 'no key' }, 0);
  const { port, refused } = await serve(rig, { contexts });
  for (let count = 1; count <= 2; count++) {
    const socket = connect(port, '127.0.0.1');
    socket.write(Buffer.from([0x16, 3, 1, 0, 5]));
    await once(socket, 'close');
    assert.equal(refused.length, count);
  }
  assert.match(refused[0], /^the certificate cannot be used: /);
});

test('KeyUpdates without end, end their connection', async () => {
  const clock = new FakeClock();
  await using rig = new GrpcRig(clock);
  const { port } = await serve(rig);
  const client = new Tls13Client(await dial(port));
  await client.shake({ serverName: name });
  client.write(Buffer.concat([clientPreface, frame.settings({})]).toString('latin1'));
  const updates: Buffer[] = [];
  for (let sent = 0; sent < 2 * secureSilentBytesMax; sent += updates[0].length) {
    updates.push(client.keyUpdate(false));
  }
  client.wire.socket.write(Buffer.concat(updates));
  // Its answer comes behind them: they have been read.
  client.write(frame.ping('are read').toString('latin1'));
  await client.read('are read');
  assert.equal(client.wire.ended || client.wire.closed, false);
  clock.advance(2 * secureWatchMs);
  await client.wire.until('the end', () => client.wire.ended || client.wire.closed);
  client.wire.destroy();
});
