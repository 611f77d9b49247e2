/**
 * Requests that a strict proxy refuses, or forwards in exactly one form: one list for the codec's
 * tests and for those through the whole proxy. Rows are attack classes.
 * The rules here are written out on their own and share nothing with the codec's tables.
 */

import { byteCases } from './byte-cases.ts';
import { framingCases } from './framing-cases.ts';
import {
  badBody,
  chunkedHead,
  forwarded,
  post,
  refused,
  type SmugglingCase,
} from './smuggling-case.ts';
import { targetCases } from './target-cases.ts';

export function smugglingCases(): SmugglingCase[] {
  return [
    ...framingCases(),
    ...chunkCases(),
    ...lineCases(),
    ...limitCases(),
    ...trailerCases(),
    ...upgradeCases(),
    ...targetCases(),
    ...byteCases(),
  ];
}

/** Rows 5 and 6: chunk sizes, line ends, extensions. */
function chunkCases(): SmugglingCase[] {
  const sizes = [
    '',
    '+5',
    '-5',
    '0x5',
    '5_0',
    ' 5',
    '\t5',
    '5 ',
    '5\t',
    '5 ;a',
    '5g',
    '5,5',
    '5.0',
  ];
  const more = [
    '"5"',
    ';a',
    'h5',
    '0x',
    '00000000000000005',
    '20000000000000',
    'f'.repeat(16),
    '\xef\xbc\x95',
  ];
  const cases = [...sizes, ...more].map((size) =>
    badBody(5, `size ${JSON.stringify(size)}`, `${size}\r\nhello\r\n0\r\n\r\n`),
  );
  for (const end of ['\n', '\r', '\r\r', '\n\r', '\r\r\n', ' \r\n', '\0\r\n']) {
    const shown = JSON.stringify(end);
    cases.push(badBody(5, `size line ends in ${shown}`, `5${end}hello\r\n0\r\n\r\n`));
    if (end.startsWith(' ') || end.startsWith('\0')) continue;
    const data = { status: 400, close: true as const, originHead: `${chunkedHead}5\r\nhello\r\n` };
    const request = `${chunkedHead}5\r\nhello${end}0\r\n\r\n`;
    cases.push({ row: 5, name: `data ends in ${shown}`, request, expected: data });
    cases.push(badBody(5, `last line ends in ${shown}`, `0${end}\r\n`));
  }
  for (const extension of ['a', 'a=b', 'a="b c"', 'a;b=c;d', ' a = b', 'a="\\""', 'a="\xe4"', '']) {
    const body = `5;${extension}\r\nhello\r\n0;${extension}\r\n\r\n`;
    const origin = `${chunkedHead}5\r\nhello\r\n0\r\n\r\n`;
    cases.push(forwarded(6, `extension ${extension}`, chunkedHead + body, origin));
  }
  for (const extension of ['a="b', 'a\n', 'a\nb', 'a\0', 'a="\n"', 'a="\\\n"', 'a\r', 'a\x7f']) {
    cases.push(badBody(6, `extension ${JSON.stringify(extension)}`, `5;${extension}\r\nhello\r\n`));
  }
  cases.push(badBody(6, 'an endless extension', `5;${'a'.repeat(70_000)}`));
  return cases;
}

/** Rows 7 and 8: lines, names and colons. */
function lineCases(): SmugglingCase[] {
  const head = (line: string) => `GET / HTTP/1.1\r\nHost: a\r\n${line}\r\n\r\n`;
  const bad = [
    'X : y',
    'X\t: y',
    ': y',
    ' : y',
    'X',
    'X y',
    ' X: y',
    '\tX: y',
    '"X": y',
    'X\xa0: y',
  ];
  const cases = bad.map((line) => refused(8, `line ${JSON.stringify(line)}`, head(line)));
  return [
    ...cases,
    refused(8, 'white space before the method', ' GET / HTTP/1.1\r\nHost: a\r\n\r\n'),
    refused(8, 'a folded first field', 'GET / HTTP/1.1\r\n Host: a\r\n\r\n'),
    refused(8, 'two spaces behind the method', 'GET  / HTTP/1.1\r\nHost: a\r\n\r\n'),
    refused(8, 'two spaces behind the target', 'GET /  HTTP/1.1\r\nHost: a\r\n\r\n'),
    refused(8, 'a space behind the version', 'GET / HTTP/1.1 \r\nHost: a\r\n\r\n'),
    refused(8, 'a tab behind the method', 'GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n'),
    refused(7, 'an empty line of LF', 'GET / HTTP/1.1\r\nHost: a\r\n\n'),
    refused(7, 'an empty line of CR', 'GET / HTTP/1.1\r\nHost: a\r\n\rX'),
    refused(7, 'lines of LF', 'GET / HTTP/1.1\nHost: a\n\n'),
    refused(7, 'folded', head('X: a\r\n b')),
    refused(7, 'three empty lines first', '\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n'),
    refused(7, 'an empty line of LF first', '\nGET / HTTP/1.1\r\nHost: a\r\n\r\n'),
    forwarded(7, 'two empty lines first', `\r\n\r\n${head('X: y')}`, head('X: y')),
    forwarded(8, 'an empty value', head('X:')),
    forwarded(8, 'a name of marks', head("!#$%&'*+-.^_`|~: y")),
    forwarded(8, 'names of a prototype', head('__proto__: y\r\nconstructor: z')),
  ];
}

