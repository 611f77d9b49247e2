/**
 * HTTP/1.1 through one proxy, a body of 36 bytes: keep-alive, more and more connections, a
 * connection for each request, more services and endpoints, more workers.
 */

import type { Bench, Outcome, Scenario } from './bench.ts';
import { comparePeers, compareVariants, compareWorkers, type Variant } from './compare.ts';
import { type Contender, contendHttp, type HttpLoad } from './measure.ts';
import type { Plan, PlanService, Subject } from './peer.ts';
import { type Origin, startOrigin } from './peer-nginx.ts';

export const http1: Scenario = {
  name: 'http1',
  about: 'HTTP/1.1 keep-alive, 64 connections',
  needs: ['nginx', 'wrk'],
  execute: async (bench) => {
    const { connections } = bench.options;
    const title = `HTTP/1.1 keep-alive, ${connections} connections`;
    return [await compareLoad(bench, title, keepAlive(connections))];
  },
};

export const connect: Scenario = {
  name: 'connect',
  about: 'a connection for each request, 64 at a time',
  needs: ['nginx', 'wrk'],
  execute: async (bench) => {
    const { connections } = bench.options;
    const title = `HTTP/1.1, a connection for each request, ${connections} at a time`;
    return [await compareLoad(bench, title, { ...keepAlive(connections), close: true })];
  },
};

export const growth: Scenario = {
  name: 'growth',
  about: 'HTTP/1.1 keep-alive, 64, 500, 1000 and 5000 connections',
  needs: ['nginx', 'wrk'],
  execute: async (bench) => {
    const outcomes: Outcome[] = [];
    for (const connections of [64, 500, 1000, 5000]) {
      const title = `growth: ${connections} connections`;
      outcomes.push(await compareLoad(bench, title, keepAlive(connections)));
    }
    return outcomes;
  },
};

export const services: Scenario = {
  name: 'services',
  about: '1 service and 1000, of which one or all are asked; nginx shows what the sockets cost',
  needs: ['nginx', 'wrk'],
  execute: async (bench) => {
    return comparePlans(bench, 'growth: services', 1, (origin) => [
      { label: '1 service', services: repeat(1, origin), asked: 1 },
      { label: '1000 services, 1 asked', services: repeat(1000, origin), asked: 1 },
      { label: '1000 services, all asked', services: repeat(1000, origin), asked: 1000 },
    ]);
  },
};

export const endpoints: Scenario = {
  name: 'endpoints',
  about: '1 endpoint and 1000; nginx shows what the sockets cost',
  needs: ['nginx', 'wrk'],
  execute: (bench) =>
    comparePlans(bench, 'growth: endpoints', 1000, (origin) => [
      { label: '1 endpoint', services: single(origin.endpoints.slice(0, 1)), asked: 1 },
      { label: '1000 endpoints', services: single(origin.endpoints), asked: 1 },
    ]),
};

export const workers: Scenario = {
  name: 'workers',
  about: 'ours with 0, 1 and 2 workers',
  needs: ['nginx', 'wrk'],
  execute: async (bench) => {
    const { connections } = bench.options;
    const title = `workers: HTTP/1.1 keep-alive, ${connections} connections, one core`;
    return withOrigin(bench, 1, async (origin) => {
      const plan = buildPlan(bench, single(origin.endpoints));
      const contend = (subject: Subject): Contender =>
        contendHttp(bench, subject, origin.count, keepAlive(connections));
      return [await compareWorkers(bench, title, plan, contend)];
    });
  },
};

/** One load, all peers. */
async function compareLoad(bench: Bench, title: string, load: HttpLoad): Promise<Outcome> {
  return withOrigin(bench, 1, async (origin) => {
    const plan = buildPlan(bench, single(origin.endpoints));
    const contend = (subject: Subject): Contender =>
      contendHttp(bench, subject, origin.count, load);
    return comparePeers(bench, title, plan, contend);
  });
}

interface Setup {
  readonly label: string;
  readonly services: readonly PlanService[];
  /** How many of the services requests go to, in turn. */
  readonly asked: number;
}

/** One load, several plans side by side, a table for each peer: its growth over itself. */
async function comparePlans(
  bench: Bench,
  title: string,
  addresses: number,
  build: (origin: Origin) => Setup[],
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const grown = bench.peers.filter((peer) => peer.name === 'ours' || peer.name === 'nginx');
  for (const peer of grown) {
    outcomes.push(
      await withOrigin(bench, addresses, async (origin) => {
        const only = { ...bench, peers: [peer] };
        const variants = build(origin).map(({ label, services: planned, asked }): Variant => {
          const hosts = planned.slice(0, asked).map(({ name }) => name);
          const load = { ...keepAlive(bench.options.connections), hosts };
          const contend = (subject: Subject): Contender =>
            contendHttp(bench, subject, origin.count, load, label);
          return { plan: buildPlan(bench, planned), contend };
        });
        return compareVariants(only, `${title}, ${peer.name}`, variants);
      }),
    );
  }
  return outcomes;
}

async function withOrigin<T>(
  bench: Bench,
  addresses: number,
  use: (origin: Origin) => Promise<T>,
): Promise<T> {
  const origin = await startOrigin(bench.run, bench.options.loadCores, addresses);
  const outcome = await use(origin);
  await origin.end();
  return outcome;
}

function buildPlan(bench: Bench, planned: readonly PlanService[]): Plan {
  return { protocol: 'http', services: planned, cores: bench.options.proxyCores, workers: 1 };
}

/** Services that all have the same endpoint. */
function repeat(count: number, origin: Origin): PlanService[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `s${index}`,
    endpoints: [origin.endpoints[0]],
  }));
}

function single(addresses: readonly string[]): PlanService[] {
  return [{ name: 'web', endpoints: addresses }];
}

function keepAlive(connections: number): HttpLoad {
  return { connections, hosts: ['web'], close: false, delayMs: 0, path: '/' };
}
