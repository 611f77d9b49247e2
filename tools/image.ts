/**
 * `npm run image`: builds the image with buildah, or with `--rootfs-only FOLDER` the folder that is
 * its root file system. docs/IMAGE.md says what is in it.
 */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { version } from '../core/base/version.ts';
import { buildRootfs, splitLayers } from './image/rootfs.ts';

async function buildImage(tag: string, storage: readonly string[]): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'heddle-image-'));
  try {
    const context = join(work, 'context');
    const rootfs = join(work, 'rootfs');
    splitLayers(rootfs, await buildRootfs(rootfs), context);
    const file = join(root, 'deploy/image/Containerfile');
    const args = ['--file', file, '--tag', tag, '--build-arg', `VERSION=${version}`, context];
    execFileSync('buildah', [...storage, 'build', ...reproducible, ...args], { stdio: 'inherit' });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

const root = fileURLToPath(new URL('..', import.meta.url));
/** A layer for each COPY, none of an earlier build, and no time of day. */
const reproducible = ['--layers', '--no-cache', '--timestamp', '0', '--isolation', 'chroot'];

const { values } = parseArgs({
  options: {
    'rootfs-only': { type: 'string' },
    tag: { type: 'string', default: `heddle:${version}` },
    /** Where buildah keeps images, instead of its usual place. */
    storage: { type: 'string' },
  },
});
process.umask(0o022);
const { 'rootfs-only': folder, tag, storage } = values;
if (folder !== undefined) await buildRootfs(resolve(folder));
else {
  const [root, run] = [`${storage}/root`, `${storage}/run`];
  await buildImage(tag, storage === undefined ? [] : ['--root', root, '--runroot', run]);
}
