/**
 * Goal: two builds of the image are the same, and it says what Linkerd's says. Method: it is built
 * once by buildah and once as a folder, and archives of both are compared.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { cleanUp } from '../support/cleanup.ts';
import { cannotBuildImage, runImageTool, runPrivately } from '../support/image.ts';

test('an image is the same in two builds', { skip: cannotBuildImage() }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-image-test-'));
  cleanUp(t, () => rmSync(folder, { recursive: true }));
  const rootfs = join(folder, 'rootfs');
  const storage = join(folder, 'storage');
  runImageTool(['--rootfs-only', rootfs]);
  runImageTool(['--storage', storage, '--tag', 'heddle:test']);
  const text = runPrivately(['sh', '-ec', inspect, 'sh', storage]);
  const { OCIv1 } = JSON.parse(text) as Inspected;
  assert.equal(OCIv1.config.User, '2102:2102');
  assert.equal(OCIv1.config.StopSignal, 'SIGTERM');
  assert.deepEqual(OCIv1.config.Entrypoint, ['/usr/lib/linkerd/linkerd2-proxy-identity']);
  assert.equal(OCIv1.rootfs.diff_ids.length, 4);
  const digest = runPrivately(['sh', '-ec', `cd "$1"; ${digestHere}`, 'sh', rootfs]);
  assert.match(digest, /^[0-9a-f]{64} /);
  assert.equal(runPrivately(['sh', '-ec', digestImage, 'sh', storage]), digest);
});

interface Inspected {
  readonly OCIv1: {
    readonly config: Readonly<Record<string, unknown>>;
    readonly rootfs: { readonly diff_ids: readonly string[] };
  };
}

const buildah = 'buildah --root "$1/root" --runroot "$1/run"';
const inspect = `${buildah} inspect --type image heddle:test`;
/** Of all that an image keeps of its files: content, owners, modes, times, capabilities. */
const digestHere = `tar --sort=name --format=posix --pax-option=delete=atime,delete=ctime \
  --xattrs --xattrs-include=security.capability -cf - * | sha256sum`;
const digestImage = `cd "$(${buildah} mount "$(${buildah} from heddle:test)")"; ${digestHere}`;
