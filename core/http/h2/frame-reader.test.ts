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
import { Violation } from './violation.ts';

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

test('a frame above the allowed size is told before its payload has come', () => {
  const told: string[] = [];
  const reader = new FrameReader(new Deaf(told, 'head'), 16_384);
  const head = Buffer.alloc(9);
  encodeFrameHead(16_385, FrameType.HEADERS, 0, 1, head, 0);
  reader.push(head, 0, 9);
  assert.deepEqual(told, [`head ${Violation.FRAME_TOO_LARGE}`]);
});

test('whoever wants no more gets no more, from the same bytes or from others', () => {
  const ping = encode({ type: FrameType.PING, payload: Buffer.alloc(8), padding: -1 });
  const data = encode({ type: FrameType.DATA, payload: Buffer.from('abc'), padding: 2 });
  for (const [last, expected] of [
    ['head', ['head 0']],
    ['frame', ['head 0', 'frame']],
  ] as const) {
    const told: string[] = [];
    const reader = new FrameReader(new Deaf(told, last), 16_384);
    const bytes = Buffer.concat([ping, ping]);
    reader.push(bytes, 0, bytes.length);
    reader.push(bytes, 0, bytes.length);
    assert.deepEqual(told, expected);
  }
  for (const [last, expected] of [
    ['begins', ['head 0', 'begins 3']],
    ['part', ['head 0', 'begins 3', 'part']],
    ['ends', ['head 0', 'begins 3', 'part', 'ends']],
  ] as const) {
    const told: string[] = [];
    const reader = new FrameReader(new Deaf(told, last), 16_384);
    const bytes = Buffer.concat([data, ping]);
    reader.push(bytes, 0, bytes.length);
    assert.deepEqual(told, expected);
  }
});

/** Wants no more after a certain event. */
class Deaf implements FrameHandler {
  readonly #told: string[];
  readonly #last: string;

  constructor(told: string[], last: string) {
    this.#told = told;
    this.#last = last;
  }

  frameHead(_frame: FrameHead, violation: number): boolean {
    return this.#tell('head', violation);
  }

  frame(): boolean {
    return this.#tell('frame');
  }

  dataBegins(_frame: FrameHead, _violation: number, contentBytes: number): boolean {
    return this.#tell('begins', contentBytes);
  }

  dataPart(): boolean {
    return this.#tell('part');
  }

  dataEnds(): boolean {
    return this.#tell('ends');
  }

  #tell(event: string, detail?: number): boolean {
    this.#told.push(detail === undefined ? event : `${event} ${detail}`);
    return event !== this.#last;
  }
}

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
