/** Which process listens on a port, as far as /proc lets us see: for whoever finds it taken. */

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

/** `heddle up --config a.yaml (process 123)`; null where it cannot be seen. */
export function findPortHolder(port: number): string | null {
  const sockets = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((path) => listenersOn(path, port));
  if (sockets.length === 0) return null;
  const links = new Set(sockets.map((inode) => `socket:[${inode}]`));
  for (const pid of list('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const descriptors = list(`/proc/${pid}/fd`);
    if (descriptors.some((one) => links.has(link(`/proc/${pid}/fd/${one}`)))) {
      return `${nameOf(pid)} (process ${pid})`;
    }
  }
  return null;
}

/** Inodes of the sockets that listen on it; columns as in proc_pid_net(5). */
function listenersOn(path: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return read(path)
    .split('\n')
    .map((line): readonly (string | undefined)[] => line.trim().split(/\s+/))
    .filter(([, local, , state]) => local?.endsWith(suffix) === true && state === listenState)
    .map((columns) => columns[9] ?? '');
}

/** The command line of one of ours; of others the name alone, since we do not know what it has. */
function nameOf(pid: string): string {
  const [command = '', ...words] = read(`/proc/${pid}/cmdline`).split('\0').filter(Boolean);
  const entry = words.findIndex((word) => /\/cli\/main\.ts$|\/dist\/main\.js$/.test(word));
  if (entry === -1) return basename(command) || 'a process';
  const text = ['heddle', ...words.slice(entry + 1)].join(' ');
  return text.length <= shownCharsMax ? text : `${text.slice(0, shownCharsMax - 1)}…`;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

const listenState = '0A';
const shownCharsMax = 120;
