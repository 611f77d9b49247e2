/** Tells a process from a later one of the same number. */

import { readFileSync } from 'node:fs';

/** When it began, in ticks since the system did; '' for none. */
export function processStart(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // What stands before is the name in parentheses, which may have spaces: proc_pid_stat(5).
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
