/** Goal: different texts have different digests. Method: many texts that differ in little. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contentDigest } from './content-digest.ts';

test('the same text has the same digest, of a fixed length', () => {
  assert.equal(contentDigest('a: b\n'), contentDigest(['a: b', ''].join('\n')));
  for (const text of ['', 'a', 'x'.repeat(100_000), 'ü€😀']) {
    assert.match(contentDigest(text), /^[0-9a-f]{16}$/);
  }
});

test('texts that differ in a digit, a place or their length differ', () => {
  const seen = new Map<string, string>();
  const add = (text: string): void => {
    const digest = contentDigest(text);
    assert.equal(seen.get(digest) ?? text, text);
    seen.set(digest, text);
  };
  for (let port = 0; port < 65_536; port++) add(`endpoints: [127.0.0.1:${port}]\n`);
  for (let at = 0; at < 2_000; at++) add(`${' '.repeat(at)}x${' '.repeat(2_000 - at)}`);
  for (let length = 0; length < 2_000; length++) add('\0'.repeat(length));
  for (let code = 0; code < 65_536; code++) add(String.fromCharCode(code, 65_535 - code));
});

test('each of its halves tells nearly all texts apart', () => {
  const count = 50_000;
  const digests = Array.from({ length: count }, (_, port) => contentDigest(`port: ${port}`));
  for (const half of [digests.map((one) => one.slice(0, 8)), digests.map((one) => one.slice(8))]) {
    assert.ok(new Set(half).size > count - 5);
  }
});
