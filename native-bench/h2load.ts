/**
 * The closed-loop load generator of nghttp2: runs h2load and reads what it found. It logs a line
 * for each request, from which a window is cut out afterwards: the origin does not count.
 */

import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onThisHost, type Reach, type Run, type Started } from './run.ts';

export interface H2Load {
  readonly connections: number;
  /** Requests under way on each connection. */
  readonly streams: number;
  readonly seconds: number;
  /** In place of a time, where it is not 0. */
  readonly requests: number;
  /** Requests a second of each connection; without it as fast as it goes. */
  readonly rate?: number;
  readonly reach?: Reach | undefined;
  readonly port: number;
  readonly path: string;
  readonly authority: string;
  /** Lines `name: value`. */
  readonly fields: readonly string[];
  /** Of each request, which is a POST then; `null` for a GET. */
  readonly content: Buffer | null;
  readonly cores: string;
  readonly program: string;
}

interface H2LoadRun {
  readonly started: Started;
  readonly found: Promise<H2LoadFound>;
}

export interface H2LoadFound {
  /** Of the whole run: requests that failed, and those whose connection did. */
  readonly errors: number;
  /** Ends of the answered requests, microseconds since 1970, each with how long it took. */
  readonly endMicros: Float64Array;
  readonly tookMicros: Float64Array;
}

export function startH2load(run: Run, load: H2Load): H2LoadRun {
  const folder = run.makeFolder('h2load');
  const [log, content] = [join(folder, 'log'), join(folder, 'content')];
  if (load.content !== null) writeFileSync(content, load.content);
  const { inside, host } = load.reach ?? onThisHost;
  const fields = [`:authority: ${load.authority}`, ...load.fields];
  const args = [
    `--clients=${load.connections}`,
    `--max-concurrent-streams=${load.streams}`,
    load.requests > 0 ? `--requests=${load.requests}` : `--duration=${load.seconds}`,
    ...(load.rate === undefined ? [] : [`--rps=${load.rate}`]),
    `--log-file=${log}`,
    ...fields.map((line) => `--header=${line}`),
    ...(load.content === null ? [] : [`--data=${content}`]),
    `http://${host}:${load.port}${load.path}`,
  ];
  const { program: command, cores } = load;
  const started = run.start({ name: 'h2load', command, args, cores, inside });
  let output = '';
  started.child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const found = once(started.child, 'close').then(() => {
    const errors = parseErrors(output);
    if (errors === null) throw new Error(`h2load found nothing: ${started.complaint()}${output}`);
    return { errors, ...parseLog(readFileSync(log, 'latin1')) };
  });
  found.catch(() => undefined);
  return { started, found };
}

/** From its summary; `null` when it ended before that. Network errors, 4xx and 5xx have failed. */
export function parseErrors(output: string): number | null {
  const requests = /^requests:.* ([0-9]+) failed, [0-9]+ errored, ([0-9]+) timeout$/m.exec(output);
  const statuses = /^status codes: [0-9]+ 2xx, ([0-9]+) 3xx,/m.exec(output);
  if (requests === null || statuses === null) return null;
  return Number(requests[1]) + Number(requests[2]) + Number(statuses[1]);
}

/** Lines of start, status and duration, in the order in which the answered requests ended. */
export function parseLog(text: string): Pick<H2LoadFound, 'endMicros' | 'tookMicros'> {
  const rows = text.split('\n').filter((line) => /^[0-9]+\t2[0-9]{2}\t[0-9]+$/.test(line));
  const endMicros = new Float64Array(rows.length);
  const tookMicros = new Float64Array(rows.length);
  for (const [index, row] of rows.entries()) {
    const [start, , took] = row.split('\t').map(Number);
    endMicros[index] = start + took;
    tookMicros[index] = took;
  }
  return { endMicros, tookMicros };
}
