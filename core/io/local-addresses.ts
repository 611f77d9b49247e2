/** The machine's own addresses, for the loop guard. */

import { networkInterfaces } from 'node:os';

/** Whether a connection to `host` would reach this machine; asked rarely, so read each time. */
export function isLocalAddress(host: string): boolean {
  if (isLoopback(host) || host === '0.0.0.0' || host === '::') return true;
  return Object.values(networkInterfaces()).some((list) =>
    list?.some(({ address }) => address === host),
  );
}

/** IPv4 as IPv6 writes it is the same address. */
export function plainHost(host: string): string {
  return host.toLowerCase().startsWith('::ffff:') ? host.slice('::ffff:'.length) : host;
}

/** Of either family. */
export function isLoopback(host: string): boolean {
  return host.startsWith('127.') || host === '::1';
}
