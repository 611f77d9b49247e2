/**
 * A second reading of RFC 7541, as plain as possible: lists of strings, and Huffman codes as text.
 * Tests compare the proxy's codec with it, and write blocks with it that our encoder never writes.
 */

import { Violation } from '../../core/http/h2/violation.ts';

export interface ReferenceField {
  readonly name: string;
  readonly value: string;
  readonly neverIndexed: boolean;
}

/** What a block was: its fields up to the end or up to what is wrong, a value of Violation. */
interface ReferenceBlock {
  readonly fields: readonly ReferenceField[];
  readonly violation: number;
}

export class ReferenceDecoder {
  /** Newest first. */
  table: (readonly [name: string, value: string])[] = [];
  tableBytesMax = 4096;
  /** What we allow the peer. */
  limit: number;
  updateDue = false;
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;

  constructor(limit: number) {
    this.limit = Math.max(limit, 4096);
  }

  setTableMax(limit: number): void {
    this.limit = limit;
    if (limit < this.tableBytesMax) this.updateDue = true;
  }

  decode(bytes: Buffer): ReferenceBlock {
    const fields: ReferenceField[] = [];
    this.#bytes = bytes;
    this.#at = 0;
    try {
      this.#readUpdates();
      while (this.#at < bytes.length) fields.push(this.#readField());
    } catch (error) {
      if (error instanceof Refusal) return { fields, violation: error.violation };
      throw error;
    }
    return { fields, violation: 0 };
  }

  /** By the accounting of RFC 7541 4.1. */
  get tableBytes(): number {
    return this.table.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
  }

  #readUpdates(): void {
    let updates = 0;
    while (this.#at < this.#bytes.length && this.#bytes[this.#at] >> 5 === 1) {
      const size = this.#readInteger(5);
      if (size > this.limit) throw new Refusal(Violation.HPACK_UPDATE_TOO_LARGE);
      updates += 1;
      if (updates > 2) throw new Refusal(Violation.HPACK_UPDATE_REPEATED);
      this.tableBytesMax = size;
      this.#evict();
    }
    if (this.updateDue && updates === 0) throw new Refusal(Violation.HPACK_UPDATE_MISSING);
    this.updateDue = false;
  }

  #readField(): ReferenceField {
    const byte = this.#bytes[this.#at];
    if (byte >> 7 === 1) {
      const [name, value] = this.#entry(this.#readInteger(7));
      return { name, value, neverIndexed: false };
    }
    if (byte >> 5 === 1) throw new Refusal(Violation.HPACK_UPDATE_LATE);
    const indexing = byte >> 6 === 1;
    const index = this.#readInteger(indexing ? 6 : 4);
    const name = index === 0 ? this.#readString() : this.#entry(index)[0];
    const value = this.#readString();
    if (indexing) {
      this.table.unshift([name, value]);
      this.#evict();
    }
    return { name, value, neverIndexed: byte >> 4 === 1 };
  }

  #entry(index: number): readonly [name: string, value: string] {
    const entry = [undefined, ...referenceStaticTable, ...this.table][index];
    if (entry === undefined) throw new Refusal(Violation.HPACK_INDEX);
    return entry;
  }

  #evict(): void {
    while (this.tableBytes > this.tableBytesMax) this.table.pop();
  }

  #readString(): string {
    const isHuffman = this.#at < this.#bytes.length && this.#bytes[this.#at] >> 7 === 1;
    const length = this.#readInteger(7);
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new Refusal(Violation.HPACK_TRUNCATED);
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return isHuffman ? decodeHuffmanText(bytes) : bytes.toString('latin1');
  }

  /** Up to four bytes behind the prefix. */
  #readInteger(prefixBits: number): number {
    const prefixMax = 2 ** prefixBits - 1;
    const first = this.#readByte() & prefixMax;
    if (first < prefixMax) return first;
    let value = prefixMax;
    for (let power = 0; power < 4; power++) {
      const byte = this.#readByte();
      value += (byte & 127) * 128 ** power;
      if (byte < 128) return value;
    }
    throw new Refusal(Violation.HPACK_INTEGER);
  }

  #readByte(): number {
    if (this.#at >= this.#bytes.length) throw new Refusal(Violation.HPACK_TRUNCATED);
    return this.#bytes[this.#at++];
  }
}

