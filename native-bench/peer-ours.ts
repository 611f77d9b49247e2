/** Heddle itself: its command line, and the heddle.yaml that a plan becomes. */

import { existsSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { endsInHttp2, type Peer, type Plan, projectDir } from './peer.ts';
import { findFreePorts, type Run, type Started } from './run.ts';

/** `command`: program and arguments before `--config FILE`. */
export function createOurs(command: string): Peer {
  const [program] = splitCommand(command);
  return {
    name: 'ours',
    find: () =>
      existsSync(program)
        ? { kind: 'found', program }
        : { kind: 'missing', reason: `no ${program}; --ours names another command` },
    refuse: () => null,
    start: async (run, plan) => {
      const ours = launchOurs(run, command, plan.cores, await planOurs(run, plan));
      await run.waitForPort(ours.started, ours.port);
      const end = (): Promise<void> => run.end(ours.started);
      return { name: `ours (${plan.workers})`, pids: [ours.started.pid], port: ours.port, end };
    },
  };
}

/** A configuration that no process has seen yet. */
export interface Planned {
  readonly file: string;
  readonly port: number;
  readonly adminPort: number;
}

interface Launched extends Planned {
  readonly started: Started;
  readonly startedAtMs: number;
}

export async function planOurs(run: Run, plan: Plan): Promise<Planned> {
  const [port, bindPort, adminPort] = await findFreePorts(3);
  const file = join(run.makeFolder('ours'), 'heddle.yaml');
  writeFileSync(file, JSON.stringify(buildConfig(plan, port, bindPort, adminPort)));
  return { file, port: plan.protocol === 'opaque' ? bindPort : port, adminPort };
}

/** Begins the process without waiting for it: what the start scenario measures. */
export function launchOurs(
  run: Run,
  ours: string,
  cores: string | null,
  planned: Planned,
): Launched {
  const [command, ...args] = splitCommand(ours);
  // What it keeps of configurations goes with the run.
  const env = { XDG_CACHE_HOME: run.dir };
  const options = { name: 'ours', command, args: [...args, '--config', planned.file], cores, env };
  const startedAtMs = performance.now();
  return { ...planned, started: run.start(options), startedAtMs };
}

/** Whether `/ready` answers 200. */
export function isReady(adminPort: number): Promise<boolean> {
  return new Promise((resolve) => {
    const options = { host: '127.0.0.1', port: adminPort, path: '/ready', agent: false };
    const asked = request(options, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    asked.once('error', () => resolve(false));
    asked.end();
  });
}

/** A path is meant from the project's folder. */
export function splitCommand(command: string): string[] {
  const [program, ...args] = command.split(' ').filter((word) => word !== '');
  return [program.startsWith('/') ? program : join(projectDir, program), ...args];
}

/** YAML reads JSON. Only what differs from the defaults is set. */
function buildConfig(plan: Plan, port: number, bindPort: number, adminPort: number): object {
  const opaque = { port: 5432, protocol: 'opaque', bind: `127.0.0.1:${bindPort}` };
  const http = endsInHttp2(plan) ? { port: 80, protocol: 'http2' } : { port: 80 };
  const common = plan.protocol === 'opaque' ? opaque : http;
  const services = plan.services.map(({ name, endpoints }) => [name, { ...common, endpoints }]);
  return {
    services: Object.fromEntries(services),
    proxy: {
      outbound: `127.0.0.1:${port}`,
      admin: `127.0.0.1:${adminPort}`,
      workers: plan.workers,
    },
  };
}
