/**
 * Certificates for tests, written byte by byte (RFC 5280), so that they can be wrong in any way and
 * owe nothing to the library that makes the real ones. What a shape does not say is as the mesh
 * has it: ECDSA P-256, a day long, right extensions. `makeMesh` is all that most tests need.
 */

import {
  createPublicKey,
  generateKeyPairSync,
  hash,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';
import type { IdentitySnapshot } from '../../api/identity.ts';
import { Tag } from '../../core/identity/der.ts';
import {
  encodeBitString,
  encodeElement,
  encodeOid,
  encodeSequence,
  encodeSet,
  encodeText,
} from '../../core/identity/der-write.ts';

export type KeyKind = 'p256' | 'p384' | 'p521' | 'rsa1024' | 'rsa2048' | 'rsa4096' | 'ed25519';

export interface CertificateShape {
  /** Common name; '' for a subject without any, bytes for one in DER. Default: ''. */
  readonly subject?: string | Buffer;
  /** Who signs; itself by default. */
  readonly issuer?: Certificate;
  /** What stands in place of the issuer's subject. */
  readonly issuerName?: Buffer;
  /** A kind makes a new pair; a public key is certified as it is. Default: p256. */
  readonly key?: KeyKind | KeyObject;
  /** In milliseconds since the epoch. Default: a minute ago, for a day. */
  readonly notBefore?: number;
  readonly notAfter?: number;
  /** By `dnsName` and its siblings; no extension when there is none. */
  readonly names?: readonly Buffer[];
  /** The value of basicConstraints; `'none'` leaves it out. Default: not a CA. */
  readonly ca?: boolean | { readonly pathLength: number } | 'none';
  /** Bits of the first octet. Default: digitalSignature, or keyCertSign and cRLSign. */
  readonly keyUsage?: number | 'none';
  /** Default: serverAuth and clientAuth for a leaf, none for a CA. */
  readonly extendedKeyUsage?: readonly string[];
  /** More of them, behind the others, by `encodeExtension`. */
  readonly extensions?: readonly Buffer[];
  /** 1 leaves all extensions out. */
  readonly version?: 1 | 3;
  /** Of the signature. Default: the one that fits the issuer's key. */
  readonly hash?: 'sha1' | 'sha256' | 'sha384' | 'sha512';
  readonly serial?: Buffer;
  /** Changes the signed bytes before they are signed. */
  readonly bend?: (tbs: Buffer) => Buffer;
  /** Changes the signature. */
  readonly forge?: (signature: Buffer) => Buffer;
}

export interface Certificate {
  readonly der: Buffer;
  readonly pem: string;
  /** PKCS#8 in PEM. */
  readonly key: string;
  readonly privateKey: KeyObject;
  /** In DER. */
  readonly subject: Buffer;
  readonly keyId: Buffer;
}

export function makeCertificate(shape: CertificateShape = {}): Certificate {
  const privateKey = keyOf(shape.key ?? 'p256');
  const publicKey = publicDer(privateKey);
  const keyId = hash('sha1', publicKey, 'buffer');
  const { subject: text = '' } = shape;
  const subject = typeof text === 'string' ? encodeName(text) : text;
  const signer = shape.issuer ?? { privateKey, subject, keyId };
  const algorithm = algorithmOf(signer.privateKey, shape.hash);
  const isVersion1 = shape.version === 1;
  const extensions = isVersion1 ? [] : listExtensions(shape, keyId, signer.keyId);
  let tbs: Buffer = encodeSequence(
    ...(isVersion1 ? [] : [encodeElement(0xa0, encodeElement(Tag.INTEGER, Buffer.from([2])))]),
    encodeElement(Tag.INTEGER, shape.serial ?? randomSerial()),
    algorithm.der,
    shape.issuerName ?? signer.subject,
    encodeSequence(
      encodeTime(shape.notBefore ?? Date.now() - minuteMs),
      encodeTime(shape.notAfter ?? Date.now() + dayMs),
    ),
    subject,
    publicKey,
    ...(extensions.length === 0 ? [] : [encodeElement(0xa3, encodeSequence(...extensions))]),
  );
  if (shape.bend !== undefined) tbs = shape.bend(tbs);
  let signature: Buffer = sign(algorithm.hash, tbs, signer.privateKey);
  if (shape.forge !== undefined) signature = shape.forge(signature);
  const der = encodeSequence(tbs, algorithm.der, encodeBitString(signature));
  const key = isPublic(privateKey) ? '' : privateKey.export({ type: 'pkcs8', format: 'pem' });
  return { der, pem: encodePem(der), key, privateKey, subject, keyId };
}

/** A root of a year. */
export function makeRoot(shape: CertificateShape = {}): Certificate {
  return makeCertificate({
    subject: 'root',
    ca: true,
    notAfter: Date.now() + 365 * dayMs,
    ...shape,
  });
}

/** One that signs leaves, or other issuers. */
export function makeIssuer(issuer: Certificate, shape: CertificateShape = {}): Certificate {
  return makeCertificate({ subject: 'issuer', issuer, ca: true, ...shape });
}

/** Proves one name. */
export function makeLeaf(
  issuer: Certificate,
  name: string,
  shape: CertificateShape = {},
): Certificate {
  return makeCertificate({ issuer, names: [dnsName(name)], ...shape });
}

interface Mesh {
  readonly root: Certificate;
  readonly issuer: Certificate;
  /** The trust anchors in PEM. */
  readonly roots: string;
  /** What main sends to the workers of a proxy with this name, signed anew each time. */
  identity(name: string, generation?: number): IdentitySnapshot;
}

/** A root, an issuer, and leaves for whoever is named, as our control plane makes them. */
export function makeMesh(): Mesh {
  const root = makeRoot();
  const issuer = makeIssuer(root);
  const identity = (name: string, generation = 0) =>
    identityOf(name, [makeLeaf(issuer, name), issuer], [root], generation);
  return { root, issuer, roots: root.pem, identity };
}

/** A chain begins with the leaf, and its key is the identity's. */
export function identityOf(
  name: string,
  chain: readonly Certificate[],
  roots: readonly Certificate[],
  generation = 0,
): IdentitySnapshot {
  return {
    generation,
    name,
    key: chain[0].key,
    chain: chain.map(({ pem }) => pem).join(''),
    roots: roots.map(({ pem }) => pem).join(''),
  };
}

/** The identity of a service account of the default mesh. */
export function meshName(serviceAccount: string, namespace = 'demo'): string {
  return `${serviceAccount}.${namespace}.serviceaccount.identity.heddle.mesh.local`;
}

export function dnsName(name: string | Buffer): Buffer {
  return encodeElement(0x82, Buffer.from(name as string, 'latin1'));
}

export function uriName(uri: string): Buffer {
  return encodeText(0x86, uri);
}

export function mailName(address: string): Buffer {
  return encodeText(0x81, address);
}

export function addressName(...octets: readonly number[]): Buffer {
  return encodeElement(0x87, Buffer.from(octets));
}

/** A subject or issuer of one common name. */
export function encodeName(commonName: string): Buffer {
  if (commonName === '') return encodeSequence();
  return encodeSequence(
    encodeSet(encodeSequence(encodeOid('550403'), encodeText(Tag.UTF8_STRING, commonName))),
  );
}

/** An extension by its OID in hexadecimal. */
export function encodeExtension(oid: string, value: Buffer, critical = false): Buffer {
  const flag = critical ? [encodeElement(Tag.BOOLEAN, Buffer.from([0xff]))] : [];
  return encodeSequence(encodeOid(oid), ...flag, encodeElement(Tag.OCTET_STRING, value));
}

export function encodePem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function listExtensions(shape: CertificateShape, own: Buffer, issuers: Buffer): Buffer[] {
  const { ca = false, names = [] } = shape;
  const isCa = ca === true || typeof ca === 'object';
  const usage = shape.keyUsage ?? (isCa ? 0x06 : 0x80);
  const extended = shape.extendedKeyUsage ?? (isCa ? [] : [usages.server, usages.client]);
  const list: Buffer[] = [];
  if (ca !== 'none') list.push(encodeExtension('551d13', encodeConstraints(ca), true));
  if (usage !== 'none') list.push(encodeExtension('551d0f', encodeUsage(usage), true));
  if (extended.length > 0) {
    list.push(encodeExtension('551d25', encodeSequence(...extended.map(encodeOid))));
  }
  list.push(encodeExtension('551d0e', encodeElement(Tag.OCTET_STRING, own)));
  list.push(encodeExtension('551d23', encodeSequence(encodeElement(0x80, issuers))));
  // Critical where there is no other name (RFC 5280, 4.2.1.6).
  const isOnly = (shape.subject ?? '') === '';
  if (names.length > 0) list.push(encodeExtension(oids.names, encodeSequence(...names), isOnly));
  return [...list, ...(shape.extensions ?? [])];
}

function encodeConstraints(ca: boolean | { readonly pathLength: number }): Buffer {
  if (ca === false) return encodeSequence();
  const isCa = encodeElement(Tag.BOOLEAN, Buffer.from([0xff]));
  if (ca === true) return encodeSequence(isCa);
  return encodeSequence(isCa, encodeElement(Tag.INTEGER, Buffer.from([ca.pathLength])));
}

function encodeUsage(bits: number): Buffer {
  let unused = 0;
  while (unused < 7 && ((bits >> unused) & 1) === 0) unused += 1;
  return encodeElement(Tag.BIT_STRING, Buffer.from([unused, bits]));
}

function encodeTime(timeMs: number): Buffer {
  const text = new Date(timeMs).toISOString().replace(/[-:T]|\.\d+/g, '');
  const isShort = timeMs < Date.UTC(2050, 0);
  return isShort ? encodeText(0x17, text.slice(2)) : encodeText(0x18, text);
}

interface Algorithm {
  readonly der: Buffer;
  /** As `sign` names it: null for what hashes by itself. */
  readonly hash: string | null;
}

function algorithmOf(key: KeyObject, wanted?: string): Algorithm {
  if (key.asymmetricKeyType === 'ed25519') {
    return { der: encodeSequence(encodeOid('2b6570')), hash: null };
  }
  if (key.asymmetricKeyType === 'rsa') {
    const name = wanted ?? 'sha256';
    const none = encodeElement(Tag.NULL);
    return { der: encodeSequence(encodeOid(rsaHashes[name]), none), hash: name };
  }
  const curve = key.asymmetricKeyDetails?.namedCurve ?? '';
  const name = wanted ?? curveHashes[curve];
  return { der: encodeSequence(encodeOid(ecdsaHashes[name])), hash: name };
}

function keyOf(key: KeyKind | KeyObject): KeyObject {
  if (typeof key !== 'string') return key;
  if (key === 'ed25519') return generateKeyPairSync('ed25519').privateKey;
  if (key.startsWith('rsa')) {
    return generateKeyPairSync('rsa', { modulusLength: Number(key.slice(3)) }).privateKey;
  }
  return generateKeyPairSync('ec', { namedCurve: `P-${key.slice(1)}` }).privateKey;
}

function publicDer(key: KeyObject): Buffer {
  const publicKey = isPublic(key) ? key : createPublicKey(key);
  return publicKey.export({ type: 'spki', format: 'der' });
}

/** Of somebody who keeps the other half. */
function isPublic(key: KeyObject): boolean {
  return key.type === 'public';
}

function randomSerial(): Buffer {
  const serial = randomBytes(16);
  serial[0] = (serial[0] & 0x3f) | 0x40;
  return serial;
}

/** In hexadecimal. */
export const oids = { names: '551d11', nameConstraints: '551d1e' };
export const usages = {
  server: '2b06010505070301',
  client: '2b06010505070302',
  codeSigning: '2b06010505070303',
};
const minuteMs = 60_000;
const dayMs = 86_400_000;
const curveHashes: Record<string, string> = {
  prime256v1: 'sha256',
  secp384r1: 'sha384',
  secp521r1: 'sha512',
};
const ecdsaHashes: Record<string, string> = {
  sha1: '2a8648ce3d0401',
  sha256: '2a8648ce3d040302',
  sha384: '2a8648ce3d040303',
  sha512: '2a8648ce3d040304',
};
const rsaHashes: Record<string, string> = {
  sha1: '2a864886f70d010105',
  sha256: '2a864886f70d01010b',
  sha384: '2a864886f70d01010c',
  sha512: '2a864886f70d01010d',
};
