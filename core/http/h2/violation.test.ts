/**
 * Goal: every violation says what it is, and to whom. Method: all codes through the table.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { H2Code, h2CodeName } from './error-code.ts';
import { Violation, violationTraits } from './violation.ts';

test('every violation has a row of its own', () => {
  const codes = Object.values(Violation).toSorted((a, b) => b - a);
  assert.deepEqual(
    codes,
    Array.from({ length: codes.length }, (_, row) => -1 - row),
  );
  const texts = new Set(codes.map((code) => violationTraits(code).text));
  assert.equal(texts.size, codes.length);
  assert.throws(() => violationTraits(-1 - codes.length), /has its row/);
  assert.throws(() => violationTraits(0), /has its row/);
});

test('rows stand beside their names', () => {
  for (const [name, violation] of Object.entries(Violation)) {
    const { code, text } = violationTraits(violation);
    assert.match(text, /\(RFC \d{4} [\d.]+(, RFC \d{4} [\d.]+)?\)$/, name);
    if (name.startsWith('HPACK_')) assert.equal(code, H2Code.COMPRESSION_ERROR, name);
    const frame = /^(DATA|HEADERS|PRIORITY|RST_STREAM|SETTINGS|PUSH_PROMISE|PING|GOAWAY)/.exec(
      name,
    );
    if (frame !== null) assert.ok(text.includes(frame[0]), name);
  }
});

test('only what ends a stream alone is a stream error', () => {
  const streams = Object.entries(Violation).filter(
    ([, violation]) => violationTraits(violation).scope === 'stream',
  );
  assert.deepEqual(
    streams.map(([name]) => name),
    [
      'PRIORITY_LENGTH',
      'PRIORITY_DEPENDENCY',
      'WINDOW_UPDATE_ZERO',
      'WINDOW_STREAM',
      'STREAM_WINDOW_OVERFLOW',
      'STREAM_CLOSED',
      'CONTENT_LENGTH',
      'FIELDS_WITHOUT_END',
      'STREAMS_MAX',
      'ANSWERS_UNREAD',
      'CONTENT_BEFORE_HEAD',
    ],
  );
});

test('codes have names', () => {
  for (const [name, code] of Object.entries(H2Code)) assert.equal(h2CodeName(code), name);
  assert.equal(h2CodeName(0xdead), '0xdead');
});
