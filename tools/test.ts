/**
 * `npm test [-- path ...]`: runs every *.test.ts below the current folder, or below the named
 * paths, each in a process of its own. Prints what failed and what was skipped and why; the last
 * line is `N passed, N failed, N skipped`. Ends with 0 only if something ran and nothing failed.
 */

import { relative } from 'node:path';
import type { FileResult } from './test/run.ts';
import { closeRun, describeResult, findFiles, runFiles } from './test/run-files.ts';

async function main(args: readonly string[]): Promise<void> {
  const root = process.cwd();
  const files = findFiles(root, '.test.ts', args);
  const startMs = performance.now();
  const results = await runFiles(files, {
    timeoutMs,
    onResult: (result) => process.stdout.write(describeResult(root, result)),
  });
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  process.stdout.write(`${slowest(root, results)}${files.length} files in ${seconds} s\n`);
  closeRun(results);
}

/** Files that take long, so that the whole stays quick. */
function slowest(root: string, results: readonly FileResult[]): string {
  return results
    .filter(({ durationMs }) => durationMs > slowMs)
    .toSorted((a, b) => b.durationMs - a.durationMs)
    .map(({ file, durationMs }) => `${(durationMs / 1000).toFixed(1)} s ${relative(root, file)}\n`)
    .join('');
}

const timeoutMs = 60_000;
const slowMs = 5_000;

await main(process.argv.slice(2));
