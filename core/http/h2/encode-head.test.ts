/**
 * Goal: a head means the same in either version, through any number of changes between them.
 * Method: exact blocks; then random valid heads of HTTP/1.1 and of HTTP/2, encoded in both
 * versions and decoded again, each time compared with what went in.
 */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { block, type Fields, request, showFields } from '../../../test/support/h2-block.ts';
import { ReferenceDecoder } from '../../../test/support/reference-hpack.ts';
import { decodeRequestHead, decodeResponseHead } from '../h1/decode-head.ts';
import { encodeRequestHead, encodeResponseHead } from '../h1/encode.ts';
import { Framing, Head, Method } from '../head.ts';
import { markHopByHop } from '../hop-by-hop.ts';
import { decodeRequest, decodeResponse, fieldOutputBytes } from './decode-head.ts';
import { blockBytesMax, encodeRequest, encodeResponse } from './encode-head.ts';
import { HpackDecoder } from './hpack/decode.ts';
import { HpackEncoder } from './hpack/encode.ts';

const limits = { headBytesMax: 16_000, headFieldsMax: 100 };

describe('exact blocks', () => {
  const encode = (text: string, authority = ''): string => {
    const head = fromHttp1(text);
    const bytes = toHttp2(head, authority);
    return showFields(new ReferenceDecoder(4_096).decode(bytes).fields);
  };

  test('a request: pseudo-headers first, names in lower case, nothing of the connection', () => {
    assert.equal(
      encode(
        'POST /a?b HTTP/1.1\r\nHost: Web\r\nX-Case: Kept\r\nConnection: x-hop\r\nX-Hop: 1\r\n' +
          'TE: trailers\r\nTransfer-Encoding: chunked\r\nKeep-Alive: 5\r\nX-Empty:\r\n\r\n',
      ),
      ':method=POST :scheme=http :path=/a?b :authority=Web x-case=Kept te=trailers x-empty=',
    );
  });

  test('targets of every form', () => {
    const target = (line: string): string => encode(`${line} HTTP/1.1\r\nHost: web\r\n\r\n`);
    const rest = ':scheme=http :path=';
    assert.equal(target('GET http://Other:81/a'), `:method=GET ${rest}/a :authority=Other:81`);
    assert.equal(target('GET http://other'), `:method=GET ${rest}/ :authority=other`);
    assert.equal(target('GET http://other?q'), `:method=GET ${rest}/?q :authority=other`);
    assert.equal(target('OPTIONS http://other'), `:method=OPTIONS ${rest}* :authority=other`);
    assert.equal(target('OPTIONS *'), `:method=OPTIONS ${rest}* :authority=web`);
    assert.equal(target('CONNECT other:81'), ':method=CONNECT :authority=other:81');
  });

  test('who a request is for where it does not say so', () => {
    const line = encode('GET / HTTP/1.0\r\n\r\n', 'fallback:80');
    assert.equal(line, ':method=GET :scheme=http :path=/ :authority=fallback:80');
  });

  test('a length that is spelled with zeros is written anew', () => {
    const text = 'POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 010\r\n\r\n';
    assert.match(encode(text), / content-length=10$/);
  });

  test('an upgrade becomes the extended CONNECT of RFC 8441, without key and length', () => {
    assert.equal(
      encode(
        'GET /chat HTTP/1.1\r\nHost: web\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
          'Sec-WebSocket-Key: x\r\nContent-Length: 0\r\nSec-WebSocket-Version: 13\r\n\r\n',
      ),
      ':method=CONNECT :protocol=websocket :scheme=http :path=/chat :authority=web' +
        ' sec-websocket-version=13',
    );
  });
});

describe('whatever a request of HTTP/1.1 says', () => {
  test('it says in HTTP/2, and in HTTP/1.1 again', () => {
    fc.assert(
      fc.property(http1Requests, (text) => {
        const head = fromHttp1(text);
        const meant = meaningOf(head);
        const ends = head.framing === Framing.NONE;
        const second = fromHttp2(toHttp2(head, ''), ends);
        assert.deepEqual(meaningOf(second), meant);
        const third = fromHttp1(toHttp1(second));
        assert.deepEqual(meaningOf(third), meant);
      }),
      { numRuns: 500 },
    );
  });
});

