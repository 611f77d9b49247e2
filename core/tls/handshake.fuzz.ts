/**
 * Attacks the handshake in both roles: a real peer talks to ours over real sockets, and what it
 * says is changed on the way, outside of its records and inside of them, by who has the keys. Each
 * handshake has to end, once, without a throw; to succeed when only the pieces are others; and
 * whoever is let in has to be who the peer is, with its bytes as they were.
 */

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type TLSSocket, type Server as TlsServer } from 'node:tls';
import { makeMesh, meshName } from '../../test/support/certificates.ts';
import { type Attack, drawPlan, TlsMangler } from '../../test/support/tls-mangler.ts';
import { handshakeTimeoutMs, type Outcome, TlsRig } from '../../test/support/tls-rig.ts';
import { untilTurn } from '../../test/support/turns.ts';
import { assert } from '../base/assert.ts';
import { systemClock } from '../base/clock.ts';
import { type Random, seededRandom } from '../base/random.ts';

export const name = 'handshake';

/** Resolves with the number of handshakes; what it throws has what was sent to ours as `input`. */
export async function fuzz(random: Random, seconds: number): Promise<number> {
  const stopMs = systemClock.monotonicMs() + seconds * 1000;
  await using rig = await TlsRig.start({ identity: web });
  const peer = await startPeer();
  const toServer = await TlsMangler.start(() => rig.port, 'server');
  const toClient = await TlsMangler.start(() => (peer.address() as AddressInfo).port, 'client');
  peer.on('keylog', (line: Buffer) => toClient.learn(line));
  let count = 0;
  try {
    do {
      await attackServer(rig, toServer, seededRandom(random.uint32()));
      await attackClient(rig, toClient, seededRandom(random.uint32()));
      count += 2;
    } while (systemClock.monotonicMs() < stopMs);
    return count;
  } finally {
    await toServer.close();
    await toClient.close();
    peer.close();
    await once(peer, 'close');
  }
}

async function attackServer(rig: TlsRig, mangler: TlsMangler, random: Random): Promise<void> {
  const attack = mangler.expect(drawPlan(random));
  const index = rig.accepted.length;
  const client = rig.begin({ ...shown(alice), port: mangler.port });
  client.on('error', () => {});
  client.on('keylog', (line: Buffer) => mangler.learn(line));
  client.write(words);
  await judge(rig, await rig.outcome(index), attack, alice.name);
  client.destroy();
}

async function attackClient(rig: TlsRig, mangler: TlsMangler, random: Random): Promise<void> {
  const attack = mangler.expect(drawPlan(random));
  await judge(rig, rig.dial(mangler.port), attack, web.name);
}

/** Waits for the end, or makes it be late; the rest is what has to hold. */
async function judge(rig: TlsRig, ours: Outcome, attack: Attack, name: string): Promise<void> {
  try {
    let turns = 0;
    await untilTurn('the end of a handshake', () => {
      turns += 1;
      if (turns === turnsMax) rig.clock.advance(handshakeTimeoutMs + 100);
      return ours.isOver && (ours.peer === null || isDone(ours) || turns > turnsMax);
    });
    assert((ours.peer === null) !== (ours.failure === ''), 'a handshake ends in one way');
    const harmless = attack.plan.manner === 'none' || attack.plan.manner === 'cut';
    assert(!harmless || ours.peer !== null, `other pieces are the same: ${ours.failure}`);
    assert(!harmless || ours.text === words, `and so is what is inside: ${ours.text}`);
    if (ours.peer !== null) {
      assert(ours.peer.name === name, `it is ${ours.peer.name}, not ${name}`);
      assert(words.startsWith(ours.text), `what came is what was sent: ${ours.text}`);
    } else {
      assert(ours.socket?.destroyed === true, 'one that failed is closed');
    }
  } catch (error) {
    throw Object.assign(error as Error, { input: Buffer.concat(attack.sent) });
  } finally {
    ours.socket?.destroy();
  }
}

function isDone(ours: Outcome): boolean {
  return ours.text === words || ours.events.length > 0;
}

/** The other server, whose keys are known. */
async function startPeer(): Promise<TlsServer> {
  const peer = createServer({ ...shown(web), requestCert: true, minVersion: 'TLSv1.3' });
  peer.on('tlsClientError', () => {});
  peer.on('secureConnection', (socket: TLSSocket) => {
    socket.on('error', () => {});
    socket.write(words);
  });
  peer.listen(0, '127.0.0.1');
  await once(peer, 'listening');
  return peer;
}

function shown({ key, chain, roots }: typeof web) {
  return { key, cert: chain, ca: roots, ciphers: 'TLS_AES_128_GCM_SHA256' };
}

const mesh = makeMesh();
const web = mesh.identity(meshName('web'));
const alice = mesh.identity(meshName('alice'));
const words = 'what is said inside';
/** So many turns of the event loop without an end are a peer that waits for more. */
const turnsMax = 300;
