/**
 * Goal: each kind of bad bytes is refused by its name, at the first byte that is wrong, and nothing
 * is held beyond the limits. Method: short messages byte by byte, read by a message that holds
 * itself; whole messages of the API and random bytes are the business of test/contract.
 */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Malformed, Reader, type ReadLimits } from './reader.ts';

interface Sample {
  readonly number: number;
  readonly name: string;
  readonly inner: Sample | null;
  readonly list: readonly Sample[];
  readonly labels: ReadonlyMap<string, string>;
}

/** 1: uint32 number, 2: string name, 3: Sample inner, 4: repeated Sample list, 5: map labels. */
function readSample(reader: Reader, held: Sample | null): Sample {
  let number = held?.number ?? 0;
  let name = held?.name ?? '';
  let inner = held?.inner ?? null;
  const list = (held?.list ?? []) as Sample[];
  const labels = (held?.labels ?? new Map()) as Map<string, string>;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 8) number = reader.uint32();
    else if (tag === 18) name = reader.text();
    else if (tag === 26) inner = reader.message(readSample, inner);
    else if (tag === 34) reader.append(list, readSample);
    else if (tag === 42) reader.textEntry(labels);
    else reader.skip(tag);
  }
  return { number, name, inner, list, labels };
}

function read(hex: string, limits: Partial<ReadLimits> = {}): Sample | Malformed {
  const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  const reader = new Reader(bytes, { depthMax: 3, elementsMax: 3, ...limits });
  const sample = readSample(reader, null);
  return reader.problem ?? sample;
}

const nothing: Sample = { number: 0, name: '', inner: null, list: [], labels: new Map() };

describe('what is refused', () => {
  const cases: readonly (readonly [what: string, hex: string, problem: Malformed])[] = [
    ['a tag that goes on behind the end', '88', 'truncated'],
    ['a number without a byte', '08', 'truncated'],
    ['a number that goes on behind the end', '08 80', 'truncated'],
    ['a text that is longer than what is left', '12 03 61 62', 'truncated'],
    ['a text longer than its message, though there are bytes', '1a 03 12 02 61 62', 'truncated'],
    ['a message that is longer than what is left', '1a 02 08', 'truncated'],
    ['a length of 2^32', '12 80 80 80 80 10', 'truncated'],
    ['four bytes that are three', '35 00 00 00', 'truncated'],
    ['eight bytes that are seven', '31 00 00 00 00 00 00 00', 'truncated'],
    ['a group without an end', '33 08 01', 'truncated'],
    ['a number of eleven bytes', '08 80 80 80 80 80 80 80 80 80 80 00', 'bad-varint'],
    ['a number of 65 bits', '08 80 80 80 80 80 80 80 80 80 02', 'bad-varint'],
    ['field 0', '00 00', 'bad-tag'],
    ['a tag of 33 bits', '88 80 80 80 10 00', 'bad-tag'],
    ['type 6', '36', 'bad-tag'],
    ['type 7', '37', 'bad-tag'],
    ['the end of a group that has not begun', '34', 'bad-tag'],
    ['the end of another group', '33 3c', 'bad-tag'],
    ['text that is not UTF-8', '12 02 c3 28', 'bad-text'],
    ['half of a surrogate pair', '12 03 ed a0 80', 'bad-text'],
    ['a label that is not UTF-8', '2a 03 12 01 ff', 'bad-text'],
    ['a fourth message inside of each other', '1a 04 1a 02 1a 00', 'too-deep'],
    ['groups inside of each other', '33 33 33 34 34 34', 'too-deep'],
    ['a fourth element', '22 00 22 00 22 00 22 00', 'too-many'],
    ['elements of inner lists and of maps', '22 02 22 00 2a 00 2a 00', 'too-many'],
  ];
  for (const [what, hex, problem] of cases) test(what, () => assert.equal(read(hex), problem));

  test('the first problem counts', () => {
    assert.equal(read('12 01 ff 00'), 'bad-text');
    assert.equal(read('1a 03 12 01 ff 08'), 'bad-text');
  });
});

describe('what is read', () => {
  test('nothing is a message', () => assert.deepEqual(read(''), nothing));

  test('as many elements and as deep as the limits say', () => {
    const deep = read('1a 02 1a 00', { depthMax: 3 });
    assert.deepEqual(deep, { ...nothing, inner: { ...nothing, inner: nothing } });
    const three = read('22 00 22 00 22 00', { elementsMax: 3 });
    assert.deepEqual(three, { ...nothing, list: [nothing, nothing, nothing] });
  });

  test('depth is given back behind a message and behind a group', () => {
    const bytes = '33 33 34 34 '.repeat(9) + '1a 02 1a 00 '.repeat(9);
    assert.deepEqual(read(bytes), { ...nothing, inner: { ...nothing, inner: nothing } });
  });

  test('unknown fields of every type are passed by', () => {
    const unknown =
      '30 ffffffffffffffffff01 31 0000000000000000 32 02 ff00 33 08 01 34 35 00000000';
    assert.deepEqual(read(`${unknown} 08 07 ${unknown}`), { ...nothing, number: 7 });
  });

  test('a known number with another type is an unknown field', () => {
    assert.deepEqual(read('0a 01 05 10 05 08 07'), { ...nothing, number: 7 });
  });

  test('numbers may be longer than they have to be, and lose what is above 32 bits', () => {
    assert.deepEqual(read('08 87 80 80 80 80 80 80 80 80 00'), { ...nothing, number: 7 });
    assert.deepEqual(read('08 ff ff ff ff ff ff ff ff ff 01'), { ...nothing, number: 0xffffffff });
  });

  test('the last text counts, a message in pieces is merged', () => {
    const merged = { ...nothing, number: 7, name: 'b', list: [nothing, nothing] };
    assert.deepEqual(read('12 01 61 12 01 62'), { ...nothing, name: 'b' });
    assert.deepEqual(read('1a 04 08 07 22 00 1a 05 12 01 62 22 00'), { ...nothing, inner: merged });
  });

  test('an entry may lack its parts, and a later one of a key takes its place', () => {
    const labels = new Map([['a', 'c']]);
    assert.deepEqual(read('2a 06 0a 01 61 12 01 62 2a 06 0a 01 61 12 01 63'), {
      ...nothing,
      labels,
    });
    assert.deepEqual(read('2a 00'), { ...nothing, labels: new Map([['', '']]) });
  });
});

test('bytes that were read stay when the buffer is used again', () => {
  const buffer = Buffer.from('02ffff', 'hex');
  const held = new Reader(buffer, { depthMax: 1, elementsMax: 1 }).bytes();
  buffer.fill(0);
  assert.deepEqual(held, new Uint8Array([0xff, 0xff]));
});
