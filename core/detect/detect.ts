/**
 * What a connection speaks, by its first bytes, with a bound on how many are held for it. How long
 * to wait for them, and what is done with the answer, is up to the caller.
 */

import { detectHttp } from './http.ts';
import { type ClientHello, parseClientHello } from './tls.ts';

/** `OPAQUE` is everything that is certainly none of the others; no input is refused. */
export type Detected = 'NEED_MORE' | 'TLS' | 'HTTP1' | 'HTTP2' | 'OPAQUE';

/** An empty result for `detectProtocol` to write into. */
export function createClientHello(): ClientHello {
  return { sni: null, alpn: [], problem: null };
}

/**
 * Looks at all bytes that arrived so far, `bytes[start]` being the first of the connection.
 * `hello` is meaningful after `TLS`; its `problem` also after `OPAQUE`, where it says what was
 * wrong with bytes that began like TLS. The answer never changes when more bytes come, and is not
 * `NEED_MORE` any more once `detectBytesMax` bytes are there.
 */
export function detectProtocol(
  bytes: Buffer,
  start: number,
  end: number,
  hello: ClientHello,
): Detected {
  hello.problem = null;
  if (start >= end) return 'NEED_MORE';
  if (bytes[start] === tlsFirstByte) {
    const verdict = parseClientHello(bytes, start, end, hello);
    if (verdict === 'NEED_MORE') return 'NEED_MORE';
    return verdict === 'CLIENT_HELLO' ? 'TLS' : 'OPAQUE';
  }
  const verdict = detectHttp(bytes, start, end);
  if (verdict === 'HTTP2_PREFACE') return 'HTTP2';
  return verdict === 'NOT_HTTP' ? 'OPAQUE' : verdict;
}

/** Whether what was detected is HTTP/1 that begins with a CONNECT. */
export function isConnect(what: Detected, bytes: Buffer, start: number): boolean {
  return what === 'HTTP1' && bytes.toString('latin1', start, start + connect.length) === connect;
}

const connect = 'CONNECT ';
/** The content type of a handshake record; no character of a method. */
const tlsFirstByte = 0x16;
