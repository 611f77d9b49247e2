/** Addresses as the control API writes them, and as text. */

import { isIP } from 'node:net';
import type { IPAddress, TcpAddress } from '../../api/gen/proxy/net.ts';
import type { Address } from '../../api/settings.ts';

/** `name` or `name:port` of a target key; null when it is neither. The name has no brackets. */
export function splitAuthority(text: string): { name: string; port: number | null } | null {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/.exec(text);
  if (match === null) return isIP(text) === 6 ? { name: text, port: null } : null;
  const port = match[2] === undefined ? null : Number(match[2]);
  if (port !== null && (port === 0 || port > 65_535)) return null;
  if (!match[1].startsWith('[')) return { name: match[1], port };
  const name = match[1].slice(1, -1);
  return isIP(name) === 6 ? { name, port } : null;
}

/** A name or address with a port, of a length that names can have. */
export function isAuthority(text: string): boolean {
  return text.length <= authorityCharsMax && (splitAuthority(text)?.port ?? null) !== null;
}

export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Null: it has no address, or no port that can be dialled. */
export function readAddress(address: TcpAddress | null): Address | null {
  const host = address === null ? null : hostOf(address.ip);
  if (address === null || host === null || address.port === 0 || address.port > 65_535) return null;
  return { host, port: address.port };
}

/** Null for none. */
export function hostOf(address: IPAddress | null): string | null {
  const ip = address?.ip ?? null;
  if (ip === null) return null;
  if (ip.kind === 'ipv4') {
    const value = ip.value;
    return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
  }
  const hextets: string[] = [];
  for (const half of [ip.value.first, ip.value.last]) {
    for (let shift = 48n; shift >= 0n; shift -= 16n) {
      hextets.push(((half >> shift) & 0xffffn).toString(16));
    }
  }
  // The URL parser compresses IPv6 as RFC 5952 asks.
  return new URL(`http://[${hextets.join(':')}]/`).hostname.slice(1, -1);
}

/** An address as the control API writes it; null when `host` is a name. */
export function tcpAddressOf(host: string, port: number): TcpAddress | null {
  const family = isIP(host);
  if (family === 0) return null;
  if (family === 4) {
    const value = host.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);
    return { ip: { ip: { kind: 'ipv4', value } }, port };
  }
  const hextets = expandIpv6(host);
  const [first, last] = [hextets.slice(0, 4), hextets.slice(4)].map((half) =>
    half.reduce((sum, hextet) => (sum << 16n) | hextet, 0n),
  );
  return { ip: { ip: { kind: 'ipv6', value: { first, last } } }, port };
}

function expandIpv6(host: string): bigint[] {
  const compressed = new URL(`http://[${host}]/`).hostname.slice(1, -1);
  const [head, tail] = compressed.split('::').map((part) => part.split(':').filter(Boolean));
  const known = tail === undefined ? head : [...head, ...tail];
  const zeros = new Array<string>(8 - known.length).fill('0');
  const all = tail === undefined ? head : [...head, ...zeros, ...tail];
  return all.map((hextet) => BigInt(`0x${hextet}`));
}

/** A name of DNS, and a port. */
const authorityCharsMax = 253 + 1 + 5;
