/**
 * Requests for certificates (PKCS#10), which may be anything: read by a library that may throw,
 * believed when the signature is good. What a name in one gives the right to is for others to say.
 */

// The library needs it loaded before.
import 'reflect-metadata';
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { Pkcs10CertificateRequest, SubjectAlternativeNameExtension } from '@peculiar/x509';
import { certificateRequestBytesMax } from '../../core/base/certificate-limits.ts';

export interface CertificateRequest {
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Buffer;
  readonly dnsNames: readonly string[];
  /** Kinds of the other alternative names. */
  readonly otherNames: readonly string[];
  /** Empty where there is none. */
  readonly commonNames: readonly string[];
  /** Whether who made it has the key. */
  isSigned(): boolean;
}

/** Null for what is no request. */
export function readRequest(der: Uint8Array): CertificateRequest | null {
  if (der.length === 0 || der.length > certificateRequestBytesMax) return null;
  try {
    const bytes = Buffer.from(der);
    // The library passes by what stands behind it.
    if (bytes[0] !== 0x30 || spanOf(bytes, 0).end !== bytes.length) return null;
    const request = new Pkcs10CertificateRequest(bytes);
    const names = Array.from(request.extensions)
      .filter((one) => one.type === alternativeNames)
      .flatMap((one) => new SubjectAlternativeNameExtension(one.rawData).names.items);
    const publicKey = Buffer.from(request.publicKey.rawData);
    return {
      publicKey,
      dnsNames: names.filter(({ type }) => type === 'dns').map(({ value }) => value),
      otherNames: names.filter(({ type }) => type !== 'dns').map(({ type }) => type),
      commonNames: request.subjectName.getField('CN'),
      isSigned: () => isSigned(bytes, publicKey),
    };
  } catch {
    return null;
  }
}

/** By the bytes as they came. */
function isSigned(der: Buffer, publicKey: Buffer): boolean {
  try {
    const key = createPublicKey({ key: publicKey, format: 'der', type: 'spki' });
    if (!isKeyAccepted(key)) return false;
    const [body, algorithm, bits] = childrenOf(der);
    const hash = hashOf(key, algorithm.toString('hex'));
    if (hash === undefined || bits[0] !== 0x03) return false;
    return verify(hash, body, key, contentOf(bits).subarray(1));
  } catch {
    return false;
  }
}

/** What peers verify: Linkerd's proxy takes the same. */
function isKeyAccepted(key: KeyObject): boolean {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === 'ed25519') return true;
  if (type === 'ec') return curves.has(details?.namedCurve ?? '');
  const bits = details?.modulusLength ?? 0;
  return type === 'rsa' && bits >= 2048 && bits <= 4096;
}

/** Undefined for algorithms that are not taken, or that are not the key's. */
function hashOf(key: KeyObject, algorithm: string): string | null | undefined {
  const found = algorithms[algorithm];
  return found?.type === key.asymmetricKeyType ? found?.hash : undefined;
}

/** The three elements of a request; throws on what is cut off. */
function childrenOf(der: Buffer): Buffer[] {
  const content = contentOf(der);
  const parts: Buffer[] = [];
  for (let at = 0; at < content.length; ) {
    const { start, end } = spanOf(content, at);
    if (end > content.length) throw new Error('cut off');
    parts.push(content.subarray(at, end));
    at = Math.max(end, start);
  }
  if (parts.length !== 3) throw new Error('not three parts');
  return parts;
}

function contentOf(element: Buffer): Buffer {
  const { start, end } = spanOf(element, 0);
  return element.subarray(start, end);
}

/** Where the content of an element is. */
function spanOf(bytes: Buffer, at: number): { readonly start: number; readonly end: number } {
  const first = bytes.readUInt8(at + 1);
  if (first < 0x80) return { start: at + 2, end: at + 2 + first };
  const octets = first & 0x7f;
  if (octets === 0 || octets > 3) throw new Error('no definite length');
  const start = at + 2 + octets;
  return { start, end: start + bytes.readUIntBE(at + 2, octets) };
}

const alternativeNames = '2.5.29.17';
const curves = new Set(['prime256v1', 'secp384r1', 'secp521r1']);
const algorithms: Readonly<
  Record<string, { readonly type: string; readonly hash: string | null }>
> = {
  '300a06082a8648ce3d040302': { type: 'ec', hash: 'sha256' },
  '300a06082a8648ce3d040303': { type: 'ec', hash: 'sha384' },
  '300a06082a8648ce3d040304': { type: 'ec', hash: 'sha512' },
  '300d06092a864886f70d01010b0500': { type: 'rsa', hash: 'sha256' },
  '300d06092a864886f70d01010c0500': { type: 'rsa', hash: 'sha384' },
  '300d06092a864886f70d01010d0500': { type: 'rsa', hash: 'sha512' },
  '300506032b6570': { type: 'ed25519', hash: null },
};
