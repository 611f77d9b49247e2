/** The load generator of gRPC calls: runs ghz against the interoperability server of grpc-go. */

import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunFound } from './bench.ts';
import { benchDir, type Found, findProgram, requireProgram } from './peer.ts';
import { findFreePorts, onThisHost, type Reach, type Run, type Started } from './run.ts';

export interface GhzLoad {
  /** A method of grpc-test.proto. */
  readonly method: string;
  readonly message: object;
  readonly connections: number;
  /** Calls under way on all connections together. */
  readonly calls: number;
  /** Calls a second of all; without it as fast as it goes. */
  readonly rate?: number;
  readonly reach?: Reach;
}

interface GhzReport {
  readonly count: number;
  readonly statusCodeDistribution: Readonly<Record<string, number>>;
  /** `null` when no call has ended. */
  readonly latencyDistribution:
    | null
    | readonly {
        readonly percentage: number;
        readonly latency: number;
      }[];
}

export function findGhz(): Found {
  return findProgram('ghz', join(benchDir, 'bin', 'ghz'));
}

export function findGrpcServer(): Found {
  return findProgram('grpc-interop-server', join(benchDir, 'grpc', 'server'));
}

export async function startGrpcServer(
  run: Run,
  cores: string,
): Promise<{ port: number; started: Started }> {
  const [port] = await findFreePorts(1);
  const started = launchGrpcServer(run, cores, port);
  await run.waitForPort(started, port);
  return { port, started };
}

/** Without waiting for it; on all addresses, in the network of `inside`. */
export function launchGrpcServer(
  run: Run,
  cores: string,
  port: number,
  inside: readonly string[] = [],
): Started {
  const command = requireProgram(findGrpcServer());
  const args = ['-port', String(port)];
  return run.start({ name: 'grpc-interop-server', command, args, cores, inside });
}

export async function runGhz(
  run: Run,
  port: number,
  load: GhzLoad,
  seconds: number,
  cores: string,
): Promise<RunFound> {
  const folder = run.makeFolder('ghz');
  const [report, message] = [join(folder, 'report.json'), join(folder, 'message.json')];
  writeFileSync(message, JSON.stringify(load.message));
  const { inside, host } = load.reach ?? onThisHost;
  const args = [
    '--insecure',
    `--proto=${join(import.meta.dirname, 'grpc-test.proto')}`,
    `--call=grpc.testing.TestService.${load.method}`,
    `--data-file=${message}`,
    '--authority=web',
    `--connections=${load.connections}`,
    `--concurrency=${load.calls}`,
    ...(load.rate === undefined ? [] : [`--rps=${load.rate}`]),
    `--duration=${seconds}s`,
    '--duration-stop=wait',
    '--format=json',
    `--output=${report}`,
    `${host}:${port}`,
  ];
  const command = requireProgram(findGhz());
  const started = run.start({ name: 'ghz', command, args, cores, inside });
  await once(started.child, 'close');
  const text = readReport(report);
  if (text === null) throw new Error(`ghz found nothing: ${started.complaint()}`);
  return parseReport(text);
}

export function parseReport(text: string): RunFound {
  const report: GhzReport = JSON.parse(text);
  const { count, statusCodeDistribution: statuses, latencyDistribution: latencies } = report;
  const microsAt = (percentage: number): number =>
    (latencies?.find((one) => one.percentage === percentage)?.latency ?? 0) / 1000;
  const requests = statuses.OK ?? 0;
  return { requests, p50Micros: microsAt(50), p99Micros: microsAt(99), errors: count - requests };
}

function readReport(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}