describe('whatever a request of HTTP/2 says', () => {
  test('it says in HTTP/1.1, and in HTTP/2 again', () => {
    fc.assert(
      fc.property(http2Requests, fc.boolean(), (fields, ends) => {
        const head = fromHttp2(block(fields), ends && !hasLength(fields));
        const meant = meaningOf(head);
        const second = fromHttp1(toHttp1(head));
        assert.deepEqual(meaningOf(second), meant);
        const third = fromHttp2(toHttp2(second, ''), head.framing === Framing.NONE);
        assert.deepEqual(meaningOf(third), meant);
        const direct = fromHttp2(toHttp2(head, ''), head.framing === Framing.NONE);
        assert.deepEqual(meaningOf(direct), meant);
      }),
      { numRuns: 500 },
    );
  });
});

describe('whatever a response says', () => {
  test('it says in the other version', () => {
    fc.assert(
      fc.property(responses, fc.constantFrom(Method.GET, Method.HEAD), (drawn, method) => {
        const [status, fields, length] = drawn;
        const more: Fields = length < 0 ? [] : [['content-length', String(length)]];
        const all: Fields = [[':status', String(status)], ...fields, ...more];
        const head = new Head();
        const ends = method === Method.HEAD || status === 204 || status === 304;
        decodeBlock(block(all), (decoder, whole) =>
          decodeResponse(decoder, whole, limits, method, ends, head),
        );
        const meant = responseOf(head);
        const text = Buffer.alloc(64_000);
        const close = head.framing === Framing.CLOSE;
        const end = encodeResponseHead(head, text, 0, 1, close, head.framing, '');
        const second = new Head();
        assert.equal(decodeResponseHead(text, 0, end, limits, method, second), end);
        assert.deepEqual(responseOf(second), meant);
        const third = new Head();
        const bytes = Buffer.alloc(blockBytesMax(second) + 100);
        const to = encodeResponse(new HpackEncoder(4_096), second, bytes, 0);
        decodeBlock(bytes.subarray(0, to), (decoder, whole) =>
          decodeResponse(decoder, whole, limits, method, ends, third),
        );
        assert.deepEqual(responseOf(third), meant);
      }),
      { numRuns: 500 },
    );
  });
});

function fromHttp1(text: string): Head {
  const bytes = Buffer.from(text, 'latin1');
  const head = new Head();
  const end = decodeRequestHead(bytes, 0, bytes.length, limits, head);
  assert.equal(end, bytes.length, `a valid head: ${JSON.stringify(text)}`);
  markHopByHop(head, true);
  return head;
}

function toHttp1(head: Head): string {
  const bytes = Buffer.alloc(64_000);
  return bytes.toString('latin1', 0, encodeRequestHead(head, bytes, 0, ''));
}

function fromHttp2(bytes: Buffer, ends: boolean): Head {
  const head = new Head();
  decodeBlock(bytes, (decoder, whole) => decodeRequest(decoder, whole, limits, ends, head));
  return head;
}

function toHttp2(head: Head, authority: string): Buffer {
  const out = Buffer.alloc(blockBytesMax(head) + authority.length);
  const end = encodeRequest(new HpackEncoder(4_096), head, authority, out, 0);
  assert.ok(end > 0, 'a block has at most blockBytesMax');
  return Buffer.from(out.subarray(0, end));
}

function decodeBlock(
  bytes: Buffer,
  decode: (decoder: HpackDecoder, whole: Parameters<typeof decodeRequest>[1]) => number,
): void {
  const out = Buffer.alloc(fieldOutputBytes(limits));
  const whole = { bytes, start: 0, end: bytes.length, out };
  assert.equal(decode(new HpackDecoder(4_096), whole), 0, bytes.toString('hex'));
}

/** What may not change on the way: fields in their order, cookies as one. */
function meaningOf(head: Head): unknown {
  const { bytes, framing, contentLength } = head;
  const path = head.pathStart < 0 ? '' : bytes.toString('latin1', head.pathStart, head.targetEnd);
  return {
    method: bytes.toString('latin1', head.methodStart, head.methodEnd),
    authority: head.authority(),
    path: path.startsWith('?') ? `/${path}` : path || (isOptions(head) ? '*' : '/'),
    framing,
    contentLength: framing === Framing.LENGTH ? contentLength : 0,
    ...fieldsOf(head),
  };
}

function isOptions(head: Head): boolean {
  return head.method === Method.OPTIONS;
}

function responseOf(head: Head): unknown {
  const { status, framing, contentLength } = head;
  return {
    status,
    framing,
    contentLength: framing === Framing.LENGTH ? contentLength : 0,
    ...fieldsOf(head),
  };
}

