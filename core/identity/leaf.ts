/**
 * Judges a certificate of our own before it is used: what peers would refuse is refused here, with
 * a reason that says what to do.
 */

import type { KeyObject } from 'node:crypto';
import { intermediatesMax } from '../base/limits.ts';
import { type Certificate, isSignedBy, parseCertificate, type TrustBundle } from './certificate.ts';
import { readSubjectNames } from './san.ts';

export interface Leaf {
  readonly certificate: Certificate;
  /** The leaf first, without the trust anchor. */
  readonly chain: readonly Certificate[];
  readonly startMs: number;
  /** When the first certificate of the chain ends. */
  readonly endMs: number;
  /** Fingerprint of the certificate that has signed it. */
  readonly issuer: string;
}

interface LeafQuestion {
  readonly leaf: Uint8Array;
  /** The leaf's issuer first. */
  readonly intermediates: readonly Uint8Array[];
  readonly bundle: TrustBundle;
  readonly name: string;
  readonly key: KeyObject;
  readonly nowWallMs: number;
}

/** A string is why it cannot be used, as a sentence without its full stop. */
export function checkLeaf(question: LeafQuestion): Leaf | string {
  const { intermediates, bundle, name, key, nowWallMs } = question;
  const certificate = parseCertificate(question.leaf);
  if (certificate === null) return 'the certificate cannot be read';
  const wrong = checkSubject(certificate, name, key);
  if (wrong !== '') return wrong;
  const ahead = certificate.notBeforeMs - nowWallMs;
  if (ahead > 0) {
    return `the certificate begins in ${Math.ceil(ahead / 1000)} s: set the clock of this machine`;
  }
  if (nowWallMs >= certificate.notAfterMs) return 'the certificate has expired';
  if (intermediates.length > intermediatesMax) {
    return `the certificate has more than ${intermediatesMax} intermediates`;
  }
  return followChain(certificate, intermediates, bundle, nowWallMs);
}

function checkSubject({ der, x509 }: Certificate, name: string, key: KeyObject): string {
  const subject = readSubjectNames(der);
  if (subject === null) return 'the certificate is malformed';
  const first = subject.names[0]?.name;
  // Peers take the first for who we are.
  if (first !== name) return `the certificate is for ${first ?? 'nobody'}, not for ${name}`;
  if (!x509.checkPrivateKey(key)) return 'the certificate is for another key';
  // Without the extension a certificate is for any use.
  const uses = x509.keyUsage as readonly string[] | undefined;
  if (uses?.length && !tlsUses.every((use) => uses.includes(use))) {
    return 'the certificate is not for both ends of TLS';
  }
  return '';
}

/** Up to the first certificate that a trust anchor has signed. */
function followChain(
  leaf: Certificate,
  intermediates: readonly Uint8Array[],
  { roots }: TrustBundle,
  nowWallMs: number,
): Leaf | string {
  const chain = [leaf];
  const isUsable = (one: Certificate): boolean =>
    one.notBeforeMs <= nowWallMs && nowWallMs < one.notAfterMs;
  for (const der of [...intermediates, null]) {
    const last = chain[chain.length - 1];
    const root = roots.find((one) => isUsable(one) && isSignedBy(last, one));
    if (root !== undefined) {
      const all = [...chain, root];
      return {
        certificate: leaf,
        chain,
        startMs: leaf.notBeforeMs,
        endMs: Math.min(...all.map(({ notAfterMs }) => notAfterMs)),
        issuer: all[1].fingerprint,
      };
    }
    if (der === null) break;
    const next = parseCertificate(der);
    if (next === null) return "a certificate of the leaf's issuers cannot be read";
    if (!isSignedBy(last, next)) return 'the certificates do not sign each other in their order';
    if (!isUsable(next)) return "a certificate of the leaf's issuers is not valid now";
    chain.push(next);
  }
  return 'no trust anchor has signed the certificate';
}

/** Extended key usages: id-kp-serverAuth, id-kp-clientAuth. */
const tlsUses = ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'];
