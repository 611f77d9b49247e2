/**
 * What a proxy that is connected to a control plane has in private memory: idle, and when it uses
 * three services of a mesh of three, and of one of ten thousand more. The mesh beyond what a proxy
 * uses is to cost it nothing.
 */

import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { Agent, createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, Figure } from '../bench.ts';
import { projectDir } from '../peer.ts';
import { findFreePorts } from '../run.ts';
import { summarize } from '../statistics.ts';
import { readUsage } from '../usage.ts';

/** The difference is that of the medians, because one start differs from the next by some. */
export async function measureMeshMemory(bench: Bench): Promise<Figure[]> {
  const origin = createServer((_request, response) => response.end('ok'));
  origin.listen(0, '127.0.0.1');
  await once(origin, 'listening');
  const { port } = origin.address() as AddressInfo;
  const small = await startControl(bench, used, port);
  const large = await startControl(bench, used + others, port);
  // The first start after a build compiles, and what compiles stays in memory.
  await measureProxy(bench, small.port, used);
  const [idle, ofSmall, ofLarge]: number[][] = [[], [], []];
  for (let round = 0; round < rounds; round++) {
    idle.push(await measureProxy(bench, small.port, 0));
    ofSmall.push(await measureProxy(bench, small.port, used));
    ofLarge.push(await measureProxy(bench, large.port, used));
  }
  await small.end();
  await large.end();
  origin.closeAllConnections();
  origin.close();
  return [
    { name: 'RssAnon of a connected proxy, idle', unit: 'MB', values: idle },
    { name: 'RssAnon with 3 services used of 3', unit: 'MB', values: ofSmall },
    { name: 'RssAnon with 3 services used of 10 003', unit: 'MB', values: ofLarge },
    { name: meshCost, unit: 'MB', values: [middleOf(ofLarge) - middleOf(ofSmall)] },
  ];
}

async function startControl({ run, options }: Bench, services: number, originPort: number) {
  const folder = run.makeFolder('mesh');
  const [port, adminPort] = await findFreePorts(2);
  const file = join(folder, 'heddle.yaml');
  const endpoints = [`127.0.0.1:${originPort}`];
  const names = Array.from({ length: services }, (_, index) => nameOf(index));
  const all = Object.fromEntries(names.map((name) => [name, { port: 80, endpoints }]));
  writeFileSync(file, JSON.stringify({ services: all }));
  const up = run.start({
    name: 'heddle up',
    command,
    args: [
      'up',
      '--config',
      file,
      '--state-dir',
      join(folder, 'state'),
      '--listen',
      `127.0.0.1:${port}`,
      '--admin',
      `127.0.0.1:${adminPort}`,
    ],
    cores: options.proxyCores,
  });
  await run.waitForPort(up, port);
  return { port, end: () => run.end(up) };
}

/** MB, when a proxy has asked for so many services and has rested since. */
async function measureProxy({ run, options }: Bench, control: number, asked: number) {
  const [outbound, admin] = await findFreePorts(2);
  const proxy = run.start({
    name: 'proxy',
    command,
    args: [
      'proxy',
      '--control',
      `127.0.0.1:${control}`,
      '--state-dir',
      run.makeFolder('state'),
      '--outbound',
      `127.0.0.1:${outbound}`,
      '--admin',
      `127.0.0.1:${admin}`,
      '--workers',
      '1',
    ],
    cores: options.proxyCores,
  });
  await run.waitForPort(proxy, outbound);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (let turn = 0; turn < turns * asked; turn++) await ask(agent, outbound, nameOf(turn % asked));
  agent.destroy();
  await sleep(restMs);
  const { anonBytes } = readUsage(proxy.pid);
  await run.end(proxy);
  return anonBytes / mb;
}

async function ask(agent: Agent, port: number, host: string): Promise<void> {
  const request = get({ agent, host: '127.0.0.1', port, headers: { host } });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  if (response.statusCode !== 200) throw new Error(`${host}: ${response.statusCode}`);
  response.resume();
  await once(response, 'end');
}

function nameOf(index: number): string {
  return `service-${index}`;
}

function middleOf(values: readonly number[]): number {
  return summarize(values)?.median ?? Number.NaN;
}

const meshCost = '10 000 services that it does not use';
const command = join(projectDir, 'cli/heddle');
const used = 3;
const others = 10_000;
const rounds = 7;
const turns = 20;
const restMs = 6_000;
const mb = 1_000_000;
