/**
 * `npm run fuzz -- [--seconds 60] [--seed N] [path ...]`: finds every *.fuzz.ts and gives each an
 * equal share of the time. A fuzzer exports `name` and `fuzz(random, seconds)`, which draws all
 * that it does from `random`, may return how many inputs it tried, and throws when it finds
 * something, best an error with the bytes as `input`. The same seed finds the same thing again.
 */

import { randomInt } from 'node:crypto';
import { relative } from 'node:path';
import { inspect, parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import type { FuzzMessage, FuzzTask } from './fuzz/worker.ts';
import { findFiles } from './test/run-files.ts';

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: {
      seconds: { type: 'string', default: '60' },
      seed: { type: 'string', default: String(randomInt(2 ** 32)) },
    },
    allowPositionals: true,
  });
  const seconds = Number(values.seconds);
  const seed = Number(values.seed);
  if (!(seconds > 0) || !Number.isInteger(seed)) {
    process.stderr.write('--seconds takes a number above 0, --seed a whole number\n');
    process.exitCode = 2;
    return;
  }
  const files = findFiles(process.cwd(), '.fuzz.ts', positionals);
  let failed = 0;
  for (const file of files) {
    const share = seconds / files.length;
    const sliceSeconds = Math.min(share, sliceSecondsMax);
    if (!(await runFuzzer({ file, seed, seconds: share, sliceSeconds }))) failed += 1;
  }
  process.stdout.write(`${files.length - failed} fuzzers found nothing, ${failed} failed\n`);
  process.exitCode = failed === 0 && files.length > 0 ? 0 : 1;
}

/** True when nothing was found. Prints one line, or what was found and how to see it again. */
async function runFuzzer(task: FuzzTask): Promise<boolean> {
  const path = relative(process.cwd(), task.file);
  const worker = new Worker(new URL('./fuzz/worker.ts', import.meta.url), { workerData: task });
  let name = path;
  let seed = task.seed;
  let slices = 0;
  let hang: NodeJS.Timeout | undefined;
  let executions = 0;
  const found = await new Promise<string>((resolve) => {
    hang = setTimeout(() => resolve('an input makes it run for ever\n'), hangMs);
    worker.on('message', (message: FuzzMessage) => {
      hang?.refresh();
      if (message.kind === 'slice') ({ name, seed } = message);
      else if (message.kind === 'ended') resolve('');
      else if (message.kind === 'failed') resolve(describeFailure(message.text, message.inputHex));
      else {
        slices += 1;
        executions += message.executions;
      }
    });
    worker.once('error', (error) => resolve(describeFailure(inspect(error), '')));
  });
  clearTimeout(hang);
  await worker.terminate();
  const count = executions === 0 ? `${slices} slices` : `${executions} executions`;
  process.stdout.write(`${name}: seed ${task.seed}, ${count}\n`);
  if (found === '') return true;
  process.stdout.write(`failed with seed ${seed}\n${found}`);
  process.stdout.write(`again: npm run fuzz -- --seed ${seed} ${path}\n`);
  return false;
}

function describeFailure(text: string, inputHex: string): string {
  const input = inputHex === '' ? '' : `input: ${inputHex}\n`;
  return `${text}\n${input}`;
}

/** Long enough that starting a slice costs nothing, short enough to see a failure again soon. */
const sliceSecondsMax = 0.5;
/** A slice that is silent for so long does not end. */
const hangMs = 20_000;

await main();
