/**
 * Micro-benchmarks: runs every `*.bench.ts` that stands beside a source, pinned like a proxy, and
 * collects its figures, and those of native codecs. Each is a program that takes the number of
 * rounds and prints a line `{ "name": …, "nanos": […] }` for each figure. They run in turn, one
 * round each.
 */

import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Bench, Figure, Missing, Scenario } from './bench.ts';
import { projectDir } from './peer.ts';

export const micro: Scenario = {
  name: 'micro',
  about: 'micro-benchmarks beside the sources; HTTP/1 heads beside llhttp, HPACK beside nghttp2',
  needs: [],
  execute: async (bench) => {
    const values = new Map<string, number[]>();
    const missing: Missing[] = [];
    let files = listBenchFiles();
    for (let round = 0; round < bench.options.rounds; round++) {
      const failed = new Set<string>();
      for (const file of files) {
        try {
          for (const figure of await runFile(bench, file)) {
            values.set(figure.name, [...(values.get(figure.name) ?? []), ...figure.values]);
          }
        } catch (error) {
          const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
          missing.push({ name: relative(projectDir, file), reason });
          failed.add(file);
        }
      }
      files = files.filter((file) => !failed.has(file));
    }
    const figures = [...values].map(([name, all]): Figure => ({ name, unit: 'ns', values: all }));
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
  return ['api', 'core', 'workers', 'control', 'native-bench'].flatMap((folder) =>
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
    args: [file, '1'],
    cores: bench.options.proxyCores,
  });
  let output = '';
  started.child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const [code]: (number | null)[] = await once(started.child, 'close');
  if (code !== 0) throw new Error(started.complaint() || `ended with ${code}; run it to see why`);
  return parseFigures(output);
}
