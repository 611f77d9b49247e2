/** Addresses as text, each in one spelling. */

/** IPv4 as IPv6 writes it is the same address. */
export function plainHost(host: string): string {
  return host.toLowerCase().startsWith('::ffff:') ? host.slice('::ffff:'.length) : host;
}

/** Of either family. */
export function isLoopback(host: string): boolean {
  return host.startsWith('127.') || host === '::1';
}

/** Of an address as somebody has written it. */
export function canonicalIp(text: string): string {
  const host = plainHost(text);
  const url = host.includes(':') ? URL.parse(`http://[${host}]/`) : null;
  return url === null ? host : url.hostname.slice(1, -1);
}

/**
 * The one spelling of 8 groups (RFC 5952 4), which is also Node's own: the first of the longest
 * runs of zeros is left out, but not a single one.
 */
export function formatIpv6(groups: readonly number[]): string {
  let from = -1;
  let length = 1;
  for (let start = 0; start < groups.length; start++) {
    let end = start;
    while (groups[end] === 0) end += 1;
    if (end - start > length) [from, length] = [start, end - start];
  }
  const texts = groups.map((group) => group.toString(16));
  if (from === -1) return texts.join(':');
  return `${texts.slice(0, from).join(':')}::${texts.slice(from + length).join(':')}`;
}
