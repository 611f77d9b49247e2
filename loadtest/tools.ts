/** Runs the programs that a load test is made of, on the cores of the load, and ends them. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { OpenFound, OpenLoad } from './generator.ts';

const projectDir = join(import.meta.dirname, '..');

/** A proxy under test, as `npm run bench -- serve` reports it. */
interface ServedSubject {
  readonly name: string;
  readonly port: number;
}

export interface Served {
  readonly host: string;
  readonly loadCores: string;
  readonly wrk: string;
  readonly subjects: readonly ServedSubject[];
  readonly missing: readonly { readonly name: string; readonly reason: string }[];
}

export interface ClosedFound {
  readonly rate: number;
  readonly p50Micros: number;
  readonly p99Micros: number;
  readonly errors: number;
}

export interface K6Found {
  readonly rate: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly failedShare: number;
  /** Arrivals for which k6 had no free virtual user. */
  readonly dropped: number;
}

export class LoadTools {
  readonly dir = mkdtempSync(join(tmpdir(), 'heddle-loadtest-'));
  readonly #children = new Set<ChildProcess>();
  readonly #onExit = (): void => this.#endNow();
  #cores = '1';

  constructor() {
    process.on('exit', this.#onExit);
  }

  /** Starts origin and proxies; they end when their stdin does. */
  async serve(args: readonly string[]): Promise<Served> {
    const main = join(projectDir, 'native-bench', 'main.ts');
    const child = this.#start(process.execPath, [main, 'serve', ...args], false);
    let complaint = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      complaint += chunk.toString();
    });
    const line = await new Promise<string>((resolve, reject) => {
      let output = '';
      child.stdout?.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        if (output.includes('\n')) resolve(output);
      });
      child.once('close', () => reject(new Error(`nothing to load: ${complaint.trim()}`)));
    });
    const served: Served = JSON.parse(line);
    this.#cores = served.loadCores;
    return served;
  }

  /** As fast as it goes with so many connections: finds the peak. */
  async runClosed(served: Served, port: number, load: ClosedLoad): Promise<ClosedFound> {
    const script = join(this.dir, 'report.lua');
    writeFileSync(script, reportScript);
    const args = ['-t', '1', '-c', String(load.connections), '-d', `${load.seconds}s`];
    args.push('-H', `Host: ${served.host}`, '-s', script, `http://127.0.0.1:${port}/`);
    const output = await this.#collect(served.wrk, args);
    const match = /^FOUND ([0-9]+) ([0-9]+) ([0-9]+) ([0-9]+) ([0-9]+)$/m.exec(output);
    if (match === null) throw new Error(`wrk found nothing: ${output}`);
    const [requests, micros, p50Micros, p99Micros, errors] = match.slice(1).map(Number);
    return { rate: (requests * 1e6) / micros, p50Micros, p99Micros, errors };
  }

  async runOpen(load: OpenLoad): Promise<OpenFound> {
    const args = [join(import.meta.dirname, 'generator.ts'), JSON.stringify(load)];
    return JSON.parse(await this.#collect(process.execPath, args));
  }

  async runK6(program: string, script: string, load: OpenLoad): Promise<K6Found> {
    const summary = join(this.dir, 'k6.json');
    const target = `http://127.0.0.1:${load.port}/`;
    await this.#collect(program, listK6Arguments(script, { ...load, target, summary }));
    const found: K6Found = JSON.parse(readFileSync(summary, 'utf8'));
    rmSync(summary);
    return found;
  }

  async close(): Promise<void> {
    const ended = [...this.#children].map(async (child) => {
      child.stdin?.end();
      await once(child, 'close');
    });
    await Promise.all(ended);
    process.off('exit', this.#onExit);
    rmSync(this.dir, { recursive: true, force: true });
  }

  #start(command: string, args: readonly string[], pinned: boolean): ChildProcess {
    const pin = pinned ? ['taskset', '-c', this.#cores] : [];
    const [program, ...rest] = [...pin, command, ...args];
    const child = spawn(program, rest, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#children.add(child);
    child.once('close', () => this.#children.delete(child));
    child.on('error', (error) => child.stderr?.destroy(error));
    return child;
  }

  async #collect(command: string, args: readonly string[]): Promise<string> {
    const child = this.#start(command, args, true);
    let output = '';
    let complaint = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      complaint = (complaint + chunk.toString()).slice(-4_096);
    });
    const [code]: (number | null)[] = await once(child, 'close');
    if (code !== 0) throw new Error(`${command} ended with ${code}: ${complaint.trim()}`);
    return output;
  }

  /** SIGTERM: the server of proxies takes away what it started. */
  #endNow(): void {
    for (const child of this.#children) child.kill('SIGTERM');
    rmSync(this.dir, { recursive: true, force: true });
  }
}

interface ClosedLoad {
  readonly connections: number;
  readonly seconds: number;
}

interface K6Load {
  readonly target: string;
  readonly host: string;
  readonly rate: number;
  readonly connections: number;
  readonly seconds: number;
  /** The file that it writes a `K6Found` to, as JSON. */
  readonly summary: string;
}

export function listK6Arguments(script: string, load: K6Load): string[] {
  const variables = {
    TARGET: load.target,
    HOST: load.host,
    RATE: load.rate,
    CONNECTIONS: load.connections,
    SECONDS: load.seconds,
    SUMMARY: load.summary,
  };
  const settings = Object.entries(variables).flatMap(([key, value]) => ['-e', `${key}=${value}`]);
  const file = join(import.meta.dirname, 'k6', script);
  return ['run', '--quiet', '--no-usage-report', ...settings, file];
}

/** k6 from `tools/bench-peers.sh` or the PATH; `null` when there is none. */
export function findK6(): string | null {
  const folders = [join(projectDir, '.bench', 'bin'), ...(process.env.PATH ?? '').split(delimiter)];
  return folders.map((folder) => join(folder, 'k6')).find((path) => existsSync(path)) ?? null;
}

const reportScript = `
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format('FOUND %d %d %d %d %d\\n', summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
`;
