/**
 * Everything that one run of the benchmarks starts and has to take away again: processes on their
 * cores, a folder for their files, ports. Knows nothing of what is measured.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { listTree, type ProcessStat } from './usage.ts';

interface StartOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** A list for taskset, `0` or `1-3`; `null` for wherever the kernel likes. */
  readonly cores: string | null;
  /** Opens a channel for messages, for a Node process. */
  readonly channel?: boolean;
  /** Words before the command, which run it in a network of its own. */
  readonly inside?: readonly string[];
  /** Variables beside those that we have. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface Started {
  readonly name: string;
  readonly pid: number;
  readonly child: ChildProcess;
  /** The last of what it wrote to stderr. */
  readonly complaint: () => string;
}

/** Where what is listened to can be reached from. */
export interface Reach {
  readonly inside: readonly string[];
  readonly host: string;
}

export const onThisHost: Reach = { inside: [], host: '127.0.0.1' };

export class Run {
  readonly dir = mkdtempSync(join(tmpdir(), 'heddle-bench-'));
  readonly #started = new Set<Started>();
  readonly #onExit = (): void => this.#endNow();
  #folders = 0;

  constructor() {
    process.on('exit', this.#onExit);
  }

  /** A new empty folder that goes with the run. */
  makeFolder(name: string): string {
    this.#folders += 1;
    const folder = join(this.dir, `${this.#folders}-${name}`);
    mkdirSync(folder);
    return folder;
  }

  start(options: StartOptions): Started {
    const pin = options.cores === null ? [] : ['taskset', '-c', options.cores];
    const inside = options.inside ?? [];
    const [command, ...args] = [...inside, ...pin, options.command, ...options.args];
    const child = spawn(command, args, {
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe', ...(options.channel === true ? ['ipc' as const] : [])],
    });
    let complaint = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      complaint = (complaint + chunk.toString()).slice(-complaintCharsMax);
    });
    child.on('error', (error) => {
      complaint += error.message;
    });
    const name = options.name;
    const started = { name, pid: child.pid ?? 0, child, complaint: () => complaint.trim() };
    this.#started.add(started);
    child.once('exit', () => this.#started.delete(started));
    return started;
  }

  /** Resolves when something accepts on `port`; throws when the process ended before that. */
  async waitForPort(started: Started, port: number): Promise<void> {
    const giveUpAt = performance.now() + startTimeoutMs;
    while (!(await accepts(port))) {
      if (hasEnded(started.child) || performance.now() > giveUpAt) {
        throw new Error(`${started.name} does not accept on ${port}: ${started.complaint()}`);
      }
      await sleep(20);
    }
  }

  /** SIGTERM, again (many programs force at the second), then SIGKILL for what is left. */
  async end(started: Started): Promise<void> {
    const tree = listTree(started.pid);
    for (const waitMs of [500, 2_000]) {
      if (hasEnded(started.child)) break;
      started.child.kill('SIGTERM');
      await Promise.race([once(started.child, 'exit'), sleep(waitMs, null, { ref: false })]);
    }
    killTree(tree);
    if (!hasEnded(started.child)) await once(started.child, 'exit');
    this.#started.delete(started);
  }

  /** What a scenario that failed has left running. */
  async endAll(): Promise<void> {
    await Promise.all([...this.#started].map((started) => this.end(started)));
  }

  async close(): Promise<void> {
    await this.endAll();
    process.off('exit', this.#onExit);
    rmSync(this.dir, { recursive: true, force: true });
  }

  #endNow(): void {
    for (const started of this.#started) killTree(listTree(started.pid));
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Ports that nobody listens on, all different. */
export async function findFreePorts(count: number): Promise<number[]> {
  const servers: Server[] = [];
  const ports: number[] = [];
  for (let index = 0; index < count; index++) {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    servers.push(server);
    ports.push(address.port);
  }
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Ends by pid what is still the same process as when the tree was listed. */
function killTree(tree: readonly ProcessStat[]): void {
  for (const { pid, startTicks } of tree) {
    if (listTree(pid)[0]?.startTicks !== startTicks) continue;
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself in between.
    }
  }
}

const startTimeoutMs = 10_000;
const complaintCharsMax = 4_096;
