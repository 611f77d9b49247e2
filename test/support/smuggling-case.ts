/** The shape of one case of request smuggling, and the three ways to write one down. */

interface Refused {
  readonly status: number;
  readonly close: true;
  /** Where the body is at fault, the head may be on its way: what an origin may have seen. */
  readonly originHead: string;
}

interface Forwarded {
  /** Exactly what an origin sees, one chunk for a chunk, without fields that the proxy adds. */
  readonly origin: string;
}

export interface SmugglingCase {
  readonly row: number;
  readonly name: string;
  /** Latin1: one character is one byte. */
  readonly request: string;
  readonly expected: Refused | Forwarded;
}

export function refused(row: number, name: string, request: string, status = 400): SmugglingCase {
  return { row, name, request, expected: { status, close: true, originHead: '' } };
}

export function forwarded(row: number, name: string, request: string, origin = request) {
  return { row, name, request, expected: { origin } };
}

/** A request whose head is sound and whose body is not. */
export function badBody(row: number, name: string, body: string, status = 400): SmugglingCase {
  const expected = { status, close: true as const, originHead: chunkedHead };
  return { row, name, request: chunkedHead + body, expected };
}

export const chunkedHead = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';

/** POST with these field lines, each without its line end. */
export function post(lines: readonly string[], body = ''): string {
  return `POST / HTTP/1.1\r\nHost: a\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n${body}`;
}
