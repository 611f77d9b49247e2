/** Requests for certificates as other software writes them, sound or not. */

// The library needs it loaded before.
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import {
  type JsonGeneralName,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
} from '@peculiar/x509';

interface RequestOptions {
  readonly names?: readonly JsonGeneralName[];
  readonly commonName?: string;
  readonly keys?: webcrypto.CryptoKeyPair;
}

export function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

/** For one DNS name, unless told otherwise; DER. */
export async function makeRequest(identity: string, options: RequestOptions = {}): Promise<Buffer> {
  const { names = [{ type: 'dns', value: identity }], commonName = '' } = options;
  const request = await Pkcs10CertificateRequestGenerator.create({
    keys: options.keys ?? (await makeKeys()),
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    ...(commonName !== '' && { name: [{ CN: [commonName] }] }),
    extensions: names.length === 0 ? [] : [new SubjectAlternativeNameExtension([...names])],
  });
  return Buffer.from(request.rawData);
}
