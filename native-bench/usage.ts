/**
 * What a process and its descendants have used, read from /proc: CPU time of all their threads and
 * resident memory. Linux only, as all of this benchmark.
 */

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

export interface Usage {
  /** User and system time of all threads since each process began. */
  readonly cpuMicros: number;
  readonly rssBytes: number;
  /** Memory that no other process shares: RssAnon. */
  readonly anonBytes: number;
}

export interface ProcessStat {
  readonly pid: number;
  readonly parent: number;
  readonly cpuTicks: number;
  /** With the pid it names a process for good, because pids are used again. */
  readonly startTicks: number;
}

/** Sums `roots` and their descendants; a process that ends meanwhile counts for nothing. */
export function readUsage(...roots: readonly number[]): Usage {
  let cpuTicks = 0;
  let rssBytes = 0;
  let anonBytes = 0;
  for (const stat of roots.flatMap(listTree)) {
    const status = readProc(stat.pid, 'status');
    if (status === null) continue;
    const memory = parseMemory(status);
    cpuTicks += stat.cpuTicks;
    rssBytes += memory.rssBytes;
    anonBytes += memory.anonBytes;
  }
  return { cpuMicros: cpuTicks * microsPerTick(), rssBytes, anonBytes };
}

/** `root` first, then its descendants; empty when it has ended. */
export function listTree(root: number): ProcessStat[] {
  const all: ProcessStat[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^[0-9]+$/.test(name)) continue;
    const text = readProc(Number(name), 'stat');
    if (text !== null) all.push(parseStat(text));
  }
  const tree = all.filter((stat) => stat.pid === root);
  for (let next = 0; next < tree.length; next++) {
    tree.push(...all.filter((stat) => stat.parent === tree[next].pid));
  }
  return tree;
}

/** The words of a command line; none when it has ended. */
export function readCommand(pid: number): string[] {
  return (readProc(pid, 'cmdline') ?? '').split('\0').slice(0, -1);
}

/** One line of /proc/PID/stat (proc(5)); the name in it may hold spaces and brackets. */
export function parseStat(text: string): ProcessStat {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return {
    pid: Number.parseInt(text, 10),
    parent: Number(fields[1]),
    cpuTicks: Number(fields[11]) + Number(fields[12]),
    startTicks: Number(fields[19]),
  };
}

/** /proc/PID/status; a process without memory of its own (a zombie) has none of the lines. */
export function parseMemory(text: string): { rssBytes: number; anonBytes: number } {
  const readKib = (key: string): number =>
    Number(new RegExp(`^${key}:\\s+([0-9]+) kB$`, 'm').exec(text)?.[1] ?? 0);
  return { rssBytes: readKib('VmRSS') * 1024, anonBytes: readKib('RssAnon') * 1024 };
}

/** Established TCP connections that `roots` and their descendants have to a local port. */
export function countConnections(port: number, ...roots: readonly number[]): number {
  return roots.reduce((sum, root) => {
    const sockets = new Set(listTree(root).flatMap(({ pid }) => listSockets(pid)));
    // Of the network that it is in.
    const all = parseConnections(readFileSync(`/proc/${root}/net/tcp`, 'latin1'), port);
    return sum + all.filter((inode) => sockets.has(`socket:[${inode}]`)).length;
  }, 0);
}

/** The inodes in /proc/net/tcp of what is established with this remote port (proc(5)). */
export function parseConnections(text: string, port: number): string[] {
  const remotePort = port.toString(16).toUpperCase().padStart(4, '0');
  const rows = text.split('\n').map((line) => line.trim().split(/ +/));
  return rows
    .filter(([, , remote, state]) => state === '01' && remote.endsWith(`:${remotePort}`))
    .map((row) => row[9]);
}

/** As the kernel names them, `socket:[inode]`, and whatever else is open. */
function listSockets(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  return listFolder(folder).map((fd) => {
    try {
      return readlinkSync(join(folder, fd));
    } catch {
      // It was closed in between.
      return '';
    }
  });
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function readProc(pid: number, file: 'stat' | 'status' | 'cmdline'): string | null {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return null;
  }
}

let ticks = 0;
function microsPerTick(): number {
  if (ticks === 0) ticks = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  return 1_000_000 / ticks;
}
