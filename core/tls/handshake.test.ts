/**
 * Goal: a connection inside of TLS is one like any other: whole, in order, with back-pressure, half
 * close and a true end; and a handshake ends in time, once. Method: both roles over real sockets,
 * with each other and with Node's own TLS.
 */

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import { makeMesh, meshName } from '../../test/support/certificates.ts';
import {
  handshakeTimeoutMs,
  type Outcome,
  TlsRig,
  transportProtocol,
} from '../../test/support/tls-rig.ts';
import { untilStill, untilTurn } from '../../test/support/turns.ts';
import { seededRandom } from '../base/random.ts';
import type { Socket } from '../io/socket.ts';
import { Splice } from '../io/splice.ts';
import { fuzz } from './handshake.fuzz.ts';

const mesh = makeMesh();
const web = mesh.identity(meshName('web'));
const client = mesh.identity(meshName('client'));
const credentials = { key: client.key, cert: client.chain, ca: mesh.roots };

/** Both of our own roles, on one connection. */
async function pair(rig: TlsRig, reads = true): Promise<{ ours: Outcome; theirs: Outcome }> {
  const index = rig.accepted.length;
  const ours = await rig.dial(rig.port, { reads }).settled();
  const theirs = await (await rig.outcome(index)).settled();
  assert.deepEqual([ours.failure, theirs.failure], ['', '']);
  return { ours, theirs };
}

/** Node's client and our server. */
async function meet(rig: TlsRig): Promise<{ node: TLSSocket; ours: Outcome; socket: Socket }> {
  const index = rig.accepted.length;
  const { socket: node, failure } = await rig.connect(credentials);
  assert.equal(failure, '');
  const ours = await rig.outcome(index);
  return { node, ours, socket: await ours.secured() };
}

/** Bytes whose every word is its own place. */
function counted(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at + 4 <= size; at += 4) bytes.writeUInt32LE(at, at);
  return bytes;
}

function put(rig: TlsRig, socket: Socket, bytes: Buffer): void {
  rig.io.enter();
  socket.write(bytes, 0, bytes.length);
  rig.io.leave();
}

/** Cuts the connection below TLS: FIN, and no word of the end inside. */
function cut(node: TLSSocket): void {
  const { _parent: carrier } = (node as unknown as { _handle: { _parent: Carrier } })._handle;
  const binding = (process as unknown as { binding(name: string): Binding }).binding('stream_wrap');
  const request = new binding.ShutdownWrap();
  request.oncomplete = () => {};
  assert.equal(carrier.shutdown(request), 0);
}

interface Carrier {
  shutdown(request: object): number;
}

interface Binding {
  readonly ShutdownWrap: new () => { oncomplete: () => void };
}

test('both roles know who the other is, and the protocol', async () => {
  await using rig = await TlsRig.start({ identity: web });
  const plain = await pair(rig);
  assert.deepEqual(plain.ours.peer, { name: web.name, protocol: false });
  assert.deepEqual(plain.theirs.peer, { name: web.name, protocol: false });
  const offering = await rig.dial(rig.port, { protocol: transportProtocol }).settled();
  assert.deepEqual(offering.peer, { name: web.name, protocol: true });
  const { node, ours } = await meet(rig);
  assert.equal(ours.peer?.name, client.name);
  assert.equal(node.getProtocol(), 'TLSv1.3');
  assert.equal(node.getCipher().name, 'TLS_AES_128_GCM_SHA256');
});

test('bytes that come with the last message of the handshake are not lost', async () => {
  for (const readsFirst of [false, true]) {
    await using rig = await TlsRig.start({ identity: web, readsFirst });
    const node = tlsConnect({
      ...credentials,
      port: rig.port,
      checkServerIdentity: () => undefined,
    });
    node.on('error', () => {});
    // Corked until the handshake is done, so that Finished and these go out as one.
    node.end('first words');
    const ours = await rig.outcome();
    await ours.until('end');
    assert.equal(ours.text, 'first words');
    assert.deepEqual(ours.events, ['end']);
    node.destroy();
  }
});

