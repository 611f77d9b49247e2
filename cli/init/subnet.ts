/** Subnets as CIDR text: which family, and the one spelling that the tools print. */

import { isIPv4 } from 'node:net';
import { canonicalIp } from '../../control/model/address.ts';

export type Family = 'ipv4' | 'ipv6';

export interface Subnet {
  readonly family: Family;
  /** As it was written. */
  readonly text: string;
  /** The address with the bits of the host cleared. */
  readonly address: string;
  readonly bits: number;
}

/** `10.0.0.0/8` or `fd00::/8`; null for anything else. Bits of the host are dropped. */
export function parseSubnet(text: string): Subnet | null {
  const match = /^([0-9A-Fa-f:.]+)\/(0|[1-9][0-9]{0,2})$/.exec(text);
  const ip = match === null ? null : canonicalIp(match[1]);
  if (match === null || ip === null) return null;
  const family = isIPv4(ip) ? 'ipv4' : 'ipv6';
  const bits = Number(match[2]);
  const [width, groupBits] = family === 'ipv4' ? [32, 8] : [128, 16];
  if (bits > width) return null;
  const groups = family === 'ipv4' ? ip.split('.').map(Number) : expandIpv6(ip);
  const kept = groups.map((group, index) => {
    const free = Math.min(groupBits, Math.max(0, (index + 1) * groupBits - bits));
    return (group >> free) << free;
  });
  const spelled =
    family === 'ipv4' ? kept.join('.') : kept.map((group) => group.toString(16)).join(':');
  return { family, text, address: canonicalIp(spelled) ?? spelled, bits };
}

/** Eight groups of 16 bits. */
function expandIpv6(ip: string): number[] {
  const [head, tail] = ip.split('::').map((part) => {
    return part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  });
  if (tail === undefined) return head;
  return [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}
