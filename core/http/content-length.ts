/** The value of content-length (RFC 9110 8.6), read so that no other hop can read another one. */

import { readDigits } from './digits.ts';

/** 1 to 15 digits and nothing else; -1 for anything other. */
export function parseContentLength(bytes: Uint8Array, start: number, end: number): number {
  return readDigits(bytes, start, end, lengthDigitsMax);
}

/** 10^15 - 1 bytes, which every implementation can hold exactly. */
const lengthDigitsMax = 15;
