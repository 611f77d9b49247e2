/** Certificates as files have them: PEM read strictly, with what everybody here asks of one. */

import { createHash, X509Certificate } from 'node:crypto';
import { trustAnchorsMax } from '../../core/base/limits.ts';

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

export interface Problem {
  /** A sentence without its full stop. */
  readonly problem: string;
}

/** Null for what is no certificate. */
export function parseCertificate(bytes: Uint8Array | string): Certificate | null {
  try {
    const x509 = new X509Certificate(bytes);
    const der = Buffer.from(x509.raw);
    const notBeforeMs = x509.validFromDate.getTime();
    const notAfterMs = x509.validToDate.getTime();
    if (!Number.isFinite(notBeforeMs) || !Number.isFinite(notAfterMs)) return null;
    const fingerprint = createHash('sha256').update(der).digest('hex');
    return { der, pem: x509.toString(), x509, notBeforeMs, notAfterMs, fingerprint };
  } catch {
    return null;
  }
}

/** All certificates of a text; what stands around them is passed by, as everybody does it. */
export function parseCertificates(text: string): readonly Certificate[] | Problem {
  const blocks = text.match(certificateBlock) ?? [];
  if (blocks.length === 0) return { problem: 'has no certificate in PEM' };
  if (blocks.length > trustAnchorsMax) {
    return { problem: `has ${blocks.length} certificates, more than ${trustAnchorsMax}` };
  }
  const found: Certificate[] = [];
  for (const [index, block] of blocks.entries()) {
    const one = parseCertificate(block);
    if (one === null)
      return { problem: `has a certificate that cannot be read, number ${index + 1}` };
    found.push(one);
  }
  return found;
}

/** Each once, in the order of their fingerprints, so that equal bundles are equal. */
export function sortedBundle(roots: readonly Certificate[]): readonly Certificate[] {
  const byPrint = new Map(roots.map((root) => [root.fingerprint, root]));
  return Array.from(byPrint.values()).toSorted((a, b) => (a.fingerprint < b.fingerprint ? -1 : 1));
}

/** What proxies confirm: SHA-256 over the SHA-256 of each, in order; hexadecimal. */
export function bundleDigest(roots: readonly Certificate[]): string {
  const hash = createHash('sha256');
  for (const { fingerprint } of sortedBundle(roots)) hash.update(Buffer.from(fingerprint, 'hex'));
  return hash.digest('hex');
}

/** Whether one of `roots` has signed it or is it, and both are certificates that may sign. */
export function isAnchored(certificate: Certificate, roots: readonly Certificate[]): boolean {
  return roots.some(
    (root) => root.fingerprint === certificate.fingerprint || signed(root, certificate),
  );
}

/** Whether `signer` may sign certificates, and has signed this one. */
export function signed(signer: Certificate, certificate: Certificate): boolean {
  try {
    const { x509 } = certificate;
    if (!signer.x509.ca || !x509.checkIssued(signer.x509)) return false;
    return x509.verify(signer.x509.publicKey);
  } catch {
    return false;
  }
}

const certificateBlock = /-----BEGIN CERTIFICATE-----[\sA-Za-z0-9+/=]+-----END CERTIFICATE-----/g;
