/**
 * Finds what a test file has left behind: processes that it started, however deep and detached,
 * by a variable in the environment that they inherit; and files in its temporary folder.
 */

import { readdirSync, readFileSync } from 'node:fs';

/** The variable that marks every process of a test file; several marks where runners are nested. */
export const markerName = 'HEDDLE_TEST_FILE_RUN';

interface LeftProcess {
  readonly pid: number;
  readonly command: string;
}

/** Processes, other than zombies, that inherited `marker`. Needs Linux's /proc. */
export function findProcesses(marker: string): LeftProcess[] {
  return readNumbers('/proc').flatMap((pid) => {
    const environment = readProc(pid, 'environ').split('\0');
    const entry = environment.find((one) => one.startsWith(`${markerName}=`)) ?? '';
    if (
      !entry
        .slice(markerName.length + 1)
        .split(' ')
        .includes(marker)
    )
      return [];
    return [{ pid, command: readProc(pid, 'cmdline').replaceAll('\0', ' ').trim() }];
  });
}

/** Ends all of them, and those that they started meanwhile. */
export function killProcesses(marker: string): void {
  for (let round = 0; round < killRounds; round++) {
    const found = findProcesses(marker);
    if (found.length === 0) return;
    for (const { pid } of found) kill(pid);
  }
}

/** Names of what lies in `folder`. */
export function findFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true }).map(String);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function readNumbers(folder: string): number[] {
  return readdirSync(folder)
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number);
}

/** Empty for a process that has ended, a zombie, and one of another user. */
function readProc(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}

const killRounds = 20;
