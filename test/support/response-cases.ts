/**
 * Responses of hostile or broken origins (attack classes 1-13, seen from behind):
 * refused, or passed on in exactly one form. For the codec's tests and those of the whole proxy.
 */

interface ResponseCase {
  readonly row: number;
  readonly name: string;
  readonly method: string;
  /** Latin1: one character is one byte. */
  readonly response: string;
  /**
   * The head that a client of HTTP/1.1 sees, without fields that the proxy adds; null when the
   * response is refused and the client gets 502.
   */
  readonly expected: string | null;
}

export function responseCases(): ResponseCase[] {
  const length = 'Content-Length: 5\r\n';
  const coding = 'Transfer-Encoding: chunked\r\n';
  return [
    refused(1, 'length and coding', ok(length + coding)),
    refused(1, 'coding and length', ok(coding + length)),
    refused(1, 'both, to HEAD', ok(length + coding), 'HEAD'),
    refused(1, 'both, in 304', ok(length + coding).replace('200', '304')),
    refused(2, 'two equal lengths', ok(length + length)),
    refused(2, 'two lengths', ok(`${length}Content-Length: 6\r\n`)),
    ...['', '+5', '-1', '0x5', '5 ', '5, 5', '5_0', '1'.repeat(16)].map((value) =>
      refused(3, `length ${JSON.stringify(value)}`, ok(`Content-Length: ${value}\r\n`)),
    ),
    ...['', ',chunked', 'chunked,chunked', 'xchunked', 'gzip', 'identity', 'gzip, chunked'].map(
      (value) => refused(4, `coding ${value}`, ok(`Transfer-Encoding: ${value}\r\n`)),
    ),
    refused(4, 'two codings', ok(coding + coding)),
    refused(4, 'coding in 1.0', ok(coding).replace('1.1', '1.0')),
    ...['X : y', ': y', 'X', ' X: y', 'X: a\0b', 'X: a\rb', 'X: a\nb', 'X: y\r\n folded'].map(
      (line) => refused(7, `line ${JSON.stringify(line)}`, ok(`${line}\r\n`)),
    ),
    ...[
      'HTTP/1.1 20 OK',
      'HTTP/1.1 2000 OK',
      'HTTP/1.1 099 OK',
      'HTTP/1.1 +20 OK',
      'HTTP/1.1  200 OK',
      'HTTP/1.1 200\tOK',
      'HTTP/1.1 2x0 OK',
      'HTTP/1.1',
      'HTTP/2.0 200 OK',
      'HTTP/0.9 200 OK',
      'http/1.1 200 OK',
      'ICY 200 OK',
      '<html>',
      'HTTP/1.1 200 O\0K',
      'HTTP/1.1 200 O\rK',
      'HTTP/1.1 200 OK\n',
      '',
    ].map((line) => refused(12, `status line ${JSON.stringify(line)}`, `${line}\r\n\r\n`)),
    refused(9, '101 fields', ok('X: y\r\n'.repeat(101))),
    passed(9, '100 fields', ok('X: y\r\n'.repeat(99) + length)),
    passed(12, 'an empty reason', 'HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\n'),
    passed(
      12,
      'no reason',
      'HTTP/1.1 200\r\nContent-Length: 5\r\n\r\n',
      `HTTP/1.1 200 \r\n${length}\r\n`,
    ),
    passed(12, 'obs-text in the reason', 'HTTP/1.1 200 \xe9\r\nContent-Length: 5\r\n\r\n'),
    passed(12, 'status 999', 'HTTP/1.1 999 X\r\nContent-Length: 5\r\n\r\n'),
    passed(12, 'a higher minor version', ok(length).replace('1.1', '1.2'), ok(length)),
    passed(12, 'no framing', ok(''), ok('transfer-encoding: chunked\r\n')),
    passed(
      12,
      'hop-by-hop fields',
      ok(`Connection: close, X\r\nX: y\r\nKeep-Alive: 5\r\n${length}`),
      ok(length),
    ),
    passed(
      13,
      '200 with Upgrade',
      ok(`Upgrade: h2c\r\nConnection: upgrade\r\n${length}`),
      ok(length),
    ),
  ];
}

function refused(row: number, name: string, response: string, method = 'GET'): ResponseCase {
  return { row, name, method, response, expected: null };
}

function passed(row: number, name: string, response: string, expected = response): ResponseCase {
  return { row, name, method: 'GET', response, expected };
}

function ok(fields: string): string {
  return `HTTP/1.1 200 OK\r\n${fields}\r\n`;
}
