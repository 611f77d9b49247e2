/**
 * Runs many test files, each in a process of its own, and tells how it went: one line for what
 * failed or was skipped and why, the sums at the end. Which files is up to `tools/test.ts` and
 * `tools/conformance.ts`.
 */

import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { type FileResult, runFile } from './run.ts';

/** All files below `root` whose names end so, at or below one of `args` if there are any. */
export function findFiles(root: string, ending: string, args: readonly string[]): string[] {
  const wanted = args.map((arg) => resolve(root, arg));
  return listFiles(root, ending).filter(
    (file) => wanted.length === 0 || wanted.some((one) => file === one || isBelow(file, one)),
  );
}

interface RunFilesOptions {
  /** For each file. */
  readonly timeoutMs: number;
  readonly onResult: (result: FileResult) => void;
}

/** All results, in the order in which they came; a signal leaves some out and the exit code 1. */
export async function runFiles(
  files: readonly string[],
  { timeoutMs, onResult }: RunFilesOptions,
): Promise<FileResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-test-'));
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());
  const results: FileResult[] = [];
  const cacheFolder = join(folder, 'cache');
  const queue = files.entries();
  const worker = async (): Promise<void> => {
    for (const [index, file] of queue) {
      if (stop.signal.aborted) return;
      const own = join(folder, String(index));
      mkdirSync(own);
      const options = { folder: own, cacheFolder, timeoutMs, signal: stop.signal };
      const result = await runFile(file, options);
      results.push(result);
      onResult(result);
    }
  };
  try {
    await Promise.all(Array.from({ length: concurrency }, worker));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  if (stop.signal.aborted) process.exitCode = 1;
  return results;
}

/** Prints the sums; the process ends with 0 only if something passed and nothing failed. */
export function closeRun(results: readonly FileResult[]): void {
  const count = (pick: (result: FileResult) => number): number =>
    results.reduce((sum, result) => sum + pick(result), 0);
  const passed = count((result) => result.passed);
  const failed = count((result) => result.failures.length);
  const skipped = count((result) => result.skipped.length);
  process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
  if (failed > 0 || passed === 0) process.exitCode = 1;
}

/** Nothing for a file in which all passed. */
export function describeResult(root: string, result: FileResult): string {
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

function isBelow(file: string, folder: string): boolean {
  return file.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}

function listFiles(folder: string, ending: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (!entry.isDirectory()) return entry.name.endsWith(ending) ? [path] : [];
      const isForeign = entry.name === 'node_modules' || entry.name.startsWith('.');
      return isForeign ? [] : listFiles(path, ending);
    });
}

function indent(text: string): string {
  return text.replace(/^/gm, '    ');
}

/** More would only make time limits mean less on a small machine. */
const concurrency = 2;
