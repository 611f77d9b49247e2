/**
 * Goal: no bytes are read otherwise than a strict reading of the RFC, and what is forwarded is
 * read the same again. Method: cases of smuggling and kept failures, mutated by bytes, lines and
 * joins, through the decoder and through the reference parser.
 */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { mutate } from '../../../test/support/mutate.ts';
import { parseReference, type ReferenceHead } from '../../../test/support/reference-parser.ts';
import { smugglingCases } from '../../../test/support/smuggling-cases.ts';
import type { Random } from '../../base/random.ts';
import { Framing, Head } from '../head.ts';
import { markHopByHop } from '../hop-by-hop.ts';
import { decodeRequestHead } from './decode-head.ts';
import { encodeRequestHead } from './encode.ts';

export const name = 'http1-decode';

/** Returns how many inputs it tried; what it throws carries the bytes as `input`. */
export function fuzz(random: Random, seconds: number): number {
  const inputs = seeds();
  const until = performance.now() + seconds * 1000;
  let tried = 0;
  for (const input of inputs) attempt(input);
  while (performance.now() < until) {
    for (let i = 0; i < 1000; i++) attempt(mutate(inputs, random));
    tried += 1000;
  }
  return tried + inputs.length;
}

function attempt(input: string): void {
  try {
    compareReadings(input);
  } catch (error) {
    throw Object.assign(error as Error, { input: Buffer.from(input, 'latin1') });
  }
}

/** Fails when the decoder and the reference read these bytes (latin1) differently. */
export function compareReadings(input: string): void {
  const shown = JSON.stringify(input);
  const expected = parseReference(input, limits.headFieldsMax);
  const bytes = Buffer.from(input, 'latin1');
  head.scanned = 0;
  const end = decodeRequestHead(bytes, 0, bytes.length, limits, head);
  assert.equal(end > 0, expected !== null, `${shown}: decoded to ${end}`);
  if (expected === null) return;
  assert.equal(end, expected.end, shown);
  compareHead(head, expected, shown);
  markHopByHop(head, true);
  const out = Buffer.alloc(bytes.length + 256);
  const written = encodeRequestHead(head, out, 0, '');
  const again = parseReference(out.toString('latin1', 0, written), limits.headFieldsMax + 1);
  assert.ok(again !== null || expected.authority === '', `${shown}: what is forwarded is valid`);
  if (again === null) return;
  assert.equal(again.framing, expected.framing, shown);
  assert.equal(again.length, expected.length, shown);
  assert.equal(again.authority, expected.authority, shown);
  assert.equal(again.method, expected.method, shown);
  assert.equal(again.end, written, `${shown}: nothing follows the head`);
}

function compareHead(actual: Head, expected: ReferenceHead, shown: string): void {
  const { bytes, fields } = actual;
  const text = (start: number, end: number) => bytes.toString('latin1', start, end);
  assert.equal(text(actual.start, actual.methodEnd), expected.method, shown);
  assert.equal(text(actual.targetStart, actual.targetEnd), expected.target, shown);
  assert.equal(actual.minor, expected.minor, shown);
  assert.equal(actual.count, expected.fields.length, shown);
  for (const [index, [fieldName, value]] of expected.fields.entries()) {
    assert.equal(text(fields[index * 4], fields[index * 4 + 1]), fieldName, shown);
    assert.equal(actual.valueOf(index), value, shown);
  }
  assert.equal(actual.framing, framings[expected.framing], shown);
  if (expected.framing === 'length') assert.equal(actual.contentLength, expected.length, shown);
  const authority =
    actual.authorityStart < 0 ? '' : text(actual.authorityStart, actual.authorityEnd);
  assert.equal(authority.toLowerCase(), expected.authority, shown);
}

function seeds(): string[] {
  const kept = readdirSync(corpus).map((file) => readFileSync(join(corpus, file), 'latin1'));
  const cases = smugglingCases().map(({ request }) => request);
  return [...kept, ...cases].filter((request) => request.length < 1000);
}

const corpus = join(import.meta.dirname, '../../../test/corpus/http1');
const limits = { headBytesMax: 64 * 1024, headFieldsMax: 100 };
const head = new Head();
const framings = {
  none: Framing.NONE,
  length: Framing.LENGTH,
  chunked: Framing.CHUNKED,
} as const;
