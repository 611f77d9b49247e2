/**
 * The key of a proxy, and its request for a certificate (PKCS#10, RFC 2986) as Linkerd's proxies
 * make it: ECDSA with P-256, the name as common name and as the only alternative name.
 */

import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto';
import { readElements, readTagged, Tag } from './der.ts';
import {
  encodeBitString,
  encodeElement,
  encodeOid,
  encodeSequence,
  encodeSet,
  encodeText,
} from './der-write.ts';

export function createKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
}

/** Null for what is no private key in PKCS#8, DER. */
export function parseKey(der: Uint8Array): KeyObject | null {
  try {
    return createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8' });
  } catch {
    return null;
  }
}

export function keyDer(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'pkcs8' });
}

export function keyPem(key: KeyObject): string {
  return key.export({ format: 'pem', type: 'pkcs8' });
}

export function createRequest(name: string, key: KeyObject): Buffer {
  const names = encodeSequence(encodeText(dnsNameTag, name));
  const extension = encodeSequence(
    encodeOid(oids.subjectAltName),
    encodeElement(Tag.OCTET_STRING, names),
  );
  const info = encodeSequence(
    encodeElement(Tag.INTEGER, Buffer.from([0])),
    name.length > commonNameCharsMax ? encodeSequence() : commonName(name),
    publicKeyDer(key),
    encodeElement(
      attributesTag,
      encodeSequence(encodeOid(oids.extensionRequest), encodeSet(encodeSequence(extension))),
    ),
  );
  const signature = sign('sha256', info, { key, dsaEncoding: 'der' });
  const algorithm = encodeSequence(encodeOid(oids.ecdsaWithSha256));
  return encodeSequence(info, algorithm, encodeBitString(signature));
}

/** Whether a request of somebody else's making is for this key. */
export function isRequestFor(der: Uint8Array, key: KeyObject): boolean {
  const whole = readTagged(der, 0, der.length, Tag.SEQUENCE);
  const info = whole === null ? null : readTagged(der, whole.start, whole.end, Tag.SEQUENCE);
  if (whole?.end !== der.length || info === null) return false;
  const fields = readElements(der, info.start, info.end, 4);
  if (fields === null || fields.length < 3) return false;
  const publicKey = der.subarray(fields[1].end, fields[2].end);
  return publicKeyDer(key).equals(publicKey);
}

/** SubjectPublicKeyInfo. */
function publicKeyDer(key: KeyObject): Buffer {
  return createPublicKey(key).export({ format: 'der', type: 'spki' });
}

function commonName(name: string): Buffer {
  const value = encodeSequence(encodeOid(oids.commonName), encodeText(Tag.UTF8_STRING, name));
  return encodeSequence(encodeSet(value));
}

const oids = {
  /** 2.5.4.3 */
  commonName: '550403',
  /** 2.5.29.17 */
  subjectAltName: '551d11',
  /** 1.2.840.113549.1.9.14 */
  extensionRequest: '2a864886f70d01090e',
  /** 1.2.840.10045.4.3.2 */
  ecdsaWithSha256: '2a8648ce3d040302',
} as const;
const dnsNameTag = 0x82;
const attributesTag = 0xa0;
/** `ub-common-name` of RFC 5280; longer names are in the extension alone. */
const commonNameCharsMax = 64;
