/**
 * Goal: a secure dial ends once, whatever it waits for, and a connection is handed over only when
 * its peer was verified by the anchors that are trusted then. Method: real sockets, peers of
 * node:tls and silent ones, a clock that the test moves.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import {
  identityOf,
  makeLeaf,
  makeMesh,
  makeRoot,
  meshName,
} from '../../test/support/certificates.ts';
import { cleanUp } from '../../test/support/cleanup.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { startTlsPeer } from '../../test/support/tls-peer.ts';
import { untilTurn } from '../../test/support/turns.ts';
import { TimerWheel } from '../base/timers.ts';
import { Io } from '../io/io.ts';
import type { Socket } from '../io/socket.ts';
import { TlsContexts } from './contexts.ts';
import { type Dialling, SecureDial } from './secure-dial.ts';

const mesh = makeMesh();
const web = meshName('web');
const caller = meshName('caller');

function rig(t: TestContext) {
  const clock = new FakeClock();
  const io = new Io(clock, new Float64Array(2));
  const timers = new TimerWheel(clock, clock.wakeSource);
  const tls = new TlsContexts();
  const ends: string[] = [];
  const context = { io, timers, tls, connectTimeoutMs: 1_000, hasIdentity: true };
  const owner = {
    dialled: (socket: Socket) => {
      ends.push('dialled');
      socket.destroy();
    },
    dialFailed: (code: string, detail: string) => ends.push(`${code}: ${detail}`),
  };
  const run = (act: () => void): void => {
    io.enter();
    act();
    io.leave();
  };
  cleanUp(t, () => run(() => io.close()));
  const dial = (port: number): Dialling => {
    const traits = {
      address: { host: '127.0.0.1', port },
      identity: web,
      serverName: web,
      header: null,
    };
    let dialling: Dialling | undefined;
    run(() => {
      dialling = new SecureDial(context, owner, traits, null, { readCell: 0, writeCell: 1 });
    });
    return dialling as Dialling;
  };
  return { clock, tls, ends, dial, run };
}

/** Takes connections and says nothing. */
async function listen(t: TestContext): Promise<{ port: number; taken: () => number }> {
  let taken = 0;
  const server = createServer((socket) => {
    taken += 1;
    socket.on('error', () => {});
    cleanUp(t, () => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUp(t, () => server.close());
  return { port: (server.address() as AddressInfo).port, taken: () => taken };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

test('given up in each of its steps, it tells nobody and leaves nothing', async (t) => {
  const silent = await listen(t);
  const { clock, tls, ends, dial, run } = rig(t);
  const early = dial(silent.port);
  run(() => early.abort());
  tls.replace(mesh.identity(caller, 1));
  await settle();
  assert.equal(silent.taken(), 0, 'it does not go on with a certificate');
  const connecting = dial(silent.port);
  run(() => connecting.abort());
  const shaking = dial(silent.port);
  await untilTurn('the connection', () => silent.taken() >= 1);
  await settle();
  run(() => shaking.abort());
  clock.advance(10_000);
  await settle();
  assert.deepEqual(ends, []);
  assert.equal(clock.wakeCount, 0);
});

test('a silent peer has the connect timeout for connection and handshake together', async (t) => {
  const silent = await listen(t);
  const { clock, tls, ends, dial } = rig(t);
  tls.replace(mesh.identity(caller, 1));
  dial(silent.port);
  await untilTurn('the connection', () => silent.taken() === 1);
  await settle();
  clock.advance(1_200);
  await untilTurn('the end', () => ends.length > 0);
  assert.equal(ends.length, 1);
  assert.match(ends[0], /^CONNECT_TIMEOUT: .*connectTimeoutMs/);
});

test('an anchor that leaves during the handshake: the peer is asked once more', async (t) => {
  const { tls, ends, dial, run } = rig(t);
  const younger = makeRoot();
  await using peer = await startTlsPeer({ identity: mesh.identity(web), header: false });
  const leaf = mesh.identity(caller, 1);
  tls.replace({ ...leaf, roots: mesh.roots + younger.pem });
  dial(peer.port);
  // The handshake has begun with the context of before: the peer has our first message.
  await untilTurn('the connection', () => peer.accepted.length === 1);
  run(() => tls.replace({ ...leaf, generation: 2, roots: mesh.roots }));
  await untilTurn('the end', () => ends.length > 0);
  assert.deepEqual(ends, ['dialled']);
  assert.equal(peer.accepted.length, 2);
});

test('whom nobody vouches for any more is not dialled', async (t) => {
  const { tls, ends, dial } = rig(t);
  const other = makeRoot();
  await using peer = await startTlsPeer({
    identity: identityOf(web, [makeLeaf(other, web)], [mesh.root]),
    header: false,
  });
  tls.replace(mesh.identity(caller, 1));
  dial(peer.port);
  await untilTurn('the end', () => ends.length > 0);
  assert.match(ends[0], /^TLS_FAILED: its certificate is not good/);
});
