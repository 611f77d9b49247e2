/**
 * Goal: every string is decoded, wherever its codes begin and end among the bytes, and no byte is
 * written beyond the limit. Method: strings encoded by the reference, in every alignment.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { encodeHuffmanText, readHuffmanText } from '../../../../test/support/reference-hpack.ts';
import { decodeHuffman } from './huffman.ts';
import { viewOf } from './words.ts';

test('every symbol behind and before every other', () => {
  for (let code = 0; code < 256; code++) {
    const symbol = String.fromCharCode(code);
    for (let other = 0; other < 256; other += 5) {
      const around = String.fromCharCode(other);
      checkText(`${around}${symbol}${around}`);
    }
    // From 0 to 7 bits, and more than are read at once, before it.
    for (let count = 0; count < 8; count++) checkText(`${'0'.repeat(count)}${symbol}0`);
    checkText(symbol.repeat(9));
  }
});

test('any string, with any limit', () => {
  const text = fc.string({ unit: fc.nat(255).map((code) => String.fromCharCode(code)) });
  fc.assert(
    fc.property(text, fc.nat(40), (value, limit) => {
      const bytes = encodeHuffmanText(value);
      const out = Buffer.alloc(value.length + 60, 0xa5);
      const end = decodeHuffman(viewOf(bytes), 0, bytes.length, out, 3, 3 + limit);
      assert.equal(end, 3 + value.length, 'what is not written is counted');
      const written = Math.min(limit, value.length);
      assert.equal(out.toString('latin1', 3, 3 + written), value.slice(0, written));
      assert.ok(out.subarray(3 + limit).every((byte) => byte === 0xa5));
    }),
    { numRuns: 1000 },
  );
});

test('any bytes, wherever the string ends among them', () => {
  const bits = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 12 }),
    fc.string({ minLength: 1, maxLength: 16 }).map((value) => encodeHuffmanText(value)),
  );
  fc.assert(
    fc.property(bits, fc.nat(12), fc.uint8Array({ maxLength: 8 }), (string, cut, behind) => {
      const bytes = Buffer.concat([string, behind]);
      const end = Math.min(cut, string.length);
      const out = Buffer.alloc(40);
      const result = decodeHuffman(viewOf(bytes), 0, end, out, 0, 40);
      const read = result < 0 ? result : out.toString('latin1', 0, result);
      assert.equal(read, readHuffmanText(bytes.subarray(0, end)));
    }),
    { numRuns: 3000 },
  );
});

function checkText(text: string): void {
  const bytes = Buffer.concat([Buffer.from([0xff]), encodeHuffmanText(text), Buffer.from([0])]);
  const out = Buffer.alloc(16);
  const end = decodeHuffman(viewOf(bytes), 1, bytes.length - 1, out, 0, 16);
  assert.equal(out.toString('latin1', 0, end), text);
}
