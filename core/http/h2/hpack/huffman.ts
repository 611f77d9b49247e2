/**
 * Decoding of Huffman-coded strings (RFC 7541 5.2), by a table of 12 bits in which most pairs of
 * characters are one step; what is longer, or near the end, is found by its length.
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
 * Decodes `start`..`end` of `bytes` to `out` from `at` on. Returns the offset behind, or a
 * Violation. Bytes from `limit` on are counted, not written; the result is above `limit` then.
 */
export function decodeHuffman(
  bytes: Buffer,
  start: number,
  end: number,
  out: Buffer,
  at: number,
  limit: number,
): number {
  let from = start;
  let to = at;
  // The lowest `count` bits of `bits` have been read and not yet decoded.
  let bits = 0;
  let count = 0;
  for (;;) {
    while (count <= 24 && from < end) {
      bits = (bits << 8) | bytes[from++];
      count += 8;
    }
    if (count >= stepBits) {
      const step = steps[(bits >>> (count - stepBits)) & stepMask];
      if (step !== 0) {
        if (to < limit) out[to] = step & 0xff;
        to++;
        if (step >= pairMark) {
          if (to < limit) out[to] = (step >>> 8) & 0xff;
          to++;
        }
        count -= (step >>> 16) & 15;
        continue;
      }
    } else if (count === 0) return to;
    // The next 32 bits; behind the end there are ones, as in the padding.
    const rest = from < end && count > 24 ? bytes[from] >>> (count - 24) : -1 >>> count;
    const window = count === 32 ? bits : (bits << (32 - count)) | rest;
    const length = lengthOf(window);
    const symbol = symbolsInOrder[codeOffsets[length] + (window >>> (32 - length))];
    if (length <= count) {
      if (symbol === EOS) return Violation.HPACK_HUFFMAN_EOS;
      count -= length;
    } else if (from === end) {
      const isPadding = count < 8 && window === -1;
      return isPadding ? to : Violation.HPACK_HUFFMAN_PADDING;
    } else {
      if (symbol === EOS) return Violation.HPACK_HUFFMAN_EOS;
      bits = bytes[from++];
      count += 8 - length;
    }
    if (to < limit) out[to] = symbol;
    to++;
  }
}

/** The length of the code that `window` begins with, 32 bits. */
function lengthOf(window: number): number {
  const code = window >>> 1;
  let length = codeBitsMin;
  while (length < codeBitsMax && code >= codeLimits[length]) length++;
  return length;
}

const stepBits = 12;
const stepMask = (1 << stepBits) - 1;
/** A step: a symbol, a second one 8 bits above if there is one, the bits of both, and the mark. */
const steps = new Int32Array(1 << stepBits);
const pairMark = 1 << 20;

for (let index = 0; index <= stepMask; index++) {
  const window = index << (32 - stepBits);
  const length = lengthOf(window);
  if (length > stepBits) continue;
  const symbol = symbolsInOrder[codeOffsets[length] + (window >>> (32 - length))];
  const next = window << length;
  const both = length + lengthOf(next);
  if (both > stepBits) steps[index] = symbol | (length << 16);
  else {
    const second = symbolsInOrder[codeOffsets[both - length] + (next >>> (32 - both + length))];
    steps[index] = symbol | (second << 8) | (both << 16) | pairMark;
  }
}
