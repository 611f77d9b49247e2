/** Numbers as fields of a head write them: digits of ASCII and nothing else. */

/** -1 where there is anything other than 1 to `digitsMax` digits. */
export function readDigits(
  bytes: Uint8Array,
  start: number,
  end: number,
  digitsMax: number,
): number {
  if (end <= start || end - start > digitsMax) return -1;
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = bytes[at] - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}
