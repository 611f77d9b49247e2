/**
 * Bundles the proxy into `dist/`: a few files in place of some two hundred, which halves the time
 * until it is ready. The process that reads configurations becomes a startup snapshot as well.
 * `npm ci` runs this; `cli/heddle` uses the result only while no source is newer.
 */

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type OutputOptions, type Plugin, rolldown } from 'rolldown';

const root = fileURLToPath(new URL('..', import.meta.url));

async function bundle(
  name: string,
  source: string,
  output: OutputOptions = { codeSplitting: false },
): Promise<void> {
  const build = await rolldown({
    cwd: root,
    input: { [name]: source },
    platform: 'node',
    external: ['commander', 'dns-packet', '@napi-rs/nice'],
    plugins: [otherCommands, builtins],
    treeshake: { propertyReadSideEffects: false },
    // Without its native part and its streams, which snapshots do not need.
    resolve: { alias: { msgpackr: 'msgpackr/pack' } },
    // Piscina looks for the file of its threads beside itself.
    transform: { define: { __dirname: 'import.meta.dirname' } },
    logLevel: 'warn',
  });
  await build.write({
    dir: 'dist',
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: '[name]-[hash].js',
    comments: false,
    ...output,
  });
  await build.close();
}

/** Only the proxy is bundled; what else the command can do runs from its sources. */
const otherCommands: Plugin = {
  name: 'other-commands',
  resolveId: (specifier) =>
    specifier === './program.ts' ? { id: '../cli/program.ts', external: true } : null,
};

/**
 * An import of a module of Node's own calls every getter that it exports, and some of them load
 * more: 10 ms in each thread for those that the proxy needs. What Node has loaded for itself costs
 * nothing this way.
 */
const builtins: Plugin = {
  name: 'builtins',
  resolveId: (specifier, _importer, { kind }) =>
    kind === 'import-statement' && specifier.startsWith('node:') ? `\0${specifier}` : null,
  async load(id) {
    if (!id.startsWith('\0node:')) return null;
    const specifier = id.slice(1);
    const names = Object.keys((await import(specifier)) as object);
    const lines = names
      .filter((name) => name !== 'default')
      .map((name) => `export const ${name} = all.${name};`);
    return [`const all = process.getBuiltinModule('${specifier}');`, ...lines].join('\n');
  },
};

await bundle('main', 'cli/main.ts', { cleanDir: true });
// What a thread loads, a file each: piscina's loop, and the worker in it.
await bundle('worker', 'node_modules/piscina/dist/worker.js');
await bundle('thread', 'workers/worker.ts');
// A snapshot is made of one script without imports.
await bundle('load-process', 'control/sources/load-process.ts', {
  format: 'cjs',
  entryFileNames: '[name].cjs',
  codeSplitting: false,
});
const blob = `dist/load-process-${process.version}.blob`;
execFileSync(
  process.execPath,
  ['--snapshot-blob', blob, '--build-snapshot', 'dist/load-process.cjs'],
  {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  },
);
