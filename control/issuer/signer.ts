/** A key that signs, with its certificate: roots and issuers, made here or read from PEM. */

// The library needs it loaded before.
import 'reflect-metadata';
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import {
  X509Certificate as ParsedCertificate,
  type SubjectKeyIdentifierExtension,
} from '@peculiar/x509';
import {
  clockSkewMs,
  issuerBackdateMs,
  issuerLifetimeMs,
  leafLifetimeMs,
  rootLifetimeMs,
} from '../../core/base/certificate-limits.ts';
import { type Certificate, isSignedBy, parseCertificate } from '../../core/identity/certificate.ts';
import { isAnchored, type Problem, parseCertificates } from './certificate.ts';
import { createCertificate, type Issuer } from './create-certificate.ts';

export interface Signer {
  readonly key: KeyObject;
  readonly certificate: Certificate;
  /** What leads from it to a trust anchor, without that: as a rule nothing. */
  readonly intermediates: readonly Certificate[];
  readonly name: Issuer;
}

/** A new trust anchor. */
export function createRoot(trustDomain: string, nowMs: number): Signer {
  return createSigner('root', `root.heddle.${trustDomain}`, null, {
    notBeforeMs: nowMs - issuerBackdateMs,
    notAfterMs: nowMs + rootLifetimeMs,
  });
}

/** A new issuer of leaves, which ends with its root at the latest. */
export function createIssuer(root: Signer, trustDomain: string, nowMs: number): Signer {
  return createSigner('issuer', `identity.heddle.${trustDomain}`, root, {
    notBeforeMs: nowMs - issuerBackdateMs,
    notAfterMs: Math.min(nowMs + issuerLifetimeMs, root.certificate.notAfterMs),
  });
}

/** From a key and certificates, its own first. */
export function readSigner(keyText: string, certificateText: string): Signer | Problem {
  const certificates = parseCertificates(certificateText);
  if ('problem' in certificates) return certificates;
  const [certificate, ...intermediates] = certificates;
  try {
    const key = createPrivateKey(keyText);
    if (!certificate.x509.checkPrivateKey(key)) {
      return { problem: 'has a key that is not that of its certificate' };
    }
    if (!certificate.x509.ca) return { problem: 'has a certificate that may not sign others' };
    const name = issuerNameOf(certificate);
    // What cannot sign is told now, not by the first proxy that asks.
    issueLeaf({ key, name }, probe(certificate));
    return { key, certificate, intermediates, name };
  } catch {
    return { problem: 'has no key that can sign: ECDSA P-256, P-384, P-521, RSA and Ed25519 can' };
  }
}

export function writeSigner({ key, certificate, intermediates }: Signer): string {
  const pem = key.export({ type: 'pkcs8', format: 'pem' });
  return [pem, certificate.pem, ...intermediates.map((one) => one.pem)].join('');
}

/** How long what it signs can be good: by itself, its intermediates and its trust anchor. */
export function signerEndMs(
  { certificate, intermediates }: Signer,
  anchors: readonly Certificate[],
): number {
  const last = intermediates.at(-1) ?? certificate;
  const roots = anchors.filter((root) => isAnchored(last, [root]));
  const rootEndMs = Math.max(...roots.map((root) => root.notAfterMs));
  return Math.min(rootEndMs, certificate.notAfterMs, ...intermediates.map((one) => one.notAfterMs));
}

/** Why it cannot sign leaves now, as the end of a sentence about it; null when it can. */
export function refuseSigner(
  signer: Signer,
  anchors: readonly Certificate[],
  nowMs: number,
): string | null {
  const chain = [signer.certificate, ...signer.intermediates];
  for (const [index, one] of chain.entries()) {
    const next = chain[index + 1];
    if (next !== undefined && !isSignedBy(one, next))
      return 'has a chain that does not fit together';
    if (nowMs >= one.notAfterMs) return `has expired, at ${new Date(one.notAfterMs).toISOString()}`;
    if (nowMs < one.notBeforeMs) {
      return `is not valid yet, until ${new Date(one.notBeforeMs).toISOString()}`;
    }
  }
  const last = chain[chain.length - 1];
  const roots = anchors.filter((root) => isAnchored(last, [root]));
  if (roots.length === 0) return 'is not signed by any of the trust anchors';
  if (roots.every((root) => nowMs >= root.notAfterMs)) return 'has a trust anchor that has expired';
  return null;
}

interface LeafOptions {
  readonly identity: string;
  readonly uri: string | null;
  readonly publicKey: Buffer;
  readonly nowMs: number;
  /** When the issuer's chain ends. */
  readonly endMs: number;
}

/** The caller has made sure that the signer can. */
export function issueLeaf(
  signer: Pick<Signer, 'name' | 'key'>,
  options: LeafOptions,
): { readonly der: Buffer; readonly notAfterMs: number } {
  const { identity, uri, publicKey, nowMs } = options;
  const endMs = Math.min(nowMs + leafLifetimeMs + clockSkewMs, options.endMs);
  const notAfterMs = Math.floor(endMs / 1000) * 1000;
  const der = createCertificate({
    kind: 'leaf',
    publicKey,
    commonName: identity,
    issuer: signer.name,
    key: signer.key,
    notBeforeMs: nowMs - clockSkewMs,
    notAfterMs,
    dnsNames: [identity],
    uris: uri === null ? [] : [uri],
  });
  return { der, notAfterMs };
}

function createSigner(
  kind: 'root' | 'issuer',
  commonName: string,
  by: Signer | null,
  validity: { readonly notBeforeMs: number; readonly notAfterMs: number },
): Signer {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const publicKey = pair.publicKey.export({ type: 'spki', format: 'der' });
  const der = createCertificate({
    kind,
    publicKey,
    commonName,
    issuer: by?.name ?? null,
    key: by?.key ?? pair.privateKey,
    ...validity,
    dnsNames: [commonName],
  });
  const certificate = parseCertificate(der);
  if (certificate === null) throw new Error('what was just made is a certificate');
  const name = issuerNameOf(certificate);
  return { key: pair.privateKey, certificate, intermediates: by?.intermediates ?? [], name };
}

function issuerNameOf({ der }: Certificate): Issuer {
  const parsed = new ParsedCertificate(der);
  const keyId = parsed.getExtension<SubjectKeyIdentifierExtension>(subjectKeyId)?.keyId;
  return {
    subject: Buffer.from(parsed.subjectName.toArrayBuffer()),
    keyId: keyId === undefined ? null : Buffer.from(keyId, 'hex'),
  };
}

function probe({ notBeforeMs: nowMs, notAfterMs: endMs }: Certificate): LeafOptions {
  return { identity: 'probe', uri: null, publicKey: Buffer.from([0x30, 0x00]), nowMs, endMs };
}

const subjectKeyId = '2.5.29.14';
