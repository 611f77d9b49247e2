/**
 * The latency of requests through a pair of ours while the root of the mesh is replaced, beside
 * runs of the same length without. The load is light, because a loaded proxy has a long p99 anyway.
 */

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Bench, Measured } from '../bench.ts';
import { planService } from '../compare.ts';
import { type Contender, measureRounds, measureWindow } from '../measure.ts';
import { type Origin, startOrigin } from '../peer-nginx.ts';
import { startWrk } from '../wrk.ts';
import { type Control, type OursPair, startOursPair } from './peer-ours-pair.ts';

export async function measureRotation(
  bench: Bench,
): Promise<{ name: string; measured: Measured[] }> {
  const { ours, profile, loadCores, rounds } = bench.options;
  const origin = await startOrigin(bench.run, loadCores, 1);
  const plan = planService(bench, 'http', origin.endpoints[0]);
  const options = { command: ours, profile, controlCores: loadCores };
  const pair = await startOursPair(bench.run, plan, options);
  const fewer = { ...bench, options: { ...bench.options, rounds: Math.min(rounds, roundsMax) } };
  const measured = await measureRounds(fewer, [
    contend(bench, pair, origin, 'without a rotation', async () => undefined),
    contend(bench, pair, origin, 'a rotation of the root', () => rotate(pair.control)),
  ]);
  await pair.end();
  await origin.end();
  return { name: pair.name, measured };
}

/** `disturb` ends within the run, or the sample is none. */
function contend(
  bench: Bench,
  pair: OursPair,
  origin: Origin,
  label: string,
  disturb: () => Promise<void>,
): Contender {
  const load = (seconds: number): ReturnType<typeof startWrk> =>
    startWrk(bench.run, {
      connections: 16,
      hosts: ['web'],
      close: false,
      delayMs: 5,
      path: '/',
      seconds,
      port: pair.port,
      cores: bench.options.loadCores,
      program: bench.wrk,
    });
  return {
    label,
    warm: async () => {
      await load(warmSeconds).found;
    },
    sample: async () => {
      const { found } = load(runSeconds);
      await sleep(settleMs);
      const seconds = runSeconds - (2 * settleMs) / 1000;
      const window = measureWindow(pair.pids, origin.count, seconds);
      const [used] = await Promise.all([window, endsWithin(disturb(), seconds * 1000)]);
      const { p50Micros, p99Micros, errors } = await found;
      return { ...used, p50Micros, p99Micros, errors };
    },
  };
}

async function endsWithin(disturbance: Promise<void>, limitMs: number): Promise<void> {
  const late = sleep(limitMs, 'late', { ref: false });
  if ((await Promise.race([disturbance, late])) === 'late') {
    throw new Error(`the rotation took longer than the run of ${runSeconds} s`);
  }
}

/**
 * Resolves when the old root has been retired. How far a rotation is stands in files, and to read
 * them disturbs nobody, as a command every second would.
 */
async function rotate(control: Control): Promise<void> {
  const before = readBundle(control);
  const args = ['identity', 'rotate', '--control', control.address];
  args.push('--token-file', control.tokenFile);
  await promisify(execFile)(control.command, args);
  for (;;) {
    await sleep(pollMs);
    const { phase } = JSON.parse(readState(control, 'rotation.json')) as { phase: string };
    if (phase === 'idle' && readBundle(control) !== before) return;
  }
}

function readBundle(control: Control): string {
  return readState(control, 'bundle.crt');
}

function readState({ stateFolder }: Control, file: string): string {
  return readFileSync(join(stateFolder, 'identity', file), 'utf8');
}

const roundsMax = 3;
const warmSeconds = 3;
/** A phase takes 15 s at the least, and two of them pass. */
const runSeconds = 45;
const settleMs = 1_000;
const pollMs = 500;
