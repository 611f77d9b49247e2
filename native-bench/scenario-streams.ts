/**
 * What streams of one connection do to each other and to memory: small requests beside streams
 * that take nothing, and one answer of a GiB.
 */

import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Bench,
  type Comparison,
  type Figure,
  type Measured,
  type Missing,
  type RunFound,
  type Scenario,
  startPeers,
} from './bench.ts';
import { planService } from './compare.ts';
import { startH2load } from './h2load.ts';
import { type Contender, measureRounds } from './measure.ts';
import { contendRun } from './measure-h2.ts';
import { startH2Origin } from './origin-nghttpd.ts';
import type { Subject } from './peer.ts';
import { readUsage } from './usage.ts';

export const slowStreams: Scenario = {
  name: 'slow-streams',
  about: 'small requests beside 0 and 100 streams that take nothing, on one connection',
  needs: ['nghttpd'],
  execute: async (bench) => {
    const origin = await startH2Origin(bench.run, bench.options.loadCores, [
      { name: 'small', content: Buffer.from('abcdefghijklmnopqrstuvwxyz0123456789') },
      { name: '1m', content: Buffer.alloc(1024 * 1024, 'x') },
    ]);
    const plan = planService(bench, 'http2', origin.endpoint);
    const { subjects: started, missing } = await startPeers(bench, plan);
    const subjects = await keepAble(bench, started, missing);
    const contenders = subjects.flatMap((subject) =>
      slowCounts.map((count): Contender => {
        const load = (seconds: number): Promise<RunFound> =>
          runSlowClient(bench, subject, count, seconds);
        const label = `${subject.name}, ${count} slow`;
        return { ...contendRun(bench, subject, origin.port, load), label };
      }),
    );
    const measured = await measureRounds(bench, contenders);
    for (const subject of subjects) await subject.end();
    await origin.end();
    const describe = (name: string, rows: readonly Measured[]): Comparison => {
      const title = `small requests beside slow streams, ${name}`;
      return {
        kind: 'comparison',
        title,
        unit: 'request',
        ratio: 'growth',
        measured: rows,
        missing,
      };
    };
    if (subjects.length === 0) return [describe('nobody', [])];
    return subjects.map(({ name }, index) => {
      const from = index * slowCounts.length;
      return describe(name, measured.slice(from, from + slowCounts.length));
    });
  },
};

export const longStream: Scenario = {
  name: 'long-stream',
  about: 'RssAnon while one stream of gRPC carries a GiB of messages',
  needs: ['nghttpd', 'h2load'],
  execute: async (bench) => {
    const { loadCores } = bench.options;
    // Zeros, which are messages of no bytes.
    const files = [{ name: path, content: gib }];
    const origin = await startH2Origin(bench.run, loadCores, files, 'grpc-status: 0');
    const plan = planService(bench, 'http2', origin.endpoint);
    const { subjects, missing } = await startPeers(bench, plan);
    const figures: Figure[] = [];
    for (const subject of subjects) {
      figures.push(...(await measureStream(bench, subject)));
      await subject.end();
    }
    await origin.end();
    return [{ kind: 'figures', title: 'memory while a stream carries 1 GiB', figures, missing }];
  },
};

/** Ends those in which slow streams stop all others, and names them. */
async function keepAble(
  bench: Bench,
  subjects: readonly Subject[],
  missing: Missing[],
): Promise<Subject[]> {
  const able: Subject[] = [];
  for (const subject of subjects) {
    try {
      await runSlowClient(bench, subject, Math.max(...slowCounts), 1);
      able.push(subject);
    } catch (error) {
      missing.push({ name: subject.name, reason: messageOf(error) });
      await subject.end();
    }
  }
  return able;
}

async function runSlowClient(
  bench: Bench,
  subject: Subject,
  slow: number,
  seconds: number,
): Promise<RunFound> {
  const started = bench.run.start({
    name: 'slow-client',
    command: process.execPath,
    args: [
      join(import.meta.dirname, 'slow-client.ts'),
      ...[subject.port, slow, seconds].map(String),
    ],
    cores: bench.options.loadCores,
  });
  let output = '';
  started.child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  await once(started.child, 'close');
  if (output === '') throw new Error(started.complaint());
  return JSON.parse(output);
}

/** One stream in each round; memory before it, and how far it rose during it and after. */
async function measureStream(bench: Bench, subject: Subject): Promise<Figure[]> {
  const before: number[] = [];
  const rises: number[] = [];
  // The first one warms.
  for (let round = 0; round <= bench.options.rounds; round++) {
    const from = readUsage(...subject.pids).anonBytes;
    const most = await watchStream(bench, subject);
    if (round === 0) continue;
    before.push(from / mb);
    rises.push((most - from) / mb);
  }
  return [
    { name: `${subject.name}, RssAnon before`, unit: 'MB', values: before },
    { name: `${subject.name}, its greatest rise`, unit: 'MB', values: rises },
  ];
}

async function watchStream(bench: Bench, subject: Subject): Promise<number> {
  const { found, started } = startH2load(bench.run, {
    connections: 1,
    streams: 1,
    requests: 1,
    seconds: 0,
    port: subject.port,
    path,
    authority: 'web',
    fields: ['content-type: application/grpc', 'te: trailers'],
    content: Buffer.alloc(5),
    cores: bench.options.loadCores,
    program: bench.h2load,
  });
  let most = 0;
  while (started.child.exitCode === null) {
    await sleep(watchMs);
    most = Math.max(most, readUsage(...subject.pids).anonBytes);
  }
  const { errors, endMicros } = await found;
  if (errors > 0 || endMicros.length !== 1) throw new Error(`${subject.name} lost the stream`);
  await sleep(settleMs);
  return Math.max(most, readUsage(...subject.pids).anonBytes);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const slowCounts: readonly number[] = [0, 100];
const path = '/grpc.testing.TestService/StreamingOutputCall.grpc';
const gib = 1024 ** 3;
const mb = 1_000_000;
const watchMs = 50;
const settleMs = 500;
