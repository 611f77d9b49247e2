/**
 * Goal: a field block is one head or none: every byte in every place, every rule of RFC 9113 8 and
 * what would be a second reading in HTTP/1 (classes 15 and 16). Method: exact blocks, each error by
 * name, and sets of bytes that are written down once more here.
 */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  block,
  type Fields,
  get,
  neverIndexed,
  post,
  request,
} from '../../../test/support/h2-block.ts';
import { Form, Framing, Head, Method } from '../head.ts';
import { decodeRequest, decodeTrailers, fieldOutputBytes } from './decode-head.ts';
import { HeadError, headErrorTraits, isAnswered } from './head-error.ts';
import { HpackDecoder } from './hpack/decode.ts';

const limits = { headBytesMax: 4_000, headFieldsMax: 20 };
const out = Buffer.alloc(fieldOutputBytes(limits));

function decode(fields: Fields | Buffer, ends = true): { result: number; head: Head } {
  const head = new Head();
  const bytes = Buffer.isBuffer(fields) ? fields : block(fields);
  const decoder = new HpackDecoder(4_096);
  const whole = { bytes, start: 0, end: bytes.length, out };
  return { result: decodeRequest(decoder, whole, limits, ends, head), head };
}

/** The name of the error, or '' where there is none. */
function errorOf(fields: Fields, ends = true): string {
  const { result } = decode(fields, ends);
  assert.ok(result >= 0, 'the block itself is sound');
  return Object.entries(HeadError).find(([, value]) => value === result)?.[0] ?? '';
}

/** A GET with other pseudo-headers; an undefined one is left out. */
function pseudo(changes: Readonly<Record<string, string | undefined>>, more: Fields = []): Fields {
  const all = { ...Object.fromEntries(get()), ...changes };
  const fields = Object.entries(all).filter(([, value]) => value !== undefined);
  return [...(fields as [string, string][]), ...more];
}

const tooMany: Fields = Array.from({ length: 21 }, () => ['x', ''] as const);
const connect = { ':method': 'CONNECT', ':scheme': undefined, ':path': undefined };
const webSocket = { ':method': 'CONNECT', ':protocol': 'websocket' };

