/**
 * Reads DER (X.690, section 10), the strict form of BER: every value has one encoding, and another
 * one is refused. Bytes come from peers, so nothing here throws on them; `null` says malformed.
 */

/** One value: its tag, and where its content is. The next one begins at `end`. */
export interface Element {
  readonly tag: number;
  readonly start: number;
  readonly end: number;
}

export const Tag = {
  BOOLEAN: 0x01,
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  NULL: 0x05,
  OID: 0x06,
  UTF8_STRING: 0x0c,
  SEQUENCE: 0x30,
  SET: 0x31,
} as const;

/**
 * The value that begins at `at` and ends at `end` or before. No indefinite length, no length in
 * more octets than it needs, no tag of several octets: X.509 has none.
 */
export function readElement(bytes: Uint8Array, at: number, end: number): Element | null {
  if (end - at < 2) return null;
  const tag = bytes[at];
  if ((tag & 0x1f) === 0x1f) return null;
  const first = bytes[at + 1];
  if (first < 0x80) return within(tag, at + 2, first, end);
  const octets = first & 0x7f;
  if (octets < 1 || octets > lengthOctetsMax || end - at - 2 < octets) return null;
  let length = 0;
  for (let i = 0; i < octets; i++) length = length * 256 + bytes[at + 2 + i];
  const isShortest = length >= 0x80 && bytes[at + 2] !== 0;
  return isShortest ? within(tag, at + 2 + octets, length, end) : null;
}

/** The value with this tag at `at`. */
export function readTagged(
  bytes: Uint8Array,
  at: number,
  end: number,
  tag: number,
): Element | null {
  const element = readElement(bytes, at, end);
  return element?.tag === tag ? element : null;
}

/** The values that fill a range to its last byte; null when they do not, or are too many. */
export function readElements(
  bytes: Uint8Array,
  start: number,
  end: number,
  countMax: number,
): Element[] | null {
  const elements: Element[] = [];
  for (let at = start; at < end; ) {
    const element = readElement(bytes, at, end);
    if (element === null || elements.length === countMax) return null;
    elements.push(element);
    at = element.end;
  }
  return elements;
}

function within(tag: number, start: number, length: number, end: number): Element | null {
  return length <= end - start ? { tag, start, end: start + length } : null;
}

const lengthOctetsMax = 4;
