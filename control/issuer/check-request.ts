/** What of a request for a certificate can be judged by itself: names, key, and a leaf in use. */

import { type Certificate, isSignedBy, parseCertificate } from '../../core/identity/certificate.ts';
import { isAnchored } from './certificate.ts';
import type { CertificateRequest } from './read-request.ts';

/** Why it does not ask for that identity alone, as a sentence; null when it does. */
export function refuseNames(request: CertificateRequest, identity: string): string | null {
  const { dnsNames, otherNames, commonNames } = request;
  if (otherNames.length > 0) {
    return 'the request has alternative names that are no DNS names: ask for the identity alone';
  }
  if (dnsNames.length !== 1 || dnsNames[0] !== identity) {
    return 'the request does not have the identity as its one DNS name';
  }
  const isOwn = commonNames.every((name) => name === '' || name === identity);
  if (commonNames.length <= 1 && isOwn) return null;
  return 'the request has a common name that is not the identity: leave it empty';
}

interface Trusted {
  readonly issuers: readonly Certificate[];
  readonly anchors: readonly Certificate[];
  readonly nowMs: number;
}

/** Whether `leaf` is of ours, good, for that identity and of that key. */
export function isOwnLeaf(
  leaf: Uint8Array,
  identity: string,
  publicKey: Buffer,
  { issuers, anchors, nowMs }: Trusted,
): boolean {
  const certificate = leaf.length > leafBytesMax ? null : parseCertificate(leaf);
  if (certificate === null || !certificate.der.equals(leaf)) return false;
  const { x509, notBeforeMs, notAfterMs } = certificate;
  if (x509.ca || nowMs < notBeforeMs || nowMs >= notAfterMs) return false;
  const names = x509.subjectAltName ?? '';
  if (names !== `DNS:${identity}` && !names.startsWith(`DNS:${identity}, URI:`)) return false;
  if (!publicKey.equals(x509.publicKey.export({ type: 'spki', format: 'der' }))) return false;
  // An issuer whose root has left the bundle is nobody.
  return issuers.some((issuer) => isSignedBy(certificate, issuer) && isAnchored(issuer, anchors));
}

const leafBytesMax = 8 * 1024;
