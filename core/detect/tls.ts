/**
 * Reads the server name and the protocols out of a TLS ClientHello (RFC 8446 4.1.2, RFC 6066 3,
 * RFC 7301 3.1) without terminating TLS. The message may be split over any number of records. What
 * follows from it is decided elsewhere; bytes that are no ClientHello are a returned result.
 */

import { detectBytesMax } from '../base/limits.ts';

/** Why bytes that begin like TLS are not taken as a ClientHello, or its name is not used. */
type ClientHelloProblem =
  /** The hello does not fit the bytes that detection may hold. */
  | 'TOO_LARGE'
  /** A record in the middle of the hello is of another type or has an impossible length. */
  | 'RECORD'
  /** A length inside the hello contradicts the one around it. */
  | 'HELLO'
  /** The extension of the server name or of ALPN is malformed or given twice. */
  | 'EXTENSION'
  /** The server name is no DNS name; everything else of the hello holds. */
  | 'SERVER_NAME';

/** Written by `parseClientHello`; one object serves any number of connections. */
export interface ClientHello {
  /** A valid DNS name in lower case without a final dot; null when there is none. */
  sni: string | null;
  /** As offered, at most `alpnMax`: the peer's bytes, to be compared and not to be printed. */
  alpn: string[];
  problem: ClientHelloProblem | null;
}

/**
 * `NOT_TLS`: the first bytes cannot begin a ClientHello. `MALFORMED`: they do, and then go wrong;
 * `hello.problem` says how. Only bytes within `detectBytesMax` of `start` are looked at, so the
 * answer for some bytes is also the answer for any longer input that begins with them.
 */
type TlsVerdict = 'NEED_MORE' | 'NOT_TLS' | 'MALFORMED' | 'CLIENT_HELLO';

/**
 * Looks at all bytes that arrived so far, `bytes[start]` being the first of the connection. Until
 * the hello is complete a call costs one step for each record.
 */
export function parseClientHello(
  bytes: Buffer,
  start: number,
  end: number,
  hello: ClientHello,
): TlsVerdict {
  hello.sni = null;
  hello.alpn.length = 0;
  hello.problem = null;
  const limit = Math.min(end, start + detectBytesMax);
  const verdict = findHello(bytes, start, limit);
  if (typeof verdict === 'number') return parseHello(bytes, start, verdict, hello);
  if (verdict === 'NEED_MORE' && limit - start >= detectBytesMax) {
    return malformed(hello, 'TOO_LARGE');
  }
  if (verdict === 'NEED_MORE' || verdict === 'NOT_TLS') return verdict;
  return malformed(hello, verdict);
}

/** The bytes of the handshake message once it is complete, without copying it. */
function findHello(
  bytes: Buffer,
  start: number,
  end: number,
): number | 'NEED_MORE' | 'NOT_TLS' | ClientHelloProblem {
  let at = start;
  let seen = 0;
  let needed = handshakeHeaderBytes;
  let declared = 0;
  while (at < end) {
    const first = at === start;
    if (!beginsRecord(bytes, at, end)) return first ? 'NOT_TLS' : 'RECORD';
    if (end - at < recordHeaderBytes) return 'NEED_MORE';
    const payload = bytes.readUInt16BE(at + 3);
    // RFC 8446 5.1: no empty fragments of a handshake, none above 2^14.
    if (payload === 0 || payload > recordPayloadMax) return first ? 'NOT_TLS' : 'RECORD';
    at += recordHeaderBytes;
    for (let i = 0; seen + i < handshakeHeaderBytes && i < payload && at + i < end; i++) {
      const byte = bytes[at + i];
      if (seen + i === 0) {
        if (byte !== clientHelloType) return 'NOT_TLS';
      } else {
        declared = declared * 256 + byte;
      }
      if (seen + i === handshakeHeaderBytes - 1) {
        if (declared < helloBytesMin) return 'HELLO';
        if (declared > detectBytesMax) return 'TOO_LARGE';
        needed += declared;
      }
    }
    const present = Math.min(payload, end - at);
    seen += present;
    if (seen >= needed && needed > handshakeHeaderBytes) return needed;
    at += payload;
  }
  return 'NEED_MORE';
}

/** Judges as much of a record header as has arrived. */
function beginsRecord(bytes: Buffer, at: number, end: number): boolean {
  if (bytes[at] !== handshakeRecordType) return false;
  if (at + 1 < end && bytes[at + 1] !== 3) return false;
  return at + 2 >= end || bytes[at + 2] <= 4;
}

/** Where the message is in one record it is read in place, else its parts are joined once. */
function parseHello(bytes: Buffer, start: number, length: number, hello: ClientHello): TlsVerdict {
  if (bytes.readUInt16BE(start + 3) >= length) {
    const from = start + recordHeaderBytes;
    return parseBody(bytes, from + handshakeHeaderBytes, from + length, hello);
  }
  const joined = Buffer.allocUnsafe(length);
  let at = start;
  let filled = 0;
  while (filled < length) {
    const payload = bytes.readUInt16BE(at + 3);
    at += recordHeaderBytes;
    const take = Math.min(payload, length - filled);
    bytes.copy(joined, filled, at, at + take);
    filled += take;
    at += payload;
  }
  return parseBody(joined, handshakeHeaderBytes, length, hello);
}

