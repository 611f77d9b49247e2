/**
 * Every byte in every place of a request (attack class 7): what the grammar allows is
 * forwarded unchanged, everything else is refused.
 */

import { badBody, chunkedHead, forwarded, refused, type SmugglingCase } from './smuggling-case.ts';

interface Place {
  readonly name: string;
  readonly request: (byte: string) => string;
  readonly allowed: (byte: string) => boolean;
  /** What an origin sees where it is not the request. */
  readonly origin?: (byte: string) => string;
  /** The status of what is not allowed, 400 by default. */
  readonly status?: (byte: string) => number;
}

export function byteCases(): SmugglingCase[] {
  const cases: SmugglingCase[] = [];
  for (const place of places) {
    for (const byte of allBytes) cases.push(caseOf(place, byte));
  }
  for (const byte of allBytes) {
    const name = `byte ${JSON.stringify(byte)}`;
    if (!isHex(byte) && byte !== ';') {
      cases.push(badBody(7, `${name} behind a chunk size`, `5${byte}\r\nhello\r\n0\r\n\r\n`));
      cases.push(badBody(7, `${name} before a chunk size`, `${byte}5\r\nhello\r\n0\r\n\r\n`));
    }
    cases.push(extensionCase(name, byte));
  }
  return cases;
}

function caseOf({ name, request, allowed, origin, status }: Place, byte: string): SmugglingCase {
  const title = `byte ${JSON.stringify(byte)} in ${name}`;
  const bytes = request(byte);
  if (allowed(byte)) return forwarded(7, title, bytes, (origin ?? request)(byte));
  return refused(7, title, bytes, status?.(byte) ?? 400);
}

function extensionCase(name: string, byte: string): SmugglingCase {
  const body = `5;a${byte}b\r\nhello\r\n0\r\n\r\n`;
  if (!isToken(byte) && !';= \t'.includes(byte)) return badBody(7, `${name} in an extension`, body);
  const origin = `${chunkedHead}5\r\nhello\r\n0\r\n\r\n`;
  return forwarded(7, `${name} in an extension`, chunkedHead + body, origin);
}

const allBytes = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code));

const isDigit = (byte: string) => byte >= '0' && byte <= '9';
const isHex = (byte: string) => /^[0-9a-fA-F]$/.test(byte);
const isToken = (byte: string) => /^[A-Za-z0-9!#$%&'*+.^_`|~-]$/.test(byte);
const isValue = (byte: string) => byte === '\t' || (byte >= ' ' && byte !== '\x7f');
const isTarget = (byte: string) => byte > ' ' && byte < '\x7f' && byte !== '#';
const isHost = (byte: string) => /^[A-Za-z0-9._~-]$/.test(byte);

const field = (line: string) => `GET / HTTP/1.1\r\nHost: a\r\n${line}\r\n\r\n`;
const line = (text: string) => `${text}\r\nHost: a\r\n\r\n`;

const places: readonly Place[] = [
  {
    name: 'a field name',
    request: (byte) => field(`X${byte}Y: z`),
    allowed: (byte) => isToken(byte) || byte === ':',
  },
  { name: 'front of a name', request: (byte) => field(`${byte}Y: z`), allowed: isToken },
  { name: 'a value', request: (byte) => field(`X: y${byte}z`), allowed: isValue },
  { name: 'front of a value', request: (byte) => field(`X:${byte}y`), allowed: isValue },
  { name: 'the end of a value', request: (byte) => field(`X: y${byte}`), allowed: isValue },
  { name: 'a method', request: (byte) => line(`G${byte}T / HTTP/1.1`), allowed: isToken },
  { name: 'front of a method', request: (byte) => line(`${byte}T / HTTP/1.1`), allowed: isToken },
  { name: 'a target', request: (byte) => line(`GET /a${byte}b HTTP/1.1`), allowed: isTarget },
  {
    name: 'the place of a minor version',
    request: (byte) => line(`GET / HTTP/1.${byte}`),
    allowed: isDigit,
    origin: () => line('GET / HTTP/1.1'),
  },
  {
    name: 'the place of a major version',
    request: (byte) => line(`GET / HTTP/${byte}.1`),
    allowed: (byte) => byte === '1',
    status: (byte) => (isDigit(byte) ? 505 : 400),
  },
  {
    name: 'the place of the dot',
    request: (byte) => line(`GET / HTTP/1${byte}1`),
    allowed: (byte) => byte === '.',
  },
  {
    name: 'the place of a CR',
    request: (byte) => `GET / HTTP/1.1${byte}\nHost: a\r\n\r\n`,
    allowed: (byte) => byte === '\r',
  },
  {
    name: 'the place of an LF',
    request: (byte) => `GET / HTTP/1.1\r\nHost: a\r${byte}X: y\r\n\r\n`,
    allowed: (byte) => byte === '\n',
  },
  {
    name: 'a host',
    request: (byte) => `GET / HTTP/1.1\r\nHost: a${byte}b\r\n\r\n`,
    allowed: isHost,
  },
];
