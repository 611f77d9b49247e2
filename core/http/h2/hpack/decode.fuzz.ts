/**
 * Goal: no bytes are read otherwise than the RFC has it, nothing is written outside of the bounds,
 * and the table stays in step whether a block is read, cut short or too large. Method: histories
 * of blocks that are written by every rule, some of them mutated, through our decoder and through
 * the reference decoder, which have to agree on each field, each violation and the table.
 */

import assert from 'node:assert/strict';
import {
  encodeHuffmanText,
  ReferenceDecoder,
  type ReferenceField,
} from '../../../../test/support/reference-hpack.ts';
import { systemClock } from '../../../base/clock.ts';
import type { Random } from '../../../base/random.ts';
import { recogniseField } from '../../known-fields.ts';
import { Violation } from '../violation.ts';
import { Decoded, HpackDecoder } from './decode.ts';
import { Pseudo, Valid } from './field-traits.ts';

export const name = 'hpack-decode';

/** Returns how many blocks it tried; what it throws carries the last one as `input`. */
export function fuzz(random: Random, seconds: number): number {
  const stopMs = systemClock.monotonicMs() + seconds * 1000;
  let blocks = 0;
  do blocks += runHistory(random);
  while (systemClock.monotonicMs() < stopMs);
  return blocks;
}

interface Pair {
  readonly decoder: HpackDecoder;
  readonly reference: ReferenceDecoder;
}

function runHistory(random: Random): number {
  const limit = pick(random, [4096, 4096, 10_000]);
  const pair = { decoder: new HpackDecoder(limit), reference: new ReferenceDecoder(limit) };
  const blocks = 1 + (random.uint32() % 30);
  for (let block = 0; block < blocks; block++) {
    if (oneIn(random, 10)) {
      const size = drawSize(random, limit);
      pair.decoder.setTableMax(size);
      pair.reference.setTableMax(size);
    }
    let bytes = composeBlock(random, pair.reference);
    if (oneIn(random, 4)) bytes = mutate(random, bytes);
    try {
      if (compareBlock(random, pair, bytes) < 0) return block + 1;
      compareTables(pair);
    } catch (error) {
      throw Object.assign(error as Error, { input: bytes });
    }
  }
  return blocks;
}

/** Returns what both found wrong with the block, or 0. */
function compareBlock(random: Random, { decoder, reference }: Pair, bytes: Buffer): number {
  const { fields, violation } = reference.decode(bytes);
  const listBytesMax = pick(random, [random.uint32() % 200, random.uint32() % 3000, 60_000]);
  const stopAfter = oneIn(random, 3) ? random.uint32() % 6 : Number.POSITIVE_INFINITY;
  const from = random.uint32() % 20;
  const out = Buffer.alloc(from + listBytesMax + edgeBytes, edge);
  const shifted = Buffer.concat([Buffer.from('..'), bytes, Buffer.from('..')]);
  decoder.begin(shifted, 2, 2 + bytes.length, out, from, listBytesMax);
  let left = listBytesMax;
  let read = 0;
  for (const field of fields) {
    left -= field.name.length + field.value.length + 32;
    if (left < 0 || read === stopAfter) break;
    assert.equal(decoder.next(), Decoded.FIELD);
    read += 1;
    compareField(decoder, out, field);
  }
  if (read === stopAfter) assert.equal(decoder.skip(), violation);
  else assert.equal(decoder.next(), left < 0 && violation === 0 ? Decoded.OVERFLOW : violation);
  assert.ok(isEdge(out.subarray(0, from)), 'nothing is written before the output');
  assert.ok(isEdge(out.subarray(from + listBytesMax)), 'nothing is written behind the list');
  return violation;
}

function compareField(decoder: HpackDecoder, out: Buffer, field: ReferenceField): void {
  const { nameStart, nameEnd, valueStart, valueEnd, position } = decoder;
  const { name: text, value } = field;
  assert.equal(out.toString('latin1', nameStart, position), `${text}: ${value}\r\n`);
  assert.equal(out.toString('latin1', nameStart, nameEnd), text);
  assert.equal(out.toString('latin1', valueStart, valueEnd), value);
  assert.equal(decoder.neverIndexed, field.neverIndexed);
  const isPseudo = text.startsWith(':');
  const pseudo = isPseudo ? (pseudos.get(text) ?? Pseudo.UNKNOWN) : Pseudo.NONE;
  assert.equal(decoder.pseudo, pseudo);
  const isName = isPseudo ? pseudos.has(text) : /^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(text);
  const isValue = /^([!-~\x80-\xff]([\t -~\x80-\xff]*[!-~\x80-\xff])?)?$/.test(value);
  assert.equal(decoder.valid, (isName ? Valid.NAME : 0) | (isValue ? Valid.VALUE : 0));
  const nameBytes = Buffer.from(text, 'latin1');
  assert.equal(decoder.known, isPseudo ? 0 : recogniseField(nameBytes, 0, nameBytes.length));
}

