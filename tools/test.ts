/**
 * `npm test [-- path ...]`: runs every *.test.ts below the current folder, or below the named
 * paths, each in a process of its own. Prints what failed and what was skipped and why; the last
 * line is `N passed, N failed, N skipped`. Ends with 0 only if something ran and nothing failed.
 */

import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { type FileResult, runFile } from './test/run.ts';

async function main(args: readonly string[]): Promise<void> {
  const root = process.cwd();
  const files = findTests(root, args);
  const folder = mkdtempSync(join(tmpdir(), 'heddle-test-'));
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());
  const startMs = performance.now();
  const results: FileResult[] = [];
  try {
    await runAll(files, folder, stop.signal, (result) => {
      results.push(result);
      process.stdout.write(describeResult(root, result));
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  process.stdout.write(`${slowest(root, results)}${files.length} files in ${seconds} s\n`);
  const count = (pick: (result: FileResult) => number): number =>
    results.reduce((sum, result) => sum + pick(result), 0);
  const passed = count((result) => result.passed);
  const failed = count((result) => result.failures.length);
  const skipped = count((result) => result.skipped.length);
  process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
  process.exitCode = failed === 0 && passed > 0 && !stop.signal.aborted ? 0 : 1;
}

/** All test files below `root` that lie at or below one of `args`; all of them without `args`. */
function findTests(root: string, args: readonly string[]): string[] {
  const wanted = args.map((arg) => resolve(root, arg));
  return listTests(root).filter(
    (file) => wanted.length === 0 || wanted.some((one) => file === one || isBelow(file, one)),
  );
}

function isBelow(file: string, folder: string): boolean {
  return file.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}

function listTests(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (!entry.isDirectory()) return entry.name.endsWith('.test.ts') ? [path] : [];
      return entry.name === 'node_modules' || entry.name.startsWith('.') ? [] : listTests(path);
    });
}

/** Two at a time: more would only make time limits mean less on a small machine. */
async function runAll(
  files: readonly string[],
  folder: string,
  signal: AbortSignal,
  onResult: (result: FileResult) => void,
): Promise<void> {
  const cacheFolder = join(folder, 'cache');
  const queue = files.entries();
  const worker = async (): Promise<void> => {
    for (const [index, file] of queue) {
      if (signal.aborted) return;
      const own = join(folder, String(index));
      mkdirSync(own);
      onResult(await runFile(file, { folder: own, cacheFolder, timeoutMs, signal }));
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}

/** Nothing for a file in which all passed. */
function describeResult(root: string, result: FileResult): string {
  const path = relative(root, result.file);
  const lines = result.skipped.map(
    ({ name, reason }) => `skipped ${path}: ${name}: ${reason === '' ? 'no reason given' : reason}`,
  );
  for (const { name, line, text } of result.failures) {
    lines.push(`failed ${line === 0 ? path : `${path}:${line}`}: ${name}`, indent(text));
  }
  if (result.failures.length > 0 && result.output.trim() !== '') {
    lines.push(`output of ${path}`, indent(result.output.trimEnd()));
  }
  return lines.map((line) => `${line}\n`).join('');
}

function indent(text: string): string {
  return text.replace(/^/gm, '    ');
}

/** Files that take long, so that the whole stays quick. */
function slowest(root: string, results: readonly FileResult[]): string {
  return results
    .filter(({ durationMs }) => durationMs > slowMs)
    .toSorted((a, b) => b.durationMs - a.durationMs)
    .map(({ file, durationMs }) => `${(durationMs / 1000).toFixed(1)} s ${relative(root, file)}\n`)
    .join('');
}

const concurrency = 2;
const timeoutMs = 60_000;
const slowMs = 5_000;

await main(process.argv.slice(2));
