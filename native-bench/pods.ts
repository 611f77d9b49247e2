/**
 * Two pods with sidecars, to and from which all connections are redirected, as the tests make them
 * (test/support/sidecars.ts): ours from the image, or another program that takes the environment
 * of Linkerd's injector. The load comes from the client's pod, the origin is in the other one.
 */

import { execFileSync, spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { createOwner } from '../test/support/cleanup.ts';
import { findLinkerd } from '../test/support/linkerd-program.ts';
import { startSidecars, webIp, whyNoSidecars } from '../test/support/sidecars.ts';
import { launchGrpcServer } from './ghz.ts';
import { launchH2Origin } from './origin-nghttpd.ts';
import type { Found, Peer, Plan, Subject } from './peer.ts';
import { launchOrigin, parseRequests } from './peer-nginx.ts';
import type { Reach, Run, Started } from './run.ts';

interface PodOptions {
  /** A path, or '' for ours. */
  readonly program: string;
  readonly workers: number;
  /** Of both proxies together. */
  readonly proxyCores: string | null;
  readonly loadCores: string;
}

interface PodOrigin {
  /** Requests that nginx has answered. */
  readonly count: () => Promise<number>;
  readonly end: () => Promise<void>;
}

export interface PodPair {
  /** The client's proxy is the first. */
  readonly pids: readonly number[];
  /** From the client's pod to the service. */
  readonly reach: Reach;
  readonly startOrigin: (run: Run) => Promise<PodOrigin>;
  readonly startH2Origin: (run: Run) => Promise<Pick<PodOrigin, 'end'>>;
  readonly startGrpcOrigin: (run: Run) => Promise<void>;
  readonly end: () => Promise<void>;
}

/** Of the service: HTTP/1.1, HTTP/2, gRPC, and HTTP/1.1 that the mesh is told not to look at. */
export const podPorts = { http: 8080, http2: 8081, grpc: 8082, opaque: 9000 } as const;

/** Why there can be none here, or null. */
export function whyNoPods(): string | null {
  const missing = ['bash', 'taskset'].find(
    (name) => spawnSync(name, ['--version']).error !== undefined,
  );
  return missing === undefined ? whyNoSidecars() : `needs ${missing}`;
}

export async function startPodPair(options: PodOptions): Promise<PodPair> {
  const { program, workers, proxyCores, loadCores } = options;
  const owner = createOwner();
  try {
    const mesh = await startSidecars(
      owner,
      program === ''
        ? { flags: ['--workers', String(workers)] }
        : { linkerd: { program, services: ['web', 'client'] } },
    );
    const [web, client] = mesh.pods;
    const pids = [client.proxy.pid, web.proxy.pid];
    if (proxyCores !== null) for (const pid of pids) pin(pid, proxyCores);
    pin(mesh.control.pid, loadCores);
    const { inside } = web.host;
    return {
      pids,
      reach: { inside: client.host.inside, host: webIp },
      startOrigin: async (run) => {
        const serve = [podPorts.http, podPorts.opaque];
        const started = launchOrigin(run, loadCores, inside, { serve, status: statusPort });
        await waitForPort(started, inside, statusPort);
        let asked = 0;
        const count = async (): Promise<number> => {
          asked += 1;
          return parseRequests(talk(inside, statusPort, statusRequest)) - asked;
        };
        return { count, end: () => run.end(started) };
      },
      startH2Origin: async (run) => {
        const files = [{ name: 'small', content: smallContent }];
        const at = { address: '0.0.0.0', port: podPorts.http2, inside };
        const started = launchH2Origin(run, loadCores, { files, trailer: '', ...at });
        await waitForPort(started, inside, podPorts.http2);
        return { end: () => run.end(started) };
      },
      startGrpcOrigin: async (run) => {
        const started = launchGrpcServer(run, loadCores, podPorts.grpc, inside);
        await waitForPort(started, inside, podPorts.grpc);
      },
      end: () => owner.end(),
    };
  } catch (error) {
    await owner.end();
    throw error;
  }
}

/** Ours as a sidecar, and Linkerd's, where one is named: what is measured is one mesh each. */
export function createPodPeers(loadCores: string): Peer[] {
  return [
    createPodPeer('sidecar', () => ({ kind: 'found', program: '' }), loadCores),
    createPodPeer('linkerd2-proxy', findLinkerd, loadCores),
  ];
}

function createPodPeer(name: string, find: () => Found, loadCores: string): Peer {
  return {
    name,
    find: () => {
      const found = find();
      const reason = found.kind === 'found' ? whyNoPods() : null;
      return reason === null ? found : { kind: 'missing', reason };
    },
    refuse: ({ protocol }) =>
      protocol === 'opaque' ? 'pods are measured with HTTP alone: mesh-http1, mesh-h2' : null,
    start: (run, plan) => {
      const found = find();
      const program = found.kind === 'found' ? found.program : '';
      return startSubject(run, plan, name, program, loadCores);
    },
  };
}

async function startSubject(
  run: Run,
  plan: Plan,
  name: string,
  program: string,
  loadCores: string,
): Promise<Subject> {
  const { workers, cores: proxyCores } = plan;
  const pair = await startPodPair({ program, workers, proxyCores, loadCores });
  const common = {
    name: program === '' ? `${name} pair (${workers})` : `${name} pair`,
    pids: pair.pids,
    reach: pair.reach,
  };
  const ending = (end: () => Promise<void>) => async (): Promise<void> => {
    await end();
    await pair.end();
  };
  if (plan.protocol === 'http') {
    const { count, end } = await pair.startOrigin(run);
    return { ...common, port: podPorts.http, count, end: ending(end) };
  }
  const { end } = await pair.startH2Origin(run);
  const port = podPorts.http2;
  return { ...common, port, originPort: port, end: ending(end) };
}

/** All its threads; those that it starts later inherit it. */
function pin(pid: number, cores: string): void {
  execFileSync('taskset', ['-acp', cores, String(pid)], { stdio: 'ignore' });
}

async function waitForPort(
  started: Started,
  inside: readonly string[],
  port: number,
): Promise<void> {
  const giveUpAt = performance.now() + startTimeoutMs;
  for (;;) {
    try {
      talk(inside, port, '');
      return;
    } catch {
      if (started.child.exitCode !== null || performance.now() > giveUpAt) {
        throw new Error(`${started.name} does not accept on ${port}: ${started.complaint()}`);
      }
      await sleep(50);
    }
  }
}

/** What a port on the loopback of a pod says to these words; with none it is only dialled. */
function talk(inside: readonly string[], port: number, words: string): string {
  const exchange = words === '' ? 'true' : `printf '${words}' >&3 && cat <&3`;
  const script = `exec 3<>/dev/tcp/127.0.0.1/${port} && ${exchange}`;
  const [program, ...args] = [...inside, 'bash', '-c', script];
  const stdio = ['ignore', 'pipe', 'ignore'] as ['ignore', 'pipe', 'ignore'];
  return execFileSync(program, args, { encoding: 'utf8', stdio, timeout: startTimeoutMs });
}

const statusPort = 8090;
const statusRequest = 'GET / HTTP/1.0\\r\\n\\r\\n';
const smallContent = Buffer.from('abcdefghijklmnopqrstuvwxyz0123456789');
const startTimeoutMs = 10_000;
