/**
 * Goal: field blocks are read strictly, within their bounds, and the table stays in step whatever
 * becomes of a block. Method: exact bytes in, fields or the code of the violation out.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeHuffmanText } from '../../../../test/support/reference-hpack.ts';
import { Known } from '../../known-fields.ts';
import { Violation } from '../violation.ts';
import { Decoded, HpackDecoder } from './decode.ts';
import { Pseudo, Valid } from './field-traits.ts';

test('what is malformed has a name', () => {
  const cases: readonly (readonly [hex: string, violation: number])[] = [
    ['80', Violation.HPACK_INDEX],
    ['be', Violation.HPACK_INDEX],
    ['ff8001', Violation.HPACK_INDEX],
    ['7e 01 61', Violation.HPACK_INDEX],
    ['0f 2f 01 61', Violation.HPACK_INDEX],
    ['ff', Violation.HPACK_TRUNCATED],
    ['ff 80', Violation.HPACK_TRUNCATED],
    ['40', Violation.HPACK_TRUNCATED],
    ['40 01', Violation.HPACK_TRUNCATED],
    ['40 01 61', Violation.HPACK_TRUNCATED],
    ['40 01 61 01', Violation.HPACK_TRUNCATED],
    ['44', Violation.HPACK_TRUNCATED],
    ['04 ff ffffff7f', Violation.HPACK_TRUNCATED],
    ['3f', Violation.HPACK_TRUNCATED],
    ['ff 80808080 00', Violation.HPACK_INTEGER],
    ['ff ffffffff 0f', Violation.HPACK_INTEGER],
    ['04 7f ffffffff ff', Violation.HPACK_INTEGER],
    ['3f ffffffff ff', Violation.HPACK_INTEGER],
    // All of it is EOS; EOS behind a character; EOS in full behind 2 bits.
    ['04 84 ffffffff', Violation.HPACK_HUFFMAN_EOS],
    ['04 85 07ffffffff', Violation.HPACK_HUFFMAN_EOS],
    ['04 84 fffffffc', Violation.HPACK_HUFFMAN_EOS],
    // Eight ones; padding with a zero; the beginning of a character.
    ['04 81 ff', Violation.HPACK_HUFFMAN_PADDING],
    ['04 82 07ff', Violation.HPACK_HUFFMAN_PADDING],
    ['04 81 00', Violation.HPACK_HUFFMAN_PADDING],
    ['04 81 06', Violation.HPACK_HUFFMAN_PADDING],
    ['04 83 fffffe', Violation.HPACK_HUFFMAN_PADDING],
    ['82 20', Violation.HPACK_UPDATE_LATE],
    ['20 82 3f e1 1f', Violation.HPACK_UPDATE_LATE],
    ['3f e2 1f', Violation.HPACK_UPDATE_TOO_LARGE],
    ['3f ffffff7f', Violation.HPACK_UPDATE_TOO_LARGE],
    ['20 20 20', Violation.HPACK_UPDATE_REPEATED],
  ];
  for (const [hex, violation] of cases) {
    assert.equal(read(new HpackDecoder(4096), hex).result, violation, hex);
    const skipping = new HpackDecoder(4096);
    begin(skipping, hex);
    assert.equal(skipping.skip(), violation, `${hex}, skipped`);
  }
});

test('what is odd but allowed is read', () => {
  const cases: readonly (readonly [hex: string, line: string])[] = [
    ['04 00', ':path: '],
    ['04 80', ':path: '],
    ['04 81 07', ':path: 0'],
    ['00 00 00', ': '],
    ['0f 80808000 00', 'accept-charset: '],
    ['04 7f 82808000 '.concat('61'.repeat(129)), `:path: ${'a'.repeat(129)}`],
  ];
  for (const [hex, line] of cases) {
    assert.deepEqual(read(new HpackDecoder(4096), hex).lines, [line], hex);
  }
});

test('a size update may come twice, and within what we announced', () => {
  const decoder = new HpackDecoder(100);
  assert.equal(read(decoder, '20 3f e1 1f 82').result, Decoded.END);
  decoder.setTableMax(100);
  assert.equal(read(decoder, '3f e1 1f').result, Violation.HPACK_UPDATE_TOO_LARGE);
  const larger = new HpackDecoder(8192);
  assert.equal(read(larger, '3f e1 3f').result, Decoded.END);
  assert.equal(read(larger, '3f e2 3f').result, Violation.HPACK_UPDATE_TOO_LARGE);
});

test('once we lowered the table, the next block begins with a size update', () => {
  for (const block of ['82', '']) {
    const decoder = new HpackDecoder(4096);
    decoder.setTableMax(100);
    assert.equal(read(decoder, block).result, Violation.HPACK_UPDATE_MISSING);
  }
  const decoder = new HpackDecoder(4096);
  decoder.setTableMax(100);
  decoder.setTableMax(4096);
  assert.equal(read(decoder, '3f 45 82').result, Decoded.END);
  assert.equal(read(decoder, '82').result, Decoded.END, 'once is enough');
  decoder.setTableMax(100);
  assert.equal(read(decoder, '82').result, Decoded.END, 'the table is as small as that');
});

test('a size update evicts', () => {
  const decoder = new HpackDecoder(4096);
  // Two entries of 34 bytes.
  read(decoder, '40 01 61 01 62 40 01 63 01 64');
  assert.deepEqual(read(decoder, 'bf be').lines, ['a: b', 'c: d']);
  assert.deepEqual(read(decoder, '3f 24 be').lines, ['c: d']);
  assert.equal(read(decoder, 'bf').result, Violation.HPACK_INDEX);
});

test('an entry larger than the table empties it', () => {
  for (const withList of [8000, 30]) {
    const decoder = new HpackDecoder(4096);
    assert.equal(read(decoder, '3f 04 40 01 61 01 62').result, Decoded.END);
    read(decoder, '40 02 61 61 02 62 62', withList);
    assert.equal(read(decoder, 'be').result, Violation.HPACK_INDEX);
  }
});

test('a name may be that of the entry that it evicts', () => {
  const decoder = new HpackDecoder(4096);
  assert.deepEqual(read(decoder, '3f 03 40 01 61 01 62').lines, ['a: b']);
  assert.deepEqual(read(decoder, '7e 01 63').lines, ['a: c']);
  assert.deepEqual(read(decoder, 'be').lines, ['a: c']);
});

test('the list is bounded by name, value and 32 bytes for each field', () => {
  // `:method: GET` is 7 + 3 + 32.
  assert.deepEqual(read(new HpackDecoder(4096), '8282', 84), {
    lines: [':method: GET', ':method: GET'],
    result: Decoded.END,
  });
  for (const list of [0, 1, 41]) {
    const { lines, result } = read(new HpackDecoder(4096), '82', list);
    assert.deepEqual([lines.length, result], [0, Decoded.OVERFLOW]);
  }
  for (const field of ['82', '40 01 61 00', '00 01 61 00', '04 00', '40 81 07 00']) {
    const { lines, result } = read(new HpackDecoder(4096), `82 82 ${field}`, 116);
    assert.deepEqual([lines.length, result], [2, Decoded.OVERFLOW], field);
  }
  assert.equal(read(new HpackDecoder(4096), '82 82 00 01 61 00', 117).result, Decoded.END);
});

test('a table entry that is referred to over and over is counted each time', () => {
  const decoder = new HpackDecoder(4096);
  const value = '61'.repeat(3000);
  assert.equal(read(decoder, `60 7f b9 16 ${value}`, 65_536).result, Decoded.END);
  const { lines, result } = read(decoder, 'be'.repeat(32_768), 65_536);
  assert.equal(result, Decoded.OVERFLOW);
  assert.equal(lines.length, Math.floor(65_536 / (3000 + 6 + 32)));
});

test('behind an overflow the table is in step', () => {
  for (const list of [0, 42, 80, 112]) {
    const decoder = new HpackDecoder(4096);
    // Literal fields with indexing, an index into them, one without indexing, Huffman.
    const { result } = read(decoder, '82 40 01 61 01 62 be 00 01 63 01 64 7e 81 07 10 00 00', list);
    assert.equal(result, Decoded.OVERFLOW, String(list));
    assert.deepEqual(read(decoder, 'be bf').lines, ['a: 0', 'a: b']);
  }
});

test('what is wrong behind an overflow is still found', () => {
  const cases: readonly (readonly [hex: string, violation: number])[] = [
    ['82 80', Violation.HPACK_INDEX],
    ['82 20', Violation.HPACK_UPDATE_LATE],
    ['82 04 81 ff', Violation.HPACK_HUFFMAN_PADDING],
    ['82 40 01', Violation.HPACK_TRUNCATED],
  ];
  for (const [hex, violation] of cases) {
    assert.equal(read(new HpackDecoder(4096), hex, 0).result, violation, hex);
  }
});

test('a literal far above the bound is passed over', () => {
  const length = 1 << 20;
  const bytes = Buffer.concat([Buffer.from('4001617f81ff3f', 'hex'), Buffer.alloc(length)]);
  const decoder = new HpackDecoder(4096);
  const out = Buffer.alloc(100, 0x7e);
  decoder.begin(bytes, 0, bytes.length, out, 0, 90);
  assert.equal(decoder.next(), Decoded.OVERFLOW);
  assert.equal(out.toString('latin1', 90), '~'.repeat(10));
});

test('skip reads the rest for the table', () => {
  const decoder = new HpackDecoder(4096);
  begin(decoder, '40 01 61 01 62 40 01 63 01 64');
  assert.equal(decoder.next(), Decoded.FIELD);
  assert.equal(decoder.skip(), Decoded.END);
  assert.equal(decoder.skip(), Decoded.END);
  assert.deepEqual(read(decoder, 'be bf').lines, ['c: d', 'a: b']);
});

test('a field is told with its traits, new and from the table', () => {
  const decoder = new HpackDecoder(4096);
  const both = Valid.BOTH;
  check(literal('cookie', 'a=b'), Known.COOKIE, Pseudo.NONE, both);
  check(literal('x-forwarded-for', ''), Known.X_FORWARDED, Pseudo.NONE, both);
  check(literal('l5d-client-id', 'x'), Known.L5D, Pseudo.NONE, both);
  check(literal('Cookie', 'a=b'), Known.COOKIE, Pseudo.NONE, Valid.VALUE);
  check(literal('', 'a'), Known.NONE, Pseudo.NONE, Valid.VALUE);
  check(literal('a b', 'a'), Known.NONE, Pseudo.NONE, Valid.VALUE);
  check(literal('a:', 'a'), Known.NONE, Pseudo.NONE, Valid.VALUE);
  check(literal('a\0', 'a'), Known.NONE, Pseudo.NONE, Valid.VALUE);
  check(literal('a\x80', 'a'), Known.NONE, Pseudo.NONE, Valid.VALUE);
  check(literal(':method', 'GET'), Known.NONE, Pseudo.METHOD, both);
  check(literal(':scheme', 'http'), Known.NONE, Pseudo.SCHEME, both);
  check(literal(':authority', 'a'), Known.NONE, Pseudo.AUTHORITY, both);
  check(literal(':path', '/'), Known.NONE, Pseudo.PATH, both);
  check(literal(':status', '200'), Known.NONE, Pseudo.STATUS, both);
  check(literal(':protocol', 'websocket'), Known.NONE, Pseudo.PROTOCOL, both);
  check(literal(':pat', '/'), Known.NONE, Pseudo.UNKNOWN, Valid.VALUE);
  check(literal(':paths', '/'), Known.NONE, Pseudo.UNKNOWN, Valid.VALUE);
  check(literal(':Path', '/'), Known.NONE, Pseudo.UNKNOWN, Valid.VALUE);
  check(literal(':', '/'), Known.NONE, Pseudo.UNKNOWN, Valid.VALUE);

  function check(hex: string, known: number, pseudo: number, valid: number): void {
    for (const block of [hex, 'be']) {
      begin(decoder, block);
      assert.equal(decoder.next(), Decoded.FIELD);
      const told = [decoder.known, decoder.pseudo, decoder.valid];
      assert.deepEqual(told, [known, pseudo, valid], block);
    }
  }
});

test('every byte in every place of a value', () => {
  for (let code = 0; code < 256; code++) {
    const byte = String.fromCharCode(code);
    const inside = byte === '\t' || (byte >= ' ' && byte !== '\x7f');
    const outside = inside && byte !== '\t' && byte !== ' ';
    for (const length of [1, 2, 3, 4, 5, 7, 8, 9, 12, 13]) {
      for (let at = 0; at < length; at++) {
        const value = `${'v'.repeat(at)}${byte}${'v'.repeat(length - at - 1)}`;
        const allowed = at === 0 || at === length - 1 ? outside : inside;
        assert.equal(validOf(value), allowed ? Valid.BOTH : Valid.NAME, JSON.stringify(value));
      }
    }
  }

  function validOf(value: string): number {
    const decoder = new HpackDecoder(4096);
    begin(decoder, literal('a', value));
    assert.equal(decoder.next(), Decoded.FIELD);
    return decoder.valid;
  }
});

test('a value is judged anew under the name of another entry', () => {
  for (const [first, second, valid] of [
    [' bad', 'good', Valid.BOTH],
    ['good', ' bad', Valid.NAME],
  ] as const) {
    const decoder = new HpackDecoder(4096);
    read(decoder, literal('cookie', first));
    begin(decoder, `7e 04 ${Buffer.from(second).toString('hex')}`);
    assert.equal(decoder.next(), Decoded.FIELD);
    assert.deepEqual([decoder.known, decoder.valid], [Known.COOKIE, valid]);
  }
});

test('never indexed is told of that field alone', () => {
  const decoder = new HpackDecoder(4096);
  begin(decoder, '10 01 61 01 62 00 01 61 01 62 11 01 61 40 01 61 01 62 be 82');
  const told: boolean[] = [];
  while (decoder.next() === Decoded.FIELD) told.push(decoder.neverIndexed);
  assert.deepEqual(told, [true, false, true, false, false, false]);
});

function literal(name: string, value: string): string {
  const [nameBytes, valueBytes] = [encodeHuffmanText(name), Buffer.from(value, 'latin1')];
  assert.ok(nameBytes.length < 127 && valueBytes.length < 127, 'one byte for each length');
  const lengths = [0x80 | nameBytes.length, valueBytes.length].map((one) => Buffer.from([one]));
  return `40${Buffer.concat([lengths[0], nameBytes, lengths[1], valueBytes]).toString('hex')}`;
}

function begin(decoder: HpackDecoder, hex: string, listBytesMax = 8000): void {
  const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  decoder.begin(bytes, 0, bytes.length, out, 0, listBytesMax);
}

function read(decoder: HpackDecoder, hex: string, listBytesMax = 8000) {
  begin(decoder, hex, listBytesMax);
  const lines: string[] = [];
  let result = decoder.next();
  for (; result === Decoded.FIELD; result = decoder.next()) {
    const line = out.toString('latin1', decoder.nameStart, decoder.position);
    const name = out.toString('latin1', decoder.nameStart, decoder.nameEnd);
    const value = out.toString('latin1', decoder.valueStart, decoder.valueEnd);
    assert.equal(line, `${name}: ${value}\r\n`);
    lines.push(line.slice(0, -2));
  }
  return { lines, result };
}

const out = Buffer.alloc(65_536);
