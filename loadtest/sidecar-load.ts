/**
 * One load on two pods with sidecars: the peak closed-loop, with CPU and memory of both proxies,
 * then a constant rate open-loop. Where requests are HTTP/1.1, in the open or opaque to the mesh,
 * wrk and k6 send them; HTTP/2, which neither speaks in cleartext, is sent by h2load, gRPC by ghz.
 */

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunFound } from '../native-bench/bench.ts';
import { runGhz } from '../native-bench/ghz.ts';
import { type H2LoadFound, startH2load } from '../native-bench/h2load.ts';
import { type PodPair, podPorts } from '../native-bench/pods.ts';
import type { Run } from '../native-bench/run.ts';
import { readUsage } from '../native-bench/usage.ts';
import { startWrk } from '../native-bench/wrk.ts';
import { type K6Found, listK6Arguments } from './tools.ts';

export type SidecarProtocol = 'http1' | 'http2' | 'grpc' | 'opaque';

export interface SidecarLoad {
  readonly seconds: number;
  readonly warmSeconds: number;
  readonly connections: number;
  /** Requests a second of the open loop; half the peak where that is less. */
  readonly rate: number;
  readonly loadCores: string;
  readonly wrk: string;
  readonly h2load: string;
  readonly k6: string;
}

export interface SidecarFound {
  readonly requestsPerSecond: number;
  /** Of both proxies. */
  readonly cpuMicros: number;
  /** Cores that both used together. */
  readonly busy: number;
  readonly anonBytes: number;
  readonly peak: Pick<RunFound, 'p50Micros' | 'p99Micros'>;
  readonly open: Pick<RunFound, 'p50Micros' | 'p99Micros'> & { readonly rate: number };
  readonly errors: number;
}

/** How a protocol is spoken. */
interface Traffic {
  readonly runClosed: (seconds: number) => Promise<RunFound>;
  readonly runOpen: (rate: number, seconds: number) => Promise<RunFound>;
}

export async function measureSidecars(
  run: Run,
  pair: PodPair,
  protocol: SidecarProtocol,
  load: SidecarLoad,
): Promise<SidecarFound> {
  const { runClosed, runOpen } = speak(run, pair, protocol, load);
  await runClosed(load.warmSeconds);
  const before = { usage: readUsage(...pair.pids), atMs: performance.now() };
  const closing = runClosed(load.seconds);
  await sleep(load.seconds * 1000 - beforeEndMs);
  const { anonBytes } = readUsage(...pair.pids);
  const { requests, ...peak } = await closing;
  const wallMs = performance.now() - before.atMs;
  const cpuMicros = readUsage(...pair.pids).cpuMicros - before.usage.cpuMicros;
  if (requests === 0) throw new Error(`${protocol}: nothing was answered`);
  const requestsPerSecond = (requests * 1000) / wallMs;
  const rate = Math.min(load.rate, Math.floor(requestsPerSecond / 2));
  const open = await runOpen(rate, load.seconds);
  return {
    requestsPerSecond,
    cpuMicros: cpuMicros / requests,
    busy: cpuMicros / 1000 / wallMs,
    anonBytes,
    peak,
    open: { ...open, rate },
    errors: peak.errors + open.errors,
  };
}

function speak(run: Run, pair: PodPair, protocol: SidecarProtocol, load: SidecarLoad): Traffic {
  if (protocol === 'http2') return speakHttp2(run, pair, load);
  if (protocol === 'grpc') return speakGrpc(run, pair, load);
  return speakHttp1(run, pair, protocol, load);
}

function speakHttp1(
  run: Run,
  { reach }: PodPair,
  protocol: 'http1' | 'opaque',
  load: SidecarLoad,
): Traffic {
  const port = protocol === 'http1' ? podPorts.http : podPorts.opaque;
  const { connections, loadCores: cores } = load;
  const shape = { connections, hosts: ['web'], close: false, delayMs: 0, path: '/' };
  return {
    runClosed: (seconds) =>
      startWrk(run, { ...shape, seconds, reach, port, cores, program: load.wrk }).found,
    runOpen: async (rate, seconds) => {
      const summary = join(run.makeFolder('k6'), 'k6.json');
      const target = `http://${reach.host}:${port}/`;
      const settings = { target, host: 'web', rate, connections, seconds, summary };
      const args = listK6Arguments('warmed.js', settings);
      const { inside } = reach;
      const started = run.start({ name: 'k6', command: load.k6, args, cores, inside });
      const [code]: (number | null)[] = await once(started.child, 'close');
      if (code !== 0) throw new Error(`k6 ended with ${code}: ${started.complaint()}`);
      const found: K6Found = JSON.parse(readFileSync(summary, 'utf8'));
      const requests = Math.round(found.rate * seconds);
      const errors = Math.round(found.failedShare * requests) + found.dropped;
      return { requests, p50Micros: found.p50Ms * 1e3, p99Micros: found.p99Ms * 1e3, errors };
    },
  };
}

function speakHttp2(run: Run, { reach }: PodPair, load: SidecarLoad): Traffic {
  const connections = Math.max(1, Math.round(load.connections / streamsEach));
  const shape = {
    connections,
    streams: streamsEach,
    requests: 0,
    port: podPorts.http2,
    path: '/small',
    authority: 'web',
    fields: [],
    content: null,
    cores: load.loadCores,
    program: load.h2load,
    reach,
  };
  const send = async (seconds: number, more: { readonly rate?: number }): Promise<RunFound> =>
    summarize(await startH2load(run, { ...shape, ...more, seconds }).found);
  return {
    runClosed: (seconds) => send(seconds, {}),
    runOpen: (rate, seconds) => send(seconds, { rate: Math.ceil(rate / connections) }),
  };
}

function speakGrpc(run: Run, { reach }: PodPair, load: SidecarLoad): Traffic {
  const message = { payload: { body: Buffer.alloc(36).toString('base64') }, responseSize: 36 };
  const connections = Math.max(1, Math.round(load.connections / streamsEach));
  const shape = { method: 'UnaryCall', message, connections, calls: load.connections, reach };
  const send = (seconds: number, more: { readonly rate?: number }): Promise<RunFound> =>
    runGhz(run, podPorts.grpc, { ...shape, ...more }, seconds, load.loadCores);
  return {
    runClosed: (seconds) => send(seconds, {}),
    runOpen: (rate, seconds) => send(seconds, { rate }),
  };
}

function summarize({ tookMicros, errors }: H2LoadFound): RunFound {
  const took = tookMicros.toSorted();
  const at = (share: number): number => took[Math.floor(took.length * share)] ?? 0;
  return { requests: took.length, p50Micros: at(0.5), p99Micros: at(0.99), errors };
}

const streamsEach = 16;
/** When memory is looked at, before the load ends. */
const beforeEndMs = 250;