const rows: Readonly<Record<string, readonly (readonly [fields: Fields, ends?: boolean])[]>> = {
  TOO_LARGE: [[get('/', [['x', 'v'.repeat(4_000)]])], [get(`/${'p'.repeat(4_000)}`)]],
  TOO_MANY_FIELDS: [[get('/', tooMany)]],
  FIELD_NAME: [
    [get('/', [['X-Upper', '1']])],
    [get('/', [['', '1']])],
    [get('/', [['x ', '1']])],
    [get('/', [[' x', '1']])],
    [get('/', [['x:y', '1']])],
    [get('/', [['x\r\ny: z', '1']])],
    [get('/', [['transfer-encoding\0', 'chunked']])],
    [get('/', [['TRANSFER-ENCODING', 'chunked']])],
  ],
  FIELD_VALUE: [
    [get('/', [['x', 'a\r\nhost: b']])],
    [get('/', [['x', ' a']])],
    [get('/', [['x', 'a ']])],
    [get('/', [['x', '\ta']])],
    [get('/', [['content-length', '0\r\n\r\nGET /']])],
    [pseudo({ ':path': '/a\r\nx: y' })],
    [pseudo({ ':authority': 'a\0b' })],
    [pseudo({ ':method': 'GET\r\n' })],
    [pseudo({ ':scheme': 'http\n' })],
  ],
  PSEUDO_LATE: [[[['x', '1'], ...get()]], [[...get(), ['x', '1'], [':authority', 'web']]]],
  PSEUDO_REPEATED: [
    [[...get(), [':path', '/b']]],
    [[...get(), [':method', 'GET']]],
    [[...get(), [':authority', 'web']]],
    [[...get(), [':scheme', 'http']]],
  ],
  PSEUDO_UNKNOWN: [[[...get(), [':status', '200']]]],
  PSEUDO_MISSING: [
    [pseudo({ ':method': undefined })],
    [pseudo({ ':scheme': undefined })],
    [pseudo({ ':path': undefined })],
    [[]],
    [[['x', 'y']]],
    [pseudo({ ...webSocket, ':path': undefined })],
    [pseudo({ ...webSocket, ':scheme': undefined })],
    [pseudo({ ...webSocket, ':authority': undefined })],
  ],
  METHOD: [
    [pseudo({ ':method': '' })],
    [pseudo({ ':method': 'GET /admin HTTP/1.1' })],
    [pseudo({ ':method': 'G(T' })],
  ],
  SCHEME: [[pseudo({ ':scheme': '' })], [pseudo({ ':scheme': 'ftp' })]],
  PATH: [
    [pseudo({ ':path': '' })],
    [pseudo({ ':path': 'a' })],
    [pseudo({ ':path': '*' })],
    [pseudo({ ':path': 'http://web/' })],
    [pseudo({ ':path': '/a b' })],
    [pseudo({ ':path': '/ HTTP/1.1' })],
    [pseudo({ ':path': '/a#b' })],
    [pseudo({ ':method': 'OPTIONS', ':path': '**' })],
    [pseudo({ ...webSocket, ':path': '*' })],
  ],
  AUTHORITY: [
    [pseudo({ ':authority': '' })],
    [pseudo({ ':authority': 'user@web' })],
    [pseudo({ ':authority': 'web:' })],
    [pseudo({ ':authority': 'web:70000' })],
    [pseudo({ ':authority': 'a b' })],
    [pseudo({ ':authority': 'a,b' })],
    [pseudo({ ':authority': '[::1' })],
    [pseudo({ ':authority': undefined }, [['host', 'a b']])],
  ],
  HOST_REPEATED: [
    [
      get('/', [
        ['host', 'web'],
        ['host', 'web'],
      ]),
    ],
    [
      pseudo({ ':authority': undefined }, [
        ['host', 'a'],
        ['host', 'b'],
      ]),
    ],
  ],
  HOST_DIFFERS: [[get('/', [['host', 'other']])], [get('/', [['host', 'web:80']])]],
  CONNECT_TARGET: [
    [pseudo({ ...connect, ':authority': 'web:80', ':path': '/' })],
    [pseudo({ ...connect, ':authority': 'web:80', ':scheme': 'http' })],
    [pseudo({ ...connect, ':authority': undefined })],
    [pseudo({ ...connect, ':authority': 'web' })],
    [pseudo({ ...connect, ':authority': 'web:80' }, [['content-length', '5']]), false],
    [pseudo(webSocket, [['content-length', '5']]), false],
  ],
  PROTOCOL: [
    [pseudo({ ':protocol': 'websocket' })],
    [pseudo({ ...webSocket, ':protocol': '' })],
    [pseudo({ ...webSocket, ':protocol': 'a, b' })],
  ],
  CONNECTION_FIELD: [
    [get('/', [['connection', 'close']])],
    [get('/', [['connection', 'x']])],
    [get('/', [['keep-alive', 'timeout=5']])],
    [get('/', [['proxy-connection', 'keep-alive']])],
    [get('/', [['upgrade', 'h2c']])],
    [get('/', [['http2-settings', 'AAMAAABk']])],
    [post('/', [['transfer-encoding', 'chunked']]), false],
    [post('/', [['transfer-encoding', 'identity']]), false],
  ],
  TE: [[get('/', [['te', 'gzip']])], [get('/', [['te', 'trailers, gzip']])]],
  LENGTH_INVALID: ['', '+5', '-1', '0x5', '5,5', '1_0', '1e3', '9'.repeat(16), '5 5'].map(
    (value) => [post('/', [['content-length', value]]), false] as const,
  ),
  LENGTH_REPEATED: [
    [
      post('/', [
        ['content-length', '5'],
        ['content-length', '5'],
      ]),
      false,
    ],
    [
      post('/', [
        ['content-length', '5'],
        ['content-length', '6'],
      ]),
      false,
    ],
  ],
  EXPECT: [
    [post('/', [['expect', '200-ok']]), false],
    [
      post('/', [
        ['expect', '100-continue'],
        ['expect', '100-continue'],
      ]),
      false,
    ],
  ],
};

describe('requests that are refused:', () => {
  for (const [name, cases] of Object.entries(rows)) {
    test(name, () => {
      for (const [fields, ends] of cases) assert.equal(errorOf(fields, ends), name, show(fields));
    });
  }

  test('every error has its cases', () => {
    // The status is of responses.
    const names = Object.keys(HeadError).filter((name) => name !== 'STATUS');
    assert.deepEqual(Object.keys(rows).toSorted(), names.toSorted());
  });

  test('too much, and unknown expectations, are answered; the rest is malformed', () => {
    for (const [name, error] of Object.entries(HeadError)) {
      const answered = ['TOO_LARGE', 'TOO_MANY_FIELDS', 'EXPECT'].includes(name);
      assert.equal(isAnswered(error), answered, name);
      assert.match(headErrorTraits(error).text, /\(RFC \d{4} [\d.]+(, [\d.]+)?\)$/, name);
    }
  });
});

