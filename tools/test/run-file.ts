/**
 * The process of one test file: runs it and appends what happened to a file of JSON lines, which
 * survives a crash. Started by run.ts as `node run-file.ts <test file> <events file>`.
 */

import { appendFileSync } from 'node:fs';
import { run } from 'node:test';
import { inspect } from 'node:util';
import type { TestEvent } from './events.ts';

const [testFile, eventsFile] = process.argv.slice(2);

function write(event: TestEvent): void {
  appendFileSync(eventsFile, `${JSON.stringify(event)}\n`);
}

interface TestData {
  readonly name: string;
  readonly line?: number | undefined;
  readonly skip?: string | boolean | undefined;
  readonly todo?: string | boolean | undefined;
  readonly details: { readonly type?: string | undefined };
}

function passed(data: TestData): void {
  // A file without tests passes under its own name.
  if (data.name === testFile) return;
  if (data.details.type === 'suite' && data.skip === undefined) return;
  const { skip, todo, name, line = 0 } = data;
  const reason = skip ?? todo;
  if (reason === undefined) write({ kind: 'passed' });
  else write({ kind: 'skipped', name, line, reason: typeof reason === 'string' ? reason : '' });
}

/** A test that failed only because one inside it did is not a failure of its own. */
function failed(data: TestData, error: unknown): void {
  const { failureType, cause } = error as { failureType?: string; cause?: unknown };
  if (failureType === 'subtestsFailed') return;
  const shown = cause instanceof Error || typeof cause === 'object' ? cause : error;
  const text = inspect(shown, { depth: 6, maxStringLength: 4_000 });
  write({ kind: 'failed', name: data.name, line: data.line ?? 0, text: shortenStack(text) });
}

/** The frames of the test runner say nothing about the test. */
function shortenStack(text: string): string {
  return text
    .split('\n')
    .filter((line) => !/^\s+at .*(node:internal\/|node:async_hooks|run-file\.ts)/.test(line))
    .join('\n');
}

let pending = 0;
let idleLooks = 0;
let watched = false;

/** Tests that are over leave nothing open: soon after the last one the process has to end. */
function watchEnd(): void {
  idleLooks = pending === 0 ? idleLooks + 1 : 0;
  if (idleLooks < idleLooksMax) return;
  const open = process.getActiveResourcesInfo().join(', ');
  write({ kind: 'failed', name: 'after its tests', line: 0, text: `left open: ${open}` });
  process.exit(1);
}

const idleLookMs = 500;
const idleLooksMax = 8;

run({ files: [testFile], isolation: 'none' })
  .on('test:enqueue', () => {
    if (!watched) setInterval(watchEnd, idleLookMs).unref();
    watched = true;
    idleLooks = 0;
    pending += 1;
  })
  .on('test:dequeue', ({ name, line = 0 }) => write({ kind: 'began', name, line }))
  .on('test:complete', ({ name, line = 0 }) => {
    pending -= 1;
    write({ kind: 'finished', name, line });
  })
  .on('test:pass', passed)
  .on('test:fail', (data) => failed(data, data.details.error))
  .on('test:diagnostic', ({ message }) => {
    if (!message.startsWith('Error: ')) return;
    write({ kind: 'failed', name: 'after its tests', line: 0, text: message });
  })
  .on('test:summary', () => write({ kind: 'ended' }))
  .resume();
