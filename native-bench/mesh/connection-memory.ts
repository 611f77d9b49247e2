/**
 * Private memory that mutual TLS connections add to each proxy of a pair: clients that have been
 * answered and stay, each of which is a connection of its own between the proxies.
 */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, Figure, Missing } from '../bench.ts';
import { explainAbsence } from '../bench.ts';
import type { Peer, Plan } from '../peer.ts';
import { readUsage } from '../usage.ts';

/** A new pair in every round: memory that was used once is not given back. */
export async function measureConnectionMemory(
  bench: Bench,
  plan: Plan,
): Promise<{ figures: Figure[]; missing: Missing[] }> {
  const figures: Figure[] = [];
  const missing: Missing[] = [];
  for (const peer of bench.peers) {
    const reason = explainAbsence(peer.find(), peer.refuse(plan));
    if (reason === null) figures.push(...(await measurePair(bench, peer, plan)));
    else missing.push({ name: peer.name, reason });
  }
  return { figures, missing };
}

async function measurePair(bench: Bench, peer: Peer, plan: Plan): Promise<Figure[]> {
  const added: [number[], number[]] = [[], []];
  let name = peer.name;
  for (let round = 0; round < rounds; round++) {
    const subject = await peer.start(bench.run, plan);
    name = subject.name;
    // What the first connections of a process bring about is not the figure.
    closeAll(await openAll(subject.port, warmConnections));
    await sleep(restMs);
    const before = subject.pids.map((pid) => readUsage(pid).anonBytes);
    const sockets = await openAll(subject.port, connections);
    await sleep(restMs);
    for (const [side, pid] of subject.pids.entries()) {
      added[side].push((readUsage(pid).anonBytes - before[side]) / mb);
    }
    closeAll(sockets);
    await subject.end();
    bench.say(`  round ${round + 1}: ${name} ${added.map((side) => side.at(-1)).join(', ')} MB`);
  }
  return [
    { name: `${name}, client's proxy: 1000 connections add`, unit: 'MB', values: added[0] },
    { name: `${name}, server's proxy: 1000 connections add`, unit: 'MB', values: added[1] },
  ];
}

/** Some at a time, so that no backlog overflows. */
async function openAll(port: number, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const batch = Array.from({ length: Math.min(atOnce, count - sockets.length) }, () =>
      open(port),
    );
    sockets.push(...(await Promise.all(batch)));
  }
  return sockets;
}

/** Resolves when the origin has answered through both proxies. */
async function open(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  socket.write('GET / HTTP/1.1\r\nHost: web\r\n\r\n');
  const answered = once(socket, 'data');
  await Promise.race([
    answered,
    once(socket, 'close').then(() => {
      throw new Error('a connection was closed without an answer');
    }),
  ]);
  socket.on('error', () => socket.destroy());
  return socket;
}

function closeAll(sockets: readonly Socket[]): void {
  for (const socket of sockets) socket.destroy();
}

const connections = 1_000;
const warmConnections = 50;
const atOnce = 20;
const rounds = 3;
const restMs = 2_000;
const mb = 1_000_000;
