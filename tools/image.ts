/**
 * `npm run image`: builds the image with buildah, or with `--rootfs-only FOLDER` the folder that is
 * its root file system. See docs/IMAGE.md.
 */

import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { buildRootfs } from './image/rootfs.ts';

const { values } = parseArgs({ options: { 'rootfs-only': { type: 'string' } } });
process.umask(0o022);
const { 'rootfs-only': folder } = values;
if (folder !== undefined) await buildRootfs(resolve(folder));
