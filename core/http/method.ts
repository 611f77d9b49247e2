/** Recognises a method by its bytes; case counts (RFC 9110 9.1). */

import {
  methodConnect,
  methodDelete,
  methodGet,
  methodHead,
  methodOptions,
  methodOther,
  methodPatch,
  methodPost,
  methodPut,
  methodTrace,
} from './head.ts';

export function methodOf(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  const method = byFirstTwo(bytes[start], bytes[start + 1]);
  const name = names[method];
  if (length !== name.length) return methodOther;
  for (let i = 0; i < length; i++) {
    if (bytes[start + i] !== name.charCodeAt(i)) return methodOther;
  }
  return method;
}

function byFirstTwo(first: number, second: number): number {
  switch ((first << 8) | second) {
    case 0x4745:
      return methodGet;
    case 0x4845:
      return methodHead;
    case 0x504f:
      return methodPost;
    case 0x5055:
      return methodPut;
    case 0x4445:
      return methodDelete;
    case 0x434f:
      return methodConnect;
    case 0x4f50:
      return methodOptions;
    case 0x5452:
      return methodTrace;
    case 0x5041:
      return methodPatch;
    default:
      return methodOther;
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
