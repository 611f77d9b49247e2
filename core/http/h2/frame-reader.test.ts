/**
 * Goal: however the bytes of frames are cut, the same frames and the same content are told, and
 * what is told lies in bytes that stay as they are meanwhile. Method: random frames, pushed whole
 * and in random parts of a buffer that is overwritten after each push.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { encodeFrameHead, Flag, type FrameHead, FrameType } from './frame/head.ts';
import { type FrameHandler, FrameReader } from './frame-reader.ts';

interface Drawn {
  readonly type: number;
  readonly payload: Uint8Array;
  /** -1: not padded. Of DATA only. */
  readonly padding: number;
}

test('frames are the same however they are cut', () => {
  fc.assert(
    fc.property(
      frames,
      fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }),
      (all, cuts) => {
        const bytes = Buffer.concat(all.map(encode));
        const whole = read(bytes, [bytes.length]);
        assert.equal(whole.length, all.length);
        assert.deepEqual(read(bytes, cuts), whole);
      },
    ),
  );
});

test('a frame larger than what is cut from it is whole when its last byte has come', () => {
  const frame = { type: FrameType.HEADERS, payload: Buffer.alloc(16_384, 'h'), padding: -1 };
  const bytes = Buffer.concat([encode(frame), encode({ ...frame, payload: Buffer.from('next') })]);
  assert.deepEqual(read(bytes, [1]), read(bytes, [bytes.length]));
});

const frames = fc.array(
  fc.record({
    type: fc.constantFrom(FrameType.DATA, FrameType.HEADERS, FrameType.PING, 0x42),
    payload: fc.uint8Array({ maxLength: 50 }),
    padding: fc.integer({ min: -1, max: 20 }),
  }),
);

function encode({ type, payload, padding }: Drawn): Buffer {
  const isPadded = type === FrameType.DATA && padding >= 0;
  const content = isPadded
    ? Buffer.concat([Buffer.of(padding), payload, Buffer.alloc(padding)])
    : payload;
  const head = Buffer.alloc(9);
  encodeFrameHead(content.length, type, isPadded ? Flag.PADDED : 0, 1, head, 0);
  return Buffer.concat([head, content]);
}

/** Pushes parts of the lengths in `cuts`, over and over. One line for each frame. */
function read(bytes: Buffer, cuts: readonly number[]): string[] {
  const told = new Recorder();
  const reader = new FrameReader(told, 16_384);
  let at = 0;
  for (let turn = 0; at < bytes.length; turn++) {
    const part = Buffer.from(bytes.subarray(at, at + cuts[turn % cuts.length]));
    reader.push(part, 0, part.length);
    at += part.length;
    part.fill(0xee);
  }
  assert.ok(reader.between);
  return told.lines;
}

class Recorder implements FrameHandler {
  readonly lines: string[] = [];
  #data = '';

  frameHead(_frame: FrameHead, violation: number): boolean {
    assert.equal(violation, 0);
    return true;
  }

  frame(frame: FrameHead, bytes: Buffer, start: number, end: number): boolean {
    assert.equal(end - start, frame.length);
    this.lines.push(`${frame.type} ${bytes.toString('hex', start, end)}`);
    return true;
  }

  dataBegins(frame: FrameHead, violation: number): boolean {
    assert.equal(violation, 0);
    this.#data = `data of ${frame.length} `;
    return true;
  }

  dataPart(bytes: Buffer, start: number, end: number): boolean {
    assert.ok(end > start);
    this.#data += bytes.toString('hex', start, end);
    return true;
  }

  dataEnds(): boolean {
    this.lines.push(this.#data);
    return true;
  }
}
