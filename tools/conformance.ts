/**
 * `npm run conformance [-- path ...]`: drives real proxies with programs that others have written,
 * clients and servers: every *.suite.ts of test/conformance. Prints for each suite what passed,
 * failed, was skipped and why; a program that is missing is named with where to get it. The last
 * line is `N passed, N failed, N skipped`.
 */

import { relative, resolve } from 'node:path';
import type { FileResult } from './test/run.ts';
import { closeRun, describeResult, findFiles, runFiles } from './test/run-files.ts';

async function main(args: readonly string[]): Promise<void> {
  const files = findFiles(root, '.suite.ts', args);
  const results = await runFiles(files, {
    timeoutMs,
    onResult: (result) => process.stdout.write(`${describeSuite(result)}\n`),
  });
  closeRun(results);
}

function describeSuite(result: FileResult): string {
  const { file, passed, failures, skipped, durationMs } = result;
  const name = relative(root, file);
  const sums = `${passed} passed, ${failures.length} failed, ${skipped.length} skipped`;
  const line = `${name}: ${sums} in ${(durationMs / 1000).toFixed(1)} s`;
  return `${line}\n${describeResult(root, result)}`.trimEnd();
}

const root = resolve(import.meta.dirname, '..');
/** All suites together have 240 s where `.ci/run` runs them. */
const timeoutMs = 90_000;

await main(process.argv.slice(2));
