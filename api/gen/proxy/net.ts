/** Made by tools/generate-api.ts from net.proto; not to be edited. */

import type { Reader } from '../../wire/reader.ts';
import type { Writer } from '../../wire/writer.ts';

export interface IPAddress {
  readonly ip:
    | {
        /** The four bytes in network order, read as one number. */
        readonly kind: 'ipv4';
        readonly value: number;
      }
    | { readonly kind: 'ipv6'; readonly value: IPv6 }
    | null;
}

export interface IPv6 {
  /** The first and the last eight bytes in network order, each read as one number. */
  readonly first: bigint;
  readonly last: bigint;
}

export interface IPNetwork {
  readonly ip: IPAddress | null;
  readonly prefixLen: number;
}

export interface TcpAddress {
  readonly ip: IPAddress | null;
  readonly port: number;
}

export function readIPAddress(reader: Reader, held: IPAddress | null): IPAddress {
  let ip: IPAddress['ip'] = held?.ip ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 13:
        ip = { kind: 'ipv4', value: reader.fixed32() };
        break;
      case 18:
        ip = {
          kind: 'ipv6',
          value: reader.message(readIPv6, ip?.kind === 'ipv6' ? ip.value : null),
        };
        break;
      default:
        reader.skip(tag);
    }
  }
  return { ip };
}

function readIPv6(reader: Reader, held: IPv6 | null): IPv6 {
  let first = held?.first ?? 0n;
  let last = held?.last ?? 0n;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 9:
        first = reader.fixed64();
        break;
      case 17:
        last = reader.fixed64();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { first, last };
}

export function readIPNetwork(reader: Reader, held: IPNetwork | null): IPNetwork {
  let ip = held?.ip ?? null;
  let prefixLen = held?.prefixLen ?? 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        ip = reader.message(readIPAddress, ip);
        break;
      case 16:
        prefixLen = reader.uint32();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { ip, prefixLen };
}

export function readTcpAddress(reader: Reader, held: TcpAddress | null): TcpAddress {
  let ip = held?.ip ?? null;
  let port = held?.port ?? 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        ip = reader.message(readIPAddress, ip);
        break;
      case 16:
        port = reader.uint32();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { ip, port };
}

function writeIPAddress(writer: Writer, message: IPAddress): void {
  if (message.ip?.kind === 'ipv6') writer.message(2, writeIPv6, message.ip.value);
  if (message.ip?.kind === 'ipv4') writer.fixed32(1, message.ip.value);
}

function writeIPv6(writer: Writer, message: IPv6): void {
  if (message.last !== 0n) writer.fixed64(2, message.last);
  if (message.first !== 0n) writer.fixed64(1, message.first);
}

export function writeTcpAddress(writer: Writer, message: TcpAddress): void {
  if (message.port !== 0) writer.uint32(2, message.port);
  if (message.ip !== null) writer.message(1, writeIPAddress, message.ip);
}
