/** The border where the system's and Node's error codes become ours. */

import { getSystemErrorName } from 'node:util';
import type { ErrorCode } from './errors.ts';

/** `ECONNRESET` for -104; `UNKNOWN` for what the system does not name. */
export function systemErrorName(status: number): string {
  try {
    return getSystemErrorName(status);
  } catch {
    return 'UNKNOWN';
  }
}

/** The code of an error that Node made, or `UNKNOWN`. */
export function nodeErrorCode(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') {
    return error.code;
  }
  return 'UNKNOWN';
}

/** What a failed attempt to connect means for the request that waited for it. */
export function connectErrorCode(systemCode: string): ErrorCode {
  switch (systemCode) {
    case 'ECONNREFUSED':
      return 'CONNECT_REFUSED';
    case 'ETIMEDOUT':
      return 'CONNECT_TIMEOUT';
    // Ours to answer for: no descriptor or memory for a socket is left.
    case 'EMFILE':
    case 'ENFILE':
    case 'ENOBUFS':
    case 'ENOMEM':
      return 'LOAD_SHED';
    default:
      return 'CONNECT_FAILED';
  }
}
