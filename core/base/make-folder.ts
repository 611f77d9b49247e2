/**
 * Makes a private folder with all that lead to it. Node's own `mkdir` with `recursive` never ends,
 * at full CPU, where a folder refuses with ENOENT although it is there: in /proc, or in a working
 * directory that has been removed.
 */

import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { nodeErrorCode } from './node-error.ts';

/** Throws what the system says; what is there already keeps its mode. */
export function makeFolder(path: string): void {
  if (isFolder(path)) return;
  const parent = dirname(path);
  if (parent !== path) makeFolder(parent);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Somebody else may have made it meanwhile.
    if (nodeErrorCode(error) !== 'EEXIST' || !isFolder(path)) throw error;
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  } catch {
    return false;
  }
}
