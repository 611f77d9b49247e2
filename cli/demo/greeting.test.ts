/** Goal: the demo's messages are those of greeter.proto. Method: exact bytes, both ways. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeMessage, encodeMessage } from './greeting.ts';

test('a text is field 1 of a message in a frame', () => {
  const rows: [string, string][] = [
    ['', '0000000000'],
    ['Ada', '00000000050a03416461'],
    ['é', '00000000040a02c3a9'],
  ];
  for (const [text, hex] of rows) {
    assert.equal(encodeMessage(text).toString('hex'), hex);
    assert.equal(decodeMessage(Buffer.from(hex, 'hex')), text);
  }
  const long = 'a'.repeat(127);
  assert.equal(decodeMessage(encodeMessage(long)), long);
  assert.throws(() => encodeMessage(`${long}a`));
});

test('anything else is no message', () => {
  for (const hex of [
    '',
    '00000000',
    '01000000050a03416461',
    '00000000060a03416461',
    '00000000050a0341646100',
    '00000000050a02416461',
    '00000000051203416461',
    '000000000108',
    '00000000010a',
  ]) {
    assert.equal(decodeMessage(Buffer.from(hex, 'hex')), null, hex);
  }
  const tooLong = Buffer.concat([Buffer.from('00000000830a8101', 'hex'), Buffer.alloc(129, 'a')]);
  assert.equal(decodeMessage(tooLong), null);
});
