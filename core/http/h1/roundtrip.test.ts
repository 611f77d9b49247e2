/**
 * Goal: what is forwarded is read again as what was read, and our reading is the strict one.
 * Method: generated heads through decoder and encoder and back, and beside a reference parser.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { mutate } from '../../../test/support/mutate.ts';
import { smugglingCases } from '../../../test/support/smuggling-cases.ts';
import { seededRandom } from '../../base/random.ts';
import { Head } from '../head.ts';
import { markHopByHop } from '../hop-by-hop.ts';
import { compareReadings } from './decode.fuzz.ts';
import { decodeRequestHead } from './decode-head.ts';
import { encodeRequestHead } from './encode.ts';

const limits = { headBytesMax: 64 * 1024, headFieldsMax: 100 };

const charsOf = (first: number, last: number, without = '') =>
  Array.from({ length: last - first + 1 }, (_, i) => String.fromCharCode(first + i)).filter(
    (character) => !without.includes(character),
  );
const textOf = (chars: readonly string[], minLength: number) =>
  fc.string({ unit: fc.constantFrom(...chars), minLength, maxLength: 30 });

const tokenText = textOf(charsOf(0x21, 0x7e, '"(),/:;<=>?@[\\]{}'), 1);
const valueText = textOf([...charsOf(0x20, 0x7e), ...charsOf(0x80, 0xff), '\t'], 0);
const pathText = textOf(charsOf(0x21, 0x7e, '#'), 0).map((text) => `/${text}`);
const hostText = fc.constantFrom('a', 'A.b', '[::1]:80', '127.0.0.1:8080', 'web.default.');
const target = fc.oneof(
  pathText,
  fc.tuple(hostText, pathText).map(([host, path]) => `http://${host}${path}`),
);
const line = fc
  .tuple(tokenText, fc.constantFrom('', ' ', '\t '), valueText, fc.constantFrom('', ' \t'))
  .map(([name, before, value, after]) => `X${name}:${before}${value}${after}\r\n`);
const special = fc.constantFrom(
  'Connection: close\r\n',
  'connection: keep-alive, Xa, host\r\n',
  'Upgrade: websocket\r\nConnection: upgrade\r\n',
  'TE: trailers\r\n',
  'te: gzip\r\n',
  'l5d_a: b\r\n',
);
const framing = fc.constantFrom(
  '',
  'Content-Length: 0\r\n',
  'content-length: 007\r\n',
  'Transfer-Encoding:chunked\r\n',
  'Transfer-Encoding: Chunked\r\n',
);
const requestHead = fc
  .record({
    method: tokenText.filter((method) => method !== 'CONNECT'),
    target,
    host: hostText,
    fields: fc.array(fc.oneof(line, line, special), { maxLength: 8 }),
    framing,
    minor: fc.constantFrom('0', '1', '1', '3'),
  })
  .filter(({ framing: text, minor }) => minor !== '0' || !text.startsWith('T'))
  .map(
    ({ method, target: where, host, fields, framing: text, minor }) =>
      `${method} ${where} HTTP/1.${minor}\r\n${fields.join('')}Host: ${host}\r\n${text}\r\n`,
  );

test('what is forwarded is read as what was read', () => {
  fc.assert(
    fc.property(requestHead, (input) => {
      const once = forward(input);
      assert.equal(forward(once), once, 'forwarding again changes nothing');
      compareReadings(input);
      compareReadings(once);
    }),
    { numRuns: 2000, seed: 1 },
  );
});

test('mutated requests are read as the reference reads them', () => {
  const random = seededRandom(7);
  const inputs = smugglingCases()
    .map(({ request }) => request)
    .filter((request) => request.length < 500);
  for (let i = 0; i < 5000; i++) compareReadings(mutate(inputs, random));
});

test('a decoder that is used again remembers nothing of the last head', () => {
  const used = new Head();
  fc.assert(
    fc.property(requestHead, (input) => {
      assert.equal(forward(input, used), forward(input, new Head()));
    }),
    { numRuns: 500, seed: 2 },
  );
});

function forward(input: string, head = new Head()): string {
  const bytes = Buffer.from(input, 'latin1');
  const end = decodeRequestHead(bytes, 0, bytes.length, limits, head);
  assert.equal(end, bytes.length, `a valid head: ${JSON.stringify(input)}`);
  markHopByHop(head, true);
  head.hold();
  bytes.fill(0);
  const out = Buffer.alloc(bytes.length + 256);
  return out.toString('latin1', 0, encodeRequestHead(head, out, 0, ''));
}
