/** Certificates with what everybody here asks of one, and sets of trust anchors. */

import { createHash, X509Certificate } from 'node:crypto';
import { certificateBytesMax, trustAnchorsMax } from '../base/limits.ts';

export interface Certificate {
  readonly der: Buffer;
  /** With a newline at its end. */
  readonly pem: string;
  readonly x509: X509Certificate;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** SHA-256 of its DER, hexadecimal. */
  readonly fingerprint: string;
}

/** Trust anchors, each once, in the order of their fingerprints: equal ones are written equally. */
export interface TrustBundle {
  readonly roots: readonly Certificate[];
  /** What proxies confirm: SHA-256 over the SHA-256 of each, in order; hexadecimal. */
  readonly digest: string;
  readonly pem: string;
}

/** Null for what is no certificate in DER. */
export function parseCertificate(bytes: Uint8Array): Certificate | null {
  // Node reads PEM as well, and stops at the end of the first certificate.
  if (bytes.length > certificateBytesMax || bytes[0] !== sequenceTag) return null;
  try {
    const x509 = new X509Certificate(bytes);
    const der = Buffer.from(x509.raw);
    const notBeforeMs = x509.validFromDate.getTime();
    const notAfterMs = x509.validToDate.getTime();
    if (!Number.isFinite(notBeforeMs) || !Number.isFinite(notAfterMs)) return null;
    // What is not DER is written anew by OpenSSL: its digest would not be that of what came.
    if (!der.equals(bytes)) return null;
    const fingerprint = createHash('sha256').update(der).digest('hex');
    return { der, pem: x509.toString(), x509, notBeforeMs, notAfterMs, fingerprint };
  } catch {
    return null;
  }
}

/** All certificates of a text; what stands around them is passed by, as everybody does it. */
export function parsePem(text: string, countMax: number): readonly Certificate[] | string {
  const blocks = [...text.matchAll(certificateBlock)];
  if (blocks.length === 0) return 'there is no certificate in PEM';
  if (blocks.length > countMax) return `there are more than ${countMax} certificates`;
  const found: Certificate[] = [];
  for (const [index, [, content]] of blocks.entries()) {
    const one = parseCertificate(Buffer.from(content, 'base64'));
    if (one === null) return `certificate ${index + 1} cannot be read`;
    found.push(one);
  }
  return found;
}

/** A string is why they cannot be anchors. */
export function bundleOf(roots: readonly Certificate[]): TrustBundle | string {
  const byPrint = new Map(roots.map((root) => [root.fingerprint, root]));
  if (byPrint.size === 0) return 'there is no trust anchor';
  if (byPrint.size > trustAnchorsMax) return `there are more than ${trustAnchorsMax} trust anchors`;
  if (roots.some(({ x509 }) => !x509.ca)) return 'a trust anchor may not sign certificates';
  const sorted = [...byPrint.values()].toSorted((a, b) => (a.fingerprint < b.fingerprint ? -1 : 1));
  const hash = createHash('sha256');
  for (const { fingerprint } of sorted) hash.update(Buffer.from(fingerprint, 'hex'));
  const pem = sorted.map((root) => root.pem).join('');
  return { roots: sorted, digest: hash.digest('hex'), pem };
}

/** The same from the wire. */
export function readBundle(ders: readonly Uint8Array[]): TrustBundle | string {
  if (ders.length > trustAnchorsMax) return `there are more than ${trustAnchorsMax} trust anchors`;
  const roots = ders.map(parseCertificate);
  return roots.every((root) => root !== null) ? bundleOf(roots) : 'a trust anchor cannot be read';
}

/** And from a file. */
export function readPemBundle(text: string): TrustBundle | string {
  const roots = parsePem(text, trustAnchorsMax);
  return typeof roots === 'string' ? roots : bundleOf(roots);
}

/** Whether `signer` may sign certificates, and has signed this one. */
export function isSignedBy({ x509 }: Certificate, signer: Certificate): boolean {
  try {
    return signer.x509.ca && x509.checkIssued(signer.x509) && x509.verify(signer.x509.publicKey);
  } catch {
    // A key of a kind that is not supported.
    return false;
  }
}

const sequenceTag = 0x30;
const certificateBlock =
  /-----BEGIN CERTIFICATE-----([\sA-Za-z0-9+/=]{1,65536})-----END CERTIFICATE-----/g;
