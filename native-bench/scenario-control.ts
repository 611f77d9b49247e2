/**
 * A control plane with a thousand proxies, each with ten watches of a hundred endpoints: how long
 * until all have their first set, until the last has heard of a change, and until all have come
 * back after they were cut; CPU and memory of the server. Once for the libraries of gRPC that it
 * could be built on, once for the control plane itself.
 */

import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, Figure, Scenario } from './bench.ts';
import { measureMeshMemory } from './control-plane/mesh-memory.ts';
import { measureReceipt } from './control-plane/receipt.ts';
import { WatcherProcess } from './control-plane/watcher-process.ts';
import { projectDir } from './peer.ts';
import { findFreePorts } from './run.ts';
import { readUsage } from './usage.ts';

export const controlLibraries: Scenario = {
  name: 'control-libraries',
  about: 'core/grpc, grpc-js and connect-node with 1000 proxies x 10 watches',
  needs: [],
  execute: async (bench) => {
    const figures: Figure[] = [];
    for (const [library, file] of Object.entries(servers)) {
      figures.push(...(await measureLibrary(bench, library, file)));
    }
    return [{ kind: 'figures', title: 'servers of gRPC', figures, missing: [] }];
  },
};

export const controlPlane: Scenario = {
  name: 'control-plane',
  about: 'heddle up with 1000 proxies x 10 watches of 100 endpoints',
  needs: [],
  execute: async (bench) => [
    {
      kind: 'figures',
      title: 'control plane',
      figures: [
        ...(await measureControlPlane(bench)),
        { name: receiptName, unit: 'ms', values: await measureReceipt(bench) },
        ...(await measureMeshMemory(bench)),
      ],
      missing: [],
    },
  ],
};

async function measureLibrary(bench: Bench, library: string, file: string): Promise<Figure[]> {
  const { run, options } = bench;
  const server = run.start({
    name: library,
    command: process.execPath,
    args: [join(import.meta.dirname, file)],
    cores: options.proxyCores,
    channel: true,
  });
  const [{ port }] = (await once(server.child, 'message')) as [{ port: number }];
  const paths = Array.from({ length: watchesEach }, (_, index) => `service-${index}:80`);
  const watchers = new WatcherProcess(run, options.loadCores);
  const first = await watchers.open(port, proxies, paths);
  const changes: number[] = [];
  for (let round = 0; round < changesMade; round++) {
    const endpointPort = 20_000 + round;
    const change = (): unknown => server.child.send({ path: paths[0], endpointPort });
    changes.push(await watchers.time(paths[0], endpointPort, change));
  }
  const usage = readUsage(server.pid);
  const storm = await watchers.storm();
  await watchers.end();
  await run.end(server);
  return [
    { name: `${library}: all first sets`, unit: 'ms', values: [first.tookMs] },
    { name: `${library}: a change at the last of 1000`, unit: 'ms', values: changes },
    { name: `${library}: CPU of both`, unit: 'ms', values: [usage.cpuMicros / 1000] },
    { name: `${library}: RSS`, unit: 'MB', values: [usage.rssBytes / mb] },
    { name: `${library}: all back after a cut`, unit: 'ms', values: [storm.tookMs] },
  ];
}

async function measureControlPlane(bench: Bench): Promise<Figure[]> {
  const { run, options } = bench;
  const folder = run.makeFolder('up');
  const [port, adminPort] = await findFreePorts(2);
  const file = join(folder, 'heddle.yaml');
  writeFileSync(file, JSON.stringify({ services: listServices() }));
  const up = run.start({
    name: 'heddle up',
    command: join(projectDir, 'cli/heddle'),
    args: [
      'up',
      `--config=${file}`,
      `--state-dir=${join(folder, 'state')}`,
      `--listen=127.0.0.1:${port}`,
      `--admin=127.0.0.1:${adminPort}`,
    ],
    cores: options.proxyCores,
  });
  await run.waitForPort(up, port);
  const watchers = new WatcherProcess(run, options.loadCores);
  const token = readFileSync(join(folder, 'state/local.token'), 'utf8').trim();
  const joins = Array.from({ length: endpointsEach }, (_, index) => ({
    service: joined,
    token,
    endpointPort: 10_000 + index,
  }));
  await watchers.join({ port, joins });
  const paths = Array.from({ length: watchesEach }, (_, index) => pathOf(`service-${index}`));
  const first = await watchers.open(port, proxies, paths);
  const rss = readUsage(up.pid).rssBytes;
  const changes: number[] = [];
  // Whoever joins is a change that nobody has to find in a file first.
  const others = new WatcherProcess(run, options.loadCores);
  await others.join({ port, joins: [{ service: joined, token, endpointPort: 19_999 }] });
  for (let round = 0; round < changesMade; round++) {
    const endpointPort = 20_000 + round;
    const joins = [{ service: joined, token, endpointPort }];
    const change = (): unknown => others.join({ port, joins });
    changes.push(await watchers.time(pathOf(joined), endpointPort, change));
    await sleep(betweenMs);
  }
  const { cpuMicros, rssBytes } = readUsage(up.pid);
  const storm = await watchers.storm();
  const figures = figuresOf(first.tookMs, changes, cpuMicros, [rss, rssBytes], storm);
  await others.end();
  await watchers.end();
  await run.end(up);
  return figures;
}

function figuresOf(
  firstMs: number,
  changes: readonly number[],
  cpuMicros: number,
  rssBytes: readonly number[],
  storm: { readonly tookMs: number; readonly endedEarly: number },
): Figure[] {
  return [
    { name: 'all first sets', unit: 'ms', values: [firstMs] },
    { name: 'a change at the last of 1000', unit: 'ms', values: changes },
    { name: 'CPU of both', unit: 'ms', values: [cpuMicros / 1000] },
    { name: 'RSS', unit: 'MB', values: rssBytes.map((bytes) => bytes / mb) },
    { name: 'all back after a cut', unit: 'ms', values: [storm.tookMs] },
    { name: 'watches that ended by themselves', unit: 'count', values: [storm.endedEarly] },
  ];
}

/** The first takes processes that join, the others have their endpoints in the file. */
function listServices(): object {
  const endpoints = Array.from({ length: endpointsEach }, (_, at) => `127.0.0.1:${10_000 + at}`);
  const names = Array.from({ length: watchesEach }, (_, index) => `service-${index}`);
  return Object.fromEntries(
    names.map((name) => [
      name,
      name === joined ? { port: 80, join: true } : { port: 80, endpoints },
    ]),
  );
}

function pathOf(name: string): string {
  return `${name}.default.svc.cluster.local:80`;
}

const receiptName = '1000 endpoints: from word that they are gone to their last request';
const joined = 'service-0';
const servers = {
  'core/grpc': 'control-plane/server-core.ts',
  'grpc-js': 'control-plane/server-grpc-js.ts',
  'connect-node': 'control-plane/server-connect.ts',
} as const;
const proxies = 1_000;
const watchesEach = 10;
const endpointsEach = 100;
const changesMade = 10;
const betweenMs = 200;
const mb = 1_000_000;
