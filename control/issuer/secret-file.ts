/** Files that only their owner may read: keys and tokens. What is in them is for others to know. */

import {
  closeSync,
  constants,
  fstatSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { secretBytesMax } from '../../core/base/limits.ts';
import { makeFolder } from '../../core/base/make-folder.ts';
import { nodeErrorCode } from '../../core/base/node-error.ts';

interface SecretProblem {
  /** A sentence without its full stop that names the file. */
  readonly problem: string;
  readonly isMissing: boolean;
}

/** A file that others can read or write is no secret, and is refused. */
export function readSecretFile(path: string): { readonly text: string } | SecretProblem {
  let descriptor: number;
  try {
    // Without waiting: a FIFO would let us wait for a writer.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const code = nodeErrorCode(error);
    const isMissing = code === 'ENOENT' || code === 'ENOTDIR';
    return { problem: isMissing ? `there is no ${path}` : `${path}: ${code}`, isMissing };
  }
  try {
    const { mode, size } = fstatSync(descriptor);
    if ((mode & constants.S_IFMT) !== constants.S_IFREG) return refuse(path, 'is not a file');
    if ((mode & 0o077) !== 0) {
      return refuse(path, `can be used by others: chmod 600 ${path}, if it has not leaked`);
    }
    if (size > secretBytesMax) return refuse(path, `has more than ${secretBytesMax} bytes`);
    return { text: readFileSync(descriptor, 'utf8') };
  } catch (error) {
    return refuse(path, nodeErrorCode(error));
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Writes it as a whole or not at all, and its folder if need be. With `once` a file that is there
 * stays, whoever has just made it. Throws what the system says.
 */
export function writeSecretFile(path: string, text: string, once = false): void {
  const folder = dirname(path);
  makeFolder(folder);
  const fresh = join(folder, `.${basename(path)}.${process.pid}`);
  rmSync(fresh, { force: true });
  try {
    writeFileSync(fresh, text, { mode: 0o600, flag: 'wx', flush: true });
    if (once) linkUnlessThere(fresh, path);
    else renameSync(fresh, path);
  } finally {
    rmSync(fresh, { force: true });
  }
}

function linkUnlessThere(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    if (nodeErrorCode(error) !== 'EEXIST') throw error;
  }
}

function refuse(path: string, reason: string): SecretProblem {
  return { problem: `${path}: ${reason}`, isMissing: false };
}
