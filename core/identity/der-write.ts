/** Writes DER (X.690): what a request for a certificate is made of. What it writes is our own. */

import { Tag } from './der.ts';

/** One value with its tag and length; `parts` are its content, one after the other. */
export function encodeElement(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag, ...encodeLength(content.length)]), content]);
}

export function encodeSequence(...parts: readonly Uint8Array[]): Buffer {
  return encodeElement(Tag.SEQUENCE, ...parts);
}

export function encodeSet(...parts: readonly Uint8Array[]): Buffer {
  return encodeElement(Tag.SET, ...parts);
}

/** From its content in hexadecimal. */
export function encodeOid(hex: string): Buffer {
  return encodeElement(Tag.OID, Buffer.from(hex, 'hex'));
}

export function encodeText(tag: number, text: string): Buffer {
  return encodeElement(tag, Buffer.from(text, 'utf8'));
}

/** Whole octets: no unused bits. */
export function encodeBitString(bytes: Uint8Array): Buffer {
  return encodeElement(Tag.BIT_STRING, Buffer.from([0]), bytes);
}

function encodeLength(length: number): number[] {
  if (length < 0x80) return [length];
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return [0x80 + octets.length, ...octets];
}
