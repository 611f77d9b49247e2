/**
 * What the first request costs after a rest: by then a proxy may have closed its connections to the
 * other one and forgotten where the service is. Pairs rest together and are asked in turn.
 */

import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Bench, type Figure, type Missing, startPeers } from '../bench.ts';
import type { Plan, Subject } from '../peer.ts';

export async function measureFirstRequests(
  bench: Bench,
  plan: Plan,
): Promise<{ figures: Figure[]; missing: Missing[] }> {
  // Those in pods are not reached from here.
  const peers = bench.peers.filter(({ name }) => inThisHost.has(name));
  const { subjects, missing } = await startPeers({ ...bench, peers }, plan);
  for (const subject of subjects) {
    for (let request = 0; request < warmRequests; request++) await ask(subject);
  }
  const found = subjects.map(() => ({ first: [] as number[], second: [] as number[] }));
  for (let round = 0; round < bench.options.rounds; round++) {
    await sleep(restMs);
    for (const [index, subject] of subjects.entries()) {
      found[index].first.push(await ask(subject));
      found[index].second.push(await ask(subject));
    }
  }
  for (const subject of subjects) await subject.end();
  const figures = subjects.flatMap(({ name }, index): Figure[] => [
    { name: `${name}, first request`, unit: 'ms', values: found[index].first },
    { name: `${name}, the next one`, unit: 'ms', values: found[index].second },
  ]);
  return { figures, missing };
}

/** Milliseconds from a new connection until all of its answer. */
function ask({ port, name }: Subject): Promise<number> {
  const startedAt = performance.now();
  const socket = connect({ host: '127.0.0.1', port, noDelay: true, timeout: timeoutMs });
  socket.write('GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n');
  let answer = '';
  return new Promise((resolve, reject) => {
    socket.setEncoding('latin1').on('data', (text: string) => {
      answer += text;
    });
    socket.on('timeout', () => socket.destroy(new Error(`${name} does not answer`)));
    socket.on('error', reject);
    socket.on('end', () => {
      if (answer.startsWith('HTTP/1.1 200 ')) resolve(performance.now() - startedAt);
      else reject(new Error(`${name} answered ${answer.split('\r\n')[0]}`));
    });
  });
}

const inThisHost = new Set(['ours', 'haproxy', 'envoy']);
const warmRequests = 2_000;
/** Longer than ours keeps what it has discovered and does not use. */
const restMs = 6_500;
const timeoutMs = 10_000;
