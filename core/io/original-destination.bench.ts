/**
 * What it costs to ask where a connection was going: `node core/io/original-destination.bench.ts`,
 * best of five runs over one connection. It is asked once for each connection. Nobody redirects
 * here: with rules the kernel looks the connection up besides.
 */

import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { systemClock } from '../base/clock.ts';
import { localAddressOf, originalDestinationBy } from './original-destination.ts';
import { loadSocketCalls } from './socket-calls.ts';
import { descriptorOf } from './stream-handle.ts';

const runs = 100_000;

function bestNs(act: () => unknown): number {
  let ns = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round++) {
    const startMs = systemClock.monotonicMs();
    for (let at = 0; at < runs; at++) act();
    ns = Math.min(ns, ((systemClock.monotonicMs() - startMs) * 1e6) / runs);
  }
  return Math.round(ns);
}

const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
await once(server, 'listening');
const client = connect((server.address() as { port: number }).port, '127.0.0.1');
const [socket] = (await once(server, 'connection')) as [Socket];
const descriptor = descriptorOf(socket);
const calls = loadSocketCalls(descriptor);
if (typeof calls === 'string') throw new Error(calls);
const redirected = originalDestinationBy('redirect');

console.log(`getsockopt of SO_TYPE         ${bestNs(() => calls.read(descriptor, 1, 3))} ns`);
console.log(`original destination          ${bestNs(() => redirected(socket))} ns`);
console.log(`local address, read already   ${bestNs(() => localAddressOf(socket))} ns`);
console.log(
  `user timeout                  ${bestNs(() => calls.write(descriptor, 6, 18, 30_000))} ns`,
);
client.destroy();
socket.destroy();
server.close();
