/** The loop guard: which addresses are ports of this proxy. */

import type { ProxySettings } from '../../api/settings.ts';
import { isLoopback, plainHost } from '../io/ip-text.ts';

/** Whether a connection to this host, as an address, would reach this machine. */
export type IsLocalAddress = (host: string) => boolean;

export function isOwnListener(
  settings: ProxySettings,
  isLocalAddress: IsLocalAddress,
  host: string,
  port: number,
): boolean {
  const listeners = [
    settings.outbound,
    settings.outboundSecond,
    settings.inbound,
    settings.admin,
    ...settings.binds.map((bind) => bind.address),
  ];
  const reached = plainHost(host);
  return listeners.some((listener) => {
    if (listener === null || listener.port !== port) return false;
    const bound = plainHost(listener.host);
    // Dialling the wildcard reaches the loopback.
    if (bound === reached || (isWildcard(reached) && isLoopback(bound))) return true;
    return isWildcard(bound) && isLocalAddress(reached);
  });
}

/** For an address that is known to be of this host: one of the data path's, not admin's. */
export function isOwnPort(settings: ProxySettings, port: number): boolean {
  const { outbound, outboundSecond, inbound, binds } = settings;
  const listeners = [outbound, outboundSecond, inbound, ...binds.map(({ address }) => address)];
  return listeners.some((listener) => listener?.port === port);
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}
