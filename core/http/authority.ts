/**
 * The grammar of an authority, `host [":" port]`, on bytes: for Host, CONNECT and absolute-form.
 * User information is not part of it: RFC 9110 4.2.4 calls it an error in a request.
 */

import { COLON, hostBytes, ipv6Bytes } from './byte-class.ts';

/**
 * Where the host ends (the colon of the port, or `end`), or -1 when the bytes are no authority.
 * An empty host is none; a port is 1 to 5 digits and at most 65535.
 */
export function hostEndOf(bytes: Uint8Array, start: number, end: number): number {
  if (end - start > authorityBytesMax || start >= end) return -1;
  const hostEnd =
    bytes[start] === OPEN ? ipv6EndOf(bytes, start, end) : nameEndOf(bytes, start, end);
  if (hostEnd < 0 || hostEnd === end) return hostEnd;
  if (bytes[hostEnd] !== COLON) return -1;
  const digits = end - hostEnd - 1;
  if (digits < 1 || digits > 5) return -1;
  let port = 0;
  for (let at = hostEnd + 1; at < end; at++) {
    const digit = bytes[at] - 0x30;
    if (digit < 0 || digit > 9) return -1;
    port = port * 10 + digit;
  }
  return port <= 65535 ? hostEnd : -1;
}

/** In lower case and without the root's dot: the one spelling that names are looked up by. */
export function canonicalAuthority(bytes: Buffer, start: number, end: number): string {
  const hostEnd = hostEndOf(bytes, start, end);
  const text = bytes.toString('latin1', start, end).toLowerCase();
  if (hostEnd > start && bytes[hostEnd - 1] === DOT) {
    return text.slice(0, hostEnd - start - 1) + text.slice(hostEnd - start);
  }
  return text;
}

/** A name has no empty first label, which also excludes the lone root. */
function nameEndOf(bytes: Uint8Array, start: number, end: number): number {
  if (bytes[start] === DOT) return -1;
  let at = start;
  while (at < end && hostBytes[bytes[at]] === 1) at++;
  return at === start ? -1 : at;
}

function ipv6EndOf(bytes: Uint8Array, start: number, end: number): number {
  let at = start + 1;
  let colons = 0;
  while (at < end && ipv6Bytes[bytes[at]] === 1) if (bytes[at++] === COLON) colons++;
  if (at === end || bytes[at] !== CLOSE || colons < 2 || at - start > ipv6BytesMax) return -1;
  return at + 1;
}

const OPEN = 0x5b;
const CLOSE = 0x5d;
const DOT = 0x2e;
/** `[` and the longest address, with an IPv4 tail: RFC 4291 2.2. */
const ipv6BytesMax = 46;
/** A DNS name of 253 bytes with its root and a port (RFC 1035 2.3.4). */
const authorityBytesMax = 260;
