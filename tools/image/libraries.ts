/** Programs of this machine, with the libraries that the dynamic linker would load for them. */

import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

const machine = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
/** Where Debian keeps them. */
export const libraryFolder = `/usr/lib/${machine}-linux-gnu`;

/** The files of this machine that were copied. */
export const copied = new Set<string>();

/** Copies it to the same path below `folder`, or to another, unless it is there. */
export function copyProgram(path: string, folder: string, to: string = path): void {
  copyFile(path, join(folder, to));
  for (const library of librariesOf(path)) copyLibrary(library, folder);
}

/** Copies the plugins of a folder whose names have this form. */
export function copyPlugins(path: string, names: RegExp, folder: string): void {
  for (const name of readdirSync(path)) {
    if (names.test(name)) copyProgram(join(path, name), folder);
  }
}

/** As `ldd` says: `libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x…)`, or a path alone. */
function librariesOf(path: string): string[] {
  const text = execFileSync('ldd', [path], { encoding: 'utf8' });
  const missing = /^\s*(\S+) => not found/m.exec(text)?.[1];
  if (missing !== undefined) throw new Error(`${path} needs ${missing}, which is not installed`);
  return [...text.matchAll(/(?:^|\s)(\/\S+) \(0x/gm)].map(([, library = '']) => library);
}

/** `/lib` is a link to `/usr/lib` in the image, as it is here. */
function copyLibrary(path: string, folder: string): void {
  const place = join(realpathSync(dirname(path)), basename(path));
  copyFile(path, join(folder, place));
}

function copyFile(from: string, to: string): void {
  if (existsSync(to)) return;
  mkdirSync(dirname(to), { recursive: true });
  const source = realpathSync(from);
  copied.add(source);
  copyFileSync(source, to);
}
