/**
 * Where a connection was going before the rules of the system sent it here. With REDIRECT the
 * kernel knows it (SO_ORIGINAL_DST); with TPROXY it is the connection's own local address. Read
 * once for each connection, by the thread that adopts it.
 */

import type { Socket as NetSocket } from 'node:net';
import type { Address, ProxySettings } from '../../api/settings.ts';
import { formatIpv6, plainHost } from './ip-text.ts';
import { loadSocketCalls, optionValue, type SocketCalls } from './socket-calls.ts';
import { descriptorOf } from './stream-handle.ts';

/** Null when the connection was not redirected, or is gone already. */
export type ReadOriginalDestination = (socket: NetSocket) => Address | null;

/** How an address is had that came by this means. */
export function originalDestinationBy(
  means: ProxySettings['originalDestination'],
): ReadOriginalDestination {
  if (means === 'redirect') return redirectedFrom;
  return means === 'tproxy' ? localAddressOf : nowhere;
}

/** The address of ours that the connection came to, or seems to have come to. */
export function localAddressOf(socket: NetSocket): Address | null {
  const { localAddress, localPort } = socket;
  if (localAddress === undefined || localPort === undefined) return null;
  return { host: plainHost(localAddress), port: localPort };
}

function redirectedFrom(socket: NetSocket): Address | null {
  const descriptor = descriptorOf(socket);
  const { localAddress } = socket;
  if (descriptor < 0 || localAddress === undefined) return null;
  calls ??= loadSocketCalls(descriptor);
  // Main has tried it on its listeners and would not have started.
  if (typeof calls === 'string') return null;
  // What came by IPv4 to a socket for both is known to IPv4 alone.
  if (localAddress.includes('.')) {
    const length = calls.read(descriptor, levelIp, originalDestination);
    return length < addressBytes ? null : readAddress();
  }
  const length = calls.read(descriptor, levelIpv6, originalDestination);
  return length < addressBytesIpv6 ? null : readAddressIpv6();
}

function nowhere(): null {
  return null;
}

/** `struct sockaddr_in`: family, port and address, both in the order of the network. */
function readAddress(): Address {
  const view = optionValue;
  const parts = [view.getUint8(4), view.getUint8(5), view.getUint8(6), view.getUint8(7)];
  return { host: parts.join('.'), port: view.getUint16(2) };
}

/** `struct sockaddr_in6`: the address is at 8. */
function readAddressIpv6(): Address {
  const groups: number[] = [];
  for (let at = 8; at < 24; at += 2) groups.push(optionValue.getUint16(at));
  return { host: formatIpv6(groups), port: optionValue.getUint16(2) };
}

/** Loaded with the first connection of the thread. */
let calls: SocketCalls | string | null = null;
/** SOL_IP, SOL_IPV6, and SO_ORIGINAL_DST, which is IP6T_SO_ORIGINAL_DST too. */
const levelIp = 0;
const levelIpv6 = 41;
const originalDestination = 80;
const addressBytes = 8;
const addressBytesIpv6 = 24;
