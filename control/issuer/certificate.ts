/** Certificates of files, and sets of trust anchors that may be empty. */

import { trustAnchorsMax } from '../../core/base/limits.ts';
import {
  bundleOf,
  type Certificate,
  isSignedBy,
  parsePem,
} from '../../core/identity/certificate.ts';

export interface Problem {
  /** A sentence without its full stop. */
  readonly problem: string;
}

/** All certificates of a text in PEM. */
export function parseCertificates(text: string): readonly Certificate[] | Problem {
  const found = parsePem(text, trustAnchorsMax);
  return typeof found === 'string' ? { problem: `is of no use: ${found}` } : found;
}

/** Each once, in the order of their fingerprints, so that equal bundles are equal. */
export function sortedBundle(roots: readonly Certificate[]): readonly Certificate[] {
  const byPrint = new Map(roots.map((root) => [root.fingerprint, root]));
  return Array.from(byPrint.values()).toSorted((a, b) => (a.fingerprint < b.fingerprint ? -1 : 1));
}

/** What proxies confirm; empty without trust anchors. */
export function bundleDigest(roots: readonly Certificate[]): string {
  const bundle = bundleOf(roots);
  return typeof bundle === 'string' ? '' : bundle.digest;
}

/** Whether one of `roots` has signed it or is it. */
export function isAnchored(certificate: Certificate, roots: readonly Certificate[]): boolean {
  const { fingerprint } = certificate;
  return roots.some((root) => root.fingerprint === fingerprint || isSignedBy(certificate, root));
}
