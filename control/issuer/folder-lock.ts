/**
 * A lock between processes, held for the moments of a change: a file that says who has it. The
 * lock of a process that is gone is nobody's.
 */

import { readFileSync, rmSync } from 'node:fs';
import { processStart } from '../model/process-start.ts';
import { writeSecretFile } from './secret-file.ts';

/** What gives it back; null while another has it. Throws what the system says of writing. */
export function takeLock(path: string): (() => void) | null {
  takes += 1;
  const own = `${process.pid} ${processStart(process.pid)} ${takes}\n`;
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    writeSecretFile(path, own, true);
    const found = read(path);
    if (found === own) {
      return () => {
        if (read(path) === own) rmSync(path, { force: true });
      };
    }
    const [pid, start] = found.trim().split(' ');
    if (start !== undefined && start === processStart(Number(pid))) return null;
    rmSync(path, { force: true });
  }
  return null;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

const attemptsMax = 5;
/** Tells the locks of one process apart. */
let takes = 0;
