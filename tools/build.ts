/**
 * Bundles the proxy into `dist/`: a few files in place of some two hundred, which halves the time
 * until it is ready. The process that reads configurations becomes a startup snapshot as well.
 * `npm ci` runs this; `cli/heddle` uses the result only while no source is newer.
 */

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type OutputOptions, rolldown } from 'rolldown';

const root = fileURLToPath(new URL('..', import.meta.url));

async function bundle(input: Record<string, string>, output: OutputOptions): Promise<void> {
  const build = await rolldown({
    cwd: root,
    input,
    platform: 'node',
    // Piscina finds its own thread's file beside itself; the others are rarely needed.
    external: ['piscina', 'commander', 'dns-packet'],
    logLevel: 'warn',
  });
  await build.write({ dir: 'dist', chunkFileNames: 'part-[hash].js', ...output });
  await build.close();
}

await bundle(
  { main: 'cli/main.ts', worker: 'workers/worker.ts' },
  { format: 'esm', entryFileNames: '[name].js', cleanDir: true },
);
// A snapshot is made of one script without imports.
await bundle(
  { 'load-process': 'control/sources/load-process.ts' },
  { format: 'cjs', entryFileNames: '[name].cjs', codeSplitting: false },
);
const blob = `dist/load-process-${process.version}.blob`;
execFileSync(
  process.execPath,
  ['--snapshot-blob', blob, '--build-snapshot', 'dist/load-process.cjs'],
  {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  },
);