/** Both tables, by their indices and one more. */
function compareTables({ decoder, reference }: Pair): void {
  const indices = Array.from({ length: reference.table.length + 1 }, (_, age) => 62 + age);
  const block = Buffer.concat(indices.map((index) => integer(0x80, 7, index)));
  const out = Buffer.alloc(40_000);
  decoder.begin(block, 0, block.length, out, 0, out.length);
  for (const [text, value] of reference.table) {
    assert.equal(decoder.next(), Decoded.FIELD);
    compareField(decoder, out, { name: text, value, neverIndexed: false });
  }
  assert.equal(decoder.next(), Violation.HPACK_INDEX);
}

function composeBlock(random: Random, reference: ReferenceDecoder): Buffer {
  const parts: Buffer[] = [];
  let updates = pick(random, [0, 0, 0, 0, 1, 2]);
  if (reference.updateDue && !oneIn(random, 10)) updates = Math.max(updates, 1);
  for (; updates > 0; updates--) {
    parts.push(integer(0x20, 5, drawSize(random, reference.limit + (oneIn(random, 20) ? 1 : 0))));
  }
  const known = 61 + reference.table.length;
  for (let left = random.uint32() % 12; left > 0; left--) {
    const index = oneIn(random, 50) ? known + 1 : 1 + (random.uint32() % known);
    if (oneIn(random, 2)) parts.push(integer(0x80, 7, index));
    else parts.push(...composeLiteral(random, index));
  }
  return Buffer.concat(parts);
}

function composeLiteral(random: Random, index: number): Buffer[] {
  const [mark, prefixBits] = pick(random, [
    [0x40, 6],
    [0x40, 6],
    [0x40, 6],
    [0, 4],
    [0x10, 4],
  ]);
  const value = composeString(random, drawValue(random));
  if (oneIn(random, 2)) return [integer(mark, prefixBits, index), value];
  return [Buffer.from([mark]), composeString(random, drawName(random)), value];
}

function composeString(random: Random, text: string): Buffer {
  const isHuffman = oneIn(random, 2);
  const bytes = isHuffman ? encodeHuffmanText(text) : Buffer.from(text, 'latin1');
  return Buffer.concat([integer(isHuffman ? 0x80 : 0, 7, bytes.length), bytes]);
}

/** An integer behind a mark, RFC 7541 5.1. */
function integer(mark: number, prefixBits: number, value: number): Buffer {
  const prefixMax = 2 ** prefixBits - 1;
  if (value < prefixMax) return Buffer.from([mark | value]);
  const bytes = [mark | prefixMax];
  let rest = value - prefixMax;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}

function mutate(random: Random, bytes: Buffer): Buffer {
  const at = random.uint32() % (bytes.length + 1);
  const byte = Buffer.from([
    pick(random, [0, 0x1f, 0x3f, 0x7f, 0x80, 0xff, random.uint32() % 256]),
  ]);
  const behind = bytes.subarray(at + (random.uint32() % 3));
  const between = oneIn(random, 3) ? Buffer.alloc(random.uint32() % 6, byte) : byte;
  return oneIn(random, 5)
    ? bytes.subarray(0, at)
    : Buffer.concat([bytes.subarray(0, at), between, behind]);
}

function drawSize(random: Random, limit: number): number {
  const size = pick(random, [0, 33, 64, 150, 500, limit, limit, random.uint32() % (limit + 1)]);
  return Math.min(size, limit);
}

function drawName(random: Random): string {
  if (oneIn(random, 3)) return drawText(random, 20);
  return pick(random, names);
}

function drawValue(random: Random): string {
  if (oneIn(random, 30)) return 'x'.repeat(random.uint32() % 5000);
  return drawText(random, pick(random, [4, 30, 200]));
}

/** Half of it is visible; the rest is any byte. */
function drawText(random: Random, lengthMax: number): string {
  const length = random.uint32() % (lengthMax + 1);
  const anyByte = oneIn(random, 4);
  const codes = Array.from({ length }, () =>
    anyByte ? random.uint32() % 256 : 0x20 + (random.uint32() % 95),
  );
  return String.fromCharCode(...codes);
}

function isEdge(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === edge);
}

function oneIn(random: Random, count: number): boolean {
  return random.uint32() % count === 0;
}

function pick<T>(random: Random, choices: readonly T[]): T {
  return choices[random.uint32() % choices.length];
}

const names =
  'accept cookie host l5d-a l5d_a x-forwarded-for te connection x-a X-A content-length :path :foo :'
    .split(' ')
    .concat('');
const pseudos = new Map(
  Object.entries(Pseudo)
    .filter(([, number]) => number !== Pseudo.NONE && number !== Pseudo.UNKNOWN)
    .map(([word, number]) => [`:${word.toLowerCase()}`, number]),
);
const edge = 0xa5;
const edgeBytes = 32;
