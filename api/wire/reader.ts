/**
 * Reads the protobuf wire format field by field, for the readers in `api/gen/proxy`. The first
 * thing that is wrong sticks: from then on there are no more fields, so that every loop and every
 * recursion ends, and whoever began the message asks for `problem`.
 */

import { isUtf8 } from 'node:buffer';

/**
 * Why bytes are no message: they end inside a field; a number has more than 64 bits; a field has
 * number 0 or a type that there is not; text is not UTF-8; messages are nested too deeply; lists
 * and maps have too many elements.
 */
export type Malformed =
  | 'truncated'
  | 'bad-varint'
  | 'bad-tag'
  | 'bad-text'
  | 'too-deep'
  | 'too-many';

export interface ReadLimits {
  /** Messages inside of each other, the outermost counted. */
  readonly depthMax: number;
  /** Elements of all lists and maps of a message together, at any depth. */
  readonly elementsMax: number;
}

/**
 * Reads the fields of one message up to its end. `held` is what came before under the same field:
 * the parts of a message that is sent in pieces are merged, and the pieces are not used again.
 */
type ReadMessage<Message> = (reader: Reader, held: Message | null) => Message;

export class Reader {
  readonly #bytes: Buffer;
  #at = 0;
  #end: number;
  #problem: Malformed | null = null;
  /** How many more of them there may be. */
  #depthLeft: number;
  #elementsLeft: number;
  /** The two halves of the last varint. */
  #low = 0;
  #high = 0;

  constructor(bytes: Uint8Array, limits: ReadLimits) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#end = bytes.length;
    this.#depthLeft = limits.depthMax - 1;
    this.#elementsLeft = limits.elementsMax;
  }

  get problem(): Malformed | null {
    return this.#problem;
  }

  /** Number and type of the next field, as on the wire; 0 behind the last one. */
  tag(): number {
    if (this.#at >= this.#end || this.#problem !== null) return 0;
    this.#varint();
    const tag = this.#low >>> 0;
    if (this.#high !== 0 || tag < 8) this.#fail('bad-tag');
    return this.#problem === null ? tag : 0;
  }

  /** Passes by a field that nobody knows. */
  skip(tag: number): void {
    switch (tag & 7) {
      case WireType.VARINT:
        this.#varint();
        break;
      case WireType.FIXED64:
        this.#take(8);
        break;
      case WireType.BYTES:
        this.#take(this.#length());
        break;
      case WireType.GROUP:
        this.#skipGroup(tag);
        break;
      case WireType.FIXED32:
        this.#take(4);
        break;
      default:
        this.#fail('bad-tag');
    }
  }

  message<Message>(read: ReadMessage<Message>, held: Message | null): Message {
    const length = this.#length();
    const end = this.#end;
    this.#end = this.#at + length;
    this.#deepen();
    const message = read(this, held);
    this.#depthLeft += 1;
    this.#end = end;
    return message;
  }

  /** One more message of a list. */
  append<Message>(list: Message[], read: ReadMessage<Message>): void {
    if (this.#hasRoom()) list.push(this.message(read, null));
  }

  appendText(list: string[]): void {
    if (this.#hasRoom()) list.push(this.text());
  }

  appendBytes(list: Uint8Array[]): void {
    if (this.#hasRoom()) list.push(this.bytes());
  }

  /** One more entry of a map from text to text; the last one of a key counts. */
  textEntry(map: Map<string, string>): void {
    if (!this.#hasRoom()) return;
    const { key, value } = this.message(readTextEntry, null);
    map.set(key, value);
  }

  text(): string {
    const from = this.#take(this.#length());
    const end = this.#at;
    let bits = 0;
    for (let at = from; at < end; at++) bits |= this.#bytes[at];
    if (bits < 0x80) return this.#bytes.toString('latin1', from, end);
    if (!isUtf8(this.#bytes.subarray(from, end))) this.#fail('bad-text');
    return this.#bytes.toString('utf8', from, end);
  }

  /** A copy: what it was read from may be used again. */
  bytes(): Uint8Array {
    const from = this.#take(this.#length());
    return new Uint8Array(this.#bytes.subarray(from, this.#at));
  }

  bool(): boolean {
    this.#varint();
    return this.#low !== 0 || this.#high !== 0;
  }

  uint32(): number {
    this.#varint();
    return this.#low >>> 0;
  }

  int32(): number {
    this.#varint();
    return this.#low;
  }

  uint64(): bigint {
    this.#varint();
    return (BigInt(this.#high >>> 0) << 32n) | BigInt(this.#low >>> 0);
  }

  int64(): bigint {
    return BigInt.asIntN(64, this.uint64());
  }

  fixed32(): number {
    const from = this.#take(4);
    return this.#problem === null ? this.#bytes.readUInt32LE(from) : 0;
  }

  fixed64(): bigint {
    const from = this.#take(8);
    return this.#problem === null ? this.#bytes.readBigUInt64LE(from) : 0n;
  }

  float(): number {
    const from = this.#take(4);
    return this.#problem === null ? this.#bytes.readFloatLE(from) : 0;
  }

  double(): number {
    const from = this.#take(8);
    return this.#problem === null ? this.#bytes.readDoubleLE(from) : 0;
  }

  #fail(problem: Malformed): void {
    this.#problem ??= problem;
  }

  #deepen(): void {
    this.#depthLeft -= 1;
    if (this.#depthLeft < 0) this.#fail('too-deep');
  }

  #hasRoom(): boolean {
    this.#elementsLeft -= 1;
    if (this.#elementsLeft < 0) this.#fail('too-many');
    return this.#problem === null;
  }

  /** Moves on by `length` bytes; gives where they begin. */
  #take(length: number): number {
    const from = this.#at;
    if (length > this.#end - from) this.#fail('truncated');
    else this.#at = from + length;
    return from;
  }

  /** What stands in front of text, bytes and messages; 0 when there are not so many bytes. */
  #length(): number {
    this.#varint();
    const length = this.#low >>> 0;
    if (this.#high !== 0 || length > this.#end - this.#at) this.#fail('truncated');
    return this.#problem === null ? length : 0;
  }

  /** Up to 64 bits, seven a byte, the lowest first. */
  #varint(): void {
    this.#low = 0;
    this.#high = 0;
    for (let shift = 0; this.#at < this.#end; shift += 7) {
      const byte = this.#bytes[this.#at++];
      const bits = byte & 0x7f;
      if (shift < 32) this.#low |= bits << shift;
      if (shift > 28) this.#high |= bits << (shift - 32);
      else if (shift === 28) this.#high = bits >>> 4;
      if (shift === 63 && byte > 1) this.#fail('bad-varint');
      if (byte < 0x80 || shift === 63) return;
    }
    this.#fail('truncated');
  }

  /** Groups are of an older protobuf; a field that nobody knows may be one. */
  #skipGroup(start: number): void {
    this.#deepen();
    let tag = this.tag();
    for (; tag !== 0 && tag !== start + 1; tag = this.tag()) this.skip(tag);
    if (tag === 0) this.#fail('truncated');
    this.#depthLeft += 1;
  }
}

interface TextEntry {
  readonly key: string;
  readonly value: string;
}

function readTextEntry(reader: Reader): TextEntry {
  let key = '';
  let value = '';
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 10) key = reader.text();
    else if (tag === 18) value = reader.text();
    else reader.skip(tag);
  }
  return { key, value };
}

/** The last three bits of a tag: https://protobuf.dev/programming-guides/encoding. */
const WireType = { VARINT: 0, FIXED64: 1, BYTES: 2, GROUP: 3, FIXED32: 5 } as const;
