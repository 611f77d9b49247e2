/**
 * Goal: whatever a stream takes and when, frames come out whole and in their order, what waits is
 * counted, and nothing is copied or lost. Method: random histories with a stream that blocks as it
 * likes, beside a plain model.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { grpcQueueBytesMax } from '../base/limits.ts';
import { type Random, seededRandom } from '../base/random.ts';
import { SendQueue } from './send-queue.ts';

/** A stream that takes a piece and then, by the roll of a die, no more. */
class Stream extends SendQueue {
  readonly taken: Buffer[] = [];
  takenBytes = 0;
  blocked: boolean;
  ended = 0;
  drains = 0;
  /** The last piece, which the stream holds while it is blocked. */
  #pieceBytes = 0;
  readonly #random: Random;

  constructor(random: Random, open: boolean) {
    super(open);
    this.#random = random;
    this.blocked = !open;
  }

  get heldBytes(): number {
    return this.blocked ? this.#pieceBytes : 0;
  }

  add(frame: Buffer): boolean {
    return this.enqueue(frame);
  }

  open(): void {
    this.blocked = false;
    this.unblock();
  }

  finish(): void {
    this.endAfter();
  }

  protected override sendPiece(bytes: Buffer, start: number, end: number): void {
    assert.equal(this.blocked, false, 'nothing is sent to a stream that takes nothing');
    assert.equal(this.ended, 0);
    assert.ok(end > start && end - start <= 4_096);
    this.taken.push(bytes.subarray(start, end));
    this.takenBytes += end - start;
    this.#pieceBytes = end - start;
    if (this.#random.uint32() % 3 !== 0) return;
    this.blocked = true;
    this.block();
  }

  protected override sendEnd(): void {
    this.ended += 1;
  }

  protected override drained(): void {
    assert.equal(this.queuedBytes, 0);
    this.drains += 1;
  }
}

test('frames come out as they went in', () => {
  const random = seededRandom(7);
  for (let history = 0; history < 300; history++) {
    const stream = new Stream(random, history % 2 === 0);
    const frames: Buffer[] = [];
    let bytes = 0;
    for (let step = random.uint32() % 400; step > 0; step--) {
      if (stream.blocked && random.uint32() % 4 === 0) {
        const waited = stream.queuedBytes > 0;
        const { drains } = stream;
        stream.open();
        assert.equal(stream.drains, waited && !stream.blocked ? drains + 1 : drains);
      } else {
        const frame = Buffer.alloc(5 + (random.uint32() % 10_000), random.uint32() % 256);
        frames.push(frame);
        bytes += frame.length;
        assert.equal(stream.add(frame), true);
      }
      assert.equal(stream.queuedBytes, bytes - stream.takenBytes + stream.heldBytes);
    }
    stream.finish();
    for (let turns = 0; stream.ended === 0; turns++) {
      assert.ok(turns < 10_000, 'the end comes');
      stream.open();
    }
    assert.equal(stream.ended, 1);
    assert.equal(stream.queuedBytes, 0);
    assert.ok(Buffer.concat(stream.taken).equals(Buffer.concat(frames)));
  }
});

test('pieces are parts of the frames themselves', () => {
  const stream = new Stream(seededRandom(1), false);
  const frame = Buffer.alloc(100, 'x');
  stream.add(frame);
  stream.open();
  assert.equal(stream.taken[0].buffer, frame.buffer);
});

test('no more waits than its bound', () => {
  const stream = new Stream(seededRandom(1), false);
  const half = Buffer.alloc(grpcQueueBytesMax / 2);
  assert.deepEqual(
    [stream.add(half), stream.add(half), stream.add(Buffer.alloc(5))],
    [true, true, false],
  );
  assert.equal(stream.queuedBytes, grpcQueueBytesMax);
});
