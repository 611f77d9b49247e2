/**
 * What is found out about a field once, when its bytes are first read, and kept as one integer
 * with its table entry: which field it is, and whether HTTP allows its name and value.
 */

import {
  COLON,
  HTAB,
  lowerBytes,
  nameBytes,
  SP,
  tokenBytes,
  valueBytes,
} from '../../byte-class.ts';
import { recogniseField } from '../../known-fields.ts';
import { isPrintable } from './words.ts';

/** Pseudo-header fields (RFC 9113 8.3, RFC 8441 4). UNKNOWN is any other name behind a colon. */
export const Pseudo = {
  NONE: 0,
  METHOD: 1,
  SCHEME: 2,
  AUTHORITY: 3,
  PATH: 4,
  STATUS: 5,
  PROTOCOL: 6,
  UNKNOWN: 7,
} as const;

/**
 * NAME: a token without capital letters, or a pseudo-header that is known. VALUE: no control byte
 * but HTAB inside, no white space at either end (RFC 9113 8.2.1).
 */
export const Valid = { NAME: 1, VALUE: 2, BOTH: 3 } as const;

/** The traits of a name: a number of Known, one of Pseudo, and `Valid.NAME` where it holds. */
export function nameTraits(bytes: Buffer, start: number, end: number): number {
  if (bytes[start] === COLON && end > start) {
    const pseudo = pseudoOf(bytes, start, end);
    return (pseudo << pseudoShift) | (pseudo === Pseudo.UNKNOWN ? 0 : nameValid);
  }
  let at = start;
  while (at < end && smallTokenBytes[bytes[at]] === 1) at++;
  return recogniseField(bytes, start, end) | (at === end && end > start ? nameValid : 0);
}

/** `Valid.VALUE` as a trait, or 0. */
export function valueTraits(view: DataView, start: number, end: number): number {
  if (start === end) return valueValid;
  if (isBlank(view.getUint8(start)) || isBlank(view.getUint8(end - 1))) return 0;
  if (isPrintable(view, start, end)) return valueValid;
  for (let at = start; at < end; at++) if (valueBytes[view.getUint8(at)] === 0) return 0;
  return valueValid;
}

function isBlank(byte: number): boolean {
  return byte === SP || byte === HTAB;
}

export const knownMask = 0xff;
export const pseudoShift = 8;
export const pseudoMask = 7;
export const validShift = 11;
const nameValid = Valid.NAME << validShift;
export const valueValid = Valid.VALUE << validShift;

function pseudoOf(bytes: Buffer, start: number, end: number): number {
  const length = end - start;
  for (let pseudo = 1; pseudo < pseudoNames.length; pseudo++) {
    const name = pseudoNames[pseudo];
    let at = 0;
    while (at < length && bytes[start + at] === name[at]) at++;
    if (at === length && at === name.length) return pseudo;
  }
  return Pseudo.UNKNOWN;
}

/** In the order of `Pseudo`. */
const pseudoNames: readonly Uint8Array[] = [
  '',
  ':method',
  ':scheme',
  ':authority',
  ':path',
  ':status',
  ':protocol',
].map(nameBytes);

const smallTokenBytes = tokenBytes.map((is, byte) => (lowerBytes[byte] === byte ? is : 0));
