/**
 * Whether a 101 grants what was asked for (RFC 9110 7.8): only then does a connection become a
 * tunnel (CVE-2024-23326). That either head wishes an upgrade at all is the decoders' finding.
 */

import type { Head } from '../head.ts';

/** Every protocol that the response names, version included, has to be among the request's. */
export function grantsUpgrade(request: Head, response: Head): boolean {
  if (!request.upgrade || !response.upgrade) return false;
  const asked = protocolsOf(request);
  const granted = protocolsOf(response);
  return granted.length > 0 && granted.every((protocol) => asked.includes(protocol));
}

/** Upgrades are rare enough for strings. */
function protocolsOf(head: Head): string[] {
  const list = head.valueOf(head.upgradeField).toLowerCase();
  return list.split(/[\t ,]+/).filter((protocol) => protocol !== '');
}
