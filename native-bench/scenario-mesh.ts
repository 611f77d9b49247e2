/**
 * Client, proxy, mutual TLS, proxy, server: pairs of ours, of Envoys and of HAProxies under the
 * loads that single proxies have. CPU is that of both proxies.
 */

import type { Bench, Outcome, Scenario } from './bench.ts';
import { comparePeers, planService } from './compare.ts';
import { contendHttp } from './measure.ts';
import { contendBulk, startBulk } from './measure-bulk.ts';
import { contendH2 } from './measure-h2.ts';
import { measureConnectionMemory } from './mesh/connection-memory.ts';
import { measureFirstRequests } from './mesh/first-request.ts';
import { measureIssuing } from './mesh/issuing.ts';
import { createOursPair } from './mesh/peer-ours-pair.ts';
import { envoyPair, haproxyPair } from './mesh/peer-pairs.ts';
import { measureRotation } from './mesh/rotation.ts';
import { startH2Origin } from './origin-nghttpd.ts';
import { startOrigin } from './peer-nginx.ts';
import { createPodPeers } from './pods.ts';

export const meshHttp1: Scenario = {
  name: 'mesh-http1',
  about: 'pairs with mTLS between, HTTP/1.1 in and out, 1, 16 and 64 connections',
  needs: ['nginx', 'wrk'],
  execute: async (bench) => {
    const outcomes: Outcome[] = [];
    for (const connections of connectionCounts) {
      const title = `mesh: HTTP/1.1 in and out, ${describe(connections)}`;
      outcomes.push(await compareHttp(bench, title, { connections, close: false }));
    }
    return outcomes;
  },
};

export const meshH2: Scenario = {
  name: 'mesh-h2',
  about: 'pairs with mTLS between, HTTP/2, 1, 16 and 64 connections with 32 streams each',
  needs: ['nghttpd', 'h2load'],
  execute: async (bench) => {
    const outcomes: Outcome[] = [];
    for (const connections of connectionCounts) {
      const title = `mesh: HTTP/2, ${describe(connections)} with 32 streams`;
      outcomes.push(await compareH2(bench, title, connections));
    }
    return outcomes;
  },
};

export const meshHandshakes: Scenario = {
  name: 'mesh-handshakes',
  about: 'pairs, opaque TCP, an mTLS connection for each request, 16 at a time',
  needs: ['nginx', 'wrk'],
  execute: async (bench) => {
    const title = 'mesh: handshakes, opaque TCP, 16 connections at a time';
    return [await compareHttp(bench, title, { connections: 16, close: true })];
  },
};

export const meshBulk: Scenario = {
  name: 'mesh-bulk',
  about: 'pairs, opaque TCP in mTLS, one stream of 64 KiB chunks',
  needs: [],
  execute: async (bench) => {
    const bulk = await startBulk(bench);
    const plan = planService(bench, 'opaque', `127.0.0.1:${bulk.port}`);
    const outcome = await comparePeers(
      withPairs(bench),
      'mesh: opaque TCP, one stream, 64 KiB chunks',
      plan,
      (subject) => contendBulk(bench, subject, bulk),
      'GB',
    );
    await bench.run.end(bulk.started);
    return [outcome];
  },
};

export const meshMemory: Scenario = {
  name: 'mesh-memory',
  about: 'pairs, opaque TCP: private memory that 1000 mTLS connections add',
  needs: ['nginx'],
  execute: async (bench) => {
    const origin = await startOrigin(bench.run, bench.options.loadCores, 1);
    const plan = planService(bench, 'opaque', origin.endpoints[0]);
    const found = await measureConnectionMemory(withPairs(bench), plan);
    await origin.end();
    return [{ kind: 'figures', title: 'mesh: private memory of mTLS connections', ...found }];
  },
};

export const meshFirst: Scenario = {
  name: 'mesh-first',
  about: 'pairs, HTTP/1.1: the first request after a rest of 6.5 s, and the next one',
  needs: ['nginx'],
  execute: async (bench) => {
    const origin = await startOrigin(bench.run, bench.options.loadCores, 1);
    const plan = planService(bench, 'http', origin.endpoints[0]);
    const found = await measureFirstRequests(withPairs(bench), plan);
    await origin.end();
    return [{ kind: 'figures', title: 'mesh: requests after a rest (ms)', ...found }];
  },
};

export const meshIssuing: Scenario = {
  name: 'mesh-issuing',
  about: 'leaves that heddle up signs, for 64 proxies which ask without pause',
  needs: [],
  execute: async (bench) => {
    const figures = await measureIssuing(bench);
    return [{ kind: 'figures', title: 'mesh: issuing', figures, missing: [] }];
  },
};

export const meshRotation: Scenario = {
  name: 'mesh-rotation',
  about: 'ours, 16 connections at a light load: p99 while the root of the mesh is replaced',
  needs: ['nginx', 'wrk'],
  execute: async (bench) => {
    const { name, measured } = await measureRotation(bench);
    const title = `mesh: a rotation, ${name}`;
    return [{ kind: 'comparison', title, unit: 'request', ratio: 'growth', measured, missing: [] }];
  },
};

/** The same bench, with pairs of those peers that are asked for. */
function withPairs(bench: Bench): Bench {
  const { peers, ours, profile, loadCores } = bench.options;
  const oursPair = createOursPair({ command: ours, profile, controlCores: loadCores });
  const pairs = [oursPair, haproxyPair, envoyPair, ...createPodPeers(loadCores)];
  return { ...bench, peers: pairs.filter(({ name }) => peers.includes(name)) };
}

/** `close`: to proxies that do not look inside, so that each request is a connection. */
async function compareHttp(
  bench: Bench,
  title: string,
  { connections, close }: { readonly connections: number; readonly close: boolean },
): Promise<Outcome> {
  const origin = await startOrigin(bench.run, bench.options.loadCores, 1);
  const load = { connections, close, hosts: ['web'], delayMs: 0, path: '/' };
  const outcome = await comparePeers(
    withPairs(bench),
    title,
    planService(bench, close ? 'opaque' : 'http', origin.endpoints[0]),
    (subject) => contendHttp(bench, subject, origin.count, load),
    close ? 'handshake' : 'request',
  );
  await origin.end();
  return outcome;
}

async function compareH2(bench: Bench, title: string, connections: number): Promise<Outcome> {
  const content = Buffer.from('abcdefghijklmnopqrstuvwxyz0123456789');
  const files = [{ name: 'small', content }];
  const origin = await startH2Origin(bench.run, bench.options.loadCores, files);
  const shape = { connections, streams: 32, path: '/small', fields: [], content: null };
  const plan = planService(bench, 'http2', origin.endpoint);
  const outcome = await comparePeers(withPairs(bench), title, plan, (subject) =>
    contendH2(bench, subject, origin.port, shape),
  );
  await origin.end();
  return outcome;
}

function describe(connections: number): string {
  return connections === 1 ? '1 connection' : `${connections} connections`;
}

const connectionCounts: readonly number[] = [1, 16, 64];
