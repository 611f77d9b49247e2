/** The machine's own addresses, for the loop guard. */

import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { formatIpv6, isLoopback } from '../core/io/ip-text.ts';

/** Whether a connection to `host` would reach this machine; asked rarely, so read each time. */
export function isLocalAddress(host: string): boolean {
  if (isLoopback(host) || host === '0.0.0.0' || host === '::') return true;
  return (readKernel(host) ?? readInterfaces()).includes(host);
}

/**
 * Of the same family, as Linux routes them; null where it does not say. `networkInterfaces` leaves
 * out those of an interface without a carrier, and of one that got it a moment ago, though the
 * kernel takes connections to them.
 */
function readKernel(host: string): readonly string[] | null {
  const isV6 = isIPv6(host);
  try {
    const text = readFileSync(isV6 ? '/proc/net/if_inet6' : '/proc/net/fib_trie', 'latin1');
    return isV6 ? parseInterfaces6(text) : parseLocalRoutes(text);
  } catch {
    return null;
  }
}

/** A line for each: 32 hexadecimal digits, then what is said of the interface. */
function parseInterfaces6(text: string): string[] {
  return Array.from(text.matchAll(/^[0-9a-f]{32}/gm), ([digits]) =>
    formatIpv6(Array.from(digits.matchAll(/.{4}/g), ([group]) => Number.parseInt(group, 16))),
  );
}

/** A leaf for each address, and below it its routes. */
function parseLocalRoutes(text: string): string[] {
  return Array.from(text.matchAll(/\|-- (\S+)\n\s+\/32 host LOCAL/g), ([, ip]) => ip);
}

function readInterfaces(): string[] {
  return Object.values(networkInterfaces()).flatMap((all = []) =>
    all.map(({ address }) => address),
  );
}
