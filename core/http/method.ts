/** Recognises a method by its bytes; case counts (RFC 9110 9.1). */

import { Method } from './head.ts';

export function methodOf(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  const method = byFirstTwo(bytes[start], bytes[start + 1]);
  const name = names[method];
  if (length !== name.length) return Method.OTHER;
  for (let i = 0; i < length; i++) {
    if (bytes[start + i] !== name.charCodeAt(i)) return Method.OTHER;
  }
  return method;
}

function byFirstTwo(first: number, second: number): number {
  switch ((first << 8) | second) {
    case 0x4745:
      return Method.GET;
    case 0x4845:
      return Method.HEAD;
    case 0x504f:
      return Method.POST;
    case 0x5055:
      return Method.PUT;
    case 0x4445:
      return Method.DELETE;
    case 0x434f:
      return Method.CONNECT;
    case 0x4f50:
      return Method.OPTIONS;
    case 0x5452:
      return Method.TRACE;
    case 0x5041:
      return Method.PATCH;
    default:
      return Method.OTHER;
  }
}

/** In the order of `Method`. */
const names: readonly string[] = [
  '',
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'CONNECT',
  'OPTIONS',
  'TRACE',
  'PATCH',
];
