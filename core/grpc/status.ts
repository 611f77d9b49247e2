/**
 * How a call ends: a code of gRPC's closed list, and a message for people, which travels
 * percent-encoded. What HTTP and HTTP/2 say instead is mapped here, after "HTTP to gRPC Status
 * Code Mapping" and the table of HTTP/2 error codes in "gRPC over HTTP2".
 */

import { grpcMessageCharsMax } from '../base/limits.ts';
import { encodeGrpcMessage, GrpcCode } from '../http/grpc.ts';
import { H2Code } from '../http/h2/error-code.ts';
import type { Head } from '../http/head.ts';

export const Code = GrpcCode;

export interface Status {
  readonly code: number;
  readonly message: string;
}

export const okStatus: Status = { code: Code.OK, message: '' };

/** `UNAVAILABLE`; a number that the list does not have is shown as such. */
export function codeName(code: number): string {
  return names[code] ?? `code ${code}`;
}

/** The field lines with which a call ends. */
export function statusLines(status: Status): string {
  const code = `grpc-status: ${status.code}\r\n`;
  if (status.message === '') return code;
  const text = encodeGrpcMessage(status.message.slice(0, grpcMessageCharsMax));
  return `${code}grpc-message: ${text}\r\n`;
}

/** The message among these fields; '' where there is none. */
export function messageOf(fields: Head): string {
  const index = fields.find('grpc-message');
  return index < 0 ? '' : decodeGrpcMessage(fields.valueOf(index));
}

/** What is no escape stays as it is, and what is no UTF-8 becomes U+FFFD: it is never lost. */
function decodeGrpcMessage(text: string): string {
  if (!text.includes('%')) return text;
  const bytes = Buffer.from(text, 'latin1');
  let length = 0;
  for (let at = 0; at < bytes.length; at++) {
    let byte = bytes[at];
    const digits = byte === PERCENT ? text.slice(at + 1, at + 3) : '';
    if (hexPair.test(digits)) {
      byte = Number.parseInt(digits, 16);
      at += 2;
    }
    bytes[length++] = byte;
  }
  return bytes.toString('utf8', 0, length);
}

/** For an answer that is not gRPC. */
export function codeOfHttp(status: number): number {
  switch (status) {
    case 400:
      return Code.INTERNAL;
    case 401:
      return Code.UNAUTHENTICATED;
    case 403:
      return Code.PERMISSION_DENIED;
    case 404:
      return Code.UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
      return Code.UNAVAILABLE;
    default:
      return Code.UNKNOWN;
  }
}

/** For a stream that the peer has reset. */
export function codeOfReset(code: number): number {
  switch (code) {
    case H2Code.REFUSED_STREAM:
      return Code.UNAVAILABLE;
    case H2Code.CANCEL:
      return Code.CANCELLED;
    case H2Code.ENHANCE_YOUR_CALM:
      return Code.RESOURCE_EXHAUSTED;
    case H2Code.INADEQUATE_SECURITY:
      return Code.PERMISSION_DENIED;
    default:
      return Code.INTERNAL;
  }
}

const names: readonly string[] = Object.keys(Code);
const PERCENT = 0x25;
const hexPair = /^[0-9A-Fa-f]{2}$/;
