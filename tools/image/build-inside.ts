/**
 * What the image's own Node has to make, at the image's own paths: the startup snapshot, and what V8
 * compiles of the bundle.
 */

import { execFileSync } from 'node:child_process';
import { snapshotArgs } from '../bundle.ts';
import { bundlePath } from './launchers.ts';

/** In a folder with all layers. */
export function buildInside(rootfs: string): void {
  const args = [rootfs, '/usr/bin/node', ...snapshotArgs(bundlePath)];
  execFileSync('/usr/sbin/chroot', args, { stdio: ['ignore', 'ignore', 'inherit'], env: {} });
}
