/**
 * Classes of bytes as tables of 256 entries, and comparisons of bytes with names, for the codecs.
 * A table is one load a byte, whatever the class; nothing here allocates after the module loads.
 */

export const HTAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;
export const COLON = 0x3a;

const digits = '0123456789';
const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** `tchar` of RFC 9110 5.6.2: methods, field names, list tokens. */
export const tokenBytes = classOf(`!#$%&'*+-.^_\`|~${digits}${letters}`);

/** Field content of RFC 9110 5.5 with the white space inside it: HTAB, SP, visible, obs-text. */
export const valueBytes = rangeOf(0x20, 0xff);
valueBytes[0x7f] = 0;
valueBytes[HTAB] = 1;

/**
 * Request targets: visible ASCII without `#`, which RFC 9112 3.2 has no place for. Characters that
 * RFC 3986 wants encoded but that clients send (`"`, `{`, `|`) pass unchanged; obs-text does not.
 */
export const targetBytes = rangeOf(0x21, 0x7e);
targetBytes[0x23] = 0;

/**
 * Names and IPv4 addresses: the unreserved bytes of RFC 3986 2.3. Its reg-name would also allow
 * percent-encoding and sub-delims (the comma among them): no service name has these, and they are
 * what host confusion is made of.
 */
export const hostBytes = classOf(`-._~${digits}${letters}`);

/** What may stand between the brackets of an IPv6 address. */
export const ipv6Bytes = classOf(`:.${digits}abcdefABCDEF`);

/** The value of a hexadecimal digit, 255 for any other byte. */
export const hexValues = Uint8Array.from({ length: 256 }, (_, byte) => {
  const value = '0123456789abcdef'.indexOf(String.fromCharCode(byte).toLowerCase());
  return value < 0 ? 255 : value;
});

/** ASCII letters to lower case, any other byte to itself. */
export const lowerBytes = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte,
);

/** Whether `bytes` from `start` to `end` are `lower`, a name in lower case, in any case. */
export function equalsName(bytes: Uint8Array, start: number, end: number, lower: Uint8Array) {
  const length = lower.length;
  if (end - start !== length) return false;
  for (let i = 0; i < length; i++) if (lowerBytes[bytes[start + i]] !== lower[i]) return false;
  return true;
}

/** Whether two ranges of the same bytes are equal but for the case of letters. */
export function equalsRange(bytes: Uint8Array, a: number, aEnd: number, b: number, bEnd: number) {
  if (aEnd - a !== bEnd - b) return false;
  for (let i = a, j = b; i < aEnd; i++, j++) {
    if (lowerBytes[bytes[i]] !== lowerBytes[bytes[j]]) return false;
  }
  return true;
}

/** The bytes of an ASCII name, for the comparisons above. */
export function nameBytes(name: string): Uint8Array {
  return Uint8Array.from(name, (character) => character.charCodeAt(0));
}

function classOf(members: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const member of members) table[member.charCodeAt(0)] = 1;
  return table;
}

function rangeOf(first: number, last: number): Uint8Array {
  return new Uint8Array(256).fill(1, first, last + 1);
}
