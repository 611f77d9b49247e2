/**
 * HTTP/2 through one proxy, in cleartext with prior knowledge: 16 connections with 32 requests
 * under way on each, larger heads and bodies, HTTP/1.1 clients in front, more workers.
 */

import type { Bench, Outcome, Scenario } from './bench.ts';
import { comparePeers, compareWorkers, planService } from './compare.ts';
import type { Contender } from './measure.ts';
import { contendH2, contendRun, type H2LoadShape } from './measure-h2.ts';
import { type H2Origin, startH2Origin } from './origin-nghttpd.ts';
import type { Subject } from './peer.ts';
import { startWrk } from './wrk.ts';

export const h2: Scenario = {
  name: 'h2',
  about: 'HTTP/2 to HTTP/2, 16 connections with 32 streams each; heads of 1 KiB, too',
  needs: ['nghttpd', 'h2load'],
  execute: async (bench) => [
    await compareH2(bench, 'HTTP/2 to HTTP/2, 16 x 32 streams', manyStreams('/small')),
    await compareH2(bench, 'HTTP/2 to HTTP/2, 16 x 32 streams, 1 KiB of fields', {
      ...manyStreams('/small'),
      fields: kilobyteOfFields,
    }),
  ],
};

export const h2Bodies: Scenario = {
  name: 'h2-bodies',
  about: 'HTTP/2 to HTTP/2, responses of 16 KiB and of 1 MiB',
  needs: ['nghttpd', 'h2load'],
  execute: async (bench) => {
    const bulky = { ...manyStreams('/1m'), streams: 2 };
    return [
      await compareH2(bench, 'HTTP/2, 16 KiB, 16 x 32 streams', manyStreams('/16k'), 16 * kib),
      await compareH2(bench, 'HTTP/2, 1 MiB, 16 x 2 streams', bulky, 1024 * kib),
    ];
  },
};

export const h1ToH2: Scenario = {
  name: 'h1-to-h2',
  about: 'HTTP/1.1 keep-alive, 64 connections, to HTTP/2',
  needs: ['nghttpd', 'wrk'],
  execute: async (bench) => {
    const { connections } = bench.options;
    const load = { connections, hosts: ['web'], close: false, delayMs: 0, path: '/small' };
    return withOrigin(bench, async (origin) => {
      const plan = planService(bench, 'http1-to-http2', origin.endpoint);
      const title = `HTTP/1.1 to HTTP/2, ${connections} connections`;
      return [
        await comparePeers(bench, title, plan, (subject) =>
          contendRun(bench, subject, origin.port, (seconds) => {
            const { port } = subject;
            const { loadCores: cores } = bench.options;
            return startWrk(bench.run, { ...load, seconds, port, cores, program: bench.wrk }).found;
          }),
        ),
      ];
    });
  },
};

export const h2Workers: Scenario = {
  name: 'h2-workers',
  about: 'HTTP/2 to HTTP/2, ours with 0, 1 and 2 workers',
  needs: ['nghttpd', 'h2load'],
  execute: (bench) =>
    withOrigin(bench, async (origin) => {
      const title = 'workers: HTTP/2 to HTTP/2, 16 x 32 streams, one core';
      const plan = planService(bench, 'http2', origin.endpoint);
      const contend = (subject: Subject): Contender =>
        contendH2(bench, subject, origin.port, manyStreams('/small'));
      return [await compareWorkers(bench, title, plan, contend)];
    }),
};

/** One load, all peers. `contentBytes`: of a response, where those are what counts. */
async function compareH2(
  bench: Bench,
  title: string,
  shape: H2LoadShape,
  contentBytes = 0,
): Promise<Outcome> {
  return withOrigin(bench, (origin) => {
    const units = contentBytes === 0 ? 1 : contentBytes / gb;
    const plan = planService(bench, 'http2', origin.endpoint);
    const contend = (subject: Subject): Contender =>
      contendH2(bench, subject, origin.port, shape, units);
    return comparePeers(bench, title, plan, contend, contentBytes === 0 ? 'request' : 'GB');
  });
}

async function withOrigin<T>(bench: Bench, use: (origin: H2Origin) => Promise<T>): Promise<T> {
  const origin = await startH2Origin(bench.run, bench.options.loadCores, [
    { name: 'small', content: Buffer.from('abcdefghijklmnopqrstuvwxyz0123456789') },
    { name: '16k', content: Buffer.alloc(16 * kib, 'x') },
    { name: '1m', content: Buffer.alloc(1024 * kib, 'x') },
  ]);
  const outcome = await use(origin);
  await origin.end();
  return outcome;
}

function manyStreams(path: string): H2LoadShape {
  return { connections: 16, streams: 32, path, fields: [], content: null };
}

const kib = 1024;
const gb = 1_000_000_000;
/** What a browser or a tracing client adds, the same with each request. */
const kilobyteOfFields: readonly string[] = [
  `user-agent: ${'Mozilla/5.0 (X11; Linux x86_64) '.repeat(3).trim()}`,
  'accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8',
  'accept-language: en-GB,en;q=0.7,de;q=0.3',
  'accept-encoding: gzip, deflate, br',
  'x-request-id: 5a1c6b1e-0d7e-4a7b-9f0a-2c1b7f3de7a1',
  'x-b3-traceid: 463ac35c9f6413ad48485a3953bb6124',
  'x-b3-spanid: a2fb4a1d1a96d312',
  'x-b3-sampled: 1',
  `x-session: ${'0123456789abcdef'.repeat(28)}`,
];
