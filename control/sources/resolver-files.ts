/** `/etc/hosts` and `/etc/resolv.conf`, followed while somebody looks names up. */

import { canonicalIp } from '../model/address.ts';
import { canonicalName } from './dns-message.ts';
import { type WatchFileEnv, watchFile } from './watch-file.ts';

interface ResolverConfig {
  readonly servers: readonly string[];
  readonly search: readonly string[];
  /** A name with fewer dots is tried with the search domains first. */
  readonly dotsMin: number;
  readonly timeoutMs: number;
  readonly attempts: number;
}

export interface ResolverFiles {
  /** Both files have been looked at; before, nothing is known. */
  readonly ready: Promise<void>;
  readonly config: ResolverConfig;
  /** Addresses of a name in the hosts file, null when it is not there. */
  hostsOf(name: string): readonly string[] | null;
  /** The returned function ends the subscription. */
  onChange(listener: () => void): () => void;
  close(): void;
}

export interface ResolverPaths {
  readonly hosts: string;
  readonly resolvConf: string;
}

export const systemResolverPaths: ResolverPaths = {
  hosts: '/etc/hosts',
  resolvConf: '/etc/resolv.conf',
};

/** A file that cannot be read is as good as an empty one, and what it said before stays. */
export function openResolverFiles(paths: ResolverPaths, env: WatchFileEnv): ResolverFiles {
  let hosts = new Map<string, string[]>();
  let config = parseResolvConf('');
  const listeners = new Set<() => void>();
  let isReady = false;
  const follow = (path: string, apply: (text: string) => void) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = watchFile(path, fileBytesMax, env, {
      onContent: (text) => {
        apply(text);
        resolve();
        // Before the first look at both files everybody waits for `ready` anyway.
        if (isReady) for (const listener of listeners) listener();
      },
      onError: () => resolve(),
    });
    return {
      looked: promise,
      close: () => {
        stop();
        resolve();
      },
    };
  };
  const followed = [
    follow(paths.hosts, (text) => {
      hosts = parseHosts(text);
    }),
    follow(paths.resolvConf, (text) => {
      config = parseResolvConf(text);
    }),
  ];
  async function waitForBoth(): Promise<void> {
    await Promise.all(followed.map(({ looked }) => looked));
    isReady = true;
  }
  const ready = waitForBoth();
  return {
    ready,
    get config() {
      return config;
    },
    hostsOf(name) {
      const key = canonicalName(name);
      // RFC 6761 section 6.3: never asked of a server.
      return hosts.get(key) ?? (key === 'localhost' ? ['127.0.0.1', '::1'] : null);
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      listeners.clear();
      for (const { close } of followed) close();
    },
  };
}

function parseHosts(text: string): Map<string, string[]> {
  const hosts = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [first, ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    const address = canonicalIp(first);
    if (address === null) continue;
    for (const name of names.map(canonicalName)) {
      const addresses = hosts.get(name);
      if (addresses === undefined) hosts.set(name, [address]);
      else if (!addresses.includes(address)) addresses.push(address);
    }
  }
  return hosts;
}

/** resolv.conf(5), with its own bounds and defaults. */
function parseResolvConf(text: string): ResolverConfig {
  const servers: string[] = [];
  let search: string[] = [];
  const options = { ndots: 1, timeout: 5, attempts: 2 };
  for (const line of text.split('\n')) {
    const [keyword, ...words] = line
      .replace(/[#;].*/, '')
      .trim()
      .split(/\s+/);
    if (keyword === 'nameserver') {
      const server = canonicalIp(words[0] ?? '');
      if (server !== null && servers.length < serversMax) servers.push(server);
    } else if (keyword === 'search' || keyword === 'domain') {
      search = words.map(canonicalName).slice(0, searchMax);
    } else if (keyword === 'options') {
      for (const word of words) {
        const [, name, digits] = /^(ndots|timeout|attempts):(\d{1,3})$/.exec(word) ?? [];
        if (name !== undefined) options[name as keyof typeof options] = Number(digits);
      }
    }
  }
  return {
    servers: servers.length === 0 ? ['127.0.0.1'] : servers,
    search,
    dotsMin: Math.min(options.ndots, 15),
    timeoutMs: Math.min(Math.max(options.timeout, 1), 30) * 1000,
    attempts: Math.min(Math.max(options.attempts, 1), 5),
  };
}

const fileBytesMax = 1024 * 1024;
const serversMax = 3;
const searchMax = 6;
