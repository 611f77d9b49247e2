/**
 * Goal: what the nine bytes before each frame cost to read and to write. Method: the heads of many
 * frames behind each other, over and over, so many times a round that the clock does not matter.
 * The argument is the number of rounds; a line of JSON for each figure goes to stdout.
 */

import { encodeFrameHead, FrameHead, FrameType, frameHeadBytes } from './head.ts';

const rounds = Number(process.argv[2] ?? 5);
const heads = 1000;
const passes = 2000;
const bytes = Buffer.alloc(heads * frameHeadBytes);
const head = new FrameHead();

for (const [name, pass] of [
  ['write the head of a frame', writeAll],
  ['read the head of a frame', readAll],
] as const) {
  measureNanos(pass);
  const nanos = Array.from({ length: rounds }, () => measureNanos(pass));
  process.stdout.write(`${JSON.stringify({ name, nanos })}\n`);
}

function measureNanos(pass: () => void): number {
  const from = process.hrtime.bigint();
  for (let count = 0; count < passes; count++) pass();
  return Number(process.hrtime.bigint() - from) / (passes * heads);
}

function writeAll(): void {
  let at = 0;
  for (let index = 0; index < heads; index++) {
    const type = index % 2 === 0 ? FrameType.HEADERS : FrameType.DATA;
    at = encodeFrameHead(index, type, 0, 2 * index + 1, bytes, at);
  }
  if (at !== bytes.length) throw new Error('not written');
}

function readAll(): void {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += frameHeadBytes) {
    if (head.read(bytes, at, 16_384) !== 0) throw new Error('not read');
    sum += head.length + head.streamId;
  }
  if (sum !== (heads * (heads - 1)) / 2 + heads * heads) throw new Error('not what was written');
}
