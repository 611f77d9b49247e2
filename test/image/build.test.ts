/**
 * Goal: two builds of the image are the same, and it says what Linkerd's says. Method: it is built
 * once by buildah and once as a folder, and every file of both is compared.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { cleanUp } from '../support/cleanup.ts';
import { cannotBuildImage, runImageTool } from '../support/image.ts';

test('an image is the same in two builds', { skip: cannotBuildImage() }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-image-test-'));
  cleanUp(t, () => rmSync(folder, { recursive: true }));
  const rootfs = join(folder, 'rootfs');
  runImageTool(['--rootfs-only', rootfs]);
  const storage = join(folder, 'storage');
  const buildah = (...args: readonly string[]): string => {
    const own = ['--root', `${storage}/root`, '--runroot', `${storage}/run`];
    return execFileSync('buildah', [...own, ...args], { encoding: 'utf8' }).trim();
  };
  runImageTool(['--storage', storage, '--tag', 'heddle:test']);
  const inspected: unknown = JSON.parse(buildah('inspect', '--type', 'image', 'heddle:test'));
  const { OCIv1 } = inspected as { OCIv1: { config: Record<string, unknown>; rootfs: Rootfs } };
  assert.equal(OCIv1.config.User, '2102:2102');
  assert.equal(OCIv1.config.StopSignal, 'SIGTERM');
  assert.deepEqual(OCIv1.config.Entrypoint, ['/usr/lib/linkerd/linkerd2-proxy-identity']);
  assert.equal(OCIv1.rootfs.diff_ids.length, 4);
  const container = buildah('from', 'heddle:test');
  cleanUp(t, () => buildah('rm', container));
  const mounted = buildah('mount', container);
  assert.deepEqual(describeTree(mounted), describeTree(rootfs));
  assert.equal(capabilitiesOf(mounted), capabilitiesOf(rootfs));
});

interface Rootfs {
  readonly diff_ids: readonly string[];
}

/** Everything that an image keeps of a file but its capabilities. */
function describeTree(folder: string, below = ''): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(join(folder, below)).toSorted()) {
    const path = `${below}/${name}`;
    const stats = lstatSync(join(folder, path));
    const { mode, uid, gid, mtimeMs } = stats;
    let content = '';
    if (stats.isSymbolicLink()) content = readlinkSync(join(folder, path));
    if (stats.isFile()) content = digest(readFileSync(join(folder, path)));
    found[path] = [mode.toString(8), uid, gid, mtimeMs, content].join(' ');
    if (stats.isDirectory()) Object.assign(found, describeTree(folder, path));
  }
  return found;
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function capabilitiesOf(folder: string): string {
  const env = { PATH: '/usr/sbin:/usr/bin' };
  const text = execFileSync('getcap', ['-r', folder], { encoding: 'utf8', env });
  return text.replaceAll(folder, '').split('\n').toSorted().join('\n');
}
