/** Goal: a Node without what the sockets use is refused by name, before the first connection. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifyStreamHandle } from './stream-handle.ts';

test('this Node has everything', () => {
  assert.equal(verifyStreamHandle(), '');
});

test('what is missing is named', () => {
  const text = verifyStreamHandle({ streamBaseState: new Int32Array(5), kReadBytesOrError: 0 });
  assert.match(text, /has no WriteWrap, ShutdownWrap, kLastWriteWasAsync in its stream binding/);
  assert.match(text, /use Node 26/);
});
