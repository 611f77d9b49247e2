/**
 * `heddle up` as the benchmarks need it: a configuration of services with a hundred endpoints each,
 * in its file, in a folder of manifests and by processes that join; and how long a start takes.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, Figure } from '../bench.ts';
import { projectDir } from '../peer.ts';
import { isReady } from '../peer-ours.ts';
import { findFreePorts, type Run, type Started } from '../run.ts';

interface LaunchedUp {
  readonly started: Started;
  readonly startedAtMs: number;
  readonly port: number;
  readonly adminPort: number;
}

export const endpointsEach = 100;
/** Its endpoints are those that join. */
export const joinedService = 'service-0';
export const fileService = 'service-1';
export const manifestService = 'service-2';

/** Begins the process, without waiting for it, with what is in the folder. */
export async function launchUp(run: Run, cores: string, folder: string): Promise<LaunchedUp> {
  const [port, adminPort] = await findFreePorts(2);
  const startedAtMs = performance.now();
  const started = run.start({
    name: 'heddle up',
    command: join(projectDir, 'cli/heddle'),
    args: [
      'up',
      `--config=${join(folder, 'heddle.yaml')}`,
      `--state-dir=${join(folder, 'state')}`,
      `--listen=127.0.0.1:${port}`,
      `--admin=127.0.0.1:${adminPort}`,
    ],
    cores,
    // What it keeps of configurations goes with the run.
    env: { XDG_CACHE_HOME: folder },
  });
  return { started, startedAtMs, port, adminPort };
}

export function writeMesh(folder: string): void {
  mkdirSync(join(folder, manifestFolder));
  writeFile(folder, firstPort, '\n');
  writeManifest(folder, firstPort);
}

/** All endpoints of `fileService` get other ports, from `port` on; `end` is the text's last. */
export function writeFile(folder: string, port: number, end: '' | '\n'): void {
  const services = Object.fromEntries(
    Array.from({ length: servicesAll }, (_, index) => {
      const name = `service-${index}`;
      if (name === joinedService) return [name, { port: 80, join: true }];
      return [
        name,
        { port: 80, endpoints: listEndpoints(name === fileService ? port : firstPort) },
      ];
    }).filter(([name]) => name !== manifestService),
  );
  const text = JSON.stringify({ services, manifests: manifestFolder });
  writeFileSync(join(folder, 'heddle.yaml'), `${text}${end}`);
}

function listEndpoints(first: number): string[] {
  return Array.from({ length: endpointsEach }, (_, at) => `127.0.0.1:${first + at}`);
}

/** All endpoints of `manifestService` get this port. */
export function writeManifest(folder: string, port: number): void {
  const namespace = 'default';
  const endpoints = Array.from({ length: endpointsEach }, (_, at) => ({
    addresses: [`10.0.0.${at + 1}`],
  }));
  const items = [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: manifestService, namespace },
      spec: { ports: [{ name: 'http', port: 80 }] },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: `${manifestService}-1`,
        namespace,
        labels: { 'kubernetes.io/service-name': manifestService },
      },
      addressType: 'IPv4',
      ports: [{ name: 'http', port }],
      endpoints,
    },
  ];
  const text = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  writeFileSync(join(folder, manifestFolder, 'service.json'), `${text}\n`);
}

/** From exec until `/ready` answers 200: on a new machine, and with what the first one left. */
export async function measureUpStart({ run, options }: Bench): Promise<Figure[]> {
  const first: number[] = [];
  const later: number[] = [];
  for (let round = 0; round < startRounds; round++) {
    const folder = run.makeFolder('start');
    writeMesh(folder);
    for (const values of [first, later]) {
      const up = await launchUp(run, options.proxyCores, folder);
      while (!(await isReady(up.adminPort))) {
        const tookMs = performance.now() - up.startedAtMs;
        if (tookMs > startTimeoutMs || up.started.child.exitCode !== null) {
          throw new Error(`heddle up is not ready: ${up.started.complaint()}`);
        }
        await sleep(2);
      }
      values.push(performance.now() - up.startedAtMs);
      await run.end(up.started);
    }
  }
  return [
    { name: 'exec to ready, first start', unit: 'ms', values: first },
    { name: 'exec to ready, later start', unit: 'ms', values: later },
  ];
}

const manifestFolder = 'mesh.d';
const servicesAll = 10;
const firstPort = 10_000;
const startRounds = 10;
const startTimeoutMs = 10_000;
