/**
 * How a figure is taken: CPU time of the proxy and units of work over the same window, while load
 * runs, round after round over all subjects in turn (A/B/A/B), so that what disturbs the machine
 * disturbs them alike.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, Measured, Sample } from './bench.ts';
import type { Subject } from './peer.ts';
import { readUsage, type Usage } from './usage.ts';
import { startWrk, type WrkLoad } from './wrk.ts';

/** Something that is measured in turn with others. */
export interface Contender {
  readonly label: string;
  readonly warm: () => Promise<void>;
  readonly sample: () => Promise<Sample>;
}

/** All are warm before the first round begins; every round takes each once, in the same order. */
export async function measureRounds(
  bench: Bench,
  contenders: readonly Contender[],
): Promise<Measured[]> {
  const samples = contenders.map((): Sample[] => []);
  for (const { label, warm } of contenders) {
    bench.say(`  warming ${label}`);
    await warm();
  }
  for (let round = 0; round < bench.options.rounds; round++) {
    for (const [index, contender] of contenders.entries()) {
      const sample = await contender.sample();
      samples[index].push(sample);
      const rate = Math.round(sample.unitsPerSecond);
      const cpu = sample.cpuMicros.toFixed(2);
      bench.say(`  round ${round + 1}: ${contender.label} ${cpu} us, ${rate}/s`);
    }
  }
  return contenders.map(({ label }, index) => ({ subject: label, samples: samples[index] }));
}

export interface HttpLoad {
  readonly connections: number;
  readonly hosts: readonly string[];
  readonly close: boolean;
  readonly delayMs: number;
  readonly path: string;
}

/** A subject under wrk, counted by `count`: the origin, unless the subject answers by itself. */
export function contendHttp(
  bench: Bench,
  subject: Subject,
  count: () => Promise<number>,
  load: HttpLoad,
  label = subject.name,
): Contender {
  const counted = subject.count ?? count;
  const wrk = (seconds: number): WrkLoad => ({
    ...load,
    seconds,
    reach: subject.reach,
    port: subject.port,
    cores: bench.options.loadCores,
    program: bench.wrk,
  });
  return {
    label,
    warm: async () => {
      const before = await counted();
      const { started } = startWrk(bench.run, wrk(warmSecondsMax));
      const giveUpAt = performance.now() + warmSecondsMax * 1000;
      while ((await counted()) - before < bench.options.warmRequests) {
        if (performance.now() > giveUpAt || started.child.exitCode !== null) break;
        await sleep(100);
      }
      await bench.run.end(started);
    },
    sample: async () => {
      // Thousands of connections take their time to be made; that is not the figure.
      const settleMs = settleMsMin + load.connections / 4;
      const { seconds } = bench.options;
      // A round comes after those of the others, in which this one had a rest: connections closed,
      // and ours forgets a service that nobody asks for in 5 s. `mesh-first` is about that.
      const { started } = startWrk(bench.run, wrk(warmSecondsMax));
      await sleep(wakeMs);
      await bench.run.end(started);
      const wrkSeconds = Math.ceil((settleMs + 250) / 1000 + seconds);
      const { found } = startWrk(bench.run, wrk(wrkSeconds));
      await sleep(settleMs);
      const window = await measureWindow(subject.pids, counted, seconds);
      const { p50Micros, p99Micros, errors } = await found;
      return { ...window, p50Micros, p99Micros, errors };
    },
  };
}

/** CPU and units over `seconds`, with the memory at its end. */
export async function measureWindow(
  pids: readonly number[],
  count: () => Promise<number>,
  seconds: number,
): Promise<Omit<Sample, 'p50Micros' | 'p99Micros' | 'errors'>> {
  const first = await observe(pids, count);
  await sleep(seconds * 1000);
  const last = await observe(pids, count);
  const units = last.units - first.units;
  const cpuMicros = last.usage.cpuMicros - first.usage.cpuMicros;
  const wallMs = last.atMs - first.atMs;
  if (units <= 0) throw new Error('nothing was carried in the window');
  return {
    cpuMicros: cpuMicros / units,
    unitsPerSecond: (units * 1000) / wallMs,
    busy: cpuMicros / 1000 / wallMs,
    rssBytes: last.usage.rssBytes,
    anonBytes: last.usage.anonBytes,
  };
}

async function observe(
  pids: readonly number[],
  count: () => Promise<number>,
): Promise<{ units: number; usage: Usage; atMs: number }> {
  const units = await count();
  return { units, usage: readUsage(...pids), atMs: performance.now() };
}

const warmSecondsMax = 10;
const wakeMs = 400;
/** Until a load is steady. */
export const settleMsMin = 750;
