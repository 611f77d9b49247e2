/**
 * Decoding of Huffman-coded strings (RFC 7541 5.2), by a table of 12 bits in which most pairs of
 * characters are one step; longer codes are found by their length.
 */

import { Violation } from '../violation.ts';
import {
  codeBitsMax,
  codeBitsMin,
  codeLimits,
  codeOffsets,
  EOS,
  symbolsInOrder,
} from './huffman-code.ts';

/**
 * Decodes `start`..`end` of what `source` shows to `out` from `at` on. Returns the offset behind,
 * or a Violation. Bytes from `limit` on are counted, not written; the result is above `limit` then.
 */
export function decodeHuffman(
  source: DataView,
  start: number,
  end: number,
  out: Buffer,
  at: number,
  limit: number,
): number {
  let to = at;
  // In bits: where the next code begins, and up to where two steps stay inside the string.
  let from = start * 8;
  const fromMax = Math.min(end * 8 - 2 * stepBits, (source.byteLength - 4) * 8);
  for (;;) {
    // What is written behind the first character of a step is written over if it was none.
    while (from <= fromMax && to + 4 <= limit) {
      const word = source.getInt32(from >> 3);
      const shift = from & 7;
      const first = steps[(word << shift) >>> stepShift];
      if (first === 0) break;
      const bits = (first >> bitsShift) & bitsMask;
      const second = steps[(word << (shift + bits)) >>> stepShift];
      out[to] = first;
      out[to + 1] = first >> 8;
      to += first >> countShift;
      out[to] = second;
      out[to + 1] = second >> 8;
      to += second >> countShift;
      from += bits + ((second >> bitsShift) & bitsMask);
    }
    const left = end * 8 - from;
    const window = windowAt(source, from, left);
    if (window === allOnes && left < 8) return to;
    const step = steps[window >>> stepShift];
    const bits = (step >> bitsShift) & bitsMask;
    if (step !== 0 && bits <= left && to + 1 !== limit) {
      if (to < limit) {
        out[to] = step;
        out[to + 1] = step >> 8;
      }
      to += step >> countShift;
      from += bits;
      continue;
    }
    const length = lengthOf(window);
    if (length > left) return Violation.HPACK_HUFFMAN_PADDING;
    const symbol = symbolOf(window, length);
    if (symbol === EOS) return Violation.HPACK_HUFFMAN_EOS;
    if (to < limit) out[to] = symbol;
    to++;
    from += length;
  }
}

/** 32 bits from bit `from` on; behind the `left` that there are come ones, as in the padding. */
function windowAt(source: DataView, from: number, left: number): number {
  const at = from >> 3;
  const shift = from & 7;
  const end = (from + left) >> 3;
  let window = 0;
  if (at + 5 <= source.byteLength) {
    window = (source.getInt32(at) << shift) | (source.getUint8(at + 4) >> (8 - shift));
  } else {
    for (let i = at; i < at + 4; i++) {
      window = (window << 8) | (i < end ? source.getUint8(i) : 0);
    }
    window <<= shift;
  }
  return left < 32 ? window | (allOnes >>> left) : window;
}

/** The length of the code that `window` begins with, 32 bits. */
function lengthOf(window: number): number {
  const code = window >>> 1;
  let length = codeBitsMin;
  while (length < codeBitsMax && code >= codeLimits[length]) length++;
  return length;
}

function symbolOf(window: number, length: number): number {
  return symbolsInOrder[codeOffsets[length] + (window >>> (32 - length))];
}

const stepBits = 12;
const stepShift = 32 - stepBits;
/**
 * What 12 bits begin with: a character, 8 bits above it another if its code is whole too, then the
 * bits of their codes, and how many they are. 0 where the first code is longer.
 */
const steps = new Int32Array(1 << stepBits);
const bitsShift = 16;
const bitsMask = 15;
const countShift = 20;
const allOnes = -1;

for (let index = 0; index < steps.length; index++) {
  const window = index << stepShift;
  const length = lengthOf(window);
  if (length > stepBits) continue;
  const first = symbolOf(window, length);
  const secondLength = lengthOf(window << length);
  const bits = length + secondLength;
  if (bits > stepBits) steps[index] = first | (length << bitsShift) | (1 << countShift);
  else {
    const second = symbolOf(window << length, secondLength);
    steps[index] = first | (second << 8) | (bits << bitsShift) | (2 << countShift);
  }
}
