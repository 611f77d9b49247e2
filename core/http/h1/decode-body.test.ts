/**
 * Goal: bodies come out whole, end where they end, and malformed chunks are refused before any of
 * their data. Method: exact bytes, given whole and split at every byte, against expected content.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sentTrailers } from '../../../test/support/sent-trailers.ts';
import { chunkExtensionBytesMax, chunkLineBytesMax } from '../../base/limits.ts';
import { Framing } from '../head.ts';
import { BodyDecoder, BodyEvent } from './decode-body.ts';
import { HeadError } from './head-error.ts';

const limits = { headBytesMax: 4096, headFieldsMax: 10 };

interface Outcome {
  content: string;
  trailers: string;
  error: number;
  ended: boolean;
  rest: string;
}

test('a body by length ends with its last byte', () => {
  for (const outcome of everySplit('hello rest', Framing.LENGTH, 5)) {
    assert.deepEqual(outcome, { ...blank(), content: 'hello', ended: true, rest: ' rest' });
  }
  assert.equal(decode(['x'], Framing.LENGTH, 0).ended, true);
});

test('a body until close never ends by itself', () => {
  assert.deepEqual(decode(['ab', 'c'], Framing.CLOSE, -1), { ...blank(), content: 'abc' });
});

const good: readonly (readonly [string, string, string])[] = [
  ['5\r\nhello\r\n0\r\n\r\n', 'hello', ''],
  ['0\r\n\r\n', '', ''],
  ['a\r\n0123456789\r\nA\r\n0123456789\r\n00\r\n\r\n', '01234567890123456789', ''],
  ['0000000000000001\r\nx\r\n0\r\n\r\n', 'x', ''],
  ['1;a=b;c="d;\\" e"\r\nx\r\n0;last\r\n\r\n', 'x', ''],
  ['1\r\n\r\r\n1\r\n\n\r\n0\r\n\r\n', '\r\n', ''],
  ['1\r\nx\r\n0\r\nX-Sum:  a b \r\nY:\r\n\r\n', 'x', 'X-Sum:  a b \r\nY:\r\n'],
  [
    '0\r\nContent-Length: 5\r\nhost: a\r\nAuthorization: b\r\nL5d-Client-Id: c\r\nl5d_x: d\r\n' +
      'Transfer-Encoding: chunked\r\nContent-Encoding: e\r\nok: f\r\n\r\n',
    '',
    'ok: f\r\n',
  ],
  ['0\r\nTrailer: a\r\n\r\n', '', ''],
];

test('chunks', () => {
  for (const [input, content, trailers] of good) {
    for (const outcome of everySplit(`${input}rest`, Framing.CHUNKED, -1)) {
      assert.deepEqual(outcome, { content, trailers, error: 0, ended: true, rest: 'rest' }, input);
    }
  }
});

const { CHUNK_SIZE, CHUNK_LINE, CHUNK_EXTENSION, CHUNK_END, BARE_CR, BARE_LF } = HeadError;
/** Class 5 and 6: input, error, and the content that stood before the offence. */
const bad: readonly (readonly [string, number, string?])[] = [
  ['\r\n', CHUNK_SIZE],
  ['+5\r\nhello\r\n', CHUNK_SIZE],
  ['-5\r\nhello\r\n', CHUNK_SIZE],
  ['0x5\r\nhello\r\n', CHUNK_SIZE],
  ['5_0\r\n', CHUNK_SIZE],
  [' 5\r\nhello\r\n', CHUNK_SIZE],
  ['\t5\r\nhello\r\n', CHUNK_SIZE],
  ['5 \r\nhello\r\n', CHUNK_SIZE],
  ['5\t\r\nhello\r\n', CHUNK_SIZE],
  ['5 ;a\r\nhello\r\n', CHUNK_SIZE],
  ['5g\r\n', CHUNK_SIZE],
  ['5,5\r\n', CHUNK_SIZE],
  ['5.0\r\n', CHUNK_SIZE],
  ['"5"\r\n', CHUNK_SIZE],
  [';a\r\n', CHUNK_SIZE],
  ['5\0\r\n', CHUNK_SIZE],
  ['\x0b5\r\n', CHUNK_SIZE],
  ['00000000000000005\r\nhello\r\n', CHUNK_SIZE],
  ['20000000000000\r\n', CHUNK_SIZE],
  ['ffffffffffffffff\r\n', CHUNK_SIZE],
  ['10000000000000000\r\n', CHUNK_SIZE],
  ['5\nhello\r\n', CHUNK_LINE],
  ['5\r\rhello\r\n', CHUNK_LINE],
  ['5\rhello\r\n', CHUNK_LINE],
  ['5;a\nhello\r\n', CHUNK_EXTENSION],
  ['5;a\rhello\r\n', CHUNK_LINE],
  ['5;a\0\r\nhello', CHUNK_EXTENSION],
  ['5;a="b\r\nhello\r\n', CHUNK_EXTENSION],
  ['5;a="b\nc"\r\nhello', CHUNK_EXTENSION],
  ['5;a="\\\n"\r\nhello', CHUNK_EXTENSION],
  ['5;a={}\r\nhello', CHUNK_EXTENSION],
  ['5;\x80\r\nhello', CHUNK_EXTENSION],
  ['5\r\nhello0\r\n\r\n', CHUNK_END, 'hello'],
  ['5\r\nhello\n0\r\n\r\n', CHUNK_END, 'hello'],
  ['5\r\nhello\r0\r\n\r\n', CHUNK_END, 'hello'],
  ['5\r\nhello!\r\n', CHUNK_END, 'hello'],
  ['5\r\nhello\r\n\r\n', CHUNK_SIZE, 'hello'],
  ['0\r\n\rX', BARE_CR],
  ['0\r\n\n', BARE_LF],
  ['0\r\nX: y\n\r\n', BARE_LF],
  ['0\r\nX:GET / HTTP/1.1\n', BARE_LF],
  ['0\r\nGET / HTTP/1.1\r\n\r\n', HeadError.SPACE_BEFORE_COLON],
  ['0\r\nX : y\r\n\r\n', HeadError.SPACE_BEFORE_COLON],
  ['0\r\n: y\r\n\r\n', HeadError.EMPTY_NAME],
  ['0\r\n X: y\r\n\r\n', HeadError.FOLDED],
  ['0\r\nX: a\rb\r\n\r\n', BARE_CR],
  ['0\r\nX: a\0b\r\n\r\n', HeadError.CONTROL_BYTE],
];

