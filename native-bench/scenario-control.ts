/**
 * A control plane with a thousand proxies, each with ten watches of a hundred endpoints: how long
 * until all have their first set, until the last has heard of a change, and until all have come
 * back after they were cut; CPU and memory of the server. Once for the libraries of gRPC that it
 * could be built on, once for the control plane itself, whose start and whose files are timed too.
 */

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, Figure, Scenario } from './bench.ts';
import { measureMeshMemory } from './control-plane/mesh-memory.ts';
import { measureReceipt } from './control-plane/receipt.ts';
import {
  endpointsEach,
  fileService,
  joinedService,
  launchUp,
  manifestService,
  measureUpStart,
  writeFile,
  writeManifest,
  writeMesh,
} from './control-plane/up.ts';
import { WatcherProcess } from './control-plane/watcher-process.ts';
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
        ...(await measureUpStart(bench)),
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
  writeMesh(folder);
  const { started: up, port } = await launchUp(run, options.proxyCores, folder);
  await run.waitForPort(up, port);
  const watchers = new WatcherProcess(run, options.loadCores);
  const token = readFileSync(join(folder, 'state/local.token'), 'utf8').trim();
  const joins = Array.from({ length: endpointsEach }, (_, index) => ({
    service: joinedService,
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
  await others.join({ port, joins: [{ service: joinedService, token, endpointPort: 19_999 }] });
  for (let round = 0; round < changesMade; round++) {
    const endpointPort = 20_000 + round;
    const joins = [{ service: joinedService, token, endpointPort }];
    const change = (): unknown => others.join({ port, joins });
    changes.push(await watchers.time(pathOf(joinedService), endpointPort, change));
    await sleep(betweenMs);
  }
  const { cpuMicros, rssBytes } = readUsage(up.pid);
  const fileFigures = await measureFiles(watchers, folder);
  const storm = await watchers.storm();
  const figures = figuresOf(first.tookMs, changes, cpuMicros, [rss, rssBytes], storm);
  await others.end();
  await watchers.end();
  await run.end(up);
  return [...figures, ...fileFigures];
}

/** From before a file is written until the last watcher has what it says. */
async function measureFiles(watchers: WatcherProcess, folder: string): Promise<Figure[]> {
  const figures: Figure[] = [];
  let port = 30_000;
  const measure = async (name: string, service: string, write: () => void): Promise<void> => {
    const values: number[] = [];
    for (let round = 0; round < filesWritten; round++) {
      port += endpointsEach;
      values.push(await watchers.time(pathOf(service), port, write));
      await sleep(betweenMs);
    }
    figures.push({ name, unit: 'ms', values });
  };
  const last = 'at the last of 1000';
  await measure(`heddle.yaml changes: ${last}`, fileService, () => writeFile(folder, port, '\n'));
  await measure(`heddle.yaml changes, no newline at its end: ${last}`, fileService, () =>
    writeFile(folder, port, ''),
  );
  await measure(`a manifest changes: ${last}`, manifestService, () => writeManifest(folder, port));
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

function pathOf(name: string): string {
  return `${name}.default.svc.cluster.local:80`;
}

const receiptName = '1000 endpoints: from word that they are gone to their last request';
const servers = {
  'core/grpc': 'control-plane/server-core.ts',
  'grpc-js': 'control-plane/server-grpc-js.ts',
  'connect-node': 'control-plane/server-connect.ts',
} as const;
const proxies = 1_000;
const watchesEach = 10;
const changesMade = 10;
const betweenMs = 200;
const filesWritten = 10;
const mb = 1_000_000;
