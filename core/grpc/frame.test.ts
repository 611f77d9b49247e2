/**
 * Goal: messages come out of content as they went in, whatever its pieces, and what is no message
 * is told apart without room being made for it. Method: exact bytes, every cut.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FrameError, frameMessage, MessageReader } from './frame.ts';
import type { MessageCodec } from './method.ts';

const raw: MessageCodec<string> = {
  encode: (message) => Buffer.from(message, 'latin1'),
  decode: (bytes) => Buffer.from(bytes).toString('latin1'),
};

/** What comes of these pieces: messages, and an error's number. */
function readAll(reader: MessageReader, pieces: readonly Buffer[]): (string | number)[] {
  const seen: (string | number)[] = [];
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; ) {
      at = reader.read(piece, at, piece.length);
      if (at < 0) return [...seen, at];
      const whole = reader.take();
      if (whole !== null) seen.push(whole.toString('latin1'));
    }
  }
  return seen;
}

test('a frame is a flag, a length of four bytes and the message', () => {
  assert.equal(frameMessage(raw, 'abc').toString('hex'), '0000000003616263');
  assert.equal(frameMessage(raw, '').toString('hex'), '0000000000');
});

test('messages are read whatever the cuts', () => {
  const messages = ['abc', '', 'x'.repeat(300), 'd'];
  const bytes = Buffer.concat(messages.map((message) => frameMessage(raw, message)));
  for (let cut = 0; cut <= bytes.length; cut++) {
    const reader = new MessageReader(300);
    assert.deepEqual(readAll(reader, [bytes.subarray(0, cut), bytes.subarray(cut)]), messages);
    assert.equal(reader.empty, true);
  }
  const single = Array.from(bytes, (byte) => Buffer.of(byte));
  assert.deepEqual(readAll(new MessageReader(300), single), messages);
});

test('a message belongs to who takes it', () => {
  const bytes = frameMessage(raw, 'abc');
  const reader = new MessageReader(10);
  reader.read(bytes, 0, bytes.length);
  const message = reader.take();
  bytes.fill(0);
  assert.equal(message?.toString('latin1'), 'abc');
  assert.equal(reader.take(), null);
});

test('what is too large, compressed or no frame is refused by its first five bytes', () => {
  for (const [hex, error] of [
    ['000000000b', FrameError.TOO_LARGE],
    ['00ffffffff', FrameError.TOO_LARGE],
    ['0100000001', FrameError.COMPRESSED],
    ['0200000001', FrameError.FLAG],
    ['ff00000001', FrameError.FLAG],
  ] as const) {
    const reader = new MessageReader(10);
    assert.deepEqual(readAll(reader, [Buffer.from(hex, 'hex')]), [error]);
    assert.equal(reader.heldBytes, 0);
  }
  const exact = frameMessage(raw, 'x'.repeat(10));
  assert.deepEqual(readAll(new MessageReader(10), [exact]), ['x'.repeat(10)]);
});

test('a length that is claimed takes no room before the bytes come', () => {
  const reader = new MessageReader(4 * 1024 * 1024);
  readAll(reader, [Buffer.from('0000400000', 'hex'), Buffer.from('a')]);
  assert.equal(reader.empty, false);
  assert.equal(reader.heldBytes, 1024);
  readAll(reader, [Buffer.alloc(5_000)]);
  assert.ok(reader.heldBytes <= 2 * 5_001);
});
