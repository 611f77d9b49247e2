/**
 * The image's root file system for tests that run its programs: made once from the sources as they
 * are, and kept for the next test, because making it takes as long as most tests.
 */

import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Why there can be none here, as a test is skipped with; null where there can. */
export function whyNoRootfs(): string | null {
  if (process.getuid?.() !== 0) return 'the image is entered by chroot, which needs root';
  for (const program of ['chroot', 'setpriv', 'iptables-nft', 'nft', 'setcap', 'strip']) {
    if (spawnSync(program, ['--version']).error !== undefined) {
      return `needs ${program}: run tools/install-test-peers.sh`;
    }
  }
  return null;
}

/** Its folder; others use it too, so it is not written to. */
export function makeRootfs(): string {
  const folder = join(root, '.bench/image', digestSources());
  if (existsSync(folder)) return folder;
  const made = `${folder}.${process.pid}`;
  mkdirSync(join(folder, '..'), { recursive: true });
  const args = [join(root, 'tools/image.ts'), '--rootfs-only', made];
  execFileSync(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  try {
    renameSync(made, folder);
  } catch {
    // Another test was first.
    rmSync(made, { recursive: true });
  }
  removeOthers(folder);
  return folder;
}

function digestSources(): string {
  const hash = createHash('sha256');
  for (const path of globSync(sources, { cwd: root }).toSorted()) {
    const { mtimeMs, size } = statSync(join(root, path));
    hash.update(`${path} ${mtimeMs} ${size}\n`);
  }
  return hash.digest('hex').slice(0, 16);
}

/** Those of earlier sources that nobody can be using any more. */
function removeOthers(folder: string): void {
  const hourAgoMs = statSync(folder).ctimeMs - 3_600_000;
  for (const path of globSync(join(folder, '../*'))) {
    if (path !== folder && statSync(path).ctimeMs < hourAgoMs) rmSync(path, { recursive: true });
  }
}

const root = resolve(import.meta.dirname, '../..');
const sources = [
  '{api,cli,control,core,workers}/**/*.{ts,proto}',
  'tools/{build,bundle,image}.ts',
  'tools/image/*.ts',
  'package-lock.json',
];
