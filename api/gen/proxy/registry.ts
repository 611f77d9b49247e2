/** Made by tools/generate-api.ts from registry.proto; not to be edited. */

import { type Malformed, Reader, type ReadLimits } from '../../wire/reader.ts';
import { Writer } from '../../wire/writer.ts';

export function decodeTrustResponse(
  bytes: Uint8Array,
  limits: ReadLimits,
): TrustResponse | Malformed {
  const reader = new Reader(bytes, limits);
  const message = readTrustResponse(reader, null);
  return reader.problem ?? message;
}

export function encodeTrustRequest(message: TrustRequest): Uint8Array {
  const writer = new Writer();
  writeTrustRequest(writer, message);
  return writer.finish();
}

export interface TrustRequest {
  /** As in its watches. */
  readonly workload: string;
  readonly identity: string;
  /** Digest of the bundle that is in use in all its threads; empty for none. */
  readonly bundle: string;
  /** SHA-256 of the issuer's certificate that signed its leaf, hexadecimal; empty without a leaf. */
  readonly issuer: string;
  /** In milliseconds since 1970; 0 without a leaf. */
  readonly leafExpiresMs: bigint;
}

export interface TrustResponse {
  /**
   * The trust anchors, each X.509 in DER; they replace what is in use once one of those in use, or
   * a pinned one, is among them.
   */
  readonly trustBundle: readonly Uint8Array[];
  readonly bundle: string;
  /** What a leaf should be signed by; a proxy whose leaf is not certifies again at once. */
  readonly issuer: string;
}

function readTrustResponse(reader: Reader, held: TrustResponse | null): TrustResponse {
  const trustBundle = (held?.trustBundle ?? []) as Uint8Array[];
  let bundle = held?.bundle ?? '';
  let issuer = held?.issuer ?? '';
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        reader.appendBytes(trustBundle);
        break;
      case 18:
        bundle = reader.text();
        break;
      case 26:
        issuer = reader.text();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { trustBundle, bundle, issuer };
}

function writeTrustRequest(writer: Writer, message: TrustRequest): void {
  if (message.leafExpiresMs !== 0n) writer.uint64(5, message.leafExpiresMs);
  if (message.issuer !== '') writer.text(4, message.issuer);
  if (message.bundle !== '') writer.text(3, message.bundle);
  if (message.identity !== '') writer.text(2, message.identity);
  if (message.workload !== '') writer.text(1, message.workload);
}
