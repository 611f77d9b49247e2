/**
 * Goal: whatever fields are encoded, a decoder gives the same ones, over many blocks, with sizes
 * of the table that change and output buffers that are too small at first. Method: generated
 * histories through our encoder, and from there through our decoder and the reference decoder.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { ReferenceDecoder } from '../../../../test/support/reference-hpack.ts';
import { recogniseField } from '../../known-fields.ts';
import { Decoded, HpackDecoder } from './decode.ts';
import { HpackEncoder } from './encode.ts';

interface Field {
  readonly name: string;
  readonly value: string;
  readonly sensitive: boolean;
}

interface Block {
  /** Sizes that the peer announces before the block. */
  readonly sizes: readonly number[];
  readonly fields: readonly Field[];
  readonly status: number;
  /** The encoder's first output buffer. */
  readonly room: number;
}

const text = (maxLength: number) =>
  fc.string({ unit: fc.nat(255).map((code) => String.fromCharCode(code)), maxLength });
const field: fc.Arbitrary<Field> = fc.record({
  name: fc.oneof(
    fc.constantFrom('Accept', 'accept', 'cookie', 'Authorization', 'x-a', 'X-B', 'via', 'a', 'é'),
    text(12),
  ),
  value: fc.oneof(fc.constantFrom('', 'v', 'gzip, deflate', 'x'.repeat(100)), text(300)),
  sensitive: fc.boolean(),
});
const block: fc.Arbitrary<Block> = fc.record({
  sizes: fc.array(fc.constantFrom(0, 32, 34, 100, 300, 4096, 10_000), { maxLength: 3 }),
  fields: fc.array(field, { maxLength: 12 }),
  status: fc.integer({ min: 100, max: 999 }),
  room: fc.nat(300),
});

test('encode then decode gives the same list, block after block', () => {
  fc.assert(
    fc.property(fc.constantFrom(0, 100, 4096, 9000), fc.array(block, { maxLength: 12 }), replay),
    { numRuns: 300 },
  );
});

function replay(tableBytesMax: number, blocks: readonly Block[]): void {
  const encoder = new HpackEncoder(tableBytesMax);
  const decoder = new HpackDecoder(10_000);
  const reference = new ReferenceDecoder(10_000);
  for (const { sizes, fields, status, room } of blocks) {
    for (const size of sizes) encoder.setPeerMax(size);
    // Twice, so that what the encoder learns is also used.
    const written = encode(encoder, [...fields, ...fields], status, room);
    const expected = [...fields, ...fields].map(({ name, value, sensitive }) => ({
      name: name.replace(/[A-Z]/g, (letter) => letter.toLowerCase()),
      value,
      neverIndexed: sensitive || isSecret(name),
    }));
    const read = reference.decode(written);
    assert.equal(read.violation, 0);
    assert.deepEqual(read.fields.slice(1), expected);
    assert.equal(read.fields[0].value, String(status));
    assert.deepEqual(decode(decoder, written), read.fields);
    if (sizes.length > 0) assert.equal(reference.tableBytesMax, boundOf(tableBytesMax, sizes));
  }
}

const boundOf = (own: number, sizes: readonly number[]) => Math.min(own, sizes[sizes.length - 1]);

const isSecret = (name: string) => /^(cookie|authorization)$/i.test(name);

/** Goes on in a larger buffer whenever something does not fit. */
function encode(encoder: HpackEncoder, fields: readonly Field[], status: number, room: number) {
  let out = Buffer.alloc(room);
  let at = 0;
  const put = (write: (out: Buffer, at: number) => number) => {
    let next = write(out, at);
    while (next < 0) {
      out = Buffer.concat([out, Buffer.alloc(out.length + 1)]);
      next = write(out, at);
    }
    at = next;
  };
  put((out, at) => encoder.begin(out, at));
  put((out, at) => encoder.status(status, out, at));
  for (const { name, value, sensitive } of fields) {
    const line = Buffer.from(`${name}: ${value}\r\n`, 'latin1');
    const nameEnd = name.length;
    const valueEnd = nameEnd + 2 + value.length;
    const known = recogniseField(line, 0, nameEnd);
    put((out, at) =>
      encoder.field(line, 0, nameEnd, nameEnd + 2, valueEnd, known, sensitive, out, at),
    );
  }
  return Buffer.from(out.subarray(0, at));
}

function decode(decoder: HpackDecoder, bytes: Buffer) {
  const out = Buffer.alloc(70_000);
  decoder.begin(bytes, 0, bytes.length, out, 0, out.length);
  const fields = [];
  let result = decoder.next();
  for (; result === Decoded.FIELD; result = decoder.next()) {
    const name = out.toString('latin1', decoder.nameStart, decoder.nameEnd);
    const value = out.toString('latin1', decoder.valueStart, decoder.valueEnd);
    fields.push({ name, value, neverIndexed: decoder.neverIndexed });
  }
  assert.equal(result, Decoded.END);
  return fields;
}
