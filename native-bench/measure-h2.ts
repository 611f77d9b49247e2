/**
 * How a figure is taken where the origin does not count: h2load logs when each request ended, so
 * that those of the window are known afterwards; other generators tell how many there were in all
 * of their run, and then the window is the run.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, RunFound, Sample } from './bench.ts';
import { type H2Load, type H2LoadFound, startH2load } from './h2load.ts';
import { type Contender, settleMsMin } from './measure.ts';
import type { Subject } from './peer.ts';
import { countConnections, readUsage, type Usage } from './usage.ts';

/** What differs from one load to another. */
export type H2LoadShape = Pick<H2Load, 'connections' | 'streams' | 'path' | 'fields' | 'content'>;

/** A subject under h2load. `unitsPerRequest`: 1, or the GB of a response. */
export function contendH2(
  bench: Bench,
  subject: Subject,
  originPort: number,
  shape: H2LoadShape,
  unitsPerRequest = 1,
): Contender {
  const load = (seconds: number): H2Load => ({
    ...shape,
    seconds,
    requests: 0,
    reach: subject.reach,
    port: subject.port,
    authority: 'web',
    cores: bench.options.loadCores,
    program: bench.h2load,
  });
  return {
    label: subject.name,
    warm: async () => {
      const { found } = startH2load(bench.run, load(warmSeconds));
      await found;
    },
    sample: async () => {
      const { seconds } = bench.options;
      const { found } = startH2load(bench.run, load(Math.ceil(settleMsMin / 1000) + seconds));
      await sleep(settleMsMin);
      const window = await watchWindow(subject.pids, seconds * 1000);
      const port = subject.originPort ?? originPort;
      const originConnections = countConnections(port, ...subject.pids);
      return { ...summarizeWindow(window, await found, unitsPerRequest), originConnections };
    },
  };
}

/** A subject from the first connection of a generator to its last; `load` runs one. */
export function contendRun(
  bench: Bench,
  subject: Subject,
  originPort: number,
  load: (seconds: number) => Promise<RunFound>,
): Contender {
  return {
    label: subject.name,
    warm: async () => {
      await load(warmSeconds);
    },
    sample: async () => {
      const { seconds } = bench.options;
      const from = observe(subject.pids);
      const found = load(seconds);
      await sleep(seconds * 1000 - beforeEndMs);
      const { rssBytes, anonBytes } = readUsage(...subject.pids);
      const originConnections = countConnections(originPort, ...subject.pids);
      const { requests, p50Micros, p99Micros, errors } = await found;
      const used = divideUsage({ from, to: observe(subject.pids) }, requests);
      return { ...used, rssBytes, anonBytes, p50Micros, p99Micros, errors, originConnections };
    },
  };
}

interface Observed {
  readonly usage: Usage;
  readonly epochMicros: number;
}

interface Window {
  readonly from: Observed;
  readonly to: Observed;
}

function observe(pids: readonly number[]): Observed {
  return { usage: readUsage(...pids), epochMicros: Date.now() * 1000 };
}

async function watchWindow(pids: readonly number[], lengthMs: number): Promise<Window> {
  const from = observe(pids);
  await sleep(lengthMs);
  return { from, to: observe(pids) };
}

function divideUsage(
  { from, to }: Window,
  units: number,
): Pick<Sample, 'cpuMicros' | 'unitsPerSecond' | 'busy'> {
  if (units <= 0) throw new Error('nothing was carried in the window');
  const cpuMicros = to.usage.cpuMicros - from.usage.cpuMicros;
  const wallMicros = to.epochMicros - from.epochMicros;
  return {
    cpuMicros: cpuMicros / units,
    unitsPerSecond: (units * 1_000_000) / wallMicros,
    busy: cpuMicros / wallMicros,
  };
}

function summarizeWindow(window: Window, found: H2LoadFound, unitsPerRequest: number): Sample {
  const { from, to } = window;
  const took = found.tookMicros
    .filter((_, index) => {
      const end = found.endMicros[index];
      return end >= from.epochMicros && end < to.epochMicros;
    })
    .toSorted();
  return {
    ...divideUsage(window, took.length * unitsPerRequest),
    p50Micros: took[took.length >> 1],
    p99Micros: took[Math.floor(took.length * 0.99)],
    rssBytes: to.usage.rssBytes,
    anonBytes: to.usage.anonBytes,
    errors: found.errors,
  };
}

const warmSeconds = 2;
/** When memory and connections are looked at, before a generator ends. */
const beforeEndMs = 250;
