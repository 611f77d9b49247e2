/**
 * Micro-benchmarks: runs every `*.bench.ts` that stands beside a source, pinned like a proxy, and
 * collects its figures. Each is a program that takes the number of rounds and prints a line
 * `{ "name": …, "nanos": […] }` for each figure.
 */

import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Bench, Figure, Missing, Scenario } from './bench.ts';
import { projectDir } from './peer.ts';

export const micro: Scenario = {
  name: 'micro',
  about: 'micro-benchmarks beside the sources; the HTTP/1 head decoder beside llhttp',
  needs: [],
  execute: async (bench) => {
    const figures: Figure[] = [];
    const missing: Missing[] = [];
    for (const file of listBenchFiles()) {
      try {
        figures.push(...(await runFile(bench, file)));
      } catch (error) {
        const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
        missing.push({ name: relative(projectDir, file), reason });
      }
    }
    const title = 'micro-benchmarks (ns per operation)';
    return [{ kind: 'figures', title, figures, missing }];
  },
};

/** The figures in what a file printed; throws on anything else. */
export function parseFigures(output: string): Figure[] {
  const lines = output.split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const { name, nanos } = parseLine(line);
    if (typeof name !== 'string' || !Array.isArray(nanos)) throw new Error(`no figure: ${line}`);
    return { name, unit: 'ns', values: nanos.map(Number) };
  });
}

function parseLine(line: string): { name?: unknown; nanos?: unknown } {
  try {
    return JSON.parse(line);
  } catch {
    throw new Error(`not a line of JSON: ${line}`);
  }
}

function listBenchFiles(): string[] {
  return ['api', 'core', 'workers', 'control'].flatMap((folder) =>
    readdirSync(join(projectDir, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.bench.ts'))
      .map((file) => join(projectDir, folder, file)),
  );
}

async function runFile(bench: Bench, file: string): Promise<Figure[]> {
  bench.say(`  ${file}`);
  const started = bench.run.start({
    name: file,
    command: process.execPath,
    args: [file, String(bench.options.rounds)],
    cores: bench.options.proxyCores,
  });
  let output = '';
  started.child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const [code]: (number | null)[] = await once(started.child, 'close');
  if (code !== 0) throw new Error(`ended with ${code}; run it to see why`);
  return parseFigures(output);
}