test('what is decrypted after a pause is held, in order, with its end', async () => {
  await using rig = await TlsRig.start({ identity: web });
  const { node, ours, socket } = await meet(rig);
  const bytes = counted(200_000);
  const pieces: Buffer[] = [];
  ours.act = (piece, length) => {
    pieces.push(Buffer.from(piece.subarray(0, length)));
    socket.pause();
    setImmediate(() => socket.resume());
  };
  node.end(bytes);
  await ours.until('end');
  assert.ok(Buffer.concat(pieces).equals(bytes));
  assert.ok(pieces.length > 3, `${pieces.length} pieces`);
  assert.deepEqual(ours.events, ['end']);
});

test('a connection that is not read stops its peer', async () => {
  await using rig = await TlsRig.start({ identity: web, reads: false });
  const { node, ours, socket } = await meet(rig);
  const bytes = counted(16 * 1024 * 1024);
  node.write(bytes);
  await untilStill('what Node has written', () => node.bytesWritten - node.writableLength);
  assert.equal(ours.received, 0);
  assert.ok(node.writableLength > 0);
  socket.resume();
  node.end();
  await ours.until('end');
  assert.ok(ours.bytes.equals(bytes));
});

test('64 MiB to a slow reader arrive whole, and memory is bounded by back-pressure', async () => {
  await using rig = await TlsRig.start({ identity: web });
  const { node, ours, socket } = await meet(rig);
  const block = counted(256 * 1024);
  let left = 256;
  let most = 0;
  const more = (): void => {
    while (left > 0 && !socket.congested) {
      put(rig, socket, block);
      left -= 1;
      most = Math.max(most, socket.waitingBytes);
    }
    if (left === 0) socket.end();
  };
  ours.onDrain = more;
  more();
  let received = 0;
  let wrong = 0;
  for await (const chunk of node) {
    for (const byte of chunk as Buffer) {
      if (byte !== block[received % block.length]) wrong += 1;
      received += 1;
    }
  }
  assert.deepEqual([received, wrong], [64 * 1024 * 1024, 0]);
  assert.ok(most < 2 * 1024 * 1024, `${most} bytes waited`);
});

test('half close: each direction ends by itself, and says so inside', async () => {
  await using rig = await TlsRig.start({ identity: web });
  const { ours, theirs } = await pair(rig);
  const socket = await ours.secured();
  const other = await theirs.secured();
  put(rig, socket, Buffer.from('question'));
  socket.end();
  await theirs.until('end');
  assert.equal(theirs.text, 'question');
  put(rig, other, Buffer.from('answer'));
  other.end();
  await ours.until('end');
  assert.equal(ours.text, 'answer');
  assert.deepEqual([ours.events, theirs.events], [['end'], ['end']]);
});

test('an end that only the connection below has is no end', async () => {
  await using rig = await TlsRig.start({ identity: web });
  const { node, ours } = await meet(rig);
  node.write('half of it');
  await ours.untilText('half of it');
  cut(node);
  await ours.until('ECONNRESET');
  assert.deepEqual(ours.events, ['ECONNRESET']);
});

test('one that comes while nothing is read is none either', async () => {
  await using rig = await TlsRig.start({ identity: web, reads: false });
  const { node, ours, socket } = await meet(rig);
  await new Promise<void>((resolve) => node.write('half of it', () => resolve()));
  cut(node);
  socket.resume();
  await ours.until('ECONNRESET');
  assert.equal(ours.text, 'half of it');
});

test('many records in one read, and a pause in the middle of them', async () => {
  await using rig = await TlsRig.start({ identity: web, reads: false });
  const { node, ours, socket } = await meet(rig);
  for (let at = 0; at < 1000; at++) node.write(`${at},`);
  await untilStill('what was written', () => node.bytesWritten);
  let text = '';
  ours.act = (bytes, length) => {
    text += bytes.toString('latin1', 0, length);
    if (text.length % 3 === 0) {
      socket.pause();
      queueMicrotask(() => socket.resume());
    }
  };
  socket.resume();
  const whole = Array.from({ length: 1000 }, (_, at) => `${at},`).join('');
  await untilTurn('all records', () => text.length >= whole.length);
  assert.equal(text, whole);
});

