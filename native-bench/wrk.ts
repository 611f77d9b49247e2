/**
 * The closed-loop load generator: runs wrk and reads what it found. wrk reports through a script of
 * its own, so that no text for people has to be parsed.
 */

import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunFound } from './bench.ts';
import { onThisHost, type Reach, type Run, type Started } from './run.ts';

export interface WrkLoad {
  readonly connections: number;
  /** Whole seconds: wrk takes no fractions. */
  readonly seconds: number;
  readonly reach?: Reach | undefined;
  readonly port: number;
  /** Values of the Host header, used in turn. */
  readonly hosts: readonly string[];
  readonly close: boolean;
  /** Pause of a connection before each request: a constant rate; 0 for as fast as it goes. */
  readonly delayMs: number;
  readonly path: string;
  readonly cores: string;
  readonly program: string;
}

interface WrkRun {
  readonly started: Started;
  readonly found: Promise<RunFound>;
}

export function startWrk(run: Run, load: WrkLoad): WrkRun {
  const script = join(run.makeFolder('wrk'), 'load.lua');
  writeFileSync(script, writeScript(load));
  const { inside, host } = load.reach ?? onThisHost;
  const args = ['-t', '1', '-c', String(load.connections), '-d', `${load.seconds}s`];
  args.push('--timeout', '10s', '-H', `Host: ${load.hosts[0]}`, '-s', script);
  if (load.close) args.push('-H', 'Connection: close');
  args.push(`http://${host}:${load.port}${load.path}`);
  const { program: command, cores } = load;
  const started = run.start({ name: 'wrk', command, args, cores, inside });
  let output = '';
  started.child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const found = once(started.child, 'close').then(() => {
    const parsed = parseFound(output);
    if (parsed === null) throw new Error(`wrk found nothing: ${started.complaint()}${output}`);
    return parsed;
  });
  found.catch(() => undefined);
  return { started, found };
}

/** What the script below printed; `null` when wrk ended before it. */
export function parseFound(output: string): RunFound | null {
  const match = /^FOUND ([0-9]+) ([0-9]+) ([0-9]+) ([0-9]+)$/m.exec(output);
  if (match === null) return null;
  const [requests, p50Micros, p99Micros, errors] = match.slice(1).map(Number);
  return { requests, p50Micros, p99Micros, errors };
}

function writeScript(load: WrkLoad): string {
  const lines = [reportScript];
  if (load.delayMs > 0) lines.push(`function delay() return ${load.delayMs} end`);
  if (load.hosts.length > 1) {
    lines.push('local hosts = {');
    for (const host of load.hosts) lines.push(`  ${JSON.stringify(host)},`);
    lines.push('}', rotateScript);
  }
  return `${lines.join('\n')}\n`;
}

const reportScript = `
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format('FOUND %d %d %d %d\\n', summary.requests, latency:percentile(50),
    latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end`;

/** Requests are formatted once: the generator's work stays the same with any number of hosts. */
const rotateScript = `
local requests, next = {}, 0
init = function()
  for i, host in ipairs(hosts) do
    wrk.headers['Host'] = host
    requests[i] = wrk.format('GET', '/')
  end
end
request = function()
  next = next % #requests + 1
  return requests[next]
end`;