describe('every byte in', () => {
  const token = /^[!#$%&'*+\-.^_`|~0-9a-zA-Z]$/;
  const places: Readonly<Record<string, readonly [of: (byte: string) => Fields, RegExp]>> = {
    ':method': [(byte) => pseudo({ ':method': `A${byte}B` }), token],
    ':path': [(byte) => pseudo({ ':path': `/a${byte}b` }), /^[!"$-~]$/],
    ':authority': [(byte) => pseudo({ ':authority': `a${byte}b` }), /^[-._~0-9a-zA-Z]$/],
    ':scheme': [(byte) => pseudo({ ':scheme': `http${byte}` }), /^[sS]$/],
    ':protocol': [(byte) => pseudo({ ...webSocket, ':protocol': `a${byte}b` }), token],
    'the host': [
      (byte) => pseudo({ ':authority': undefined }, [['host', `a${byte}b`]]),
      /^[-._~0-9a-zA-Z]$/,
    ],
    'a name': [(byte) => get('/', [[`a${byte}b`, '']]), /^[!#$%&'*+\-.^_`|~0-9a-z]$/],
    'front of a name': [(byte) => get('/', [[`${byte}b`, '']]), /^[!#$%&'*+\-.^_`|~0-9a-z]$/],
    'a value': [(byte) => get('/', [['x', `a${byte}b`]]), /^[\t\x20-\x7e\x80-\xff]$/],
    'front of a value': [(byte) => get('/', [['x', `${byte}b`]]), /^[\x21-\x7e\x80-\xff]$/],
    'the end of a value': [(byte) => get('/', [['x', `a${byte}`]]), /^[\x21-\x7e\x80-\xff]$/],
    'a value that is all': [(byte) => get('/', [['x', byte]]), /^[\x21-\x7e\x80-\xff]$/],
    'a length': [(byte) => post('/', [['content-length', `1${byte}2`]]), /^[0-9]$/],
    'a cookie': [(byte) => get('/', [['cookie', `a${byte}b`]]), /^[\t\x20-\x7e\x80-\xff]$/],
  };
  for (const [name, [fieldsOf, allowed]] of Object.entries(places)) {
    test(name, () => {
      for (let value = 0; value < 256; value++) {
        const byte = String.fromCharCode(value);
        const error = errorOf(fieldsOf(byte), name !== 'a length');
        assert.equal(error === '', allowed.test(byte), `byte ${value}: ${error}`);
      }
    });
  }
});

describe('requests that are taken', () => {
  test('with what HTTP/1 would have understood', () => {
    const cases: readonly (readonly [Fields, boolean, Readonly<Record<string, unknown>>])[] = [
      [get('/a?b'), true, { method: Method.GET, form: Form.ORIGIN, framing: Framing.NONE }],
      [get('/', [['host', 'WEB']]), true, { droppedCount: 1 }],
      [request('OPTIONS', '*'), true, { form: Form.ASTERISK }],
      [request('OPTIONS', '/'), true, { form: Form.ORIGIN }],
      [request('BREW', '/'), true, { method: Method.OTHER }],
      [post(), false, { framing: Framing.CHUNKED, contentLength: -1 }],
      [post(), true, { framing: Framing.NONE, contentLength: 0 }],
      [get(), false, { framing: Framing.CHUNKED, contentLength: -1 }],
      [post('/', [['content-length', '5']]), false, { framing: Framing.LENGTH, contentLength: 5 }],
      [post('/', [['content-length', '0']]), false, { framing: Framing.NONE, contentLength: 0 }],
      [post('/', [['content-length', '010']]), false, { contentLength: 10, droppedCount: 1 }],
      [post('/', [['expect', '100-Continue']]), false, { expectContinue: true }],
      [post('/', [['expect', '100-continue']]), true, { expectContinue: false }],
      [pseudo({ ':scheme': 'HTTPS' }), true, { secure: true }],
      [pseudo({ ...connect, ':authority': 'web:443' }), false, { form: Form.AUTHORITY }],
      [pseudo(webSocket), false, { method: Method.GET, upgrade: true, framing: Framing.NONE }],
      [get('/', [['te', 'Trailers']]), true, { droppedCount: 0 }],
    ];
    for (const [fields, ends, expected] of cases) {
      const { result, head } = decode(fields, ends);
      assert.equal(result, 0, show(fields));
      for (const [name, value] of Object.entries(expected)) {
        assert.equal(head[name as keyof Head], value, `${name} of ${show(fields)}`);
      }
    }
  });

  test('who they are for: the authority, or the host in its place', () => {
    const authority = (fields: Fields): string => decode(fields).head.authority();
    assert.equal(authority(get()), 'web');
    assert.equal(authority(pseudo({ ':authority': 'WEB.:80' })), 'web:80');
    assert.equal(authority(pseudo({ ':authority': undefined }, [['host', 'Other']])), 'other');
    assert.equal(authority(pseudo({ ':authority': undefined })), '');
    assert.equal(authority(pseudo({ ':authority': '[::1]:8080' })), '[::1]:8080');
  });

  test('crumbs of cookies become one field at the end, in their order', () => {
    const { result, head } = decode(
      get('/', [
        ['cookie', 'a=1'],
        ['x', 'y'],
        ['cookie', 'b=2'],
        ['cookie', ''],
        ['cookie', 'c=3'],
      ]),
    );
    assert.equal(result, 0);
    assert.deepEqual(kept(head), ['x: y', 'cookie: a=1; b=2; ; c=3']);
    const single = decode(
      get('/', [
        ['cookie', 'a=1; b=2'],
        ['x', 'y'],
      ]),
    ).head;
    assert.deepEqual(kept(single), ['cookie: a=1; b=2', 'x: y']);
  });

  test('fields that are never to be indexed stay so', () => {
    const plain = decode(block(get('/', [['x', 'y']]))).head;
    assert.equal(plain.hasSensitive, false);
    const secret = neverIndexed('authorization', 'Basic x');
    const { head } = decode(Buffer.concat([block(get('/', [['x', 'y']])), secret]));
    assert.equal(head.hasSensitive, true);
    assert.deepEqual([...head.sensitive.subarray(0, 2)], [0, 1]);
  });
});

describe('trailers', () => {
  const decodeFields = (fields: Fields): { result: number; head: Head } => {
    const head = new Head();
    const bytes = block(fields);
    const whole = { bytes, start: 0, end: bytes.length, out };
    return { result: decodeTrailers(new HpackDecoder(4_096), whole, limits, head), head };
  };

  test('have no pseudo-header and nothing that speaks of the connection', () => {
    const errors: readonly (readonly [Fields, number])[] = [
      [[[':status', '200']], HeadError.PSEUDO_UNKNOWN],
      [[[':path', '/']], HeadError.PSEUDO_UNKNOWN],
      [
        [
          ['x', '1'],
          [':method', 'GET'],
        ],
        HeadError.PSEUDO_LATE,
      ],
      [[['connection', 'close']], HeadError.CONNECTION_FIELD],
      [[['transfer-encoding', 'chunked']], HeadError.CONNECTION_FIELD],
      [[['X', '1']], HeadError.FIELD_NAME],
      [[['x', 'a\nb']], HeadError.FIELD_VALUE],
      [[['x', 'v'.repeat(4_000)]], HeadError.TOO_LARGE],
      [tooMany, HeadError.TOO_MANY_FIELDS],
    ];
    for (const [fields, error] of errors) assert.equal(decodeFields(fields).result, error);
  });

  test('lose what may not stand there (RFC 9110 6.5.1)', () => {
    const { result, head } = decodeFields([
      ['x-sum', '1'],
      ['content-length', '5'],
      ['host', 'other'],
      ['authorization', 'x'],
      ['set-cookie', 'a=b'],
      ['l5d-client-id', 'me'],
      ['grpc-status', '0'],
    ]);
    assert.equal(result, 0);
    assert.deepEqual(kept(head), ['x-sum: 1', 'grpc-status: 0']);
  });
});

/** Lines of the fields that go on. */
function kept(head: Head): string[] {
  const lines: string[] = [];
  for (let index = 0; index < head.count; index++) {
    if (head.dropped[index] === 1) continue;
    const at = index * 4;
    const name = head.bytes.toString('latin1', head.fields[at], head.fields[at + 1]);
    lines.push(`${name}: ${head.valueOf(index)}`);
  }
  return lines;
}

function show(fields: Fields): string {
  return JSON.stringify(fields).slice(0, 200);
}
