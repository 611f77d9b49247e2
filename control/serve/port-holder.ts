/** Which process listens on a port, as far as /proc lets us see: for whoever finds it taken. */

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** `heddle up --config a.yaml (process 123)`; null where it cannot be seen. */
export function findPortHolder(port: number): string | null {
  const sockets = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((path) => listenersOn(path, port));
  if (sockets.length === 0) return null;
  const links = new Set(sockets.map((inode) => `socket:[${inode}]`));
  for (const process of list('/proc')) {
    if (!/^\d+$/.test(process)) continue;
    const descriptors = list(`/proc/${process}/fd`);
    if (descriptors.some((one) => links.has(link(`/proc/${process}/fd/${one}`)))) {
      return `${nameOf(process)} (process ${process})`;
    }
  }
  return null;
}

/** Inodes of the sockets that listen on it; columns as in proc_pid_net(5). */
function listenersOn(path: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return read(path)
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => local?.endsWith(suffix) === true && state === listenState)
    .map((columns) => columns[9]);
}

/** The end of its command line, without the paths of what runs it. */
function nameOf(process: string): string {
  const words = read(`/proc/${process}/cmdline`).split('\0').filter(Boolean);
  const entry = words.findIndex((word) => /\/cli\/main\.ts$|\/dist\/main\.js$/.test(word));
  const text = entry === -1 ? words.join(' ') : ['heddle', ...words.slice(entry + 1)].join(' ');
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
