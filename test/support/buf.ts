/** Whether buf runs here: its package has binaries for some systems only. */

import { spawnSync } from 'node:child_process';

/** Why a test that needs it is skipped; false when it is not. */
export const bufMissing =
  spawnSync('buf', ['--version']).status !== 0 &&
  'buf, of the package @bufbuild/buf, does not run here';