test('malformed chunks', () => {
  for (const [input, error, content] of bad) {
    for (const outcome of everySplit(input, Framing.CHUNKED, -1)) {
      assert.equal(outcome.error, error, JSON.stringify(input));
      assert.equal(outcome.content, content ?? '', JSON.stringify(input));
      assert.equal(outcome.ended, false);
    }
  }
});

test('extensions are bounded in a line and in a body', () => {
  const line = `1;${'a'.repeat(chunkLineBytesMax)}\r\nx\r\n`;
  const one = decode([line], Framing.CHUNKED, -1);
  assert.equal(one.error, HeadError.CHUNK_EXTENSIONS_TOO_LARGE);
  const many = decode(
    ['1;abc\r\nx\r\n'.repeat(chunkExtensionBytesMax / 4 + 1)],
    Framing.CHUNKED,
    -1,
  );
  assert.equal(many.error, HeadError.CHUNK_EXTENSIONS_TOO_LARGE);
  assert.equal(many.content.length, chunkExtensionBytesMax / 4);
});

test('trailers are bounded in size and number', () => {
  const large = `0\r\nX: ${'a'.repeat(limits.headBytesMax)}`;
  const many = `0\r\n${'X: a\r\n'.repeat(limits.headFieldsMax + 1)}`;
  for (const input of [large, many]) {
    assert.equal(decode([input], Framing.CHUNKED, -1).error, HeadError.TRAILERS_TOO_LARGE);
  }
});

/** The outcomes with the input whole, in single bytes, and in every two parts. */
function* everySplit(input: string, framing: number, length: number): Generator<Outcome> {
  yield decode([input], framing, length);
  yield decode(Array.from(input), framing, length);
  for (let at = 1; at < input.length; at++) {
    yield decode([input.slice(0, at), input.slice(at)], framing, length);
  }
}

function decode(parts: readonly string[], framing: number, length: number): Outcome {
  const body = new BodyDecoder(limits);
  body.reset(framing, length);
  const outcome = blank();
  for (const part of parts) {
    if (outcome.ended) {
      outcome.rest += part;
      continue;
    }
    const bytes = Buffer.from(part, 'latin1');
    let at = 0;
    let event: number = BodyEvent.DATA;
    while (event === BodyEvent.DATA || event === BodyEvent.TRAILERS) {
      event = body.next(bytes, at, bytes.length);
      assert.ok(body.position >= at, 'the position never goes back');
      at = body.position;
      if (event === BodyEvent.DATA) {
        outcome.content += bytes.toString('latin1', body.dataStart, body.dataEnd);
      } else if (event === BodyEvent.TRAILERS) outcome.trailers = sentTrailers(body.trailers);
    }
    if (event === BodyEvent.ERROR) return { ...outcome, error: body.error };
    if (event === BodyEvent.NEED_MORE) assert.equal(at, bytes.length, 'all bytes are consumed');
    else {
      outcome.ended = true;
      outcome.rest = part.slice(at);
    }
  }
  return outcome;
}

function blank(): Outcome {
  return { content: '', trailers: '', error: 0, ended: false, rest: '' };
}
