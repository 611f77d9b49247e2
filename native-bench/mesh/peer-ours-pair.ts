/**
 * A pair of ours, as processes join a mesh: `heddle up`, the server's proxy by `heddle run`, the
 * client's by `heddle proxy --control`. Both have an identity, and the client's proxy is told to
 * refuse endpoints without one, so that what is measured is mutual TLS or nothing.
 */

import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Peer, Plan, Subject } from '../peer.ts';
import { createOurs, isReady, splitCommand } from '../peer-ours.ts';
import { findFreePorts, type Run, type Started } from '../run.ts';
import { listTree, readCommand } from '../usage.ts';

interface OursOptions {
  /** How ours is started; its first word is what has all commands. */
  readonly command: string;
  /** Where Node writes CPU profiles of all processes, or '' for none. */
  readonly profile: string;
  /** Cores of the control plane, which is no part of the pair. */
  readonly controlCores: string;
}

/** The pair with the mesh that it is in. */
export interface OursPair extends Subject {
  readonly control: Control;
}

export interface Control {
  readonly command: string;
  /** `host:port`. */
  readonly address: string;
  readonly port: number;
  readonly pid: number;
  readonly stateFolder: string;
  /** The right to any name. */
  readonly tokenFile: string;
  readonly end: () => Promise<void>;
}

export function createOursPair(options: OursOptions): Peer {
  return {
    ...createOurs(options.command),
    start: (run, plan) => startOursPair(run, plan, options),
  };
}

export async function startOursPair(run: Run, plan: Plan, options: OursOptions): Promise<OursPair> {
  const control = await startControl(run, options);
  const server = await startServer(run, plan, options, control);
  const client = await startClient(run, plan, options, control);
  const end = async (): Promise<void> => {
    await run.end(client.started);
    await run.end(server.started);
    await control.end();
  };
  const pids = [client.started.pid, server.proxyPid];
  return { name: `ours pair (${plan.workers})`, pids, port: client.port, end, control };
}

export async function startControl(
  run: Run,
  { command, controlCores }: Pick<OursOptions, 'command' | 'controlCores'>,
): Promise<Control> {
  const [program] = splitCommand(command);
  const stateFolder = join(run.makeFolder('up'), 'state');
  const [port, adminPort] = await findFreePorts(2);
  const address = `127.0.0.1:${port}`;
  const started = run.start({
    name: 'heddle up',
    command: program,
    args: [
      'up',
      `--state-dir=${stateFolder}`,
      `--listen=${address}`,
      `--admin=127.0.0.1:${adminPort}`,
      '--log-level=warn',
    ],
    cores: controlCores,
  });
  await run.waitForPort(started, port);
  const tokenFile = join(stateFolder, 'local.token');
  const end = (): Promise<void> => run.end(started);
  return { command: program, address, port, pid: started.pid, stateFolder, tokenFile, end };
}

/** The origin listens already; what `heddle run` starts only has to stay. */
async function startServer(
  run: Run,
  plan: Plan,
  options: OursOptions,
  control: Control,
): Promise<{ started: Started; proxyPid: number }> {
  const [{ endpoints }] = plan.services;
  const port = endpoints[0].slice(endpoints[0].indexOf(':') + 1);
  const started = run.start({
    name: 'heddle run',
    command: control.command,
    args: [
      'run',
      `--service=${service}`,
      `--port=${port}`,
      `--protocol=${protocolOf(plan)}`,
      `--control=${control.address}`,
      `--token-file=${control.tokenFile}`,
      `--state-dir=${run.makeFolder('server')}`,
      '--grace=1s',
      '--',
      'sleep',
      'infinity',
    ],
    cores: plan.cores,
    env: { HEDDLE_WORKERS: String(plan.workers), ...profiling(options, 'server') },
  });
  await waitForEndpoint(run, control, started);
  return { started, proxyPid: findProxy(started) };
}

async function startClient(
  run: Run,
  plan: Plan,
  options: OursOptions,
  control: Control,
): Promise<{ started: Started; port: number }> {
  const [outboundPort, bindPort, adminPort] = await findFreePorts(3);
  const opaque = plan.protocol === 'opaque';
  const started = run.start({
    name: 'heddle proxy',
    command: control.command,
    args: [
      'proxy',
      `--control=${control.address}`,
      '--workload={"ns":"default","pod":"client-1"}',
      '--identity=client.default',
      `--identity-token=${control.tokenFile}`,
      '--require-identity=true',
      `--state-dir=${run.makeFolder('client')}`,
      `--outbound=127.0.0.1:${outboundPort}`,
      ...(opaque ? [`--bind=127.0.0.1:${bindPort}=${service}:80`] : []),
      `--admin=127.0.0.1:${adminPort}`,
      `--workers=${plan.workers}`,
      '--announce=0s',
      '--log-level=warn',
    ],
    cores: plan.cores,
    env: profiling(options, 'client'),
  });
  const giveUpAt = performance.now() + readyMs;
  while (!(await isReady(adminPort))) {
    if (performance.now() > giveUpAt || started.child.exitCode !== null) {
      throw new Error(`the client's proxy is not ready: ${started.complaint()}`);
    }
    await sleep(20);
  }
  return { started, port: opaque ? bindPort : outboundPort };
}

async function waitForEndpoint(run: Run, control: Control, server: Started): Promise<void> {
  const args = ['wait', service, `--control=${control.address}`, '--timeout=20s'];
  const wait = run.start({ name: 'heddle wait', command: control.command, args, cores: null });
  const [code]: (number | null)[] = await once(wait.child, 'exit');
  if (code !== 0) throw new Error(`${wait.complaint()}: ${server.complaint()}`);
}

/** Among the children of `heddle run`, not the application. */
function findProxy(started: Started): number {
  const proxy = listTree(started.pid).find(({ pid }) => readCommand(pid).includes('proxy'));
  if (proxy === undefined) throw new Error('heddle run has started no proxy');
  return proxy.pid;
}

/** The default `auto` is what a mesh has for HTTP; a version that is declared is not detected. */
function protocolOf({ protocol }: Plan): string {
  return protocol === 'http' ? 'auto' : protocol;
}

/** A file for each thread, when the process ends. */
function profiling({ profile }: OursOptions, side: 'client' | 'server'): Record<string, string> {
  if (profile === '') return {};
  return { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${join(profile, side)}` };
}

const service = 'web';
const readyMs = 20_000;
