/**
 * Names that a certificate can prove: DNS-like ones, as the mesh makes them of service accounts,
 * and URIs of SPIFFE. They are compared byte by byte, so one that could be written in another way
 * is none.
 */

/** A DNS name in lower case, whole, without wildcard and final dot; or the URI of a workload. */
export function isIdentityName(name: string): boolean {
  return name.startsWith(spiffeScheme) ? isSpiffeId(name) : isDnsIdentity(name);
}

/** Fit for a server name too. */
export function isDnsIdentity(name: string): boolean {
  if (name.length > dnsNameLengthMax) return false;
  const labels = name.split('.');
  // What ends in a number is an address (RFC 6943, 3.1.1).
  return labels.every((label) => dnsLabel.test(label)) && !allDigits.test(labels.at(-1) ?? '');
}

/**
 * The whole name of what a setting says: `web.demo` is a service account and its namespace, and
 * wants a trust domain; anything longer is a whole name already. Null while it cannot be said.
 */
export function completeName(setting: string, trustDomain: string): string | null {
  const isShort = setting.split('.').length === 2;
  if (isShort && trustDomain === '') return null;
  const name = isShort ? `${setting}.${middle}.${trustDomain}` : setting;
  return isDnsIdentity(name) ? name : null;
}

/** Whether a whole name may be meant by a setting, whatever the trust domain is. */
export function isNameOf(name: string, setting: string): boolean {
  return name === setting || name.startsWith(`${setting}.${middle}.`);
}

/** The control plane's own name, as far as that of one of its workloads tells; else null. */
export function controlNameOf(name: string): string | null {
  const [, namespace, trustDomain] = /\.serviceaccount\.identity\.([^.]+)\.(.+)$/.exec(name) ?? [];
  if (namespace === undefined) return null;
  return `heddle-control.${namespace}.serviceaccount.identity.${namespace}.${trustDomain}`;
}

/** SPIFFE-ID, section 2: a trust domain and a path of at least one segment. */
function isSpiffeId(name: string): boolean {
  if (name.length > spiffeIdLengthMax) return false;
  const [trustDomain, ...segments] = name.slice(spiffeScheme.length).split('/');
  if (!spiffeTrustDomain.test(trustDomain) || segments.length === 0) return false;
  return segments.every((segment) => spiffeSegment.test(segment) && !/^\.\.?$/.test(segment));
}

/** Linkerd's form, with our control namespace. */
const middle = 'serviceaccount.identity.heddle';
const spiffeScheme = 'spiffe://';
const spiffeIdLengthMax = 2048;
const spiffeTrustDomain = /^[a-z0-9._-]{1,255}$/;
const spiffeSegment = /^[A-Za-z0-9._-]+$/;
const dnsNameLengthMax = 253;
const dnsLabel = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
const allDigits = /^\d+$/;
