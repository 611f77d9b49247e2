/**
 * What the image's own Node makes, at the image's own paths: the startup snapshot, and what V8 has
 * compiled of the bundle. Nobody can write it later, because the root file system is read-only.
 */

import { execFileSync } from 'node:child_process';
import { chmodSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { randomSeed, snapshotArgs } from '../bundle.ts';
import { bundlePath, compileCachePath } from './launchers.ts';

/** In a folder with all layers. */
export function buildInside(rootfs: string): void {
  runNode(rootfs, snapshotArgs(bundlePath));
  const modules = readdirSync(join(rootfs, bundlePath)).filter(isLoadable).toSorted();
  const imports = modules.map((name) => `await import('${bundlePath}/${name}');`);
  // One after the other, no command runs, and no thread collects garbage beside them: so the same
  // comes out each time. Without the seed of hashes: what is compiled under one counts as compiled
  // by another V8.
  const args = [
    randomSeed,
    '--v8-pool-size=0',
    '--input-type=module',
    '--eval',
    imports.join('\n'),
  ];
  runNode(rootfs, args, { NODE_COMPILE_CACHE: compileCachePath });
  shareCache(join(rootfs, compileCachePath));
}

function runNode(rootfs: string, args: readonly string[], env: Record<string, string> = {}): void {
  const command = [rootfs, '/usr/bin/node', ...args];
  execFileSync('/usr/sbin/chroot', command, { stdio: ['ignore', 'ignore', 'inherit'], env });
}

/** Not what starts by being loaded. */
function isLoadable(name: string): boolean {
  return name.endsWith('.js') && !/^(?:main|worker|end-with-parent|.*-app)\.js$/.test(name);
}

/** Node looks for a folder of its own user's, whose number is the last part of its name. */
function shareCache(folder: string): void {
  const [name = ''] = readdirSync(folder);
  for (const file of readdirSync(join(folder, name))) chmodSync(join(folder, name, file), 0o644);
  for (const user of users) symlinkSync(name, join(folder, name.replace(/-0$/, `-${user}`)));
}

/** The proxy, what the manifests run beside it, and what others are used to; root has made it. */
const users = [2102, 65_532, 65_534];
