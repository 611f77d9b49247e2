/**
 * Goal: what is written is the shortest form, in memory of its own, whatever its length. Method:
 * exact bytes of each kind at the borders of its length; whole messages are compared with those of
 * others in test/contract.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Writer } from './writer.ts';

function assertWritten(hex: string, run: (writer: Writer) => void): void {
  assert.equal(write(run), hex);
}

function write(run: (writer: Writer) => void): string {
  const writer = new Writer();
  run(writer);
  return Buffer.from(writer.finish()).toString('hex');
}

test('fields stand in the order of their numbers when the last is given first', () => {
  const bytes = write((writer) => {
    writer.text(2, 'b');
    writer.uint32(1, 7);
  });
  assert.equal(bytes, '0807120162');
});

test('numbers take as many bytes as they need', () => {
  const cases: readonly (readonly [number: bigint, hex: string])[] = [
    [0n, '00'],
    [127n, '7f'],
    [128n, '8001'],
    [16383n, 'ff7f'],
    [16384n, '808001'],
    [2n ** 31n, '8080808008'],
    [2n ** 32n - 1n, 'ffffffff0f'],
  ];
  for (const [number, hex] of cases) {
    assertWritten(`08${hex}`, (writer) => writer.uint32(1, Number(number)));
    assertWritten(`08${hex}`, (writer) => writer.uint64(1, number));
  }
  assertWritten('08ffffffffffffffffff01', (writer) => writer.uint64(1, 2n ** 64n - 1n));
});

test('numbers below 0 have 64 bits', () => {
  assertWritten('08ffffffffffffffffff01', (writer) => writer.int32(1, -1));
  assertWritten('0880808080808080808001', (writer) => writer.int64(1, -(2n ** 63n)));
});

test('fixed numbers have their lowest byte first', () => {
  assertWritten('0d0100007f', (writer) => writer.fixed32(1, 0x7f000001));
  assertWritten('090807060504030201', (writer) => writer.fixed64(1, 0x0102030405060708n));
});

test('field numbers above 15 take two bytes', () => {
  assertWritten('c03e01', (writer) => writer.uint32(1000, 1));
});

test('lists and maps keep their order', () => {
  const bytes = write((writer) => {
    writer.textEntries(
      2,
      new Map([
        ['a', ''],
        ['', 'b'],
      ]),
    );
    writer.messages(1, (inner, number: number) => inner.uint32(1, number), [1, 2, 3]);
  });
  assert.equal(bytes, '0a0208010a0208020a02080312050a0161120012050a00120162');
});

test('messages, texts and bytes of any size have their length in front', () => {
  for (const size of [0, 1, 127, 128, 255, 256, 257, 1000, 100_000]) {
    const text = '\u20ac'.repeat(size);
    const length = write((writer) => writer.uint32(1, size * 3)).slice(2);
    const hex = `12${length}${Buffer.from(text).toString('hex')}`;
    assertWritten(hex, (writer) => writer.text(2, text));
    const written = write((writer) => writer.bytes(2, Buffer.from(text)));
    assert.equal(written, hex);
    const outerLength = write((writer) => writer.uint32(1, hex.length / 2)).slice(2);
    assertWritten(`1a${outerLength}${hex}`, (writer) =>
      writer.message(3, (inner, value: string) => inner.text(2, value), text),
    );
  }
});

test('what was written is not touched by what is written later', () => {
  const writer = new Writer();
  writer.text(1, 'a');
  const first = writer.finish();
  writer.text(1, 'b');
  assert.equal(Buffer.from(first).toString('hex'), '0a0161');
});
