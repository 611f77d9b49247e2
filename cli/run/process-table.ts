/** What the kernel says about processes (proc(5)): who is who, although numbers are used again. */

import { readdirSync, readFileSync } from 'node:fs';

interface ProcessStat {
  readonly isZombie: boolean;
  readonly group: number;
  /** Since the system's start, in its ticks: with the number, it names one process. */
  readonly startTicks: string;
}

/** Null when there is no such process. */
export function readProcess(pid: number): ProcessStat | null {
  try {
    // The name, in parentheses, may hold anything; it is the second field.
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { isZombie: fields[0] === 'Z', group: Number(fields[2]), startTicks: fields[19] };
  } catch {
    return null;
  }
}

/** Whether anything still runs there. Zombies may stay for as long as nobody asks for them. */
export function isGroupAlive(group: number): boolean {
  try {
    process.kill(-group, 0);
  } catch {
    return false;
  }
  return readdirSync('/proc').some((name) => {
    const stat = /^\d+$/.test(name) ? readProcess(Number(name)) : null;
    return stat !== null && stat.group === group && !stat.isZombie;
  });
}

/** Other after each start of the system; process numbers and ticks begin anew then. */
export function readBoot(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return '';
  }
}
