/** The results as files: the last outcome of each scenario, from which reports are written. */

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Outcome } from './bench.ts';
import type { Machine } from './machine.ts';

export interface Result {
  readonly scenario: string;
  readonly command: string;
  readonly takenAt: string;
  readonly machine: Machine;
  readonly outcomes: readonly Outcome[];
}

export function saveResult(folder: string, result: Result): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${result.scenario}.json`);
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
  return file;
}

/** In the order of `scenarios`; those never run are left out. */
export function loadResults(folder: string, scenarios: readonly string[]): Result[] {
  mkdirSync(folder, { recursive: true });
  const files = readdirSync(folder);
  return scenarios
    .map((scenario) => `${scenario}.json`)
    .filter((file) => files.includes(file))
    .map((file): Result => JSON.parse(readFileSync(join(folder, file), 'utf8')));
}
