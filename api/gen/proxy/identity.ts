/** Made by tools/generate-api.ts from identity.proto; not to be edited. */

import { type Malformed, Reader, type ReadLimits } from '../../wire/reader.ts';
import { Writer } from '../../wire/writer.ts';
import { readTimestamp, type Timestamp } from './timestamp.ts';

export function decodeCertifyResponse(
  bytes: Uint8Array,
  limits: ReadLimits,
): CertifyResponse | Malformed {
  const reader = new Reader(bytes, limits);
  const message = readCertifyResponse(reader, null);
  return reader.problem ?? message;
}

export function encodeCertifyRequest(message: CertifyRequest): Uint8Array {
  const writer = new Writer();
  writeCertifyRequest(writer, message);
  return writer.finish();
}

export interface CertifyRequest {
  /** The name that is asked for. */
  readonly identity: string;
  /** Proves the right to it: a service account's token, or one of `heddle token`. */
  readonly token: Uint8Array;
  /** PKCS#10, DER. */
  readonly certificateSigningRequest: Uint8Array;
  /**
   * Fields from 1000 up are known to ours alone. The leaf that is in use, DER: who signs the request
   * with its key may have the next one without a token.
   */
  readonly heddleLeaf: Uint8Array;
}

export interface CertifyResponse {
  /** X.509, DER. */
  readonly leafCertificate: Uint8Array;
  /** The leaf's issuer first; without the trust anchor. */
  readonly intermediateCertificates: readonly Uint8Array[];
  readonly validUntil: Timestamp | null;
  /** The trust anchors, each X.509 in DER: all that peers may have certificates of. */
  readonly heddleTrustBundle: readonly Uint8Array[];
}

function readCertifyResponse(reader: Reader, held: CertifyResponse | null): CertifyResponse {
  let leafCertificate = held?.leafCertificate ?? new Uint8Array();
  const intermediateCertificates = (held?.intermediateCertificates ?? []) as Uint8Array[];
  let validUntil = held?.validUntil ?? null;
  const heddleTrustBundle = (held?.heddleTrustBundle ?? []) as Uint8Array[];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        leafCertificate = reader.bytes();
        break;
      case 18:
        reader.appendBytes(intermediateCertificates);
        break;
      case 26:
        validUntil = reader.message(readTimestamp, validUntil);
        break;
      case 8002:
        reader.appendBytes(heddleTrustBundle);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { leafCertificate, intermediateCertificates, validUntil, heddleTrustBundle };
}

function writeCertifyRequest(writer: Writer, message: CertifyRequest): void {
  if (message.heddleLeaf.length > 0) writer.bytes(1000, message.heddleLeaf);
  if (message.certificateSigningRequest.length > 0)
    writer.bytes(3, message.certificateSigningRequest);
  if (message.token.length > 0) writer.bytes(2, message.token);
  if (message.identity !== '') writer.text(1, message.identity);
}