/** The fields of RFC 8446 4.1.2 in their order; each length is checked before it is followed. */
function parseBody(bytes: Buffer, start: number, end: number, hello: ClientHello): TlsVerdict {
  let at = start + versionBytes + randomBytes;
  const session = bytes[at];
  at += 1 + session;
  if (session > 32 || at + 2 > end) return malformed(hello, 'HELLO');
  const ciphers = bytes.readUInt16BE(at);
  at += 2 + ciphers;
  if (ciphers < 2 || ciphers % 2 !== 0 || at + 1 > end) return malformed(hello, 'HELLO');
  const compressions = bytes[at];
  at += 1 + compressions;
  if (compressions === 0 || at > end) return malformed(hello, 'HELLO');
  if (at === end) return 'CLIENT_HELLO';
  if (at + 2 > end || at + 2 + bytes.readUInt16BE(at) !== end) return malformed(hello, 'HELLO');
  return parseExtensions(bytes, at + 2, end, hello);
}

function parseExtensions(
  bytes: Buffer,
  start: number,
  end: number,
  hello: ClientHello,
): TlsVerdict {
  let at = start;
  let named = false;
  let alpn = false;
  while (at < end) {
    if (at + 4 > end) return malformed(hello, 'HELLO');
    const type = bytes.readUInt16BE(at);
    const from = at + 4;
    at = from + bytes.readUInt16BE(at + 2);
    if (at > end) return malformed(hello, 'HELLO');
    if (type === serverNameExtension) {
      if (named || !parseServerName(bytes, from, at, hello)) return malformed(hello, 'EXTENSION');
      named = true;
    } else if (type === alpnExtension) {
      if (alpn || !parseAlpn(bytes, from, at, hello)) return malformed(hello, 'EXTENSION');
      alpn = true;
    }
  }
  return 'CLIENT_HELLO';
}

/** A list of names of which RFC 6066 defines one type, and allows one name of it. */
function parseServerName(bytes: Buffer, start: number, end: number, hello: ClientHello): boolean {
  if (start + 2 > end || start + 2 + bytes.readUInt16BE(start) !== end) return false;
  let at = start + 2;
  let found = false;
  while (at < end) {
    if (at + 3 > end) return false;
    const type = bytes[at];
    const from = at + 3;
    at = from + bytes.readUInt16BE(at + 1);
    if (at > end) return false;
    if (type !== hostNameType) continue;
    if (found) return false;
    found = true;
    hello.sni = readDnsName(bytes, from, at);
    if (hello.sni === null) hello.problem = 'SERVER_NAME';
  }
  return true;
}

function parseAlpn(bytes: Buffer, start: number, end: number, hello: ClientHello): boolean {
  if (start + 2 > end || start + 2 + bytes.readUInt16BE(start) !== end) return false;
  let at = start + 2;
  while (at < end) {
    const from = at + 1;
    at = from + bytes[at];
    if (at === from || at > end) return false;
    if (hello.alpn.length < alpnMax) hello.alpn.push(bytes.toString('latin1', from, at));
  }
  return true;
}

/**
 * Letters, digits, hyphens and the underscore that service names have. Addresses are no names
 * (RFC 6066 3), so a last label of digits alone is refused.
 */
function readDnsName(bytes: Buffer, start: number, end: number): string | null {
  const stop = end > start && bytes[end - 1] === dot ? end - 1 : end;
  if (stop === start || stop - start > dnsNameBytesMax) return null;
  let label = start;
  let digits = true;
  for (let at = start; at <= stop; at++) {
    const byte = at === stop ? dot : bytes[at];
    if (byte === dot) {
      if (at === label || at - label > dnsLabelBytesMax) return null;
      if (bytes[label] === hyphen || bytes[at - 1] === hyphen) return null;
      if (at === stop && digits) return null;
      label = at + 1;
      digits = true;
      continue;
    }
    const digit = byte >= 0x30 && byte <= 0x39;
    const letter = (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;
    if (!digit && !letter && byte !== hyphen && byte !== underscore) return null;
    digits &&= digit;
  }
  return bytes.toString('latin1', start, stop).toLowerCase();
}

function malformed(hello: ClientHello, problem: ClientHelloProblem): TlsVerdict {
  hello.sni = null;
  hello.alpn.length = 0;
  hello.problem = problem;
  return 'MALFORMED';
}

const handshakeRecordType = 0x16;
const clientHelloType = 1;
const recordHeaderBytes = 5;
const recordPayloadMax = 16_384;
const handshakeHeaderBytes = 4;
const versionBytes = 2;
const randomBytes = 32;
/** Version, random, empty session, one cipher suite, one compression method. */
const helloBytesMin = 41;
const serverNameExtension = 0;
const hostNameType = 0;
const alpnExtension = 16;
const alpnMax = 16;
const dnsNameBytesMax = 253;
const dnsLabelBytesMax = 63;
const dot = 0x2e;
const hyphen = 0x2d;
const underscore = 0x5f;
