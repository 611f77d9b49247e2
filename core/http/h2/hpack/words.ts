/**
 * Bytes by eights and fours: copies, comparisons and hashes of field lines, 2 to 6 times as fast
 * as byte by byte. What they take is a DataView, which reads and writes whole words at any offset.
 */

import { lowerBytes } from '../../byte-class.ts';

/** What `copyWords` may read and write behind the range that it copies. */
export const wordSlackBytes = 7;

let lastBytes: Buffer = Buffer.alloc(0);
let lastView = new DataView(lastBytes.buffer, lastBytes.byteOffset, 0);

/**
 * A view of all of `bytes`. The last one is remembered: connections of a thread share their
 * buffers, so the same one comes many times running, and a new view costs as much as a field.
 */
export function viewOf(bytes: Buffer): DataView {
  if (bytes !== lastBytes) {
    lastView = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    lastBytes = bytes;
  }
  return lastView;
}

/** Copies `length` bytes, and up to `wordSlackBytes` behind them, which both sides must have. */
export function copyWords(
  source: DataView,
  start: number,
  target: DataView,
  at: number,
  length: number,
): void {
  for (let i = 0; i < length; i += 8) {
    target.setBigInt64(at + i, source.getBigInt64(start + i, true), true);
  }
}

/** Whether `length` bytes of `a` and `b` are equal. */
export function equalsWords(
  a: DataView,
  aStart: number,
  b: DataView,
  bStart: number,
  length: number,
): boolean {
  if (length < 8) return equalsShort(a, aStart, b, bStart, length);
  const last = length - 8;
  for (let i = 0; i < last; i += 8) {
    if (a.getBigInt64(aStart + i, true) !== b.getBigInt64(bStart + i, true)) return false;
  }
  return a.getBigInt64(aStart + last, true) === b.getBigInt64(bStart + last, true);
}

function equalsShort(
  a: DataView,
  aStart: number,
  b: DataView,
  bStart: number,
  length: number,
): boolean {
  if (length < 4) {
    for (let i = 0; i < length; i++) {
      if (a.getUint8(aStart + i) !== b.getUint8(bStart + i)) return false;
    }
    return true;
  }
  const last = length - 4;
  return (
    a.getInt32(aStart, true) === b.getInt32(bStart, true) &&
    a.getInt32(aStart + last, true) === b.getInt32(bStart + last, true)
  );
}

/**
 * Whether `length` bytes of `a`, in small letters, are those of `b`, which has no capital ones.
 * Most names come in small letters, and then as fast as `equalsWords`.
 */
export function equalsLower(
  a: DataView,
  aStart: number,
  b: DataView,
  bStart: number,
  length: number,
): boolean {
  if (equalsWords(a, aStart, b, bStart, length)) return true;
  for (let i = 0; i < length; i++) {
    if (lowerBytes[a.getUint8(aStart + i)] !== b.getUint8(bStart + i)) return false;
  }
  return true;
}

/** A hash of 32 bits of a value, which goes on from `seed`. */
export function hashValue(view: DataView, start: number, end: number, seed: number): number {
  const length = end - start;
  let hash = seed ^ length;
  if (length < 4) {
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ view.getUint8(at), factor);
  } else {
    const last = end - 4;
    for (let at = start; at < last; at += 4) {
      hash = Math.imul(hash ^ view.getInt32(at, true), factor);
      hash ^= hash >>> 15;
    }
    hash = Math.imul(hash ^ view.getInt32(last, true), factor);
  }
  return hash ^ (hash >>> 15);
}

/** A hash of 32 bits of a name that is the same for capital and small letters. */
export function hashName(view: DataView, start: number, end: number): number {
  const length = end - start;
  let hash = length;
  if (length < 4) {
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ (view.getUint8(at) | 32), factor);
  } else {
    const last = end - 4;
    for (let at = start; at < last; at += 4) {
      hash = Math.imul(hash ^ (view.getInt32(at, true) | smallLetters), factor);
    }
    hash = Math.imul(hash ^ (view.getInt32(last, true) | smallLetters), factor);
  }
  return hash ^ (hash >>> 15);
}

/** Odd, near the golden ratio of 2^32. */
const factor = 0x9e3779b1;
const smallLetters = 0x20202020;
