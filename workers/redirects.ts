/**
 * What listeners need from the system for connections that its rules redirect: a way to ask where
 * they were going, and with TPROXY the right to take what is for other addresses. Without it the
 * proxy does not start, because it would send such connections to wherever.
 */

import type { ProxySettings } from '../api/settings.ts';
import { loadSocketCalls } from '../core/io/socket-calls.ts';

/** Why nobody can tell where connections that come here were going, and what to do; or empty. */
export function prepareRedirected(
  descriptor: number,
  means: ProxySettings['originalDestination'],
  isInbound: boolean,
): string {
  if (means === 'off') return '';
  const calls = loadSocketCalls(descriptor);
  if (typeof calls === 'string') {
    return `original destinations cannot be read: ${calls}; or say proxy.originalDestination: off`;
  }
  if (means === 'redirect' || !isInbound) return '';
  // A socket for both versions of IP has the option of each.
  const isTaken = calls.write(descriptor, levelIp, transparent, 1);
  const isTakenIpv6 = calls.write(descriptor, levelIpv6, transparentIpv6, 1);
  return isTaken || isTakenIpv6 ? '' : noCapability;
}

/** SOL_IP with IP_TRANSPARENT, SOL_IPV6 with IPV6_TRANSPARENT. */
const levelIp = 0;
const transparent = 19;
const levelIpv6 = 41;
const transparentIpv6 = 75;
const noCapability =
  'TPROXY needs the capability NET_ADMIN, which this process does not have; ' +
  'give it, or redirect instead (proxy.originalDestination: redirect)';
