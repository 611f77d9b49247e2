/**
 * Runs one fuzzer in slices, each from a seed of its own, and reports to tools/fuzz.ts. A thread
 * of its own, because an input that makes our code loop for ever must not stop the runner.
 */

import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { parentPort, workerData } from 'node:worker_threads';
import { seededRandom } from '../../core/base/random.ts';

export interface FuzzTask {
  readonly file: string;
  readonly seed: number;
  readonly seconds: number;
  readonly sliceSeconds: number;
}

export type FuzzMessage =
  | { readonly kind: 'slice'; readonly name: string; readonly seed: number }
  /** `executions` is 0 for a fuzzer that does not count. */
  | { readonly kind: 'sliced'; readonly executions: number }
  | { readonly kind: 'failed'; readonly text: string; readonly inputHex: string }
  | { readonly kind: 'ended' };

/** What a *.fuzz.ts exports: `fuzz` throws when it finds something, best with the input on it. */
interface Fuzzer {
  readonly name: string;
  /** May return, also later, how many inputs it tried. */
  fuzz(random: ReturnType<typeof seededRandom>, seconds: number): unknown;
}

function post(message: FuzzMessage): void {
  parentPort?.postMessage(message);
}

async function main(task: FuzzTask): Promise<void> {
  const fuzzer = (await import(pathToFileURL(task.file).href)) as Fuzzer;
  const stopMs = performance.now() + task.seconds * 1000;
  for (let seed = task.seed; performance.now() < stopMs; seed = (seed + 1) >>> 0) {
    post({ kind: 'slice', name: fuzzer.name, seed });
    try {
      const executions = await fuzzer.fuzz(seededRandom(seed), task.sliceSeconds);
      post({ kind: 'sliced', executions: typeof executions === 'number' ? executions : 0 });
    } catch (error) {
      post({ kind: 'failed', text: inspect(error), inputHex: hexOf(error) });
      return;
    }
  }
  post({ kind: 'ended' });
}

/** The bytes that an error carries as `input`, or its cause does. */
function hexOf(error: unknown): string {
  for (let one = error; one instanceof Error; one = one.cause) {
    const { input } = one as { input?: unknown };
    if (input instanceof Uint8Array) return Buffer.from(input).toString('hex');
  }
  return '';
}

await main(workerData as FuzzTask);
