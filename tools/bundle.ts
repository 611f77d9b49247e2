/**
 * Bundles TypeScript into few files by rolldown, which halves the time until a proxy is ready. The
 * process that reads configurations becomes a startup snapshot as well. `build.ts` makes of it what
 * `npm ci` leaves in `dist/`, `image.ts` what is in an image.
 */

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type OutputOptions, type Plugin, rolldown } from 'rolldown';

/**
 * The proxy, into a folder that is emptied. `program` is where its bundle finds all other commands:
 * what a proxy loads does not grow with them.
 */
export async function bundleProxy(folder: string, program: string): Promise<void> {
  const plugins = [external('./program.ts', program)];
  await bundle({ main: 'cli/main.ts' }, { dir: folder, cleanDir: true }, plugins);
  // What a thread loads, a file each: piscina's loop, and the worker in it.
  const alone: OutputOptions = { dir: folder, codeSplitting: false };
  await bundle({ worker: 'node_modules/piscina/dist/worker.js' }, alone);
  await bundle({ thread: 'workers/worker.ts' }, alone);
  await bundle({ 'dns-packet': 'node_modules/dns-packet/index.js' }, { ...alone, ...commonJs });
  // A snapshot is made of one script without imports.
  await bundle({ 'load-process': 'control/sources/load-process.ts' }, { ...alone, ...commonJs });
}

/** Everything else, beside the bundle of the proxy and with nothing in common. */
export async function bundleProgram(folder: string): Promise<void> {
  const demo = [...demoPrograms, 'end-with-parent'].map((name) => [name, `cli/demo/${name}.ts`]);
  await bundle(
    { program: 'cli/program.ts', ...Object.fromEntries(demo) },
    { dir: folder, chunkFileNames: 'program-[name]-[hash].js' },
  );
}

/** The arguments by which Node makes the snapshot of that folder. */
export function snapshotArgs(folder: string): string[] {
  const blob = join(folder, `load-process-${process.version}.blob`);
  const script = join(folder, 'load-process.cjs');
  return [...seeds, '--snapshot-blob', blob, '--build-snapshot', script];
}

async function bundle(
  input: Readonly<Record<string, string>>,
  output: OutputOptions,
  plugins: readonly Plugin[] = [],
): Promise<void> {
  const build = await rolldown({
    cwd: root,
    input: { ...input },
    platform: 'node',
    external: ['@napi-rs/nice'],
    plugins: [...plugins, requiredLater, builtins],
    treeshake: { propertyReadSideEffects: false },
    // Without its native part and its streams, which snapshots do not need.
    resolve: { alias: { msgpackr: 'msgpackr/pack' } },
    // Piscina looks for the file of its threads beside itself.
    transform: { define: { __dirname: 'import.meta.dirname' } },
    logLevel: 'warn',
  });
  await build.write({
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: '[name]-[hash].js',
    comments: false,
    ...output,
  });
  await build.close();
}

function external(specifier: string, id: string): Plugin {
  return {
    name: 'external',
    resolveId: (asked) => (asked === specifier ? { id, external: true } : null),
  };
}

/** A package that is loaded when it is needed, by `require`, has a file of its own. */
const requiredLater: Plugin = {
  name: 'required-later',
  transform: (code, id) =>
    id.endsWith('/control/sources/dns-message.ts')
      ? code.replace("('dns-packet')", "('./dns-packet.cjs')")
      : null,
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

const root = fileURLToPath(new URL('..', import.meta.url));
const commonJs: OutputOptions = { format: 'cjs', entryFileNames: '[name].cjs' };
const demoPrograms = ['web-app', 'users-app', 'greeter-app', 'prices-app', 'echo-app'];
/** Without seeds V8 writes something else each time; from a snapshot it starts with others. */
export const randomSeed = '--random-seed=1';
const seeds = [randomSeed, '--hash-seed=1'];
