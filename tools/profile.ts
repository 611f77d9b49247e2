/**
 * Sums CPU profiles, as Node writes them with --cpu-prof: where the time of all their threads went,
 * by function, without what was idle. `npx node tools/profile.ts FILE...` prints the largest.
 */

import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { functionName: string; url: string; lineNumber: number };
  }[];
  readonly samples: readonly number[];
  /** Microseconds since the sample before. */
  readonly timeDeltas: readonly number[];
}

const rowsMax = 40;
const files = process.argv.slice(2);
if (files.length === 0) {
  process.stderr.write('usage: npx node tools/profile.ts FILE.cpuprofile...\n');
  process.exit(2);
}
const micros = new Map<string, number>();
for (const file of files) addProfile(JSON.parse(readFileSync(file, 'utf8')) as Profile);
const rows = [...micros].toSorted(([, a], [, b]) => b - a);
const total = rows.reduce((sum, [, value]) => sum + value, 0);
const lines = rows
  .slice(0, rowsMax)
  .map(([name, value]) => `${((100 * value) / total).toFixed(1).padStart(5)} %  ${name}`);
const heading = `${(total / 1000).toFixed(0)} ms of work in ${files.length} profiles`;
process.stdout.write(`${[heading, ...lines].join('\n')}\n`);

function addProfile({ nodes, samples, timeDeltas }: Profile): void {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  for (const [index, id] of samples.entries()) {
    const name = names.get(id) ?? '?';
    if (name === '(idle)') continue;
    micros.set(name, (micros.get(name) ?? 0) + timeDeltas[index]);
  }
}

function nameOf({ functionName, url, lineNumber }: Profile['nodes'][number]['callFrame']): string {
  const name = functionName === '' ? '(anonymous)' : functionName;
  return url === '' ? name : `${name}  ${basename(url)}:${lineNumber + 1}`;
}
