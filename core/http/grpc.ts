/**
 * gRPC as far as a proxy looks at it: what is gRPC, how it ended, how long it may take. Sources:
 * "gRPC over HTTP2" of the gRPC project, and its list of status codes.
 */

import { equalsName, nameBytes } from './byte-class.ts';
import { readDigits } from './digits.ts';
import type { Head } from './head.ts';
import { Known } from './known-fields.ts';

/** What a call ends with, in the order of the numbers. */
export const GrpcCode = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

/** No gRPC, or a response that never said how it ended. */
export const GrpcStatus = {
  NONE: -1,
  /** gRPC without a status: Linkerd shows UNKNOWN and counts a success. */
  MISSING: 17,
} as const;

/** `application/grpc`, alone or with a suffix or parameter; over HTTP/2 only. */
export function isGrpc(head: Head): boolean {
  const { typeField, bytes, fields } = head;
  if (head.major !== 2 || typeField < 0) return false;
  const start = fields[(typeField << 2) + 2];
  const end = fields[(typeField << 2) + 3];
  const stop = start + contentType.length;
  if (stop > end || !equalsName(bytes, start, stop, contentType)) return false;
  return stop === end || bytes[stop] === PLUS || bytes[stop] === SEMICOLON;
}

/** The `grpc-status` among these fields, 0 to 16, else `otherwise`. Other numbers are UNKNOWN. */
export function grpcStatusOf(fields: Head, otherwise: number): number {
  if ((fields.seen & (1 << Known.GRPC_STATUS)) === 0) return otherwise;
  const column = fields.findKnown(Known.GRPC_STATUS) << 2;
  const status = readDigits(fields.bytes, fields.fields[column + 2], fields.fields[column + 3], 2);
  return status < 0 || status > GrpcCode.UNAUTHENTICATED ? GrpcCode.UNKNOWN : status;
}

/** `grpc-timeout` in milliseconds; Infinity where there is none that can be read. */
export function grpcTimeoutMs(head: Head): number {
  if ((head.seen & (1 << Known.GRPC_TIMEOUT)) === 0) return Number.POSITIVE_INFINITY;
  const column = head.findKnown(Known.GRPC_TIMEOUT) << 2;
  const start = head.fields[column + 2];
  const end = head.fields[column + 3] - 1;
  const unitMs = units.get(String.fromCharCode(head.bytes[end]));
  const amount = readDigits(head.bytes, start, end, timeoutDigitsMax);
  return unitMs === undefined || amount < 0 ? Number.POSITIVE_INFINITY : amount * unitMs;
}

/** Percent-encodes `grpc-message`: what is neither visible ASCII nor a space, and `%` itself. */
export function encodeGrpcMessage(text: string): string {
  let encoded = '';
  for (const byte of Buffer.from(text)) {
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== PERCENT;
    encoded += plain
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}

const contentType = nameBytes('application/grpc');
const PERCENT = 0x25;
const PLUS = 0x2b;
const SEMICOLON = 0x3b;
const timeoutDigitsMax = 8;
const units: ReadonlyMap<string, number> = new Map([
  ['H', 3_600_000],
  ['M', 60_000],
  ['S', 1_000],
  ['m', 1],
  ['u', 1e-3],
  ['n', 1e-6],
]);
