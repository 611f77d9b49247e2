/**
 * Makes certificates: roots, issuers, leaves (RFC 5280). DER is written here and signed by the
 * engine at once: several times as fast as the library that reads requests, and without promises.
 */

import { createHash, type KeyObject, sign } from 'node:crypto';
import { systemName } from '../../core/base/random.ts';
import {
  encodeBitString,
  encodeElement,
  encodeOid,
  encodeSequence,
} from '../../core/identity/der-write.ts';

interface CertificateOptions {
  readonly kind: 'root' | 'issuer' | 'leaf';
  /** Of the subject, SubjectPublicKeyInfo in DER. */
  readonly publicKey: Buffer;
  readonly commonName: string;
  /** Null for a root, which signs itself. */
  readonly issuer: Issuer | null;
  readonly key: KeyObject;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Names that it proves, in this order; DNS first. */
  readonly dnsNames?: readonly string[];
  readonly uris?: readonly string[];
}

export interface Issuer {
  /** Name of its subject, in DER as it stands in its certificate. */
  readonly subject: Buffer;
  /** Its subject key identifier; null where it has none. */
  readonly keyId: Buffer | null;
}

export function createCertificate(options: CertificateOptions): Buffer {
  const { publicKey, commonName, issuer, key, notBeforeMs, notAfterMs } = options;
  const algorithm = signatureAlgorithm(key);
  const isNamed = commonName.length <= commonNameCharsMax;
  const subject = isNamed ? nameOf(commonName) : encodeSequence();
  const body = encodeSequence(
    encodeElement(0xa0, integer(Buffer.from([2]))),
    integer(serialNumber()),
    algorithm.der,
    issuer?.subject ?? subject,
    encodeSequence(time(notBeforeMs), time(notAfterMs)),
    subject,
    publicKey,
    encodeElement(0xa3, encodeSequence(...extensions(options, isNamed))),
  );
  const signature = sign(algorithm.hash, body, key);
  return encodeSequence(body, algorithm.der, encodeBitString(signature));
}

/** SHA-1 of the key's bits, as RFC 5280 4.2.1.2 proposes; nothing rests on it. */
function keyIdOf(publicKey: Buffer): Buffer {
  return createHash('sha1').update(publicKey).digest();
}

function extensions(options: CertificateOptions, isNamed: boolean): Buffer[] {
  const { kind, publicKey, issuer, dnsNames = [], uris = [] } = options;
  const list = [extension(oid.subjectKeyId, false, octets(keyIdOf(publicKey)))];
  if (issuer?.keyId != null) {
    list.push(
      extension(oid.authorityKeyId, false, encodeSequence(encodeElement(0x80, issuer.keyId))),
    );
  }
  if (kind === 'leaf') {
    list.push(
      extension(oid.basicConstraints, true, encodeSequence()),
      extension(oid.keyUsage, true, digitalSignature),
      extension(oid.extendedKeyUsage, false, encodeSequence(oid.serverAuth, oid.clientAuth)),
    );
  } else {
    const pathLength = integer(Buffer.from([kind === 'root' ? 1 : 0]));
    list.push(
      extension(oid.basicConstraints, true, encodeSequence(yes, pathLength)),
      extension(oid.keyUsage, true, signsCertificates),
    );
  }
  if (dnsNames.length + uris.length > 0) {
    const names = [
      ...dnsNames.map((name) => encodeElement(0x82, Buffer.from(name, 'latin1'))),
      ...uris.map((uri) => encodeElement(0x86, Buffer.from(uri, 'latin1'))),
    ];
    list.push(extension(oid.subjectAltName, !isNamed, encodeSequence(...names)));
  }
  return list;
}

function signatureAlgorithm(key: KeyObject): {
  readonly der: Buffer;
  readonly hash: string | null;
} {
  switch (key.asymmetricKeyType) {
    case 'ec': {
      const curve = key.asymmetricKeyDetails?.namedCurve ?? '';
      const found = ecAlgorithms[curve];
      if (found !== undefined) return found;
      throw new Error(`no signatures by keys of curve ${curve}`);
    }
    case 'rsa':
      return rsaAlgorithm;
    case 'ed25519':
      return edAlgorithm;
    default:
      throw new Error(`no signatures by keys of type ${key.asymmetricKeyType}`);
  }
}

/** 126 random bits, positive and of one length. */
function serialNumber(): Buffer {
  const bytes = Buffer.from(systemName() + systemName(), 'hex');
  bytes[0] = (bytes[0] & 0x3f) | 0x40;
  return bytes;
}

function nameOf(commonName: string): Buffer {
  const text = encodeElement(0x0c, Buffer.from(commonName, 'utf8'));
  return encodeSequence(encodeElement(0x31, encodeSequence(oid.commonName, text)));
}

/** Until 2049 with two digits of the year, as RFC 5280 4.1.2.5 asks. */
function time(wallMs: number): Buffer {
  const digits = new Date(wallMs).toISOString().replace(/\.\d+|[-:T]/g, '');
  const isShort = digits < '2050';
  return encodeElement(
    isShort ? 0x17 : 0x18,
    Buffer.from(isShort ? digits.slice(2) : digits, 'latin1'),
  );
}

function extension(id: Buffer, isCritical: boolean, value: Buffer): Buffer {
  return encodeSequence(id, ...(isCritical ? [yes] : []), octets(value));
}

function octets(bytes: Buffer): Buffer {
  return encodeElement(0x04, bytes);
}

function integer(bytes: Buffer): Buffer {
  return encodeElement(0x02, bytes);
}

const oid = {
  commonName: encodeOid('550403'),
  subjectKeyId: encodeOid('551d0e'),
  authorityKeyId: encodeOid('551d23'),
  basicConstraints: encodeOid('551d13'),
  keyUsage: encodeOid('551d0f'),
  extendedKeyUsage: encodeOid('551d25'),
  subjectAltName: encodeOid('551d11'),
  serverAuth: encodeOid('2b06010505070301'),
  clientAuth: encodeOid('2b06010505070302'),
};
const yes = Buffer.from([0x01, 0x01, 0xff]);
/** Bits with the number of unused ones before them. */
const digitalSignature = Buffer.from([0x03, 0x02, 0x07, 0x80]);
const signsCertificates = Buffer.from([0x03, 0x02, 0x01, 0x06]);
const ecAlgorithms: Readonly<Record<string, { readonly der: Buffer; readonly hash: string }>> = {
  prime256v1: { der: encodeSequence(encodeOid('2a8648ce3d040302')), hash: 'sha256' },
  secp384r1: { der: encodeSequence(encodeOid('2a8648ce3d040303')), hash: 'sha384' },
  secp521r1: { der: encodeSequence(encodeOid('2a8648ce3d040304')), hash: 'sha512' },
};
const rsaAlgorithm = {
  der: encodeSequence(encodeOid('2a864886f70d01010b'), Buffer.from([0x05, 0x00])),
  hash: 'sha256',
};
const edAlgorithm = { der: encodeSequence(encodeOid('2b6570')), hash: null };
/** RFC 5280, appendix A; a longer name stands in the alternative names alone. */
const commonNameCharsMax = 64;
