/** The border where the system's and Node's error codes become ours. */

import { constants } from 'node:os';
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

/** Why a port cannot be listened on, and what to do; `holder` is who has it. */
export function explainListenError(error: Error, holder: () => string): string {
  switch (nodeErrorCode(error)) {
    case 'EADDRINUSE':
      return `${holder()} has this port (EADDRINUSE); name another one or stop that process`;
    case 'EADDRNOTAVAIL':
      return 'no interface of this machine has this address (EADDRNOTAVAIL)';
    case 'EACCES':
      return 'ports below 1024 need a privilege (EACCES); name a higher one';
    default:
      return error.message;
  }
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

/** A detail that begins with a system code, with the text of the system instead, as Linkerd's. */
export function explainSystemError(detail: string): string {
  return detail.replace(/^E[A-Z]+/, (code) => {
    const text = systemTexts[code];
    const number = Reflect.get(constants.errno, code) as number | undefined;
    return text === undefined || number === undefined ? code : `${text} (os error ${number})`;
  });
}

const systemTexts: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Connection refused',
  ECONNRESET: 'Connection reset by peer',
  ECONNABORTED: 'Software caused connection abort',
  ETIMEDOUT: 'Connection timed out',
  EHOSTUNREACH: 'No route to host',
  ENETUNREACH: 'Network is unreachable',
  EADDRNOTAVAIL: 'Cannot assign requested address',
  ENOTCONN: 'Transport endpoint is not connected',
  EPIPE: 'Broken pipe',
  EACCES: 'Permission denied',
  EPERM: 'Operation not permitted',
  EMFILE: 'Too many open files',
  ENFILE: 'Too many open files in system',
};
