/** Addresses as the API writes them: numbers in place of text. */

import { create } from '@bufbuild/protobuf';
import {
  type IPAddress,
  IPv6Schema,
  type TcpAddress,
  TcpAddressSchema,
} from '../../api/gen/control/net_pb.ts';
import type { Address } from '../../api/settings.ts';
import { canonicalIp } from '../model/address.ts';

export function tcpAddress({ host, port }: Address): TcpAddress {
  return create(TcpAddressSchema, { ip: { ip: ipOf(host) }, port });
}

/** Null when it names no address, or a port that there is not. */
export function addressOf(message: TcpAddress | undefined): Address | null {
  const ip = message?.ip?.ip;
  if (message === undefined || ip === undefined || message.port > 65_535) return null;
  switch (ip.case) {
    case 'ipv4':
      return { host: formatIpv4(ip.value), port: message.port };
    case 'ipv6': {
      const { first, last } = ip.value;
      const groups = [...groupsOf(first), ...groupsOf(last)].map((group) => group.toString(16));
      const host = canonicalIp(groups.join(':'));
      return host === null ? null : { host, port: message.port };
    }
    default:
      return null;
  }
}

function ipOf(host: string): IPAddress['ip'] {
  if (!host.includes(':')) return { case: 'ipv4', value: ipv4Number(host) };
  const groups = ipv6Groups(host);
  const first = joinGroups(groups.slice(0, 4));
  const last = joinGroups(groups.slice(4));
  return { case: 'ipv6', value: create(IPv6Schema, { first, last }) };
}

function ipv4Number(host: string): number {
  return host.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
}

function formatIpv4(value: number): string {
  return [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff].join('.');
}

/** Of the canonical spelling, which has no dotted part but for mapped addresses, in hexadecimal. */
function ipv6Groups(host: string): readonly number[] {
  const [head, tail] = host.split('::', 2).map(parseGroups);
  if (tail === undefined) return head;
  return [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}

function parseGroups(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}

function joinGroups(groups: readonly number[]): bigint {
  return groups.reduce((sum, group) => (sum << 16n) | BigInt(group), 0n);
}

function groupsOf(value: bigint): readonly number[] {
  return [48n, 32n, 16n, 0n].map((shift) => Number((value >> shift) & 0xffffn));
}