/** Row 9: what comes last is never lost to a limit. */
function limitCases(): SmugglingCase[] {
  const many = (count: number) => 'X: y\r\n'.repeat(count);
  const head = (fields: string) => `GET / HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;
  const last = 'Transfer-Encoding: chunked\r\nl5d-client-id: a\r\n';
  const line = `GET /${'a'.repeat(70_000)} HTTP/1.1\r\nHost: a\r\n\r\n`;
  return [
    forwarded(9, '100 fields', head(many(99))),
    refused(9, '101 fields', head(many(100)), 431),
    refused(9, '2001 fields, the last two matter', head(many(1998) + last), 431),
    refused(9, 'a head over 64 KiB', head(`X: ${'y'.repeat(65_600)}\r\n`), 431),
    refused(9, 'a request line over 64 KiB', line, 414),
    forwarded(9, 'a head just below 64 KiB', head(`X: ${'y'.repeat(65_000)}\r\n`)),
  ];
}

/** Row 10: trailers. */
function trailerCases(): SmugglingCase[] {
  const trailer = (lines: string) => `${chunkedHead}1\r\nx\r\n0\r\n${lines}\r\n`;
  const none = trailer('');
  const names = ['content-length', 'Host', 'Authorization', 'L5D-Client-Id', 'l5d_client_id', 'TE'];
  const more = [
    'transfer-encoding',
    'cookie',
    'set-cookie',
    'x-forwarded-for',
    'connection',
    'Trailer',
  ];
  const bad = ['GET / HTTP/1.1\r\n', 'X : y\r\n', ': y\r\n', ' X: y\r\n', 'X: y\n', 'X\r\n'];
  const expected = { status: 400, close: true as const, originHead: `${chunkedHead}1\r\nx\r\n` };
  return [
    ...[...names, ...more].map((name) =>
      forwarded(10, `trailer ${name}`, trailer(`${name}: 1\r\n`), none),
    ),
    forwarded(10, 'an allowed trailer', trailer('X-Sum: 1\r\n')),
    forwarded(
      10,
      'allowed among forbidden',
      trailer('host: b\r\nX: 1\r\ncookie: c\r\n'),
      trailer('X: 1\r\n'),
    ),
    ...bad.map((lines) => ({
      row: 10,
      name: `trailer line ${JSON.stringify(lines)}`,
      request: trailer(lines),
      expected,
    })),
    {
      row: 10,
      name: 'a trailer of 1 MiB',
      request: trailer(`X: ${'y'.repeat(1024 * 1024)}\r\n`),
      expected: { ...expected, status: 431 },
    },
  ];
}

/** Rows 11 and 13: expectations and upgrades. */
function upgradeCases(): SmugglingCase[] {
  const get = (lines: string) => `GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`;
  const socket = 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
  const h2c = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n';
  const list = h2c.replace('h2c', 'websocket, H2C');
  const expects = ['100-continued', 'foo', '', '100-continue, foo', '100-continue;a', '200-ok'];
  return [
    ...expects.map((value) => refused(11, `expect ${value}`, post([`Expect: ${value}`]), 417)),
    refused(11, 'two expectations', post(['Expect: 100-continue', 'Expect: 100-continue']), 417),
    forwarded(11, 'GET with a body', get('Content-Length: 2\r\n').concat('hi')),
    forwarded(13, 'h2c', get(h2c), get('')),
    forwarded(13, 'h2c among others', get(list), get('')),
    forwarded(13, 'Upgrade without its option', get('Upgrade: websocket\r\n'), get('')),
    forwarded(13, 'an upgrade in 1.0', get(socket).replace('1.1', '1.0'), get('')),
    forwarded(
      13,
      'an upgrade with a body',
      post(['Connection: Upgrade', 'Upgrade: x', 'Content-Length: 2'], 'hi'),
      post(['Content-Length: 2'], 'hi'),
    ),
  ];
}
