/**
 * Goal: a response head is a status and what HTTP/1 would make of its fields, or an error by name.
 * Method: exact blocks, for each method and status that means something of its own.
 */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { block, type Fields, response } from '../../../test/support/h2-block.ts';
import { Framing, Head, Method } from '../head.ts';
import { decodeResponse, fieldOutputBytes } from './decode-head.ts';
import { HeadError } from './head-error.ts';
import { HpackDecoder } from './hpack/decode.ts';

const limits = { headBytesMax: 4_000, headFieldsMax: 20 };
const out = Buffer.alloc(fieldOutputBytes(limits));
const length = (value: string): Fields => [['content-length', value]];

function decode(
  fields: Fields,
  { method = Method.GET, ends = false }: { method?: number; ends?: boolean } = {},
): { result: number; head: Head } {
  const head = new Head();
  const bytes = block(fields);
  const whole = { bytes, start: 0, end: bytes.length, out };
  const decoder = new HpackDecoder(4_096);
  return { result: decodeResponse(decoder, whole, limits, method, ends, head), head };
}

test('the status is three digits from 100, without 101', () => {
  for (const status of ['', '2', '20', '2000', '099', '101', '000', 'abc', '2 0', '+20', '20x']) {
    assert.equal(decode([[':status', status]]).result, HeadError.STATUS, status);
  }
  for (const status of [100, 103, 200, 299, 599, 600, 999]) {
    const { result, head } = decode(response(status));
    assert.deepEqual([result, head.status], [0, status]);
  }
});

test('it is the one pseudo-header, stands first, and occurs once', () => {
  const cases: readonly (readonly [Fields, number])[] = [
    [[], HeadError.PSEUDO_MISSING],
    [[['server', 'x']], HeadError.PSEUDO_MISSING],
    [[...response(200), [':path', '/']], HeadError.PSEUDO_UNKNOWN],
    [[[':method', 'GET'], ...response(200)], HeadError.PSEUDO_UNKNOWN],
    [[...response(200), ...response(200)], HeadError.PSEUDO_REPEATED],
    [[['server', 'x'], ...response(200)], HeadError.PSEUDO_LATE],
  ];
  for (const [fields, error] of cases) assert.equal(decode(fields).result, error);
});

test('fields have the rules of requests', () => {
  const cases: readonly (readonly [Fields, number])[] = [
    [[['Server', 'x']], HeadError.FIELD_NAME],
    [[['server', 'a\r\nset-cookie: b']], HeadError.FIELD_VALUE],
    [[['connection', 'close']], HeadError.CONNECTION_FIELD],
    [[['transfer-encoding', 'chunked']], HeadError.CONNECTION_FIELD],
    [[['upgrade', 'websocket']], HeadError.CONNECTION_FIELD],
    [length('5, 5'), HeadError.LENGTH_INVALID],
    [[...length('5'), ...length('5')], HeadError.LENGTH_REPEATED],
    [[['x', 'v'.repeat(4_000)]], HeadError.TOO_LARGE],
    [Array.from({ length: 21 }, () => ['x', ''] as const), HeadError.TOO_MANY_FIELDS],
  ];
  for (const [more, error] of cases) assert.equal(decode(response(200, more)).result, error);
});

describe('content is delimited', () => {
  test('by a length, by the end, or there is none', () => {
    const cases: readonly (readonly [Fields, boolean, number, number])[] = [
      [response(200, length('5')), false, Framing.LENGTH, 5],
      [response(200, length('0')), false, Framing.NONE, 0],
      [response(200), false, Framing.CHUNKED, -1],
      [response(200), true, Framing.NONE, 0],
      [response(500, length('5')), true, Framing.NONE, 5],
    ];
    for (const [fields, ends, framing, contentLength] of cases) {
      const { head } = decode(fields, { ends });
      assert.deepEqual([head.framing, head.contentLength], [framing, contentLength]);
    }
  });

  test('HEAD and 304 keep the length that they speak of, 204 and below lose it', () => {
    const head = decode(response(200, length('5')), { method: Method.HEAD }).head;
    assert.deepEqual([head.framing, head.contentLength, head.droppedCount], [Framing.NONE, 5, 0]);
    const notModified = decode(response(304, length('5')), { ends: true }).head;
    assert.deepEqual([notModified.framing, notModified.droppedCount], [Framing.NONE, 0]);
    for (const status of [100, 103, 204]) {
      const none = decode(response(status, length('5')), { ends: true }).head;
      assert.deepEqual(
        [none.framing, none.contentLength, none.droppedCount],
        [Framing.NONE, -1, 1],
      );
    }
  });

  test('a length to HEAD is that of GET, whether there is one or not', () => {
    const { head } = decode(response(200), { method: Method.HEAD, ends: true });
    assert.deepEqual([head.framing, head.contentLength], [Framing.NONE, -1]);
  });
});
