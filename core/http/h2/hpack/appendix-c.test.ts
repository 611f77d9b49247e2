/**
 * Goal: the examples of RFC 7541 appendix C are read byte for byte, with the tables that it prints,
 * and written where our encoder makes the same choice. Method: each series through one decoder;
 * the table is read by its indices.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Violation } from '../violation.ts';
import { Decoded, HpackDecoder } from './decode.ts';
import { HpackEncoder } from './encode.ts';

interface Block {
  readonly hex: string;
  readonly fields: readonly string[];
  /** Newest first. */
  readonly table: readonly string[];
}

test('C.1, integers: as sizes of the table', () => {
  for (const [size, hex] of [
    [10, '2a'],
    [1337, '3f9a0a'],
  ] as const) {
    assert.equal(
      encodeHex((encoder, out) => {
        encoder.setPeerMax(size);
        return encoder.begin(out, 0);
      }),
      hex,
    );
    const decoder = new HpackDecoder(size);
    decoder.setTableMax(size);
    assert.deepEqual(decodeBlock(decoder, hex), []);
    decoder.setTableMax(size - 1);
    assert.deepEqual(decodeBlock(decoder, hex), [Violation.HPACK_UPDATE_TOO_LARGE]);
  }
});

test('C.2, representations', () => {
  const header = 'custom-key: custom-header';
  decodeSeries([
    {
      hex: '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572',
      fields: [header],
      table: [header],
    },
  ]);
  decodeSeries([
    { hex: '040c 2f73 616d 706c 652f 7061 7468', fields: [':path: /sample/path'], table: [] },
    { hex: '1008 7061 7373 776f 7264 0673 6563 7265 74', fields: ['password: secret'], table: [] },
    { hex: '82', fields: [':method: GET'], table: [] },
  ]);
});

test('C.2, written', () => {
  const second = (encoder: HpackEncoder, out: Buffer) => {
    const line = Buffer.from('custom-key: custom-header');
    encoder.field(line, 0, 10, 12, 25, 0, false, out, 0);
    return encoder.field(line, 0, 10, 12, 25, 0, false, out, 0);
  };
  assert.equal(encodeHex(second), '400a637573746f6d2d6b65790d637573746f6d2d686561646572');
  const path = Buffer.from('/sample/path');
  assert.equal(
    encodeHex((encoder, out) => encoder.path(path, 0, 12, out, 0)),
    '040c2f73616d706c652f70617468',
  );
  const secret = Buffer.from('password: secret');
  assert.equal(
    encodeHex((encoder, out) => encoder.field(secret, 0, 8, 10, 16, 0, true, out, 0)),
    '100870617373776f726406736563726574',
  );
  const method = Buffer.from('GET');
  assert.equal(
    encodeHex((encoder, out) => encoder.method(method, 0, 3, out, 0)),
    '82',
  );
});

const first = [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'];
const second = [...first, 'cache-control: no-cache'];
const third = [
  ':method: GET',
  ':scheme: https',
  ':path: /index.html',
  first[3],
  'custom-key: custom-value',
];
const requestTables = [[first[3]], [second[4], first[3]], [third[4], second[4], first[3]]];

test('C.3, requests without Huffman coding', () => {
  decodeSeries([
    {
      hex: '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      fields: first,
      table: requestTables[0],
    },
    { hex: '8286 84be 5808 6e6f 2d63 6163 6865', fields: second, table: requestTables[1] },
    {
      hex: '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
      fields: third,
      table: requestTables[2],
    },
  ]);
});

test('C.4, requests with Huffman coding', () => {
  decodeSeries([
    { hex: '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff', fields: first, table: requestTables[0] },
    { hex: '8286 84be 5886 a8eb 1064 9cbf', fields: second, table: requestTables[1] },
    {
      hex: '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
      fields: third,
      table: requestTables[2],
    },
  ]);
});

const location = 'location: https://www.example.com';
const privately = 'cache-control: private';
const date = 'date: Mon, 21 Oct 2013 20:13:21 GMT';
const later = 'date: Mon, 21 Oct 2013 20:13:22 GMT';
const gzip = 'content-encoding: gzip';
const cookie = 'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1';
const responses = [
  [':status: 302', privately, date, location],
  [':status: 307', privately, date, location],
  [':status: 200', privately, later, location, gzip, cookie],
];
const responseTables = [
  [location, date, privately, ':status: 302'],
  [':status: 307', location, date, privately],
  [cookie, gzip, later],
];
/** The series of C.5 and C.6 have a table of 256 bytes. */
const smallTable: Block = { hex: '3f e1 01', fields: [], table: [] };

test('C.5, responses without Huffman coding', () => {
  decodeSeries([
    smallTable,
    {
      hex:
        '4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133' +
        '2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70' +
        '6c65 2e63 6f6d',
      fields: responses[0],
      table: responseTables[0],
    },
    { hex: '4803 3330 37c1 c0bf', fields: responses[1], table: responseTables[1] },
    {
      hex:
        '88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d' +
        '54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049' +
        '5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e' +
        '3d31',
      fields: responses[2],
      table: responseTables[2],
    },
  ]);
});

test('C.6, responses with Huffman coding', () => {
  decodeSeries([
    smallTable,
    {
      hex:
        '4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6' +
        '2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3',
      fields: responses[0],
      table: responseTables[0],
    },
    { hex: '4883 640e ffc1 c0bf', fields: responses[1], table: responseTables[1] },
    {
      hex:
        '88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab' +
        '77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f' +
        '9587 3160 65c0 03ed 4ee5 b106 3d50 07',
      fields: responses[2],
      table: responseTables[2],
    },
  ]);
});

function decodeSeries(blocks: readonly Block[]): void {
  const decoder = new HpackDecoder(4096);
  for (const { hex, fields, table } of blocks) {
    assert.deepEqual(decodeBlock(decoder, hex), [...fields]);
    for (const [age, entry] of table.entries()) {
      assert.deepEqual(decodeBlock(decoder, (0x80 + 62 + age).toString(16)), [entry]);
    }
    const beyond = (0x80 + 62 + table.length).toString(16);
    assert.deepEqual(decodeBlock(decoder, beyond), [Violation.HPACK_INDEX]);
  }
}

/** The lines of a block, and the violation that ended it, if any. */
function decodeBlock(decoder: HpackDecoder, hex: string): (string | number)[] {
  const out = Buffer.alloc(8192);
  const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  decoder.begin(bytes, 0, bytes.length, out, 0, 8000);
  const found: (string | number)[] = [];
  let result = decoder.next();
  for (; result === Decoded.FIELD; result = decoder.next()) {
    found.push(out.toString('latin1', decoder.nameStart, decoder.valueEnd));
  }
  if (result !== Decoded.END) found.push(result);
  return found;
}

function encodeHex(encode: (encoder: HpackEncoder, out: Buffer) => number): string {
  const out = Buffer.alloc(100);
  return out.toString('hex', 0, encode(new HpackEncoder(4096), out));
}
