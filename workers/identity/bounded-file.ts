/** Reads small files of others, without waiting for a FIFO and without taking in a device. */

import { constants, open } from 'node:fs/promises';
import { identityFileBytesMax } from '../../core/base/limits.ts';
import { nodeErrorCode } from '../../core/base/node-error.ts';

interface FileProblem {
  /** A sentence without its full stop that names the file. */
  readonly problem: string;
  readonly isMissing: boolean;
}

export async function readBounded(
  path: string,
  bytesMax = identityFileBytesMax,
  isSecret = false,
): Promise<Buffer | FileProblem> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = await file.stat();
    if (!stat.isFile()) return refuse(path, 'is not a file');
    if (isSecret && (stat.mode & 0o077) !== 0) {
      return refuse(path, `can be used by others: chmod 600 ${path}, if it has not leaked`);
    }
    if (stat.size > bytesMax) return refuse(path, `has more than ${bytesMax} bytes`);
    const bytes = await file.readFile();
    if (bytes.length === 0) return refuse(path, 'is empty');
    return bytes.length > bytesMax ? refuse(path, `has more than ${bytesMax} bytes`) : bytes;
  } catch (error) {
    const code = nodeErrorCode(error);
    const isMissing = code === 'ENOENT' || code === 'ENOTDIR';
    return { problem: isMissing ? `there is no ${path}` : `${path}: ${code}`, isMissing };
  }
}

function refuse(path: string, reason: string): FileProblem {
  return { problem: `${path} ${reason}`, isMissing: false };
}
