/** The value of content-length (RFC 9110 8.6), read so that no other hop can read another one. */

/** 1 to 15 digits and nothing else; -1 for anything other. */
export function parseContentLength(bytes: Uint8Array, start: number, end: number): number {
  if (start === end || end - start > lengthDigitsMax) return -1;
  let length = 0;
  for (let at = start; at < end; at++) {
    const digit = bytes[at] - 0x30;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
  }
  return length;
}

/** 10^15 - 1 bytes, which every implementation can hold exactly. */
const lengthDigitsMax = 15;
