/** Ours as a process: its private memory idle and under load, and how soon it is ready. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, Figure, Figures, Scenario } from './bench.ts';
import type { Peer, Plan } from './peer.ts';
import { type Origin, startOrigin } from './peer-nginx.ts';
import { isReady, launchOurs, type Planned, planOurs } from './peer-ours.ts';
import { readUsage } from './usage.ts';
import { startWrk } from './wrk.ts';

export const memory: Scenario = {
  name: 'memory',
  about: 'RssAnon of ours, idle and with 1000 connections at 10 000 requests a second',
  needs: ['nginx', 'wrk'],
  execute: async (bench) => {
    const ours = findOurs(bench);
    const title = 'memory of ours (MB)';
    if (ours.missing.length > 0) return [{ kind: 'figures', title, figures: [], ...ours }];
    const figures: Figure[] = [];
    const origin = await startOrigin(bench.run, bench.options.loadCores, 1);
    for (const workers of [0, 1, 2]) {
      figures.push(...(await measureMemory(bench, ours.peer, origin, workers)));
    }
    await origin.end();
    return [{ kind: 'figures', title, figures, missing: [] }];
  },
};

export const start: Scenario = {
  name: 'start',
  about: 'from exec until /ready answers 200, with a new configuration and with a known one',
  needs: [],
  execute: async (bench) => {
    const ours = findOurs(bench);
    const title = 'start of ours: exec to ready (ms)';
    const figures: Figure[] = [];
    if (ours.missing.length === 0) {
      for (const workers of [0, 1, 2]) {
        for (const cores of [null, bench.options.proxyCores]) {
          const known: number[] = [];
          const fresh: number[] = [];
          for (let round = 0; round < startRounds; round++) {
            const planned = await planStart(bench, workers);
            fresh.push(await measureStart(bench, cores, planned));
            known.push(await measureStart(bench, cores, planned));
          }
          const name = `workers ${workers}, ${cores === null ? 'all cores' : 'one core'}`;
          figures.push({ name, unit: 'ms', values: known });
          figures.push({ name: `${name}, new configuration`, unit: 'ms', values: fresh });
        }
      }
    }
    return [{ kind: 'figures', title, figures, missing: ours.missing }];
  },
};

function findOurs(bench: Bench): { peer: Peer } & Pick<Figures, 'missing'> {
  const peer = bench.peers.find(({ name }) => name === 'ours');
  if (peer === undefined) throw new Error('this scenario measures ours; --peers leaves it out');
  const found = peer.find();
  if (found.kind === 'found') return { peer, missing: [] };
  return { peer, missing: [{ name: 'ours', reason: found.reason }] };
}

async function measureMemory(
  bench: Bench,
  peer: Peer,
  origin: Origin,
  workers: number,
): Promise<Figure[]> {
  const services = [{ name: 'web', endpoints: origin.endpoints }];
  const plan: Plan = { protocol: 'http', services, cores: bench.options.proxyCores, workers };
  // The first start after a build compiles, and what compiles stays in memory.
  await (await peer.start(bench.run, plan)).end();
  const subject = await peer.start(bench.run, plan);
  await sleep(idleMs);
  const idle = readUsage(...subject.pids);
  // 1000 connections that pause 95 ms, and wait some, before each request: 10 000 a second.
  const seconds = Math.max(loadSecondsMin, Math.ceil(bench.options.rounds * bench.options.seconds));
  const load = startWrk(bench.run, {
    connections: 1000,
    hosts: ['web'],
    close: false,
    delayMs: 95,
    path: '/',
    seconds,
    port: subject.port,
    cores: bench.options.loadCores,
    program: bench.wrk,
  });
  const before = await origin.count();
  const loaded: { rssBytes: number; anonBytes: number }[] = [];
  for (let second = 0; second < seconds * 2 - 1; second++) {
    await sleep(500);
    if (second >= 2) loaded.push(readUsage(...subject.pids));
  }
  await load.found;
  const rate = Math.round(((await origin.count()) - before) / seconds);
  await subject.end();
  const busy = `workers ${workers}, 1000 connections, ${rate}/s`;
  return [
    { name: `workers ${workers}, idle, RssAnon`, unit: 'MB', values: [idle.anonBytes / mb] },
    { name: `workers ${workers}, idle, RSS`, unit: 'MB', values: [idle.rssBytes / mb] },
    { name: `${busy}, RssAnon`, unit: 'MB', values: loaded.map((at) => at.anonBytes / mb) },
    { name: `${busy}, RSS`, unit: 'MB', values: loaded.map((at) => at.rssBytes / mb) },
  ];
}

function planStart(bench: Bench, workers: number): Promise<Planned> {
  const services = [{ name: 'web', endpoints: ['127.0.0.1:9'] }];
  return planOurs(bench.run, { protocol: 'http', services, cores: null, workers });
}

async function measureStart(bench: Bench, cores: string | null, planned: Planned): Promise<number> {
  const ours = launchOurs(bench.run, bench.options.ours, cores, planned);
  while (!(await isReady(ours.adminPort))) {
    if (
      performance.now() - ours.startedAtMs > startTimeoutMs ||
      ours.started.child.exitCode !== null
    ) {
      throw new Error(`ours is not ready: ${ours.started.complaint()}`);
    }
    await sleep(2);
  }
  const tookMs = performance.now() - ours.startedAtMs;
  // It would announce its end for seconds, sixty times over; nothing is connected to it.
  ours.started.child.kill('SIGKILL');
  await bench.run.end(ours.started);
  return tookMs;
}

const mb = 1_000_000;
const idleMs = 2_000;
const loadSecondsMin = 8;
const startRounds = 10;
const startTimeoutMs = 10_000;