test('two connections that are spliced carry bulk both ways', async () => {
  await using rig = await TlsRig.start({ identity: web, reads: false });
  const front = await meet(rig);
  const back = await meet(rig);
  let ended = 'not';
  new Splice(rig.io, front.socket, back.socket, (code) => {
    ended = code;
  });
  const bytes = counted(8 * 1024 * 1024);
  front.node.end(bytes);
  const read = (node: TLSSocket): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      node.on('data', (chunk: Buffer) => chunks.push(chunk));
      node.on('end', () => resolve(Buffer.concat(chunks)));
      node.on('error', reject);
    });
  assert.ok((await read(back.node)).equals(bytes));
  back.node.end('done');
  assert.equal((await read(front.node)).toString(), 'done');
  await untilTurn('the end', () => ended !== 'not');
  assert.equal(ended, '');
});

test('one that is destroyed in the middle of a write and a read leaves nothing', async () => {
  await using rig = await TlsRig.start({ identity: web });
  for (let round = 0; round < 20; round++) {
    const { node, ours, socket } = await meet(rig);
    ours.act = () => socket.destroy();
    put(rig, socket, counted(4 * 1024 * 1024));
    node.write(counted(100_000));
    await untilTurn('the end', () => socket.destroyed);
    node.destroy();
    assert.deepEqual(ours.events, ['congested']);
  }
});

test('time runs out for whoever says nothing, or half of it', async () => {
  await using rig = await TlsRig.start({ identity: web });
  for (const sent of ['', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03half of a hello']) {
    const index = rig.accepted.length;
    const peer = connect(rig.port, '127.0.0.1');
    peer.write(Buffer.from(sent, 'latin1'));
    const ours = await rig.outcome(index);
    rig.clock.advance(handshakeTimeoutMs - 100);
    assert.equal(ours.isOver, false);
    rig.clock.advance(200);
    await ours.settled();
    assert.equal(ours.failure, `TLS_FAILED: no handshake within ${handshakeTimeoutMs} ms`);
    assert.equal(ours.socket?.destroyed, true);
    peer.destroy();
  }
  assert.equal(rig.timers.armedCount, 0);
});

test('a client gives up in time too, and nobody hears of one that was aborted', async () => {
  await using silent = await TlsRig.start({ identity: web, readsFirst: true });
  await using rig = await TlsRig.start({ identity: client });
  const { port } = silent;
  silent.contexts.replace({ ...web, generation: 1 });
  const late = rig.dial(port, { serverName: web.name });
  await untilTurn('the handshake', () => late.handshake !== null);
  late.handshake?.abort();
  late.handshake?.abort();
  await untilStill('timers', () => rig.timers.armedCount);
  assert.deepEqual([late.isOver, late.events, late.socket?.destroyed], [false, [], true]);
  assert.equal(rig.timers.armedCount, 0);
});

test('a peer that goes in the middle is a failure, once', async () => {
  await using rig = await TlsRig.start({ identity: web });
  for (const how of ['end', 'resetAndDestroy'] as const) {
    const index = rig.accepted.length;
    const peer = connect(rig.port, '127.0.0.1');
    peer.on('error', () => {});
    const ours = await rig.outcome(index);
    peer.write(Buffer.from([0x16, 3, 1]), () => peer[how]());
    await ours.settled();
    assert.match(ours.failure, /^TLS_FAILED: .*in the middle of the handshake$/);
    peer.destroy();
  }
});

test('connections keep the certificate that they began with', async () => {
  await using rig = await TlsRig.start({ identity: web });
  const before = await meet(rig);
  rig.contexts.replace(mesh.identity(meshName('other'), 1));
  const after = await rig.connect(credentials);
  assert.match(String(after.socket.getPeerX509Certificate()?.subjectAltName), /other/);
  put(rig, before.socket, Buffer.from('still here'));
  const text = await new Promise((resolve) => {
    before.node.once('data', (bytes) => resolve(String(bytes)));
  });
  assert.equal(text, 'still here');
});

test('an owner that throws when it is told loses its own connection alone', async () => {
  await using rig = await TlsRig.start({ identity: web });
  const { socket: node } = await rig.connect(credentials);
  const hit = rig.dial(rig.port);
  hit.take = () => {
    throw new Error('thrown by the owner');
  };
  await untilTurn('the end', () => hit.socket?.destroyed === true);
  assert.equal(node.destroyed, false);
  await pair(rig);
});

test('whatever is changed on the way, in either role, ends a handshake once', async () => {
  for (let seed = 1; seed <= 40; seed++) await fuzz(seededRandom(seed), 0);
});
