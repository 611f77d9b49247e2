/**
 * Goal: what is forwarded is byte-identical but for the first line, framing and hop-by-hop fields.
 * Method: exact bytes in, through decoder and `markHopByHop`, exact bytes out.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Framing, Head, Method } from '../head.ts';
import { markHopByHop } from '../hop-by-hop.ts';
import { decodeRequestHead, decodeResponseHead } from './decode-head.ts';
import { encodeChunkHeader, encodeRequestHead, encodeResponseHead } from './encode.ts';

const limits = { headBytesMax: 64 * 1024, headFieldsMax: 100 };

const requests: readonly (readonly [string, string, string])[] = [
  [
    'nothing to change',
    'GET /a HTTP/1.1\r\nHOST: a\r\nx-A:  b \t\r\nX-Empty:\r\n\r\n',
    'GET /a HTTP/1.1\r\nHOST: a\r\nx-A:  b \t\r\nX-Empty:\r\n\r\n',
  ],
  [
    'absolute form',
    'GET http://Web:80/a?b HTTP/1.1\r\nHost: other\r\nX: y\r\n\r\n',
    'GET /a?b HTTP/1.1\r\nhost: Web:80\r\nX: y\r\n\r\n',
  ],
  [
    'absolute form, same host in another case stays',
    'GET http://web HTTP/1.1\r\nX: y\r\nHost: WEB\r\n\r\n',
    'GET / HTTP/1.1\r\nX: y\r\nHost: WEB\r\n\r\n',
  ],
  [
    'absolute form without path',
    'GET http://web?q HTTP/1.1\r\nHost: web\r\n\r\n',
    'GET /?q HTTP/1.1\r\nHost: web\r\n\r\n',
  ],
  [
    'OPTIONS of an absolute form without path',
    'OPTIONS http://web HTTP/1.1\r\nHost: web\r\n\r\n',
    'OPTIONS * HTTP/1.1\r\nHost: web\r\n\r\n',
  ],
  [
    'HTTP/1.0 becomes 1.1, its expectation is dropped',
    'POST / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n',
  ],
  [
    'a higher minor version',
    'GET / HTTP/1.9\r\nHost: a\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  ],
  [
    'named and listed hop-by-hop fields',
    'GET / HTTP/1.1\r\nConnection: close, X-Hop\r\nHost: a\r\nx-hop: 1\r\nKeep-Alive: 5\r\n' +
      'Proxy-Connection: close\r\nTE: gzip\r\nX: y\r\nUpgrade: websocket\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n',
  ],
  [
    'protected names in Connection',
    'GET / HTTP/1.1\r\nHost: a\r\nconnection: X-Forwarded-For, L5D-Client-Id, te\r\n' +
      'connection: authorization\r\n' +
      'X-Forwarded-For: 1\r\nl5d-client-id: 2\r\nAuthorization: 3\r\nTE: trailers\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1\r\nl5d-client-id: 2\r\nAuthorization: 3\r\n' +
      'TE: trailers\r\n\r\n',
  ],
  [
    'an upgrade',
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nconnection: upgrade\r\n\r\n',
  ],
  [
    'h2c is stripped',
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: H2C\r\n' +
      'HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  ],
  [
    'l5d fields spelt with underscores',
    'GET / HTTP/1.1\r\nHost: a\r\nl5d_client_id: 1\r\nL5D-client_id: 2\r\nl5d-client-id: 3\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\nl5d-client-id: 3\r\n\r\n',
  ],
  [
    'a length with leading zeros',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 010\r\nX: y\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: a\r\nX: y\r\ncontent-length: 10\r\n\r\n',
  ],
  [
    'a coding that is not written as ours',
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \tChunked \r\n\r\n',
    'POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: chunked\r\n\r\n',
  ],
  [
    'CONNECT',
    'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n',
    'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n',
  ],
  ['asterisk', 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n', 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n'],
];

test('requests are forwarded byte for byte but for what is ours', async (t) => {
  for (const [name, input, expected] of requests) {
    await t.test(name, () => {
      const head = new Head();
      const bytes = Buffer.from(input, 'latin1');
      assert.equal(decodeRequestHead(bytes, 0, bytes.length, limits, head), bytes.length);
      markHopByHop(head, true);
      const out = Buffer.alloc(1024);
      const end = encodeRequestHead(head, out, 3, 'l5d-x: 1\r\n');
      const withExtra = `${expected.slice(0, -2)}l5d-x: 1\r\n\r\n`;
      assert.equal(out.toString('latin1', 3, end), withExtra);
    });
  }
});

interface ResponseCase {
  readonly name: string;
  readonly input: string;
  readonly method?: number;
  readonly minor?: number;
  readonly close?: boolean;
  readonly framing?: number;
  readonly expected: string;
}

const responses: readonly ResponseCase[] = [
  {
    name: 'nothing to change',
    input: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n',
    expected: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n',
  },
  {
    name: 'no reason and no space before it',
    input: 'HTTP/1.0 204\r\nX: y\r\n\r\n',
    expected: 'HTTP/1.1 204 \r\nX: y\r\n\r\n',
  },
  {
    name: 'until close becomes chunks',
    input: 'HTTP/1.1 200 OK\r\nConnection: close\r\nX: y\r\n\r\n',
    framing: Framing.CHUNKED,
    expected: 'HTTP/1.1 200 OK\r\nX: y\r\ntransfer-encoding: chunked\r\n\r\n',
  },
  {
    name: 'chunks become until close for 1.0',
    input: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n',
    framing: Framing.CLOSE,
    minor: 0,
    close: true,
    expected: 'HTTP/1.1 200 OK\r\nX: y\r\nconnection: close\r\n\r\n',
  },
  {
    name: 'a 1.0 client is told that the connection stays',
    input: 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    minor: 0,
    expected: 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nconnection: keep-alive\r\n\r\n',
  },
  {
    name: 'the length of a response to HEAD stays',
    input: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n',
    method: Method.HEAD,
    expected: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n',
  },
  {
    name: 'the coding of a response to HEAD goes',
    input: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    method: Method.HEAD,
    expected: 'HTTP/1.1 200 OK\r\n\r\n',
  },
  {
    name: '204 has no length',
    input: 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n',
    expected: 'HTTP/1.1 204 No Content\r\n\r\n',
  },
  {
    name: 'an informational response says nothing of the connection',
    input: 'HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n',
    minor: 0,
    close: true,
    expected: 'HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n',
  },
  {
    name: 'an upgrade that was granted',
    input: 'HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
    expected: 'HTTP/1.1 101 X\r\nUpgrade: websocket\r\nconnection: upgrade\r\n\r\n',
  },
  {
    name: 'Upgrade in 200 is no upgrade',
    input:
      'HTTP/1.1 200 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n',
    expected: 'HTTP/1.1 200 X\r\nContent-Length: 0\r\n\r\n',
  },
  {
    name: 'a successful CONNECT has no framing',
    input: 'HTTP/1.1 200 X\r\nContent-Length: 3\r\n\r\n',
    method: Method.CONNECT,
    expected: 'HTTP/1.1 200 X\r\n\r\n',
  },
];

test('responses are framed for their client', async (t) => {
  for (const { name, input, method, minor, close, framing, expected } of responses) {
    await t.test(name, () => {
      const head = new Head();
      const bytes = Buffer.from(input, 'latin1');
      const end = decodeResponseHead(bytes, 0, bytes.length, limits, method ?? Method.GET, head);
      assert.equal(end, bytes.length);
      markHopByHop(head, false);
      const out = Buffer.alloc(1024);
      const outEnd = encodeResponseHead(
        head,
        out,
        0,
        minor ?? 1,
        close ?? false,
        framing ?? head.framing,
        '',
      );
      assert.equal(out.toString('latin1', 0, outEnd), expected);
    });
  }
});

test('a head that does not fit is not written', () => {
  const head = new Head();
  const bytes = Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  decodeRequestHead(bytes, 0, bytes.length, limits, head);
  assert.equal(encodeRequestHead(head, Buffer.alloc(bytes.length), 0, ''), -1);
});

test('chunk sizes are hexadecimal', () => {
  const out = Buffer.alloc(32);
  for (const length of [1, 9, 10, 15, 16, 255, 65_536, 2 ** 40 + 1]) {
    const end = encodeChunkHeader(length, out, 1);
    assert.equal(out.toString('latin1', 1, end), `${length.toString(16)}\r\n`);
  }
});