export function encodeHuffmanText(text: string): Buffer {
  const bits = Array.from(text, (one) => huffmanCodes[one.charCodeAt(0)]).join('');
  const padded = bits.padEnd(Math.ceil(bits.length / 8) * 8, '1');
  return Buffer.from((padded.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

/** The text, or a value of Violation. */
export function readHuffmanText(bytes: Buffer): string | number {
  try {
    return decodeHuffmanText(bytes);
  } catch (error) {
    if (error instanceof Refusal) return error.violation;
    throw error;
  }
}

/** Throws a Refusal. */
function decodeHuffmanText(bytes: Buffer): string {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('');
  let text = '';
  let start = 0;
  for (let end = 1; end <= bits.length; end++) {
    const symbol = huffmanSymbols.get(bits.slice(start, end));
    if (symbol === undefined) continue;
    if (symbol === 256) throw new Refusal(Violation.HPACK_HUFFMAN_EOS);
    text += String.fromCharCode(symbol);
    start = end;
  }
  const padding = bits.slice(start);
  if (padding.length > 7 || padding.includes('0')) {
    throw new Refusal(Violation.HPACK_HUFFMAN_PADDING);
  }
  return text;
}

class Refusal extends Error {
  readonly violation: number;

  constructor(violation: number) {
    super(`refused: ${violation}`);
    this.violation = violation;
  }
}

/** Lengths of the codes of symbols 0 to 256, RFC 7541 appendix B. */
const huffmanLengths: readonly number[] = (
  '13 23 28 28 28 28 28 28 28 24 30 28 28 30 28 28 28 28 28 28 28 28 30 28 28 28 28 28 ' +
  '28 28 28 28 6 10 10 12 13 6 8 11 10 10 8 11 8 6 6 6 5 5 5 6 6 6 6 6 ' +
  '6 6 7 8 15 6 12 10 13 6 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 ' +
  '7 7 7 7 8 7 8 13 19 13 14 6 15 5 6 5 6 5 6 6 6 5 7 7 6 6 6 5 ' +
  '6 7 6 5 5 6 7 7 7 7 7 15 11 14 13 28 20 22 20 20 22 22 22 23 22 23 23 23 ' +
  '23 23 24 23 24 24 22 23 24 23 23 23 23 21 22 23 22 23 23 24 22 21 20 22 22 23 23 21 ' +
  '23 22 22 24 21 22 23 23 21 21 22 21 23 22 23 23 20 22 22 22 23 22 22 23 26 26 20 19 ' +
  '22 23 22 25 26 26 26 27 27 26 24 25 19 21 26 27 27 26 27 24 21 21 26 26 28 27 27 27 ' +
  '20 24 20 21 22 21 21 23 22 22 25 25 24 24 26 23 26 27 26 26 27 27 27 27 27 28 27 27 ' +
  '27 27 27 26 30'
)
  .split(' ')
  .map(Number);

/** Codes as text of 0 and 1, by symbol: consecutive numbers in order of length, then symbol. */
const huffmanCodes: string[] = [];
let code = 0n;
for (let length = 1; length <= 30; length++) {
  code *= 2n;
  for (const [symbol, itsLength] of huffmanLengths.entries()) {
    if (itsLength !== length) continue;
    huffmanCodes[symbol] = code.toString(2).padStart(length, '0');
    code += 1n;
  }
}
const huffmanSymbols = new Map(huffmanCodes.map((text, symbol) => [text, symbol]));

/** RFC 7541 appendix A. */
const referenceStaticTable: readonly (readonly [name: string, value: string])[] = (
  ':authority :method=GET :method=POST :path=/ :path=/index.html :scheme=http :scheme=https ' +
  ':status=200 :status=204 :status=206 :status=304 :status=400 :status=404 :status=500 ' +
  'accept-charset accept-encoding=gzip,_deflate accept-language accept-ranges accept ' +
  'access-control-allow-origin age allow authorization cache-control content-disposition ' +
  'content-encoding content-language content-length content-location content-range content-type ' +
  'cookie date etag expect expires from host if-match if-modified-since if-none-match if-range ' +
  'if-unmodified-since last-modified link location max-forwards proxy-authenticate ' +
  'proxy-authorization range referer refresh retry-after server set-cookie ' +
  'strict-transport-security transfer-encoding user-agent vary via www-authenticate'
)
  .split(' ')
  .map((entry) => {
    const [name, value = ''] = entry.split('=');
    return [name, value.replace('_', ' ')] as const;
  });
