/**
 * Certificates for the peers of a mesh: a root, and two leaves with their keys, written by hand as
 * DER (RFC 5280), so that a benchmark needs no program for it. Ours gets its own from `heddle up`.
 */

import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tag } from '../../core/identity/der.ts';
import {
  encodeBitString,
  encodeElement,
  encodeOid,
  encodeSequence,
  encodeSet,
  encodeText,
} from '../../core/identity/der-write.ts';
import type { HopTls } from '../hop.ts';

/**
 * The halves of a pair, each with a leaf for itself and the name of the other. Leaves are signed by
 * an issuer below the root, as those of a mesh are: handshakes carry and verify both.
 */
export function writeCertificates(folder: string): { outbound: HopTls; inbound: HopTls } {
  const [root, issuer] = [makeKeys(), makeKeys()];
  const authority = { extensions: authorityExtensions(), signer: root, signerName: 'root' };
  const rootText = toPem('CERTIFICATE', certify(root, 'root', authority));
  const issuerText = toPem('CERTIFICATE', certify(issuer, 'issuer', authority));
  const write = (file: string, text: string): string => {
    const path = join(folder, file);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const roots = write('roots.pem', rootText);
  const writeLeaf = (own: string, peer: string): HopTls => {
    const keys = makeKeys();
    const extensions = leafExtensions(nameOf(own));
    const leaf = certify(keys, own, { extensions, signer: issuer, signerName: 'issuer' });
    const chainText = toPem('CERTIFICATE', leaf) + issuerText;
    const keyText = keys.privateKey.export({ type: 'pkcs8', format: 'pem' });
    return {
      chain: write(`${own}.chain.pem`, chainText),
      key: write(`${own}.key.pem`, keyText),
      chainAndKey: write(`${own}.both.pem`, chainText + keyText),
      roots,
      peerName: nameOf(peer),
    };
  };
  return { outbound: writeLeaf('client', 'web'), inbound: writeLeaf('web', 'client') };
}

interface Signing {
  readonly extensions: readonly Buffer[];
  readonly signer: Keys;
  readonly signerName: string;
}

interface Keys {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/** As long as the names of the mesh, because a handshake carries them. */
function nameOf(account: string): string {
  return `${account}.default.serviceaccount.identity.heddle.mesh.local`;
}

function makeKeys(): Keys {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function certify(own: Keys, commonName: string, by: Signing): Buffer {
  const algorithm = encodeSequence(ecdsaWithSha256);
  const now = Date.now();
  const body = encodeSequence(
    // Version 3.
    encodeElement(0xa0, encodeElement(Tag.INTEGER, Buffer.of(2))),
    encodeElement(Tag.INTEGER, Buffer.of(1), randomBytes(15)),
    algorithm,
    distinguishedName(by.signerName),
    encodeSequence(time(now - hourMs), time(now + 24 * hourMs)),
    distinguishedName(commonName),
    own.publicKey.export({ type: 'spki', format: 'der' }),
    encodeElement(0xa3, encodeSequence(...by.extensions)),
  );
  const signature = sign('sha256', body, by.signer.privateKey);
  return encodeSequence(body, algorithm, encodeBitString(signature));
}

function authorityExtensions(): Buffer[] {
  return [
    extension(basicConstraints, encodeSequence(isTrue)),
    // keyCertSign and cRLSign, bits 5 and 6.
    extension(keyUsage, encodeElement(Tag.BIT_STRING, Buffer.of(1, 0x06))),
  ];
}

function leafExtensions(dnsName: string): Buffer[] {
  return [
    extension(basicConstraints, encodeSequence()),
    extension(keyUsage, encodeElement(Tag.BIT_STRING, Buffer.of(7, 0x80))),
    extension(extendedKeyUsage, encodeSequence(serverAuth, clientAuth)),
    extension(subjectAltName, encodeSequence(encodeText(0x82, dnsName))),
  ];
}

function extension(identifier: Buffer, value: Buffer): Buffer {
  return encodeSequence(identifier, isTrue, encodeElement(Tag.OCTET_STRING, value));
}

function distinguishedName(commonName: string): Buffer {
  const value = encodeText(Tag.UTF8_STRING, commonName);
  return encodeSequence(encodeSet(encodeSequence(commonNameType, value)));
}

/** UTCTime, which RFC 5280 4.1.2.5 asks for until 2049. */
function time(epochMs: number): Buffer {
  const text = new Date(epochMs).toISOString().replace(/[-:T]|\.[0-9]+/g, '');
  return encodeText(utcTimeTag, text.slice(2));
}

function toPem(label: string, der: Buffer): string {
  const lines = der.toString('base64').replace(/.{64}/g, '$&\n').trimEnd();
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}

const isTrue = encodeElement(Tag.BOOLEAN, Buffer.of(0xff));
const ecdsaWithSha256 = encodeOid('2a8648ce3d040302');
const commonNameType = encodeOid('550403');
const basicConstraints = encodeOid('551d13');
const keyUsage = encodeOid('551d0f');
const extendedKeyUsage = encodeOid('551d25');
const subjectAltName = encodeOid('551d11');
const serverAuth = encodeOid('2b06010505070301');
const clientAuth = encodeOid('2b06010505070302');
const utcTimeTag = 0x17;
const hourMs = 3_600_000;