function fieldsOf(head: Head): { fields: string[]; cookie: string } {
  const fields: string[] = [];
  const cookies: string[] = [];
  for (let index = 0; index < head.count; index++) {
    if (head.dropped[index] === 1) continue;
    const at = index * 4;
    const name = head.bytes.toString('latin1', head.fields[at], head.fields[at + 1]).toLowerCase();
    if (name === 'cookie') cookies.push(head.valueOf(index));
    else if (!framingNames.has(name)) fields.push(`${name}: ${head.valueOf(index)}`);
  }
  return { fields, cookie: cookies.join('; ') };
}

function hasLength(fields: Fields): boolean {
  return fields.some(([name]) => name === 'content-length');
}

const framingNames = new Set(['host', 'content-length', 'transfer-encoding', 'connection']);

const token = (letters: string) =>
  fc
    .array(fc.constantFrom(...`${letters}0123456789-_.!~`.split('')), {
      minLength: 1,
      maxLength: 12,
    })
    .map((parts) => `x${parts.join('')}`);
const value = fc
  .array(fc.oneof(fc.integer({ min: 0x21, max: 0x7e }), fc.integer({ min: 0x80, max: 0xff })), {
    maxLength: 30,
  })
  .map((bytes) => Buffer.from(bytes).toString('latin1'));
const path = fc
  .array(fc.constantFrom(...'abc/?&=%20.;,+~'.split('')), { maxLength: 20 })
  .map((parts) => `/${parts.join('')}`);
const host = fc.constantFrom('web', 'Web.Example:8080', '10.0.0.1:80', '[::1]:81', 'a-b.c.');
const methods = fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'BREW', 'TRACE');

/** Fields that pass, those that end at this hop, and cookies. */
const http1Field = fc.oneof(
  fc.tuple(token('abcXYZ'), value),
  fc.constantFrom<[string, string]>(
    ['Cookie', 'a=1; b=2'],
    ['TE', 'trailers'],
    ['TE', 'gzip'],
    ['Keep-Alive', 'timeout=5'],
    ['Proxy-Connection', 'close'],
    ['Upgrade', 'h2c'],
    ['HTTP2-Settings', 'AAMAAABk'],
    ['Connection', 'close, x-hop'],
    ['X-Hop', '1'],
    ['Expect', '100-continue'],
    ['Set-Cookie', 'c=3'],
  ),
);
const framings = fc.oneof(
  fc.constant(''),
  fc.constant('Transfer-Encoding: chunked\r\n'),
  fc.integer({ min: 0, max: 10 ** 15 - 1 }).map((length) => `Content-Length: ${length}\r\n`),
);
const http1Requests = fc
  .record({
    method: methods,
    host,
    path,
    absolute: fc.boolean(),
    fields: fc.uniqueArray(http1Field, { maxLength: 12, selector: ([name]) => name }),
    framing: framings,
  })
  .map(({ method, host: name, path: target, absolute, fields, framing }) => {
    const uri = absolute ? `http://${name}${target}` : target;
    const lines = fields.map(([field, text]) => `${field}: ${text}\r\n`).join('');
    return `${method} ${uri} HTTP/1.1\r\nHost: ${name}\r\n${lines}${framing}\r\n`;
  });

const http2Field = fc.oneof(
  fc.tuple(token('abc'), value),
  fc.constantFrom<[string, string]>(['cookie', 'a=1'], ['cookie', 'b=2'], ['te', 'trailers']),
);
const http2Requests = fc
  .record({
    method: methods,
    host,
    path,
    fields: fc.array(http2Field, { maxLength: 12 }),
    length: fc.integer({ min: -1, max: 10 ** 15 - 1 }),
  })
  .map(({ method, host: name, path: target, fields, length }): Fields => {
    const te = fields.findIndex(([field]) => field === 'te');
    const kept = fields.filter(([field], index) => field !== 'te' || index === te);
    if (length >= 0) kept.push(['content-length', String(length)]);
    return request(method, target)
      .map(([field, text]) => [field, field === ':authority' ? name : text] as const)
      .concat(kept);
  });
const responses = fc.tuple(
  fc.constantFrom(200, 204, 304, 404, 599, 103),
  fc.array(fc.tuple(token('abc'), value), { maxLength: 12 }),
  fc.integer({ min: -1, max: 10 ** 15 - 1 }),
);
