/** The machine's own addresses, for the loop guard; read again when they may have changed. */

import { networkInterfaces } from 'node:os';

export class LocalAddresses {
  #addresses: ReadonlySet<string> | null = null;

  /** Whether a connection to `host` would reach this machine. */
  has(host: string): boolean {
    if (isLoopback(host) || host === '0.0.0.0' || host === '::') return true;
    this.#addresses ??= readAddresses();
    return this.#addresses.has(host);
  }

  /** Forgets what was read; the next question reads it again. */
  refresh(): void {
    this.#addresses = null;
  }
}

function isLoopback(host: string): boolean {
  return host.startsWith('127.') || host === '::1' || host.startsWith('::ffff:127.');
}

function readAddresses(): ReadonlySet<string> {
  const found = new Set<string>();
  for (const list of Object.values(networkInterfaces())) {
    for (const { address } of list ?? []) found.add(address);
  }
  return found;
}
