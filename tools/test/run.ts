/**
 * Runs one test file in a process of its own: with a temporary folder of its own, a limit of
 * time, and a look at what it leaves behind. Counting and printing are left to tools/test.ts.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseEvents, type TestEvent } from './events.ts';
import { findFiles, findProcesses, killProcesses, markerName } from './leftovers.ts';

interface TestFailure {
  readonly name: string;
  /** In the test file; 0 when it is about all of it. */
  readonly line: number;
  readonly text: string;
}

export interface FileResult {
  readonly file: string;
  readonly passed: number;
  readonly failures: readonly TestFailure[];
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  /** The end of what it printed. */
  readonly output: string;
  readonly durationMs: number;
}

interface RunOptions {
  /** An empty folder for this file alone; removed at the end. */
  readonly folder: string;
  /** Compiled code that all files of one run share. */
  readonly cacheFolder: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Runs `file` (absolute) to its end; everything that goes wrong is a failure in the result. */
export async function runFile(file: string, options: RunOptions): Promise<FileResult> {
  const startMs = performance.now();
  const { folder } = options;
  const marker = folder;
  const temporary = join(folder, 'tmp');
  const events = join(folder, 'events');
  const output = join(folder, 'output');
  mkdirSync(temporary);
  writeFileSync(events, '');
  const child = start(file, { events, output, temporary, marker, options });
  const reasons = await supervise(child, options);
  reasons.push(...(await inspectLeftovers(marker, temporary)));
  const result = {
    file,
    ...summarize(parseEvents(readFileSync(events, 'utf8')), reasons),
    output: readFileSync(output, 'utf8').slice(-outputCharsMax),
    durationMs: performance.now() - startMs,
  };
  rmSync(folder, { recursive: true, force: true });
  return result;
}

interface Places {
  readonly events: string;
  readonly output: string;
  readonly temporary: string;
  readonly marker: string;
  readonly options: RunOptions;
}

function start(file: string, places: Places): ChildProcess {
  const descriptor = openSync(places.output, 'w');
  const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, FORCE_COLOR: ___, ...environment } = process.env;
  const child = spawn(process.execPath, [...flags, entry, file, places.events], {
    // A group of its own: a signal from the terminal reaches the runner, which ends its files.
    detached: true,
    stdio: ['ignore', descriptor, descriptor],
    env: {
      ...environment,
      [markerName]: `${process.env[markerName] ?? ''} ${places.marker}`,
      NODE_COMPILE_CACHE: places.options.cacheFolder,
      NO_COLOR: '1',
      TMPDIR: places.temporary,
    },
  });
  closeSync(descriptor);
  return child;
}

/** Waits for the end of the process, or brings it about; says what was wrong with it. */
async function supervise(child: ChildProcess, options: RunOptions): Promise<string[]> {
  let endedBy = '';
  const exit = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`could not be started: ${error.message}`));
    child.once('exit', (code, signal) => resolve(code === null ? `ended by ${signal}` : ''));
  });
  const end = (reason: string): void => {
    if (endedBy === '') endedBy = reason;
    killProcesses(options.folder);
    child.kill('SIGKILL');
  };
  const abort = (): void => end('interrupted');
  options.signal.addEventListener('abort', abort);
  const deadline = setTimeout(
    () => end(`did not end within ${options.timeoutMs} ms`),
    options.timeoutMs,
  );
  const reason = await exit;
  options.signal.removeEventListener('abort', abort);
  clearTimeout(deadline);
  if (endedBy !== '') return [endedBy];
  return reason === '' ? [] : [reason];
}

async function inspectLeftovers(marker: string, temporary: string): Promise<string[]> {
  let processes = findProcesses(marker);
  // Children that were just told to end may need a moment.
  for (let round = 0; processes.length > 0 && round < leftoverRounds; round++) {
    await wait(leftoverRoundMs);
    processes = findProcesses(marker);
  }
  const reasons = processes.map(({ pid, command }) => `left process ${pid} behind: ${command}`);
  killProcesses(marker);
  const files = findFiles(temporary);
  if (files.length > 0) reasons.push(`left files behind: ${files.slice(0, 20).join(', ')}`);
  return reasons;
}

function summarize(
  events: readonly TestEvent[],
  reasons: readonly string[],
): Pick<FileResult, 'passed' | 'failures' | 'skipped'> {
  const failures: TestFailure[] = [];
  const skipped: FileResult['skipped'][number][] = [];
  let passed = 0;
  for (const event of events) {
    if (event.kind === 'passed') passed += 1;
    else if (event.kind === 'skipped') skipped.push(event);
    else if (event.kind === 'failed') failures.push(event);
  }
  failures.push(...reasons.map((text) => ({ name: 'the file', line: 0, text })));
  if (reasons.length > 0) failures.push(...findUnfinished(events));
  const isWhole = events.some(({ kind }) => kind === 'ended');
  if (failures.length === 0 && !isWhole) {
    failures.push({ name: 'the file', line: 0, text: 'its process ended before its tests did' });
  } else if (passed + failures.length + skipped.length === 0) {
    failures.push({ name: 'the file', line: 0, text: 'has no test' });
  }
  return { passed, failures, skipped };
}

/** Which tests were running when the process was ended. */
function findUnfinished(events: readonly TestEvent[]): TestFailure[] {
  const running = new Map<string, TestFailure>();
  for (const event of events) {
    if (event.kind !== 'began' && event.kind !== 'finished') continue;
    const { kind, name, line } = event;
    if (kind === 'began') running.set(`${line}:${name}`, { name, line, text: 'did not end' });
    else running.delete(`${line}:${name}`);
  }
  return [...running.values()];
}

const entry = join(dirname(import.meta.filename), 'run-file.ts');
const flags = ['--disable-warning=ExperimentalWarning'];
const outputCharsMax = 20_000;
const leftoverRounds = 20;
const leftoverRoundMs = 100;
