/** Says in the image which Debian packages files were copied from, as scanners look for it. */

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** An entry for each package that has one of these files; what npm has brought is in none. */
export function writePackages(files: Iterable<string>, folder: string): void {
  const target = join(folder, 'var/lib/dpkg/status.d');
  mkdirSync(target, { recursive: true });
  for (const name of packagesOf([...files])) {
    const entry = execFileSync('dpkg-query', ['--status', name], { encoding: 'utf8' });
    writeFileSync(join(target, name.replace(/:.*/, '')), entry);
  }
}

/** A line is `libc6:amd64: /lib/x86_64-linux-gnu/libc.so.6`; the database may know either path. */
function packagesOf(files: readonly string[]): ReadonlySet<string> {
  const paths = files.flatMap((path) => [path, path.replace(/^\/usr\//, '/')]);
  // It ends with 1 when it knows one of them not.
  const { stdout } = spawnSync('dpkg-query', ['--search', ...paths], { encoding: 'utf8' });
  const names = [...stdout.matchAll(/^(\S+): \//gm)].map(([, name = '']) => name);
  return new Set(names.toSorted());
}
